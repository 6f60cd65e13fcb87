#include "kernels/lstm/lstm_batch_cuda.hpp"

#include <algorithm>

#include "kernels/device/cuda_context.hpp"
#include "kernels/device/cuda_owners.hpp"

namespace tidegauge::tile {

namespace {

__global__ void __launch_bounds__(most_threads, 1)
    gradient_on_device(float* gradients, double* losses, float* scratch, const __grid_constant__ TilePlan plan,
                       const __grid_constant__ Batch batch, const float* parameters,
                       const __grid_constant__ LossSettings loss, std::uint64_t step) {
  CudaContext context;
  gradient_kernel(context, gradients, losses, scratch, plan, batch, parameters, loss, step);
}

__global__ void __launch_bounds__(step_threads)
    reduce_on_device(float* gradient, double* squares, double* mean_loss, const float* gradients, const double* losses,
                     std::uint32_t parts, std::uint32_t parameters, std::uint64_t outputs) {
  CudaContext context;
  reduce_kernel(context, gradient, squares, mean_loss, gradients, losses, parts, parameters, outputs);
}

__global__ void __launch_bounds__(step_threads)
    step_on_device(const Trained trained, const float* gradient, const double* squares, std::uint32_t parameters,
                   const StepConstants step) {
  CudaContext context;
  step_kernel(context, trained, gradient, squares, parameters, step);
}

__global__ void __launch_bounds__(most_threads)
    predict_on_device(float* out, float* scratch, const __grid_constant__ TilePlan plan,
                      const __grid_constant__ Batch batch, const float* parameters) {
  CudaContext context;
  predict_kernel(context, out, scratch, plan, batch, parameters);
}

__global__ void __launch_bounds__(most_threads, 1)
    many_on_device(OfMany* models, std::uint32_t count, float* scratch, const __grid_constant__ TilePlan plan,
                   const __grid_constant__ ManySettings settings, std::uint32_t most_epochs) {
  CudaContext context;
  many_kernel(context, models, count, scratch, plan, settings, most_epochs);
}

template <class Kernel>
Status allow(Kernel* kernel, std::size_t bytes) {
  return cuda_status(
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes)),
      "asking for shared memory");
}

Status started(const char* doing) { return cuda_status(cudaGetLastError(), doing); }

}  // namespace

Status allow_shared_bytes(std::size_t bytes) {
  TG_TRY(allow(gradient_on_device, bytes));
  TG_TRY(allow(many_on_device, bytes));
  return allow(predict_on_device, bytes);
}

Status start_gradient(float* gradients, double* losses, float* scratch, const TilePlan& plan, const Batch& batch,
                      const float* parameters, const LossSettings& loss, std::uint64_t step, cudaStream_t stream) {
  gradient_on_device<<<gradient_blocks(batch.windows), plan.threads(), plan.shared_bytes(true), stream>>>(
      gradients, losses, scratch, plan, batch, parameters, loss, step);
  return started("starting a gradient");
}

Status start_reduce(float* gradient, double* squares, double* mean_loss, const float* gradients, const double* losses,
                    std::uint32_t parts, std::uint32_t parameters, std::uint64_t outputs, cudaStream_t stream) {
  reduce_on_device<<<step_blocks(parameters), step_threads, step_threads * sizeof(double), stream>>>(
      gradient, squares, mean_loss, gradients, losses, parts, parameters, outputs);
  return started("starting a gradient's sum");
}

Status start_step(const Trained& trained, const float* gradient, const double* squares, std::uint32_t parameters,
                  const StepConstants& step, cudaStream_t stream) {
  step_on_device<<<step_blocks(parameters), step_threads, step_threads * sizeof(double), stream>>>(
      trained, gradient, squares, parameters, step);
  return started("starting an optimizer step");
}

Status start_predict(float* out, float* scratch, const TilePlan& plan, const Batch& batch, const float* parameters,
                     cudaStream_t stream) {
  predict_on_device<<<gradient_blocks(batch.windows), plan.threads(), plan.shared_bytes(false), stream>>>(
      out, scratch, plan, batch, parameters);
  return started("starting a prediction");
}

Expected<std::size_t> many_blocks_at_once(const TilePlan& plan, int device) {
  int processors = 0, blocks_each = 0;
  TG_TRY(cuda_status(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device),
                     "asking for the device's size"));
  TG_TRY(cuda_status(cudaOccupancyMaxActiveBlocksPerMultiprocessor(
                         &blocks_each, many_on_device, static_cast<int>(plan.threads()), plan.shared_bytes(true)),
                     "asking how many blocks fit"));
  return static_cast<std::size_t>(std::max(1, processors * blocks_each));
}

Status start_many(OfMany* models, std::uint32_t count, float* scratch, const TilePlan& plan, const ManySettings& settings,
                  std::uint32_t most_epochs, std::uint32_t blocks, cudaStream_t stream) {
  many_on_device<<<blocks, plan.threads(), plan.shared_bytes(true), stream>>>(models, count, scratch, plan, settings,
                                                                              most_epochs);
  return started("starting the training of many models");
}

}  // namespace tidegauge::tile
