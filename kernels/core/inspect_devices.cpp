// The findings behind `tidegauge doctor`.
#include <dlfcn.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "kernels/core/backend.hpp"
#include "kernels/core/cuda_module.hpp"
#include "kernels/core/cudnn_library.hpp"
#include "kernels/core/pci_link.hpp"

namespace tidegauge {

namespace {

constexpr double gib = 1024.0 * 1024 * 1024;

std::string processor_instruction_sets() {
#if defined(__x86_64__)
  std::string text;
  const auto add = [&](bool there, const char* name) {
    if (there) text += (text.empty() ? "" : ", ") + std::string(name);
  };
  add(__builtin_cpu_supports("sse4.2"), "SSE4.2");
  add(__builtin_cpu_supports("avx2"), "AVX2");
  add(__builtin_cpu_supports("fma"), "FMA");
  add(__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
          __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"),
      "AVX-512 (F, VL, DQ, BW)");
  return text.empty() ? "x86-64" : text;
#else
  return "portable";
#endif
}

DeviceFinding instruction_set() {
  const std::string_view used = lstm_cpu_instruction_set();
  return {"CPU instruction set", fmt::format("{}; the LSTM uses {}", processor_instruction_sets(), used),
          used == "portable" ? "a CPU with AVX2 and FMA trains several times faster" : "",
          used != "portable"};
}

DeviceFinding cores() {
  const unsigned count = std::max(1u, std::thread::hardware_concurrency());
  return {"CPU cores", std::to_string(count), "", true};
}

DeviceFinding memory() {
  const double page = static_cast<double>(sysconf(_SC_PAGESIZE));
  const double total = static_cast<double>(sysconf(_SC_PHYS_PAGES)) * page;
  const double available = static_cast<double>(sysconf(_SC_AVPHYS_PAGES)) * page;
  const bool enough = total >= gib;
  return {"memory", fmt::format("{:.1f} GiB, {:.1f} GiB of it unused", total / gib, available / gib),
          enough ? "" : "1 GiB or more", enough};
}

/// The driver's own word, so that a machine with a card but without the module is told what it misses.
DeviceFinding driver() {
  const std::string item = "NVIDIA driver";
  void* library = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
  if (!library)
    return {item, "not found (libcuda.so.1)", "install the driver of your card, if you have one", false};
  int version = 0;
  using VersionFunction = int (*)(int*);
  const auto driver_version = reinterpret_cast<VersionFunction>(dlsym(library, "cuDriverGetVersion"));
  if (!driver_version || driver_version(&version) != 0)
    return {item, "found, but gives no version (a stub?)", "install the driver of your card", false};
  return {item, fmt::format("serves CUDA {}", cuda_version_text(version)), "", true};
}

DeviceFinding link_finding(const std::string& item, const CudaDeviceFacts& device) {
  const auto link = read_pci_link(device.pci_address);
  if (!link) return {item, "unknown: the system does not say", "look outside the container or virtual machine", false};
  const bool whole = link->lanes == link->most_lanes;
  return {item,
          fmt::format("{} of {} PCIe lanes, {} now, {} at most", link->lanes, link->most_lanes, link->speed,
                      link->best_speed),
          whole ? "" : "a slot or riser with all lanes; copies to the card take longer without", whole};
}

void add_device_findings(std::vector<DeviceFinding>& findings, int index, const CudaDeviceFacts& device) {
  constexpr std::uint64_t enough_bytes = std::uint64_t{1} << 30;
  const std::string item = fmt::format("GPU {}", index);
  findings.push_back({item,
                      fmt::format("{}, {:.1f} GiB, compute capability {}.{}", device.name,
                                  static_cast<double>(device.memory_bytes) / gib, device.major, device.minor),
                      "", true});
  const bool enough = device.free_bytes >= enough_bytes;
  findings.push_back({item + " memory",
                      fmt::format("{:.1f} of {:.1f} GiB free", static_cast<double>(device.free_bytes) / gib,
                                  static_cast<double>(device.memory_bytes) / gib),
                      enough ? "" : "close what else uses the card (nvidia-smi lists it); with less, batches are smaller",
                      enough});
  const bool slice = std::string_view(device.name).find(" MIG ") != std::string_view::npos;
  findings.push_back({item + " MIG", slice ? "a slice of a card" : "no slice, the whole card",
                      slice ? "a larger profile, or MIG off, if the whole card is yours" : "", !slice});
  findings.push_back(link_finding(item + " link", device));
}

void add_module_findings(std::vector<DeviceFinding>& findings) {
  const auto module = load_cuda_module(true);
  if (!module) {
    findings.push_back({"CUDA module", module.error().what, module.error().remedy, false});
    findings.push_back({"GPU", "unknown without the CUDA module", "", false});
    return;
  }
  const CudaProbe& probe = module->probe;
  findings.push_back(
      {"CUDA module",
       fmt::format("{} (CUDA {})", module->path.string(), cuda_version_text(probe.runtime_cuda)), "", true});
  if (probe.trouble != CudaTrouble::none) {
    const Error error = cuda_trouble_error(probe);
    findings.push_back({"GPU", error.what, error.remedy, false});
    return;
  }
  const int described = std::min<int>(probe.device_count, static_cast<int>(std::size(probe.devices)));
  for (int i = 0; i < described; ++i) add_device_findings(findings, i, probe.devices[i]);
}

DeviceFinding cudnn() {
  const auto library = load_cudnn();
  if (!library) return {"cuDNN 9", library.error().what, library.error().remedy, false};
  return {"cuDNN 9", cudnn_version_text(library->version), "", true};
}

}  // namespace

std::vector<DeviceFinding> inspect_devices() {
  std::vector<DeviceFinding> findings{instruction_set(), cores(), memory()};
  findings.push_back(driver());
  add_module_findings(findings);
  findings.push_back(cudnn());
  findings.push_back(
      {"DPDK", "not built", "not needed for files; this version captures from files only", false});
  return findings;
}

}  // namespace tidegauge
