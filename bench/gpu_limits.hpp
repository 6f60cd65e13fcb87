// What bounds a GPU: the link's copy rate, the rate of a kernel that only reads, the rate of multiply-adds. Measured in
// the run in which something is held against them. CUDA-free, so that the benchmark is plain C++.
// Each is the best of several rounds, by device events, over sizes that no cache holds.
#pragma once

#include <cstddef>

#include "kernels/core/status.hpp"

namespace tidegauge::bench {

struct GpuLimits {
  double link_gbps = 0;         ///< 10^9 bytes a second from pinned host memory to the device
  double link_back_gbps = 0;    ///< and back
  double read_gbps = 0;         ///< read by a kernel from device memory
  double fp32_tflops = 0;       ///< 10^12 single-precision operations a second, a multiply-add being two
};

Expected<GpuLimits> measure_gpu_limits(int device);

}  // namespace tidegauge::bench
