#include "kernels/core/cuda_module.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdlib>

namespace tidegauge {

namespace fs = std::filesystem;

namespace {

constexpr const char* option = "--device cuda";

std::string list_folders(const std::vector<fs::path>& files) {
  std::string text;
  for (const fs::path& file : files) text += (text.empty() ? "" : ", ") + file.parent_path().string();
  return text;
}

Error not_found(const std::vector<fs::path>& looked_at) {
  if (!cuda_module_built())
    return {"this tidegauge was built without its CUDA module", option,
            "install the CUDA Toolkit 13, configure again with --preset cuda and build; or --device cpu"};
  return {fmt::format("the CUDA module {} was not found in {}", cuda_module_file, list_folders(looked_at)),
          option, "put it there, or set TIDEGAUGE_MODULE_DIR to the folder that holds it; or --device cpu"};
}

Expected<CudaModule> load_from(const fs::path& path, bool detailed) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char* words = dlerror();
    return Error{fmt::format("the CUDA module cannot be loaded: {}", words ? words : "no reason given"),
                 path.string(), "build or install it again; or --device cpu"};
  }
  const auto probe = reinterpret_cast<CudaProbeFunction>(dlsym(library, cuda_probe_symbol));
  const auto create = reinterpret_cast<CudaCreateFunction>(dlsym(library, cuda_create_symbol));
  if (!probe || !create)
    return Error{"this is no CUDA module of tidegauge", path.string(), "install it again; or --device cpu"};

  CudaModule module{path, {}, create};
  module.probe.abi = cuda_module_abi;
  module.probe.detailed = detailed;
  probe(&module.probe);
  if (module.probe.abi != cuda_module_abi)
    return Error{fmt::format("the CUDA module belongs to another build (interface {}, this program needs {})",
                             module.probe.abi, cuda_module_abi),
                 path.string(), "build or install both together; or --device cpu"};
  return module;
}

}  // namespace

bool cuda_module_built() {
#ifdef TIDEGAUGE_CUDA_MODULE_BUILT
  return true;
#else
  return false;
#endif
}

std::vector<fs::path> cuda_module_candidates() {
  if (const char* folder = std::getenv("TIDEGAUGE_MODULE_DIR"); folder && *folder)
    return {fs::path(folder) / cuda_module_file};
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error).parent_path();
  if (error) return {};
  const fs::path above = program.parent_path();
  return {program / cuda_module_file, above / "lib" / "tidegauge" / cuda_module_file,
          above / "kernels" / cuda_module_file};
}

Expected<CudaModule> load_cuda_module(bool detailed) {
  const std::vector<fs::path> candidates = cuda_module_candidates();
  for (const fs::path& path : candidates) {
    std::error_code unreadable;
    if (fs::exists(path, unreadable)) return load_from(path, detailed);
  }
  return not_found(candidates);
}

std::string cuda_version_text(std::int32_t version) {
  return version == 0 ? "none" : fmt::format("{}.{}", version / 1000, version % 1000 / 10);
}

Error cuda_trouble_error(const CudaProbe& probe) {
  switch (probe.trouble) {
    case CudaTrouble::no_driver:
      return {"no NVIDIA driver is installed", option, "install the driver of your card; or --device cpu"};
    case CudaTrouble::driver_too_old:
      return {fmt::format("the NVIDIA driver serves CUDA {} at most, the CUDA module needs {}",
                          cuda_version_text(probe.driver_cuda), cuda_version_text(probe.runtime_cuda)),
              option, "install a newer driver; or --device cpu"};
    case CudaTrouble::no_device:
      return {"the NVIDIA driver is there, but shows no GPU", option,
              "check nvidia-smi, CUDA_VISIBLE_DEVICES and the container's GPU option; or --device cpu"};
    case CudaTrouble::none:
    case CudaTrouble::other:
      break;
  }
  return {fmt::format("the CUDA runtime does not start: {}", probe.reason), option,
          "check nvidia-smi and the kernel's log; or --device cpu"};
}

}  // namespace tidegauge
