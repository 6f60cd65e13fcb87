// The kernels of a step on the host: the bodies that the GPU runs, as fibers (tests/kernel_on_host/).
#include "kernels/device/cuda_owners.hpp"
#include "kernels/lstm/lstm_step_cuda.hpp"
#include "tests/cuda_on_host/host_stream.hpp"
#include "tests/kernel_on_host/fiber_block.hpp"

namespace tidegauge::lstm {

namespace {

constexpr std::uint32_t threads = 64, blocks = 2;

template <class Body>
Status start(std::uint32_t grid, cudaStream_t stream, Body body) {
  test::put_on_stream(stream, [grid, body] {
    test::run_on_fibers(grid, threads, threads * sizeof(double), test::Schedule::greedy, 1, body);
  });
  return cuda_status(cudaGetLastError(), "starting a kernel");  // as the real ones: what was forgotten turns up here
}

}  // namespace

Status start_gather(float* x, const StepWork& work, cudaStream_t stream) {
  return start(blocks, stream, [=](auto& context) { gather_inputs(context, x, work); });
}
Status start_dropout(float* out, const float* in, const StepWork& work, const Dropout& dropout, std::uint32_t layer,
                     cudaStream_t stream) {
  return start(blocks, stream, [=](auto& context) { drop_outputs(context, out, in, work, dropout, layer); });
}
Status start_predict_head(float* out, const StepWork& work, cudaStream_t stream) {
  return start(blocks, stream, [=](auto& context) { predict_head(context, out, work); });
}
Status start_head(float* dh, double* losses, const StepWork& work, cudaStream_t stream) {
  return start(blocks, stream, [=](auto& context) { run_head(context, dh, losses, work); });
}
Status start_head_gradient(float* gradient, const StepWork& work, cudaStream_t stream) {
  return start(blocks, stream, [=](auto& context) { head_gradient(context, gradient, work); });
}
Status start_collect(const StepParameters& parameters, cudaStream_t stream) {
  return start(parameters.norm_blocks, stream, [=](auto& context) { collect_gradient(context, parameters); });
}
Status start_update(const StepParameters& parameters, const StepConstants* constants, const std::uint32_t* done,
                    OptimizerKind kind, double clip_norm, cudaStream_t stream) {
  return start(blocks, stream,
               [=](auto& context) { update(context, parameters, constants, done, kind, clip_norm); });
}
Status start_finish(double* batch_losses, const double* window_losses, std::uint32_t windows, double share,
                    std::uint32_t* done, cudaStream_t stream) {
  return start(1, stream, [=](auto& context) {
    finish_step(context, batch_losses, window_losses, windows, share, done);
  });
}

}  // namespace tidegauge::lstm
