#include "kernels/lstm/lstm_tile_cuda.hpp"

#include <algorithm>

#include "kernels/core/contract.hpp"
#include "kernels/device/cuda_context.hpp"
#include "kernels/device/cuda_copies.hpp"
#include "kernels/device/cuda_owners.hpp"
#include "kernels/lstm/lstm_batch_kernel.hpp"

namespace tidegauge {

namespace {

using tile::Batch;
using tile::StepConstants;
using tile::TilePlan;
using tile::Trained;

__global__ void __launch_bounds__(tile::most_threads, 1)
    gradient_on_device(float* gradients, double* losses, float* scratch,
                       const __grid_constant__ TilePlan plan, const __grid_constant__ Batch batch,
                       const float* parameters, const __grid_constant__ LossSettings loss,
                       std::uint64_t step) {
  CudaContext context;
  tile::gradient_kernel(context, gradients, losses, scratch, plan, batch, parameters, loss, step);
}

__global__ void __launch_bounds__(tile::step_threads)
    reduce_on_device(float* gradient, double* squares, double* mean_loss, const float* gradients,
                     const double* losses, std::uint32_t parts, std::uint32_t parameters,
                     std::uint64_t outputs) {
  CudaContext context;
  tile::reduce_kernel(context, gradient, squares, mean_loss, gradients, losses, parts, parameters, outputs);
}

__global__ void __launch_bounds__(tile::step_threads)
    step_on_device(const Trained trained, const float* gradient, const double* squares,
                   std::uint32_t parameters, const StepConstants step) {
  CudaContext context;
  tile::step_kernel(context, trained, gradient, squares, parameters, step);
}

__global__ void __launch_bounds__(tile::most_threads)
    predict_on_device(float* out, float* scratch, const __grid_constant__ TilePlan plan,
                      const __grid_constant__ Batch batch, const float* parameters) {
  CudaContext context;
  tile::predict_kernel(context, out, scratch, plan, batch, parameters);
}

/// @param bytes the most that the device has: the limit belongs to the kernel, which other networks run too
template <class Kernel>
Status allow_shared(Kernel* kernel, std::size_t bytes) {
  return cuda_status(
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes)),
      "asking for shared memory");
}

class TileLstm final : public LstmNetwork {
 public:
  TileLstm(const LstmShape& shape, int device, CudaStream stream)
      : shape_(shape), plan_(shape), device_(device), stream_(std::move(stream)) {}

  const LstmShape& shape() const override { return shape_; }

  Status set_parameters(std::span<const float> flat) override {
    TG_REQUIRE(flat.size() == plan_.parameters(), "parameters of another shape");
    TG_TRY(use_device(device_));
    return copy_in(parameters_, flat, stream_.get(), "copying parameters");
  }
  Expected<std::vector<float>> parameters() const override {
    TG_TRY(use_device(device_));
    std::vector<float> flat(plan_.parameters());
    TG_TRY(copy_out(std::span(flat), parameters_.data(), stream_.get(), "copying parameters"));
    return flat;
  }

  Expected<double> loss_and_gradient(std::span<float> gradient, const WindowBatch& windows,
                                     const LossSettings& loss, std::uint64_t step) override {
    TG_REQUIRE(gradient.size() == plan_.parameters(), "a gradient of another shape");
    std::fill(gradient.begin(), gradient.end(), 0.0f);
    if (windows.size() == 0) return 0.0;
    TG_TRY(send(windows, true));
    TG_TRY(make_room(windows.size(), 1));
    TG_TRY(start_gradient(batch_of(0, windows.size()), loss, step, 0));
    double mean = 0;
    TG_TRY(copy_out(std::span(&mean, 1), mean_losses_.data(), stream_.get(), "computing a gradient"));
    TG_TRY(copy_out(gradient, gradient_.data(), stream_.get(), "copying a gradient"));
    return mean;
  }

  Expected<std::vector<double>> train(const WindowBatch& windows, std::size_t batch_size,
                                      std::size_t first_batch, std::size_t last_batch,
                                      const LossSettings& loss, const OptimizerSettings& optimizer,
                                      OptimizerState& state) override {
    TG_REQUIRE(batch_size > 0, "an empty batch size");
    std::vector<double> losses(last_batch - first_batch);
    if (losses.empty()) return losses;
    TG_REQUIRE((last_batch - 1) * batch_size < windows.size(), "a batch beyond the last window");
    TG_TRY(send(windows, true));
    TG_TRY(send_state(state, optimizer));
    TG_TRY(make_room(batch_size, losses.size()));
    for (std::size_t batch = first_batch; batch < last_batch; ++batch) {
      const std::size_t first = batch * batch_size;
      TG_TRY(start_gradient(batch_of(first, std::min(batch_size, windows.size() - first)), loss, state.steps,
                            batch - first_batch));
      ++state.steps;
      step_on_device<<<step_blocks(), tile::step_threads, step_shared(), stream_.get()>>>(
          {parameters_.data(), first_moment_.data(), second_moment_.data()}, gradient_.data(),
          squares_.data(), plan_.parameters(), tile::step_constants(optimizer, state.steps));
      TG_TRY(cuda_status(cudaGetLastError(), "starting an optimizer step"));
    }
    TG_TRY(copy_out(std::span(losses), mean_losses_.data(), stream_.get(), "training"));
    TG_TRY(copy_out(std::span(state.first_moment), first_moment_.data(), stream_.get(),
                    "copying the optimizer's state"));
    TG_TRY(copy_out(std::span(state.second_moment), second_moment_.data(), stream_.get(),
                    "copying the optimizer's state"));
    return losses;
  }

  Status predict(std::span<float> out, const WindowBatch& windows) override {
    TG_REQUIRE(out.size() == windows.size() * plan_.horizon, "room for another number of predictions");
    if (out.empty()) return {};
    TG_TRY(send(windows, false));
    const std::uint32_t blocks = tile::gradient_blocks(windows.size());
    TG_TRY(scratch_.reserve(blocks * plan_.scratch_floats(), "taking device memory for what a step keeps"));
    TG_TRY(outputs_.reserve(out.size(), "taking device memory for predictions"));
    predict_on_device<<<blocks, plan_.threads(), plan_.shared_bytes(false), stream_.get()>>>(
        outputs_.data(), scratch_.data(), plan_, batch_of(0, windows.size()), parameters_.data());
    TG_TRY(cuda_status(cudaGetLastError(), "starting a prediction"));
    return copy_out(out, outputs_.data(), stream_.get(), "predicting");
  }

 private:
  static constexpr std::size_t step_shared() { return tile::step_threads * sizeof(double); }
  std::uint32_t step_blocks() const {
    return (plan_.parameters() + tile::step_threads - 1) / tile::step_threads;
  }
  Batch batch_of(std::size_t first, std::size_t count) const {
    return {features_.data(), targets_.data(), starts_.data() + first, static_cast<std::uint32_t>(count)};
  }

  Status send(const WindowBatch& windows, bool with_targets) {
    require_windows_fit(shape_, windows, with_targets);
    TG_TRY(use_device(device_));
    TG_TRY(copy_in(features_, windows.features, stream_.get(), "copying a series"));
    TG_TRY(copy_in(targets_, windows.targets, stream_.get(), "copying targets"));
    return copy_in(starts_, windows.starts, stream_.get(), "copying the windows' starts");
  }

  Status send_state(OptimizerState& state, const OptimizerSettings& optimizer) {
    const bool adam = optimizer.kind == OptimizerKind::adam;
    if (state.second_moment.empty()) {
      state.second_moment.assign(plan_.parameters(), 0.0f);
      if (adam) state.first_moment.assign(plan_.parameters(), 0.0f);
    }
    TG_REQUIRE(state.second_moment.size() == plan_.parameters() &&
                   state.first_moment.size() == (adam ? plan_.parameters() : 0),
               "an optimizer state of another network or optimizer");
    TG_TRY(copy_in(first_moment_, std::span<const float>(state.first_moment), stream_.get(),
                   "copying the optimizer's state"));
    return copy_in(second_moment_, std::span<const float>(state.second_moment), stream_.get(),
                   "copying the optimizer's state");
  }

  Status make_room(std::size_t batch_size, std::size_t batches) {
    const std::size_t blocks = tile::gradient_blocks(batch_size);
    const char* doing = "taking device memory for training";
    TG_TRY(scratch_.reserve(blocks * plan_.scratch_floats(), doing));
    TG_TRY(gradients_.reserve(blocks * plan_.parameters(), doing));
    TG_TRY(losses_.reserve(blocks, doing));
    TG_TRY(gradient_.reserve(plan_.parameters(), doing));
    TG_TRY(squares_.reserve(step_blocks(), doing));
    return mean_losses_.reserve(batches, doing);
  }

  /// The batch's gradient, its squares and its mean loss, which goes to place `slot`.
  Status start_gradient(const Batch& batch, const LossSettings& loss, std::uint64_t step, std::size_t slot) {
    const std::uint32_t blocks = tile::gradient_blocks(batch.windows);
    gradient_on_device<<<blocks, plan_.threads(), plan_.shared_bytes(true), stream_.get()>>>(
        gradients_.data(), losses_.data(), scratch_.data(), plan_, batch, parameters_.data(), loss, step);
    TG_TRY(cuda_status(cudaGetLastError(), "starting a gradient"));
    reduce_on_device<<<step_blocks(), tile::step_threads, step_shared(), stream_.get()>>>(
        gradient_.data(), squares_.data(), mean_losses_.data() + slot, gradients_.data(), losses_.data(),
        blocks, plan_.parameters(), std::uint64_t{batch.windows} * plan_.horizon);
    return cuda_status(cudaGetLastError(), "starting a gradient's sum");
  }

  const LstmShape shape_;
  const TilePlan plan_;
  const int device_;
  CudaStream stream_;
  DeviceBuffer<float> parameters_, first_moment_, second_moment_, gradient_, gradients_, scratch_;
  DeviceBuffer<float> features_, targets_, outputs_;
  DeviceBuffer<std::uint32_t> starts_;
  DeviceBuffer<double> losses_, squares_, mean_losses_;
};

}  // namespace

Expected<std::size_t> lstm_tile_shared_bytes(int device) {
  int bytes = 0;
  TG_TRY(cuda_status(cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device),
                     "asking for the device's shared memory"));
  return static_cast<std::size_t>(bytes);
}

Status lstm_tile_check(const LstmShape& shape, int device) {
  const auto shared = lstm_tile_shared_bytes(device);
  if (!shared) return shared.error();
  if (lstm_tile_fits(shape, *shared)) return {};
  return Error{
      "a network of " + std::to_string(shape.hidden) + " units in " + std::to_string(shape.layers) +
          " layers does not fit a block's " + std::to_string(*shared) + " bytes of shared memory",
      "--device",
      "a smaller --hidden (64 in one layer on compute capability 9.0, 32 on any card), or --device cpu"};
}

Expected<std::unique_ptr<LstmNetwork>> make_lstm_tile_cuda(const LstmShape& shape, std::uint64_t seed,
                                                           int device) {
  TG_TRY(use_device(device));
  TG_TRY(lstm_tile_check(shape, device));
  const auto shared = lstm_tile_shared_bytes(device);
  if (!shared) return shared.error();
  TG_TRY(allow_shared(gradient_on_device, *shared));
  TG_TRY(allow_shared(predict_on_device, *shared));
  auto stream = make_cuda_stream();
  if (!stream) return stream.error();
  auto network = std::make_unique<TileLstm>(shape, device, *std::move(stream));
  TG_TRY(network->set_parameters(lstm_initial_parameters(shape, seed)));
  return std::unique_ptr<LstmNetwork>(std::move(network));
}

}  // namespace tidegauge
