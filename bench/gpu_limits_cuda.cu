#include <algorithm>
#include <cstdint>

#include "bench/gpu_limits.hpp"
#include "bench/gpu_timer_cuda.hpp"

namespace tidegauge::bench {
namespace {

constexpr unsigned kThreads = 256;

/// Reads every word once; what it found is kept, so that no read can be left out.
__global__ void __launch_bounds__(kThreads) read_all(const uint4* words, std::size_t count, unsigned* sink) {
  const std::size_t stride = std::size_t{gridDim.x} * blockDim.x;
  std::size_t i = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x;
  unsigned found = 0;
  for (; i + 3 * stride < count; i += 4 * stride) {
    const uint4 a = words[i], b = words[i + stride], c = words[i + 2 * stride], d = words[i + 3 * stride];
    found ^= a.x ^ a.y ^ a.z ^ a.w ^ b.x ^ b.y ^ b.z ^ b.w ^ c.x ^ c.y ^ c.z ^ c.w ^ d.x ^ d.y ^ d.z ^ d.w;
  }
  for (; i < count; i += stride) found ^= words[i].x ^ words[i].y ^ words[i].z ^ words[i].w;
  if (found == 0x5bd1e995u) *sink = found;
}

constexpr int kChains = 16, kLinks = 4096;

/// Independent chains of multiply-adds in registers.
__global__ void __launch_bounds__(kThreads) multiply_add(float* sink, float factor) {
  float chain[kChains];
#pragma unroll
  for (int c = 0; c < kChains; ++c) chain[c] = static_cast<float>(threadIdx.x + c);
  for (int i = 0; i < kLinks; ++i) {
#pragma unroll
    for (int c = 0; c < kChains; ++c) chain[c] = chain[c] * factor + 0.5f;
  }
  float sum = 0;
#pragma unroll
  for (int c = 0; c < kChains; ++c) sum += chain[c];
  if (sum == 12345.678f) *sink = sum;
}

}  // namespace

Expected<GpuLimits> measure_gpu_limits(int device) {
  TG_TRY(use_device(device));
  cudaDeviceProp properties;
  TG_TRY(cuda_status(cudaGetDeviceProperties(&properties, device), "asking for the device's properties"));
  std::size_t free = 0, total = 0;
  TG_TRY(cuda_status(cudaMemGetInfo(&free, &total), "asking for free memory"));
  // 4 GiB where there is room for it: far beyond any cache.
  const std::size_t resident = std::min<std::size_t>(std::size_t{4} << 30, free / 2) / sizeof(uint4);
  constexpr std::size_t copied = std::size_t{256} << 20;

  DeviceBuffer<uint4> words;
  DeviceBuffer<unsigned> sink;
  PinnedBuffer<unsigned char> pinned;
  TG_TRY(words.reserve(resident, "taking device memory to read"));
  TG_TRY(sink.reserve(4, "taking device memory"));
  TG_TRY(pinned.reserve(copied, "taking pinned memory"));
  std::fill_n(pinned.data(), copied, static_cast<unsigned char>(0x5a));
  TG_TRY(cuda_status(cudaMemset(words.data(), 0x5a, resident * sizeof(uint4)), "filling device memory"));

  GpuTimer timer;
  TG_TRY(timer.make());
  GpuLimits limits;
  const auto rate = [&](double& place, double amount, const auto& work) -> Status {
    const auto seconds = timer.best(work);
    if (!seconds) return seconds.error();
    place = amount / *seconds;
    return {};
  };
  TG_TRY(rate(limits.link_gbps, 1e-9 * static_cast<double>(copied), [&] {
    return cudaMemcpyAsync(words.data(), pinned.data(), copied, cudaMemcpyHostToDevice);
  }));
  TG_TRY(rate(limits.link_back_gbps, 1e-9 * static_cast<double>(copied), [&] {
    return cudaMemcpyAsync(pinned.data(), words.data(), copied, cudaMemcpyDeviceToHost);
  }));
  const unsigned blocks = 16 * static_cast<unsigned>(properties.multiProcessorCount);
  TG_TRY(rate(limits.read_gbps, 1e-9 * static_cast<double>(resident * sizeof(uint4)), [&] {
    read_all<<<blocks, kThreads>>>(words.data(), resident, sink.data());
    return cudaGetLastError();
  }));
  const double operations = 2.0 * kChains * kLinks * static_cast<double>(blocks) * kThreads;
  TG_TRY(rate(limits.fp32_tflops, 1e-12 * operations, [&] {
    multiply_add<<<blocks, kThreads>>>(reinterpret_cast<float*>(sink.data()), 0.999f);
    return cudaGetLastError();
  }));
  return limits;
}

}  // namespace tidegauge::bench
