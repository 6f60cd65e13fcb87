#include "kernels/slope/slope_cuda.hpp"

#include <algorithm>

#include "kernels/device/cuda_context.hpp"
#include "kernels/device/cuda_owners.hpp"
#include "kernels/slope/slope_kernel.hpp"

namespace tidegauge {

namespace {

__global__ void __launch_bounds__(slope_block_threads)
    slopes_on_device(double* out, SlopePoints points, std::size_t count) {
  CudaContext context;
  slope_kernel(context, out, points, count);
}

/// Enough to fill any card; the kernel strides over the rest.
constexpr std::size_t most_blocks = 4096;

template <class T>
Status copy_in(DeviceBuffer<T>& place, std::span<const T> values, cudaStream_t stream) {
  TG_TRY(place.reserve(values.size(), "taking device memory for a series"));
  return cuda_status(
      cudaMemcpyAsync(place.data(), values.data(), values.size_bytes(), cudaMemcpyHostToDevice, stream),
      "copying a series");
}

}  // namespace

Status slopes_cuda(std::span<double> out, const SlopeInput& input, const SlopeRule& rule, int device) {
  require_slope_input(out, input);
  if (out.empty()) return {};
  TG_TRY(use_device(device));

  // An early return may leave copies and the kernel under way: cudaFree waits for them, and pageable memory has been
  // read or written by the time that its copy call returns.
  DeviceBuffer<double> values, slopes;
  DeviceBuffer<std::int64_t> k;
  DeviceBuffer<std::uint8_t> complete;
  auto stream = make_cuda_stream();
  if (!stream) return stream.error();
  TG_TRY(copy_in(values, input.values, stream->get()));
  TG_TRY(copy_in(k, input.k, stream->get()));
  if (!input.complete.empty()) TG_TRY(copy_in(complete, input.complete, stream->get()));
  TG_TRY(slopes.reserve(out.size(), "taking device memory for slopes"));

  const SlopePoints points{values.data(), k.data(), complete.data(), slope_seconds(input.interval_ns),
                           rule.kind == SlopeKind::ratio};
  const std::size_t blocks =
      std::min(most_blocks, (out.size() + slope_block_threads - 1) / slope_block_threads);
  slopes_on_device<<<static_cast<unsigned>(blocks), slope_block_threads, 0, stream->get()>>>(
      slopes.data(), points, out.size());
  TG_TRY(cuda_status(cudaGetLastError(), "starting the slope kernel"));
  TG_TRY(cuda_status(
      cudaMemcpyAsync(out.data(), slopes.data(), out.size_bytes(), cudaMemcpyDeviceToHost, stream->get()),
      "copying slopes"));
  TG_TRY(cuda_status(cudaStreamSynchronize(stream->get()), "computing slopes"));
  if (rule.kind == SlopeKind::robust) robust_scores(out);
  return {};
}

Status slope_kernel_fits(int device) {
  TG_TRY(use_device(device));
  cudaFuncAttributes attributes;
  return cuda_status(cudaFuncGetAttributes(&attributes, slopes_on_device), "looking for code for this card");
}

}  // namespace tidegauge
