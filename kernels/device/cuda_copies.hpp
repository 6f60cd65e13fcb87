// Copies between host vectors and device buffers on a stream. Pageable memory: the call returns when the
// host's side is done with. Include it from *_cuda.cu only.
#pragma once

#include <cuda_runtime.h>

#include <span>

#include "kernels/device/cuda_owners.hpp"

namespace tidegauge {

/// Makes room and copies in. @param what names the data in errors.
template <class T>
Status copy_in(DeviceBuffer<T>& place, std::span<const T> values, cudaStream_t stream, const char* what) {
  TG_TRY(place.reserve(values.size(), what));
  if (values.empty()) return {};
  return cuda_status(
      cudaMemcpyAsync(place.data(), values.data(), values.size_bytes(), cudaMemcpyHostToDevice, stream),
      what);
}

/// Copies out and waits for everything on the stream.
template <class T>
Status copy_out(std::span<T> values, const T* place, cudaStream_t stream, const char* what) {
  if (!values.empty())
    TG_TRY(cuda_status(
        cudaMemcpyAsync(values.data(), place, values.size_bytes(), cudaMemcpyDeviceToHost, stream), what));
  return cuda_status(cudaStreamSynchronize(stream), what);
}

}  // namespace tidegauge
