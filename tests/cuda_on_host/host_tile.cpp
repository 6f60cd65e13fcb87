// The kernels of our own LSTM on the host: the bodies that the GPU runs, as fibers (tests/kernel_on_host/).
#include "kernels/lstm/lstm_batch_cuda.hpp"
#include "tests/cuda_on_host/host_stream.hpp"
#include "tests/kernel_on_host/fiber_block.hpp"

namespace tidegauge::tile {

namespace {

std::size_t allowed = 0;

/// Shared memory beyond what was asked for is a launch that fails.
template <class Body>
Status start(std::uint32_t blocks, std::uint32_t threads, std::size_t shared, cudaStream_t stream, Body body) {
  if (shared > allowed) return Error{"too much shared memory", "", ""};
  test::put_on_stream(stream, [=] { test::run_on_fibers(blocks, threads, shared, test::Schedule::greedy, 1, body); });
  return {};
}

template <class Body>
Status start_small(std::uint32_t parameters, cudaStream_t stream, Body body) {
  return start(step_blocks(parameters), step_threads, step_threads * sizeof(double), stream, body);
}

}  // namespace

Status allow_shared_bytes(std::size_t bytes) {
  allowed = bytes;
  return {};
}

Status start_gradient(float* gradients, double* losses, float* scratch, const TilePlan& plan, const Batch& batch,
                      const float* parameters, const LossSettings& loss, std::uint64_t step, cudaStream_t stream) {
  return start(gradient_blocks(batch.windows), plan.threads(), plan.shared_bytes(true), stream, [=](auto& context) {
    gradient_kernel(context, gradients, losses, scratch, plan, batch, parameters, loss, step);
  });
}
Status start_reduce(float* gradient, double* squares, double* mean_loss, const float* gradients, const double* losses,
                    std::uint32_t parts, std::uint32_t parameters, std::uint64_t outputs, cudaStream_t stream) {
  return start_small(parameters, stream, [=](auto& context) {
    reduce_kernel(context, gradient, squares, mean_loss, gradients, losses, parts, parameters, outputs);
  });
}
Status start_step(const Trained& trained, const float* gradient, const double* squares, std::uint32_t parameters,
                  const StepConstants& step, cudaStream_t stream) {
  return start_small(parameters, stream,
                     [=](auto& context) { step_kernel(context, trained, gradient, squares, parameters, step); });
}
Status start_predict(float* out, float* scratch, const TilePlan& plan, const Batch& batch, const float* parameters,
                     cudaStream_t stream) {
  return start(gradient_blocks(batch.windows), plan.threads(), plan.shared_bytes(false), stream,
               [=](auto& context) { predict_kernel(context, out, scratch, plan, batch, parameters); });
}


Expected<std::size_t> many_blocks_at_once(const TilePlan&, int) { return std::size_t{2}; }
Status start_many(OfMany* models, std::uint32_t count, float* scratch, const TilePlan& plan, const ManySettings& settings,
                  std::uint32_t most_epochs, std::uint32_t blocks, cudaStream_t stream) {
  return start(blocks, plan.threads(), plan.shared_bytes(true), stream, [=](auto& context) {
    many_kernel(context, models, count, scratch, plan, settings, most_epochs);
  });
}

}  // namespace tidegauge::tile
