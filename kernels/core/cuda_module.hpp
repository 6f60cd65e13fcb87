// The seam between the program, which knows no CUDA, and libtidegauge_cuda.so, which is loaded at run time. What the
// module exports are the two C functions named here; everything else in it is hidden.
// The module is looked for in TIDEGAUGE_MODULE_DIR if that is set (then nowhere else), otherwise beside the program,
// in ../lib/tidegauge (installed) and in ../kernels (the build tree). Once loaded it stays: the CUDA runtime inside it
// registers handlers that run at exit.
// Thread safety: load_cuda_module may be called by several threads. Tested by tests/kernels/backend_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "kernels/core/status.hpp"

namespace tidegauge {

class Backend;

/// Raised whenever anything that crosses the seam changes: this header, Backend, or a type of its functions.
inline constexpr std::uint32_t cuda_module_abi = 5;
inline constexpr const char* cuda_module_file = "libtidegauge_cuda.so";

enum class CudaTrouble : std::uint32_t { none, no_driver, driver_too_old, no_device, other };

struct CudaDeviceFacts {
  char name[128];             ///< of a MIG slice with its profile: "... MIG 1g.10gb"
  char pci_address[16];       ///< such as "0000:3b:00.0"
  std::uint64_t memory_bytes;
  std::uint64_t free_bytes;   ///< 0 unless `detailed`
  std::int32_t major, minor;  ///< compute capability
};

/// What the module found. Plain data, filled by the module; `abi` stays the first member for ever.
struct CudaProbe {
  std::uint32_t abi;    ///< in: the caller's; out: the module's. Where they differ nothing else is written
  std::uint32_t detailed;  ///< in: also what takes a context on each device, some 0.2 s and 0.5 GiB there
  CudaTrouble trouble;  ///< none: usable
  std::int32_t driver_cuda;   ///< newest CUDA version that the driver serves; 0 without a driver
  std::int32_t runtime_cuda;  ///< CUDA version inside the module; both are 1000 * major + 10 * minor
  std::int32_t device_count;  ///< devices there are; the first 16 are described
  char reason[256];           ///< words for the trouble
  CudaDeviceFacts devices[16];
};

extern "C" {
using CudaProbeFunction = void (*)(CudaProbe* probe);
/// A backend on that device, or null and the reason.
using CudaCreateFunction = Backend* (*)(int device, char* reason, std::size_t reason_bytes);
}
inline constexpr const char* cuda_probe_symbol = "tidegauge_cuda_probe";
inline constexpr const char* cuda_create_symbol = "tidegauge_cuda_create";

struct CudaModule {
  std::filesystem::path path;
  CudaProbe probe;
  CudaCreateFunction create;
};

/// Where the module is looked for, in order.
std::vector<std::filesystem::path> cuda_module_candidates();

/// Whether the build that made this program made the module too.
bool cuda_module_built();

/// The first module found, loaded and probed, `detailed` as in CudaProbe. An error says whether it was never built, is not where it is looked for,
/// cannot be loaded, or belongs to another build. A module that finds no GPU is no error here: see probe.trouble.
Expected<CudaModule> load_cuda_module(bool detailed = false);

/// Why CUDA cannot be used although the module is there, and what to try. Only where probe.trouble is not none.
Error cuda_trouble_error(const CudaProbe& probe);

/// "13.0" of 13000; "none" of 0.
std::string cuda_version_text(std::int32_t version);

}  // namespace tidegauge
