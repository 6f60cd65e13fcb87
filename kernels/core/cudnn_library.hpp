// Finding cuDNN at run time: nothing here is linked to it, so that a machine without it does everything else.
// Thread safety: all of it, but the first load sets an environment variable (CUBLAS_WORKSPACE_CONFIG, where it is not set), which
// other threads must not be reading. Tested by tests/kernels/cudnn_library_test.cpp.
#pragma once

#include <cstddef>
#include <string>

#include "kernels/core/status.hpp"

namespace tidegauge {

inline constexpr const char* cudnn_file = "libcudnn.so.9";

struct CudnnLibrary {
  void* handle;         ///< for dlsym; the library is never unloaded
  std::size_t version;  ///< 10000 * major + 100 * minor + patch
};

/// Loads cuDNN, and sets CUBLAS_WORKSPACE_CONFIG for it where the user has not: without it cuBLAS may take another
/// workspace, and with it another order of sums, in every run. An error where the library is missing, is something
/// else or is of another major version than 9.
Expected<CudnnLibrary> load_cudnn(const char* file = cudnn_file);

/// "9.19.0" of 91900.
std::string cudnn_version_text(std::size_t version);

/// Whether this is cuDNN 9: the interface changes with the major version.
Status check_cudnn_version(std::size_t version);

}  // namespace tidegauge
