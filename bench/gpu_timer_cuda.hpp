// Seconds of work on a device by its own events.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>

#include "kernels/device/cuda_owners.hpp"

namespace tidegauge::bench {

class GpuTimer {
 public:
  Status make() {
    TG_TRY(cuda_status(cudaEventCreate(&begin_), "making an event"));
    return cuda_status(cudaEventCreate(&end_), "making an event");
  }
  ~GpuTimer() {
    if (begin_) cudaEventDestroy(begin_);
    if (end_) cudaEventDestroy(end_);
  }
  /// Seconds of the best round of `work`, which returns a cudaError_t, after one that does not count.
  template <class Work>
  Expected<double> best(const Work& work) {
    constexpr int rounds = 9;
    double best = 1e30;
    for (int round = -1; round < rounds; ++round) {
      TG_TRY(cuda_status(cudaEventRecord(begin_), "timing"));
      TG_TRY(cuda_status(work(), "the work that is timed"));
      TG_TRY(cuda_status(cudaEventRecord(end_), "timing"));
      TG_TRY(cuda_status(cudaEventSynchronize(end_), "the work that is timed"));
      float milliseconds = 0;
      TG_TRY(cuda_status(cudaEventElapsedTime(&milliseconds, begin_, end_), "timing"));
      if (round >= 0) best = std::min(best, 1e-3 * static_cast<double>(milliseconds));
    }
    return best;
  }

 private:
  cudaEvent_t begin_ = nullptr, end_ = nullptr;
};

}  // namespace tidegauge::bench
