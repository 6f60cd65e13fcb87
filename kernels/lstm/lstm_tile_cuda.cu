// The network around lstm_batch_cuda.hpp's kernels. Host code only: tests run it without a card.
#include "kernels/lstm/lstm_tile_cuda.hpp"

#include <algorithm>
#include <utility>

#include "kernels/core/contract.hpp"
#include "kernels/device/cuda_copies.hpp"
#include "kernels/device/cuda_owners.hpp"
#include "kernels/lstm/lstm_batch_cuda.hpp"

namespace tidegauge {

namespace {

using tile::Batch;
using tile::TilePlan;

class TileLstm final : public LstmNetwork {
 public:
  TileLstm(const LstmShape& shape, int device, CudaStream stream)
      : shape_(shape), plan_(shape), device_(device), stream_(std::move(stream)) {}
  ~TileLstm() override {
    if (use_device(device_)) settle();  // nothing may still use the buffers
  }

  const LstmShape& shape() const override { return shape_; }
  Status set_parameters(std::span<const float> flat) override;
  Expected<std::vector<float>> parameters() const override;
  Expected<double> loss_and_gradient(std::span<float> gradient, const WindowBatch& windows, const LossSettings& loss,
                                     std::uint64_t step) override;
  Expected<std::vector<double>> train(const WindowBatch& windows, std::size_t batch_size, std::size_t first_batch,
                                      std::size_t last_batch, const LossSettings& loss,
                                      const OptimizerSettings& optimizer, OptimizerState& state) override;
  Status predict(std::span<float> out, const WindowBatch& windows) override;

 private:
  /// Waits where nobody is left to tell of a failure; the runtime is not left remembering it.
  void settle() const {
    if (cudaStreamSynchronize(stream_.get()) != cudaSuccess) cudaGetLastError();
  }
  /// Ends a call: what the caller gave may be read by copies under way, also where the call failed, and no buffer of
  /// the next call grows under work of this one.
  struct TileSettled {
    const TileLstm& network;
    ~TileSettled() { network.settle(); }
  };

  Status send(const WindowBatch& windows);
  Status send_moment(DeviceBuffer<float>& place, const std::vector<float>& values);
  Status make_room(std::size_t batch_size, std::size_t batches);
  Status start_batch(const Batch& batch, const LossSettings& loss, std::uint64_t step, std::size_t slot);
  Batch batch_of(std::size_t first, std::size_t count) const {
    return {features_.data(), targets_.data(), starts_.data() + first, static_cast<std::uint32_t>(count)};
  }

  const LstmShape shape_;
  const TilePlan plan_;
  const int device_;
  CudaStream stream_;
  std::uint64_t series_id_ = 0;  ///< of what features_ and targets_ hold
  DeviceBuffer<float> parameters_, first_moment_, second_moment_, gradient_;
  DeviceBuffer<float> gradients_, scratch_;  ///< of each block
  DeviceBuffer<float> features_, targets_, outputs_;
  DeviceBuffer<std::uint32_t> starts_;
  DeviceBuffer<double> losses_, squares_, mean_losses_;  ///< of each block; of each block of a step; of each batch
};

Status TileLstm::set_parameters(std::span<const float> flat) {
  TG_REQUIRE(flat.size() == plan_.parameters(), "parameters of another shape");
  TG_TRY(use_device(device_));
  const TileSettled settled{*this};
  return copy_in(parameters_, flat, stream_.get(), "copying parameters");
}

Expected<std::vector<float>> TileLstm::parameters() const {
  TG_TRY(use_device(device_));
  std::vector<float> flat(plan_.parameters());
  TG_TRY(copy_out(std::span(flat), parameters_.data(), stream_.get(), "copying parameters"));
  return flat;
}

Status TileLstm::send(const WindowBatch& windows) {
  TG_TRY(copy_in(starts_, windows.starts, stream_.get(), "copying the windows' starts"));
  if (windows.series_id != 0 && windows.series_id == series_id_) return {};
  series_id_ = 0;
  TG_TRY(copy_in(features_, windows.features, stream_.get(), "copying a series"));
  TG_TRY(copy_in(targets_, windows.targets, stream_.get(), "copying targets"));
  series_id_ = windows.series_id;
  return {};
}

/// No values are zeros.
Status TileLstm::send_moment(DeviceBuffer<float>& place, const std::vector<float>& values) {
  const char* const doing = "copying the optimizer's state";
  if (!values.empty()) return copy_in(place, std::span(values), stream_.get(), doing);
  TG_TRY(place.reserve(plan_.parameters(), doing));
  return cuda_status(cudaMemsetAsync(place.data(), 0, plan_.parameters() * sizeof(float), stream_.get()), doing);
}

Status TileLstm::make_room(std::size_t batch_size, std::size_t batches) {
  const std::size_t blocks = tile::gradient_blocks(batch_size);
  const char* const doing = "taking device memory for training";
  TG_TRY(scratch_.reserve(blocks * plan_.scratch_floats(), doing));
  TG_TRY(gradients_.reserve(blocks * plan_.parameters(), doing));
  TG_TRY(losses_.reserve(blocks, doing));
  TG_TRY(gradient_.reserve(plan_.parameters(), doing));
  TG_TRY(squares_.reserve(tile::step_blocks(plan_.parameters()), doing));
  return mean_losses_.reserve(batches, doing);
}

/// The batch's gradient, its squares and its mean loss, which goes to place `slot`.
Status TileLstm::start_batch(const Batch& batch, const LossSettings& loss, std::uint64_t step, std::size_t slot) {
  TG_TRY(tile::start_gradient(gradients_.data(), losses_.data(), scratch_.data(), plan_, batch, parameters_.data(), loss,
                              step, stream_.get()));
  return tile::start_reduce(gradient_.data(), squares_.data(), mean_losses_.data() + slot, gradients_.data(),
                            losses_.data(), tile::gradient_blocks(batch.windows), plan_.parameters(),
                            std::uint64_t{batch.windows} * plan_.horizon, stream_.get());
}

Expected<double> TileLstm::loss_and_gradient(std::span<float> gradient, const WindowBatch& windows,
                                             const LossSettings& loss, std::uint64_t step) {
  TG_REQUIRE(gradient.size() == plan_.parameters(), "a gradient of another shape");
  require_windows_fit(shape_, windows, true);
  if (windows.size() == 0) {
    std::fill(gradient.begin(), gradient.end(), 0.0f);
    return 0.0;
  }
  TG_TRY(use_device(device_));
  const TileSettled settled{*this};
  TG_TRY(make_room(windows.size(), 1));
  TG_TRY(send(windows));
  TG_TRY(start_batch(batch_of(0, windows.size()), loss, step, 0));
  double mean = 0;
  TG_TRY(copy_out(std::span(&mean, 1), mean_losses_.data(), stream_.get(), "computing a gradient"));
  TG_TRY(copy_out(gradient, gradient_.data(), stream_.get(), "copying a gradient"));
  return mean;
}

Expected<std::vector<double>> TileLstm::train(const WindowBatch& windows, std::size_t batch_size,
                                              std::size_t first_batch, std::size_t last_batch,
                                              const LossSettings& loss, const OptimizerSettings& optimizer,
                                              OptimizerState& state) {
  TG_REQUIRE(batch_size > 0, "an empty batch size");
  require_windows_fit(shape_, windows, true);
  if (first_batch >= last_batch) return std::vector<double>();
  TG_REQUIRE((last_batch - 1) * batch_size < windows.size(), "a batch beyond the last window");
  const bool adam = optimizer.kind == OptimizerKind::adam;
  const std::size_t count = plan_.parameters();
  TG_REQUIRE(state.second_moment.empty() ||
                 (state.second_moment.size() == count && state.first_moment.size() == (adam ? count : 0)),
             "an optimizer state of another network or optimizer");
  TG_TRY(use_device(device_));
  const TileSettled settled{*this};
  std::vector<double> losses(last_batch - first_batch);
  TG_TRY(make_room(std::min(batch_size, windows.size()), losses.size()));
  TG_TRY(send(windows));
  if (adam) TG_TRY(send_moment(first_moment_, state.first_moment));
  TG_TRY(send_moment(second_moment_, state.second_moment));
  for (std::size_t i = 0; i < losses.size(); ++i) {
    const std::size_t first = (first_batch + i) * batch_size;
    TG_TRY(start_batch(batch_of(first, std::min(batch_size, windows.size() - first)), loss, state.steps + i, i));
    TG_TRY(tile::start_step({parameters_.data(), first_moment_.data(), second_moment_.data()}, gradient_.data(),
                            squares_.data(), plan_.parameters(), tile::step_constants(optimizer, state.steps + i + 1),
                            stream_.get()));
  }
  OptimizerState after{std::vector<float>(adam ? count : 0), std::vector<float>(count), state.steps + losses.size()};
  TG_TRY(copy_out(std::span(losses), mean_losses_.data(), stream_.get(), "training"));
  TG_TRY(copy_out(std::span(after.first_moment), first_moment_.data(), stream_.get(), "copying the optimizer's state"));
  TG_TRY(copy_out(std::span(after.second_moment), second_moment_.data(), stream_.get(), "copying the optimizer's state"));
  state = std::move(after);
  return losses;
}

Status TileLstm::predict(std::span<float> out, const WindowBatch& windows) {
  TG_REQUIRE(out.size() == windows.size() * plan_.horizon, "room for another number of predictions");
  require_windows_fit(shape_, windows, false);
  if (out.empty()) return {};
  TG_TRY(use_device(device_));
  const TileSettled settled{*this};
  TG_TRY(scratch_.reserve(tile::gradient_blocks(windows.size()) * plan_.scratch_floats(),
                          "taking device memory for what a step keeps"));
  TG_TRY(outputs_.reserve(out.size(), "taking device memory for predictions"));
  TG_TRY(send(windows));
  TG_TRY(tile::start_predict(outputs_.data(), scratch_.data(), plan_, batch_of(0, windows.size()), parameters_.data(),
                             stream_.get()));
  return copy_out(out, outputs_.data(), stream_.get(), "predicting");
}

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
  std::string what = "a network of " + std::to_string(shape.hidden) + " units in " + std::to_string(shape.layers) +
                     " layers, with " + std::to_string(shape.features) + " inputs over " +
                     std::to_string(shape.look_back) + " steps, does not fit a block of the card";
  if (shape.hidden > tile::most_hidden)
    what += ": " + std::to_string(tile::most_hidden) + " units are the most";
  else if (lstm_tile_fits(shape, SIZE_MAX))
    what += ": it takes " + std::to_string(TilePlan(shape).shared_bytes(true)) + " bytes of shared memory, and there are " +
            std::to_string(*shared);
  return Error{what, "--device",
               "a smaller --hidden (64 in one layer on compute capability 9.0, 32 on any card), or --device cpu"};
}

Expected<std::unique_ptr<LstmNetwork>> make_lstm_tile_cuda(const LstmShape& shape, std::uint64_t seed,
                                                           int device) {
  TG_TRY(use_device(device));
  TG_TRY(lstm_tile_check(shape, device));
  const auto shared = lstm_tile_shared_bytes(device);
  if (!shared) return shared.error();
  TG_TRY(tile::allow_shared_bytes(*shared));
  auto stream = make_cuda_stream();
  if (!stream) return stream.error();
  auto network = std::make_unique<TileLstm>(shape, device, *std::move(stream));
  TG_TRY(network->set_parameters(lstm_initial_parameters(shape, seed)));
  return std::unique_ptr<LstmNetwork>(std::move(network));
}

}  // namespace tidegauge
