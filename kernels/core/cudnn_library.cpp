#include "kernels/core/cudnn_library.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdlib>

namespace tidegauge {

namespace {

constexpr const char* remedy =
    "install cuDNN 9 for CUDA 13, or add its folder to LD_LIBRARY_PATH; or --device cpu";

}  // namespace

std::string cudnn_version_text(std::size_t version) {
  return fmt::format("{}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

Status check_cudnn_version(std::size_t version) {
  if (version / 10000 == 9) return {};
  // Up to 8 the number was 1000 * major + 100 * minor + patch; what that makes of the minor version is of no use here.
  const std::size_t major = version < 10000 ? version / 1000 : version / 10000;
  return Error{fmt::format("cuDNN {} is here, but the LSTM on a GPU needs cuDNN 9", major), cudnn_file, remedy};
}

Expected<CudnnLibrary> load_cudnn(const char* file) {
  setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:2", 0);
  void* library = dlopen(file, RTLD_LAZY | RTLD_LOCAL);
  if (!library) {
    const char* words = dlerror();
    return Error{fmt::format("the LSTM on a GPU needs cuDNN 9, which cannot be loaded: {}",
                             words ? words : "no reason given"),
                 file, remedy};
  }
  using VersionFunction = std::size_t (*)();
  const auto version = reinterpret_cast<VersionFunction>(dlsym(library, "cudnnGetVersion"));
  if (!version) return Error{"this is no cuDNN: it gives no version", file, remedy};
  const std::size_t number = version();
  TG_TRY(check_cudnn_version(number));
  return CudnnLibrary{library, number};
}

}  // namespace tidegauge
