// What CUB's functions want to work in: memory that grows with their needs, used on one stream. Include it from
// *_cuda.cu only.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstddef>

#include "kernels/device/cuda_owners.hpp"

namespace tidegauge {

class CubMemory {
 public:
  /// Room for a call to come. Nothing on a stream may still use what there is.
  /// @param call `call(place, bytes)`: without a place, CUB's function only says its need
  template <class Call>
  Status reserve(const char* doing, Call&& call) {
    std::size_t bytes = 0;
    TG_TRY(cuda_status(call(nullptr, bytes), doing));
    return memory_.reserve(std::max<std::size_t>(bytes, 1), doing);
  }

  /// Starts a call on the stream. Where that takes more room than there is, it waits first: what was started before may
  /// still use it.
  template <class Call>
  Status run(const char* doing, cudaStream_t stream, Call&& call) {
    std::size_t bytes = 0;
    TG_TRY(cuda_status(call(nullptr, bytes), doing));
    if (std::max<std::size_t>(bytes, 1) > memory_.capacity()) {
      TG_TRY(cuda_status(cudaStreamSynchronize(stream), doing));
      TG_TRY(reserve(doing, call));
    }
    return cuda_status(call(memory_.data(), bytes), doing);
  }

 private:
  DeviceBuffer<std::byte> memory_;
};

}  // namespace tidegauge
