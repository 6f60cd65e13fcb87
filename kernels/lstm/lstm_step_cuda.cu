#include "kernels/lstm/lstm_step_cuda.hpp"

#include <algorithm>

#include "kernels/device/cuda_context.hpp"
#include "kernels/device/cuda_owners.hpp"

namespace tidegauge::lstm {

namespace {

constexpr std::uint32_t threads = step_block_threads;
/// head_gradient's warps share a batch's windows out among them, so more of them shorten its longest chain.
constexpr std::uint32_t head_gradient_threads = 512;
/// Enough to fill any card; the kernels stride over the rest.
constexpr std::size_t most_blocks = 2048;

/// Blocks for `work` threads' worth of elements; at least one.
unsigned blocks_for(std::size_t elements) {
  return static_cast<unsigned>(std::clamp<std::size_t>((elements + threads - 1) / threads, 1, most_blocks));
}

__global__ void __launch_bounds__(threads) gather_on_device(float* x, StepWork work) {
  CudaContext context;
  gather_inputs(context, x, work);
}

__global__ void __launch_bounds__(threads)
    drop_on_device(float* out, const float* in, StepWork work, Dropout dropout, std::uint32_t layer) {
  CudaContext context;
  drop_outputs(context, out, in, work, dropout, layer);
}

__global__ void __launch_bounds__(threads) predict_head_on_device(float* out, StepWork work) {
  CudaContext context;
  predict_head(context, out, work);
}

__global__ void __launch_bounds__(threads) head_on_device(float* dh, double* losses, StepWork work) {
  CudaContext context;
  run_head(context, dh, losses, work);
}

__global__ void __launch_bounds__(head_gradient_threads) head_gradient_on_device(float* gradient, StepWork work) {
  CudaContext context;
  head_gradient(context, gradient, work);
}

__global__ void __launch_bounds__(threads) collect_on_device(StepParameters parameters) {
  CudaContext context;
  collect_gradient(context, parameters);
}

__global__ void __launch_bounds__(threads) update_on_device(StepParameters parameters, const StepConstants* constants,
                                                            const std::uint32_t* done, OptimizerKind kind,
                                                            double clip_norm) {
  CudaContext context;
  update(context, parameters, constants, done, kind, clip_norm);
}

__global__ void __launch_bounds__(threads)
    finish_on_device(double* batch_losses, const double* window_losses, std::uint32_t windows, double share,
                     std::uint32_t* done) {
  CudaContext context;
  finish_step(context, batch_losses, window_losses, windows, share, done);
}

Status started(const char* doing) { return cuda_status(cudaGetLastError(), doing); }

}  // namespace

Status start_gather(float* x, const StepWork& work, cudaStream_t stream) {
  const std::size_t elements = std::size_t{work.look_back} * work.windows * work.features;
  gather_on_device<<<blocks_for(elements), threads, 0, stream>>>(x, work);
  return started("starting the gathering of windows");
}

Status start_dropout(float* out, const float* in, const StepWork& work, const Dropout& dropout, std::uint32_t layer,
                     cudaStream_t stream) {
  const std::size_t pairs = std::size_t{work.look_back} * work.windows * ((work.hidden + 1) / 2);
  drop_on_device<<<blocks_for(pairs), threads, 0, stream>>>(out, in, work, dropout, layer);
  return started("starting dropout");
}

Status start_predict_head(float* out, const StepWork& work, cudaStream_t stream) {
  predict_head_on_device<<<blocks_for(std::size_t{work.windows} * warp_size), threads, 0, stream>>>(out, work);
  return started("starting the head");
}

Status start_head(float* dh, double* losses, const StepWork& work, cudaStream_t stream) {
  head_on_device<<<blocks_for(std::size_t{work.windows} * warp_size), threads, 0, stream>>>(dh, losses, work);
  return started("starting the head and the loss");
}

Status start_head_gradient(float* gradient, const StepWork& work, cudaStream_t stream) {
  head_gradient_on_device<<<std::min<std::uint32_t>(head_gradient_blocks(work), most_blocks), head_gradient_threads,
                            head_gradient_threads * sizeof(float), stream>>>(gradient, work);
  return started("starting the head's gradient");
}

Status start_collect(const StepParameters& parameters, cudaStream_t stream) {
  collect_on_device<<<parameters.norm_blocks, threads, threads * sizeof(double), stream>>>(parameters);
  return started("starting the collection of the gradient");
}

Status start_update(const StepParameters& parameters, const StepConstants* constants, const std::uint32_t* done,
                    OptimizerKind kind, double clip_norm, cudaStream_t stream) {
  update_on_device<<<blocks_for(parameters.count), threads, sizeof(float), stream>>>(parameters, constants, done, kind,
                                                                                    clip_norm);
  return started("starting the optimizer");
}

Status start_finish(double* batch_losses, const double* window_losses, std::uint32_t windows, double share,
                    std::uint32_t* done, cudaStream_t stream) {
  finish_on_device<<<1, threads, threads * sizeof(double), stream>>>(batch_losses, window_losses, windows, share, done);
  return started("starting the sum of losses");
}

}  // namespace tidegauge::lstm
