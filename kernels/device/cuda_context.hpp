// The GPU's side of kernel_context.hpp. Include it from *_cuda.cu only.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/device/kernel_context.hpp"

namespace tidegauge {

struct CudaContext {
  static constexpr unsigned all_lanes = 0xffffffffu;

  __device__ static std::uint32_t thread() { return threadIdx.x; }
  __device__ static std::uint32_t block() { return blockIdx.x; }
  __device__ static std::uint32_t block_threads() { return blockDim.x; }
  __device__ static std::uint32_t blocks() { return gridDim.x; }
  __device__ static std::uint32_t lane() { return threadIdx.x % warp_size; }

  __device__ static void sync() { __syncthreads(); }

  template <class T>
  __device__ static T* shared() {
    extern __shared__ __align__(16) unsigned char shared_memory[];
    return reinterpret_cast<T*>(shared_memory);
  }

  __device__ static void add_shared(AtomicCount* place, AtomicCount value) { atomicAdd(place, value); }
  __device__ static void add(AtomicCount* place, AtomicCount value) { atomicAdd(place, value); }
  __device__ static void raise(std::uint32_t* place, std::uint32_t value) { atomicMax(place, value); }

  __device__ static std::uint32_t ballot(bool answer) { return __ballot_sync(all_lanes, answer); }
  __device__ static std::uint32_t shuffle(std::uint32_t value, std::uint32_t from) {
    return __shfl_sync(all_lanes, value, static_cast<int>(from));
  }
  __device__ static std::uint32_t sum(std::uint32_t value) {
#if __CUDA_ARCH__ >= 800
    return __reduce_add_sync(all_lanes, value);
#else
    for (unsigned distance = warp_size / 2; distance > 0; distance /= 2)
      value += __shfl_xor_sync(all_lanes, value, static_cast<int>(distance));
    return value;
#endif
  }
};

}  // namespace tidegauge
