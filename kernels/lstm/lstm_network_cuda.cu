// The network on a card: cells (lstm_cells_cuda.hpp) between the kernels of a step (lstm_step_cuda.hpp), a step
// recorded once as a CUDA graph and replayed, the host waiting once a call.
#include <algorithm>
#include <optional>
#include <utility>

#include "kernels/core/contract.hpp"
#include "kernels/device/cuda_owners.hpp"
#include "kernels/lstm/lstm_cells_cuda.hpp"
#include "kernels/lstm/lstm_cuda.hpp"
#include "kernels/lstm/lstm_cudnn_rule.hpp"
#include "kernels/lstm/lstm_step_cuda.hpp"
#include "kernels/lstm/lstm_tile_cuda.hpp"

namespace tidegauge {
namespace lstm {
namespace {

/// What a recorded step has built in: two batches of the same kind differ in device memory only.
struct BatchKind {
  std::size_t windows = 0, batch_windows = 0;
  Loss loss{};
  double huber_delta = 0, dropout = 0;
  std::uint64_t dropout_seed = 0;
  bool updates = false;  ///< otherwise only the gradient
  OptimizerKind optimizer{};
  double clip_norm = 0;
  friend bool operator==(const BatchKind&, const BatchKind&) = default;

  BatchKind(std::size_t n, std::size_t stride, const LossSettings& settings)
      : windows(n),
        batch_windows(stride),
        loss(settings.kind),
        huber_delta(settings.huber_delta),
        dropout(settings.dropout),
        dropout_seed(settings.dropout_seed) {}
  BatchKind with(const OptimizerSettings& settings) const {
    BatchKind kind = *this;
    kind.updates = true;
    kind.optimizer = settings.kind;
    kind.clip_norm = settings.clip_norm;
    return kind;
  }
  double share(const LstmShape& shape) const { return 1.0 / static_cast<double>(windows * shape.horizon); }
};

/// A batch and what was recorded of it; the first of its kind runs unrecorded: libraries set themselves up then.
struct Recorded {
  BatchKind kind;
  CudaGraphExec graph;
};
/// Full and last batch; more kinds than these mean that settings keep changing.
constexpr std::size_t most_recorded = 8;

class CudaLstm final : public LstmNetwork {
 public:
  CudaLstm(const LstmShape& shape, std::uint64_t seed, int device, CudaStream stream, std::unique_ptr<LstmCells> cells)
      : shape_(shape),
        seed_(seed),
        device_(device),
        count_(lstm_parameter_count(shape)),
        cells_count_(lstm_tensors(shape)[3 * shape.layers].offset),
        stream_(std::move(stream)),
        cells_(std::move(cells)) {}
  ~CudaLstm() override {
    if (use_device(device_)) settle();  // nothing may still use the buffers
  }

  const LstmShape& shape() const override { return shape_; }
  LstmAlgorithm algorithm() const override { return cells_->algorithm(); }
  Status set_parameters(std::span<const float> flat) override;
  Expected<std::vector<float>> parameters() const override;
  Expected<double> loss_and_gradient(std::span<float> gradient, const WindowBatch& windows, const LossSettings& loss,
                                     std::uint64_t step) override;
  Expected<std::vector<double>> train(const WindowBatch& windows, std::size_t batch_size, std::size_t first_batch,
                                      std::size_t last_batch, const LossSettings& loss,
                                      const OptimizerSettings& optimizer, OptimizerState& state) override;
  Status predict(std::span<float> out, const WindowBatch& windows) override;

 private:
  template <class T>
  Status room(DeviceBuffer<T>& buffer, std::size_t count);
  template <class T>
  Status upload(DeviceBuffer<T>& buffer, std::span<const T> values);
  template <class T>
  Status download(std::span<T> values, const T* from) const;
  Status wait() const { return cuda_status(cudaStreamSynchronize(stream_.get()), "running the LSTM"); }
  /// Waits where nobody is left to tell of a failure; the runtime is not left remembering it.
  void settle() const {
    if (cudaStreamSynchronize(stream_.get()) != cudaSuccess) cudaGetLastError();
  }
  /// Ends a call: what the caller gave may be read by copies under way, also where the call failed.
  struct Settled {
    const CudaLstm& network;
    ~Settled() { network.settle(); }
  };

  Status begin(const WindowBatch& windows, std::span<const std::uint32_t> starts, std::size_t most_starts);
  Status hold_series(const WindowBatch& windows);
  Status hold_constants(std::span<const StepConstants> constants, std::size_t most);
  Status hold_moments(const OptimizerState& state, bool adam);
  std::size_t piece_of(std::size_t windows) const { return windows_at_once(windows, cells_->most_windows()); }
  Status prepare(std::size_t windows, bool training);
  Status fill_cells();
  Status run(const BatchKind& kind);
  Status run_unrecorded(const BatchKind& kind);
  template <class Body>
  Status in_some_way(std::size_t windows, bool training, Body body);
  Status start_batch(const BatchKind& kind);
  Status start_piece(const BatchKind& kind, std::size_t first, std::size_t windows);
  CudaGraphExec record(const BatchKind& kind);
  StepWork work_of(std::size_t first, std::size_t count) const;
  StepParameters step_parameters() const;

  const LstmShape shape_;
  const std::uint64_t seed_;
  const int device_;
  const std::size_t count_, cells_count_;  ///< parameters, and those before head.weight
  CudaStream stream_;
  std::unique_ptr<LstmCells> cells_;
  bool filled_ = false;    ///< flat_ holds the parameters
  bool separate_ = false;  ///< as the cells are arranged: for dropout between layers
  bool unsettled_ = true;  ///< the cells may not hold the parameters, nor what was recorded be good: see prepare
  bool recording_ = true;  ///< until it failed
  std::uint64_t series_id_ = 0;
  std::vector<Recorded> recorded_;

  DeviceBuffer<float> flat_, gradient_, first_moment_, second_moment_;
  DeviceBuffer<std::uint32_t> places_;
  DeviceBuffer<float> series_, targets_;
  DeviceBuffer<std::uint32_t> starts_, done_;
  DeviceBuffer<StepConstants> constants_;
  DeviceBuffer<float> slopes_, outputs_;
  DeviceBuffer<double> window_losses_, batch_losses_, norm_parts_;
};

/// Makes room, once nothing on the stream uses the old place; what was recorded with it is void.
template <class T>
Status CudaLstm::room(DeviceBuffer<T>& buffer, std::size_t count) {
  if (count <= buffer.capacity()) return {};
  recorded_.clear();
  TG_TRY(wait());
  return buffer.reserve(count, "taking device memory for the LSTM");
}

/// The values must stay until the stream has been waited for.
template <class T>
Status CudaLstm::upload(DeviceBuffer<T>& buffer, std::span<const T> values) {
  TG_TRY(room(buffer, values.size()));
  if (values.empty()) return {};
  return cuda_status(
      cudaMemcpyAsync(buffer.data(), values.data(), values.size_bytes(), cudaMemcpyHostToDevice, stream_.get()),
      "copying to the device");
}

/// Waits for everything before.
template <class T>
Status CudaLstm::download(std::span<T> values, const T* from) const {
  TG_TRY(cuda_status(
      cudaMemcpyAsync(values.data(), from, values.size_bytes(), cudaMemcpyDeviceToHost, stream_.get()),
      "copying from the device"));
  return wait();
}

Status CudaLstm::set_parameters(std::span<const float> flat) {
  TG_REQUIRE(flat.size() == count_, "parameters of another shape");
  TG_TRY(use_device(device_));
  unsettled_ = true;
  TG_TRY(upload(flat_, flat));
  filled_ = true;
  return wait();
}

Expected<std::vector<float>> CudaLstm::parameters() const {
  if (!filled_) return lstm_initial_parameters(shape_, seed_);
  TG_TRY(use_device(device_));
  std::vector<float> flat(count_);
  TG_TRY(download(std::span(flat), flat_.data()));
  return flat;
}

/// Brings the cells' copy in line with flat_, on the host: their arrangement changes once or twice in a run.
Status CudaLstm::fill_cells() {
  const CellSpace& space = cells_->space();
  TG_REQUIRE(space.places.size() == cells_count_, "a place for each parameter of the cells");
  std::vector<float> flat(count_), image(space.floats, 0.0f);
  TG_TRY(download(std::span(flat), flat_.data()));
  for (std::size_t i = 0; i < space.places.size(); ++i) image[space.places[i]] = flat[i];
  TG_TRY(cuda_status(cudaMemcpyAsync(space.parameters, image.data(), space.floats * sizeof(float),
                                     cudaMemcpyHostToDevice, stream_.get()),
                     "copying parameters"));
  TG_TRY(upload(places_, std::span<const std::uint32_t>(space.places)));
  return wait();
}

/// Cells and room for a batch of so many windows, in pieces. Where this fails half-way, the next one begins anew.
Status CudaLstm::prepare(std::size_t windows, bool training) {
  if (!filled_) TG_TRY(set_parameters(lstm_initial_parameters(shape_, seed_)));
  const std::size_t piece = piece_of(windows), last = windows % piece;
  bool moved = std::exchange(unsettled_, true);
  for (const std::size_t size : {piece, last == 0 ? piece : last}) {
    const auto prepared = cells_->prepare(size, training, separate_);
    if (!prepared) return prepared.error();
    moved |= *prepared;
  }
  if (moved) {
    recorded_.clear();
    TG_TRY(fill_cells());
  }
  unsettled_ = false;
  if (!training) return {};
  TG_TRY(room(gradient_, count_));
  TG_TRY(room(norm_parts_, most_norm_blocks));
  TG_TRY(room(slopes_, piece * shape_.horizon));
  return room(window_losses_, windows);
}

/// What every call over windows begins with. @param most_starts as many are coming in calls like this one
Status CudaLstm::begin(const WindowBatch& windows, std::span<const std::uint32_t> starts, std::size_t most_starts) {
  TG_TRY(hold_series(windows));
  TG_TRY(room(starts_, most_starts));
  TG_TRY(upload(starts_, starts));
  TG_TRY(room(done_, 1));
  return cuda_status(cudaMemsetAsync(done_.data(), 0, sizeof(std::uint32_t), stream_.get()), "starting to count");
}

Status CudaLstm::hold_series(const WindowBatch& windows) {
  if (windows.series_id != 0 && windows.series_id == series_id_) return {};
  series_id_ = 0;
  TG_TRY(upload(series_, windows.features));
  TG_TRY(upload(targets_, windows.targets));
  series_id_ = windows.series_id;
  return {};
}

/// @param most so many are coming in calls like this one
Status CudaLstm::hold_constants(std::span<const StepConstants> constants, std::size_t most) {
  TG_TRY(room(constants_, most));
  TG_TRY(room(batch_losses_, most));
  return upload(constants_, constants);
}

Status CudaLstm::hold_moments(const OptimizerState& state, bool adam) {
  const auto hold = [this](DeviceBuffer<float>& place, const std::vector<float>& values) -> Status {
    if (!values.empty()) return upload(place, std::span<const float>(values));
    TG_TRY(room(place, count_));
    return cuda_status(cudaMemsetAsync(place.data(), 0, count_ * sizeof(float), stream_.get()), "clearing moments");
  };
  if (adam) TG_TRY(hold(first_moment_, state.first_moment));
  return hold(second_moment_, state.second_moment);
}

StepWork CudaLstm::work_of(std::size_t first, std::size_t count) const {
  StepWork work{};
  work.features = static_cast<std::uint32_t>(shape_.features);
  work.hidden = static_cast<std::uint32_t>(shape_.hidden);
  work.look_back = static_cast<std::uint32_t>(shape_.look_back);
  work.horizon = static_cast<std::uint32_t>(shape_.horizon);
  work.skip = shape_.skip;
  work.series = series_.data();
  work.targets = targets_.data();
  work.starts = starts_.data();
  work.constants = constants_.data();
  work.done = done_.data();
  work.first = static_cast<std::uint32_t>(first);
  work.windows = static_cast<std::uint32_t>(count);
  work.head = flat_.data() + cells_count_;
  work.h = cells_->last_outputs(count);
  work.slopes = slopes_.data();
  return work;
}

StepParameters CudaLstm::step_parameters() const {
  StepParameters p{};
  p.count = count_;
  p.cells = cells_count_;
  p.places = places_.data();
  p.flat = flat_.data();
  p.space = cells_->space().parameters;
  p.gradient = gradient_.data();
  p.space_gradient = cells_->space().gradient;
  p.first_moment = first_moment_.data();
  p.second_moment = second_moment_.data();
  p.norm_parts = norm_parts_.data();
  p.norm_blocks = norm_blocks_for(count_);
  return p;
}

/// From windows to their part of the gradient.
Status CudaLstm::start_piece(const BatchKind& kind, std::size_t first, std::size_t windows) {
  StepWork work = work_of(first, windows);
  work.batch_windows = static_cast<std::uint32_t>(kind.batch_windows);
  work.loss = kind.loss;
  work.huber_delta = kind.huber_delta;
  work.share = kind.share(shape_);
  std::optional<Dropout> dropout;
  if (separate_) dropout = Dropout{kind.dropout, kind.dropout_seed};

  TG_TRY(start_gather(cells_->inputs(), work, stream_.get()));
  TG_TRY(cells_->forward(work, true, dropout));
  TG_TRY(start_head(cells_->last_gradient(windows), window_losses_.data(), work, stream_.get()));
  TG_TRY(start_head_gradient(gradient_.data() + cells_count_, work, stream_.get()));
  return cells_->backward(work, dropout);
}

/// Everything of one batch, from its windows to the next batch's turn. Only starts work.
Status CudaLstm::start_batch(const BatchKind& kind) {
  const CellSpace& space = cells_->space();
  TG_TRY(cuda_status(cudaMemsetAsync(space.gradient, 0, space.floats * sizeof(float), stream_.get()),
                     "clearing the gradient"));
  const std::size_t piece = piece_of(kind.windows);
  for (std::size_t first = 0; first < kind.windows; first += piece)
    TG_TRY(start_piece(kind, first, std::min(piece, kind.windows - first)));
  const StepParameters parameters = step_parameters();
  TG_TRY(start_collect(parameters, stream_.get()));
  if (kind.updates)
    TG_TRY(start_update(parameters, constants_.data(), done_.data(), kind.optimizer, kind.clip_norm, stream_.get()));
  return start_finish(batch_losses_.data(), window_losses_.data(), static_cast<std::uint32_t>(kind.windows),
                      kind.share(shape_), done_.data(), stream_.get());
}

/// Prepares and runs `body`, and once more where the cells know another way. A failed body has changed no parameters.
template <class Body>
Status CudaLstm::in_some_way(std::size_t windows, bool training, Body body) {
  const auto attempt = [&]() -> Status {
    TG_TRY(prepare(windows, training));
    return body();
  };
  const Status done = attempt();
  if (done) return done;
  settle();  // the other way takes this one's memory away
  return cells_->take_another_way() ? attempt() : done;
}

Status CudaLstm::run_unrecorded(const BatchKind& kind) {
  return in_some_way(kind.windows, true, [&] { return start_batch(kind); });
}

/// One batch: the first of its kind unrecorded, the others replayed.
Status CudaLstm::run(const BatchKind& kind) {
  const auto known = std::find_if(recorded_.begin(), recorded_.end(),
                                  [&](const Recorded& recorded) { return recorded.kind == kind; });
  if (known == recorded_.end() || unsettled_) {
    TG_TRY(run_unrecorded(kind));
    if (recorded_.size() == most_recorded) recorded_.clear();
    recorded_.push_back({kind, {}});
    return {};
  }
  if (!known->graph.get() && recording_) {
    known->graph = record(kind);
    recording_ = known->graph.get() != nullptr;
  }
  if (!known->graph.get()) return run_unrecorded(kind);
  return cuda_status(cudaGraphLaunch(known->graph.get(), stream_.get()), "starting a step");
}

/// Nothing where recording is not possible; the same work can still be started piece by piece, only slower.
CudaGraphExec CudaLstm::record(const BatchKind& kind) {
  if (cudaStreamBeginCapture(stream_.get(), cudaStreamCaptureModeThreadLocal) != cudaSuccess) {
    cudaGetLastError();  // or the next launch's check would find it
    return {};
  }
  const Status started = start_batch(kind);
  cudaGraph_t made = nullptr;
  const cudaError_t ended = cudaStreamEndCapture(stream_.get(), &made);
  const CudaGraph graph(made);
  cudaGraphExec_t exec = nullptr;
  // Libraries may take memory while they are recorded; it then comes and goes with each launch.
  if (started && ended == cudaSuccess &&
      cudaGraphInstantiate(&exec, graph.get(), cudaGraphInstantiateFlagAutoFreeOnLaunch) == cudaSuccess)
    return CudaGraphExec(exec);
  cudaGetLastError();
  return {};
}

Expected<double> CudaLstm::loss_and_gradient(std::span<float> gradient, const WindowBatch& windows,
                                             const LossSettings& loss, std::uint64_t step) {
  TG_REQUIRE(gradient.size() == count_, "a gradient of another shape");
  require_windows_fit(shape_, windows, true);
  if (windows.size() == 0) {
    std::fill(gradient.begin(), gradient.end(), 0.0f);
    return 0.0;
  }
  TG_TRY(use_device(device_));
  separate_ = loss.dropout > 0 && shape_.layers > 1;
  const StepConstants constants{step, {}, {}};
  const Settled settled{*this};
  TG_TRY(begin(windows, windows.starts, windows.size()));
  TG_TRY(hold_constants({&constants, 1}, 1));
  TG_TRY(run_unrecorded(BatchKind(windows.size(), windows.size(), loss)));
  double mean = 0;
  TG_TRY(download(std::span(&mean, 1), batch_losses_.data()));
  TG_TRY(download(gradient, gradient_.data()));
  return mean;
}

Expected<std::vector<double>> CudaLstm::train(const WindowBatch& windows, std::size_t batch_size,
                                              std::size_t first_batch, std::size_t last_batch,
                                              const LossSettings& loss, const OptimizerSettings& optimizer,
                                              OptimizerState& state) {
  TG_REQUIRE(batch_size > 0, "an empty batch size");
  require_windows_fit(shape_, windows, true);
  if (first_batch >= last_batch) return std::vector<double>();
  TG_REQUIRE((last_batch - 1) * batch_size < windows.size(), "a batch beyond the last window");
  const bool adam = optimizer.kind == OptimizerKind::adam;
  TG_REQUIRE(state.second_moment.empty() ||
                 (state.second_moment.size() == count_ && state.first_moment.size() == (adam ? count_ : 0)),
             "an optimizer state of another network or optimizer");
  TG_TRY(use_device(device_));
  separate_ = loss.dropout > 0 && shape_.layers > 1;

  const std::size_t begin_window = first_batch * batch_size;
  const std::size_t end_window = std::min(last_batch * batch_size, windows.size());
  std::vector<StepConstants> constants;
  const Settled settled{*this};
  // The epoch's full batches and its shorter last one before any is under way: what grows later would wait for it, and
  // what is refused for one is refused for all, however an epoch is split into calls.
  TG_TRY(in_some_way(std::min(batch_size, windows.size()), true,
                     [&] { return prepare((windows.size() - 1) % batch_size + 1, true); }));
  TG_TRY(begin(windows, windows.starts.subspan(begin_window, end_window - begin_window), windows.size()));
  for (std::size_t batch = first_batch; batch < last_batch; ++batch) {
    const std::uint64_t before = state.steps + constants.size();
    constants.push_back({before, adam_step(optimizer, before + 1), rmsprop_step(optimizer)});
  }
  TG_TRY(hold_constants(constants, (windows.size() + batch_size - 1) / batch_size));
  TG_TRY(hold_moments(state, adam));
  for (std::size_t first = begin_window; first < end_window; first += batch_size) {
    const std::size_t size = std::min(batch_size, end_window - first);
    TG_TRY(run(BatchKind(size, batch_size, loss).with(optimizer)));
  }

  std::vector<double> losses(constants.size());
  TG_TRY(download(std::span(losses), batch_losses_.data()));
  OptimizerState after{std::vector<float>(adam ? count_ : 0), std::vector<float>(count_),
                       state.steps + constants.size()};
  if (adam) TG_TRY(download(std::span(after.first_moment), first_moment_.data()));
  TG_TRY(download(std::span(after.second_moment), second_moment_.data()));
  state = std::move(after);
  return losses;
}

Status CudaLstm::predict(std::span<float> out, const WindowBatch& windows) {
  TG_REQUIRE(out.size() == windows.size() * shape_.horizon, "room for another number of predictions");
  require_windows_fit(shape_, windows, false);
  if (out.empty()) return {};
  TG_TRY(use_device(device_));
  const Settled settled{*this};
  TG_TRY(begin(windows, windows.starts, windows.size()));
  TG_TRY(room(outputs_, out.size()));
  const std::size_t piece = piece_of(windows.size());
  const auto start_all = [&]() -> Status {
    for (std::size_t first = 0; first < windows.size(); first += piece) {
      const StepWork work = work_of(first, std::min(piece, windows.size() - first));
      TG_TRY(start_gather(cells_->inputs(), work, stream_.get()));
      TG_TRY(cells_->forward(work, false, std::nullopt));
      TG_TRY(start_predict_head(outputs_.data() + first * shape_.horizon, work, stream_.get()));
    }
    return {};
  };
  TG_TRY(in_some_way(windows.size(), false, start_all));
  return download(out, outputs_.data());
}

Expected<std::unique_ptr<LstmNetwork>> make_with_cudnn(const LstmShape& shape, std::uint64_t seed, int device,
                                                       const LstmOptions& options) {
  auto stream = make_cuda_stream();
  if (!stream) return stream.error();
#ifdef TIDEGAUGE_CUDNN
  auto cells = make_cudnn_cells(shape, options, device, stream->get());
#else
  Expected<std::unique_ptr<LstmCells>> cells =
      Error{"this CUDA module was built without cuDNN 9's headers", "--device",
            "install cuDNN 9 for CUDA 13, configure again (CUDNN_ROOT names its folder) and build; or --device cpu"};
#endif
  if (!cells) return cells.error();
  return std::unique_ptr<LstmNetwork>(
      std::make_unique<CudaLstm>(shape, seed, device, *std::move(stream), *std::move(cells)));
}

}  // namespace
}  // namespace lstm

Expected<std::unique_ptr<LstmNetwork>> make_lstm_cuda(const LstmShape& shape, std::uint64_t seed, int device,
                                                      const LstmOptions& options) {
  TG_REQUIRE(
      shape.features > 0 && shape.hidden > 0 && shape.layers > 0 && shape.look_back > 0 && shape.horizon > 0,
      "a network without inputs, units, layers, steps or outputs");
  TG_TRY(use_device(device));
  if (options.algorithm == LstmAlgorithm::tile) return make_lstm_tile_cuda(shape, seed, device);
  auto with_cudnn = lstm::make_with_cudnn(shape, seed, device, options);
  if (with_cudnn || options.algorithm != LstmAlgorithm::automatic) return with_cudnn;
  auto own = make_lstm_tile_cuda(shape, seed, device);
  if (own) return own;
  Error both = with_cudnn.error();
  both.what += "; and of our own kernel: " + own.error().what;
  return both;
}

}  // namespace tidegauge
