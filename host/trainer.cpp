#include "host/trainer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <utility>

#include "host/lstm_tuning.hpp"
#include "host/training_start.hpp"
#include "kernels/core/random.hpp"

namespace tidegauge {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// The loop itself: whole epochs of mini-batches, in pieces short enough to stop between them.
class TrainingRun {
 public:
  TrainingRun(Model& model, const TrainingData& data, LstmNetwork& network, const TrainHooks& hooks)
      : model_(model), progress_(model.progress), data_(data), network_(network), hooks_(hooks),
        batch_size_(batch_size(model.settings, data.training.size())),
        batches_((data.training.size() + batch_size_ - 1) / batch_size_) {
    loss_ = model.settings.loss;
    loss_.dropout_seed = dropout_seed(model.settings);
  }

  Expected<TrainEnd> run() {
    TG_TRY(network_.set_parameters(progress_.parameters));
    if (progress_.history.empty()) TG_TRY(begin());
    while (progress_.epoch < model_.settings.epochs && !out_of_patience()) {
      auto whole = run_epoch();
      if (!whole) return whole.error();
      if (!*whole) {
        TG_TRY(checkpoint());
        return TrainEnd::stopped;
      }
      TG_TRY(close_epoch());
    }
    TG_TRY(keep_state());
    if (data_.validation.empty()) model_.parameters = progress_.parameters;
    progress_.finished = true;
    return progress_.epoch < model_.settings.epochs ? TrainEnd::patience_ended : TrainEnd::epochs_done;
  }

  std::size_t batch() const { return batch_size_; }

 private:
  Status begin() {
    const auto loss = validation_loss();
    if (!loss) return loss.error();
    if (!data_.validation.empty() && !std::isfinite(*loss))
      return Error{"the validation loss is not a number before the first step", "training",
                   "--scaler minmax, or another column: its values may be too large"};
    progress_.history.push_back({std::nan(""), *loss});
    progress_.best_epoch = 0;
    if (!data_.validation.empty()) progress_.best_loss = *loss;
    return {};
  }

  /// @return false if it was stopped in the middle.
  Expected<bool> run_epoch() {
    std::vector<std::uint32_t> order = data_.training;
    if (model_.settings.shuffle) shuffle_starts(order, model_.settings.seed, progress_.epoch);
    const WindowBatch windows = data_.features.windows(order, model_.settings.look_back, model_.settings.horizon);
    std::size_t piece = 1;
    while (progress_.batch < batches_) {
      if (must_stop()) return false;
      std::size_t last = std::min(batches_, progress_.batch + piece);
      if (hooks_.max_steps > 0) last = std::min(last, progress_.batch + (hooks_.max_steps - steps_));
      const auto start = Clock::now();
      TG_TRY(train_batches(windows, last));
      // Long enough to cost nothing, short enough for Ctrl-C; the pieces do not change the result.
      if (seconds_since(start) < 0.1) piece *= 2;
      if (hooks_.checkpoint_every_s < seconds_since(last_checkpoint_)) TG_TRY(checkpoint());
    }
    return true;
  }

  bool must_stop() const {
    return (hooks_.stop && hooks_.stop()) || (hooks_.max_steps > 0 && steps_ >= hooks_.max_steps);
  }

  Status train_batches(const WindowBatch& windows, std::size_t last) {
    const auto losses = network_.train(windows, batch_size_, progress_.batch, last, loss_, model_.settings.optimizer,
                                       progress_.optimizer);
    if (!losses) return losses.error();
    for (double loss : *losses) {
      if (!std::isfinite(loss))
        return Error{fmt::format("the loss is no longer a number in epoch {}, batch {}", progress_.epoch + 1,
                                 progress_.batch + 1),
                     "training", fmt::format("a lower --learning-rate (now {}), --clip 1, or --scaler minmax",
                                             model_.settings.optimizer.learning_rate)};
      const std::size_t done = progress_.batch * batch_size_;
      progress_.loss_sum += loss * static_cast<double>(std::min(batch_size_, windows.size() - done));
      ++progress_.batch;
    }
    steps_ += losses->size();
    keep_algorithm();
    report();
    return {};
  }

  Status close_epoch() {
    const auto validation = validation_loss();
    if (!validation) return validation.error();
    const EpochLoss loss{progress_.loss_sum / static_cast<double>(data_.training.size()), *validation};
    if (!data_.validation.empty() && !std::isfinite(loss.validation))
      return Error{fmt::format("the validation loss is not a number after epoch {}", progress_.epoch + 1), "training",
                   "a lower --learning-rate, --clip 1, or --scaler minmax"};
    progress_.history.push_back(loss);
    ++progress_.epoch;
    progress_.batch = 0;
    progress_.loss_sum = 0;
    if (loss.validation < progress_.best_loss) {
      progress_.best_loss = loss.validation;
      progress_.best_epoch = progress_.epoch;
      TG_TRY(keep_parameters(model_.parameters));
    }
    report();
    return {};
  }

  bool out_of_patience() const {
    return model_.settings.patience > 0 && !data_.validation.empty() &&
           progress_.epoch >= progress_.best_epoch + model_.settings.patience;
  }

  Expected<double> validation_loss() {
    if (data_.validation.empty()) return std::nan("");
    const WindowBatch windows =
        data_.features.windows(data_.validation, model_.settings.look_back, model_.settings.horizon);
    std::vector<float> outputs(windows.size() * windows.horizon);
    TG_TRY(network_.predict(outputs, windows));
    return mean_loss(std::vector<double>(outputs.begin(), outputs.end()), windows, loss_);
  }

  Status keep_state() {
    keep_algorithm();
    return keep_parameters(progress_.parameters);
  }

  /// What the device came to by itself is said where it is news: at the start, and where it was refused on the way.
  void keep_algorithm() {
    const LstmAlgorithm before = std::exchange(progress_.algorithm, network_.algorithm());
    if (model_.settings.cudnn == LstmAlgorithm::automatic && progress_.algorithm != before && hooks_.remark)
      hooks_.remark(fmt::format("the device runs the LSTM by the algorithm {}", algorithm_name(progress_.algorithm)));
  }

  Status keep_parameters(std::vector<float>& place) {
    auto parameters = network_.parameters();
    if (!parameters) return parameters.error();
    place = *std::move(parameters);
    return {};
  }

  Status checkpoint() {
    TG_TRY(keep_state());
    if (data_.validation.empty()) model_.parameters = progress_.parameters;
    last_checkpoint_ = Clock::now();
    return hooks_.checkpoint.empty() ? Status{} : save_model(hooks_.checkpoint, model_);
  }

  void report() const {
    if (!hooks_.progress) return;
    hooks_.progress({progress_.epoch, model_.settings.epochs, progress_.batch, batches_, steps_,
                     progress_.history.back()});
  }

  Model& model_;
  TrainProgress& progress_;
  const TrainingData& data_;
  LstmNetwork& network_;
  const TrainHooks& hooks_;
  LossSettings loss_;
  std::size_t batch_size_, batches_;
  std::size_t steps_ = 0;
  Clock::time_point last_checkpoint_ = Clock::now();
};

/// Before the first step only: what was begun keeps its algorithm.
Status tune(TrainingStart& p, Backend& backend, const TrainHooks& hooks) {
  if (!hooks.tune_cudnn || !p.model.progress.history.empty()) return {};
  TrainSettings& s = p.model.settings;
  const auto windows = p.data.features.windows(p.data.training, s.look_back, s.horizon);
  const auto fastest = fastest_algorithm(backend, s, windows, batch_size(s, windows.size()), hooks.remark);
  if (!fastest) return fastest.error();
  s.cudnn = *fastest;
  return {};
}

Expected<TrainOutcome> run(TrainingStart p, Backend& backend, const TrainHooks& hooks) {
  TG_TRY(tune(p, backend, hooks));
  auto network = backend.lstm(p.model.settings.shape(), p.model.settings.seed, p.model.lstm_options());
  if (!network) return network.error();
  TrainOutcome outcome;
  outcome.training_windows = p.data.training.size();
  outcome.validation_windows = p.data.validation.size();
  TrainingRun training(p.model, p.data, **network, hooks);
  outcome.batch = training.batch();
  auto end = training.run();
  if (!end) return end.error();
  outcome.end = *end;
  outcome.model = std::move(p.model);
  return outcome;
}

bool was_begun(const TrainHooks& hooks) {
  return !hooks.checkpoint.empty() && std::filesystem::exists(hooks.checkpoint);
}

Expected<TrainOutcome> continue_checkpoint(const IntervalSeries& series, const TrainSettings& settings,
                                           Backend& backend, const TrainHooks& hooks, std::uint64_t base_hash) {
  auto model = load_model(hooks.checkpoint);
  if (!model) return model.error();
  if (model->base_hash != base_hash)
    return Error{"what was begun started from another model", hooks.checkpoint,
                 "the same --from and --refit-scaler, or another --model; --restart drops the checkpoint", ErrorKind::usage};
  if (hooks.remark)
    hooks.remark(fmt::format("going on from {} (epoch {}, batch {})", hooks.checkpoint, model->progress.epoch + 1,
                             model->progress.batch));
  return continue_training(std::move(*model), series, settings, backend, hooks, hooks.checkpoint);
}

/// What fine-tuning takes from a model: its weights, and its scale unless that is fitted anew. Never 0.
std::uint64_t base_hash_of(const Model& from, const FineTuneOptions& options) {
  std::uint64_t hash = mix64(from.parameters.size());
  const auto add = [&](std::uint64_t bits) { hash = mix64(hash ^ bits); };
  for (float weight : from.parameters) add(std::bit_cast<std::uint32_t>(weight));
  if (!options.refit_scaler) {
    for (const Scaler& s : from.scalers) {
      add(static_cast<std::uint64_t>(s.kind) << 1 | std::uint64_t{s.log1p});
      add(std::bit_cast<std::uint64_t>(s.offset));
      add(std::bit_cast<std::uint64_t>(s.scale));
    }
  }
  return std::max<std::uint64_t>(hash, 1);
}

/// The scale that comes with the model was fitted to its columns in its way.
Status check_frozen_scale(const TrainSettings& from, const TrainSettings& settings) {
  if (from.scaler != settings.scaler || from.log1p != settings.log1p)
    return Error{"another --scaler or --log than the model's: the scale comes with the model", "--from",
                 "add --refit-scaler, or leave them out", ErrorKind::usage};
  if (from.extra_columns != settings.extra_columns)
    return Error{"other --extra-columns than the model's: their scale comes with the model", "--from",
                 "add --refit-scaler, or leave them out", ErrorKind::usage};
  return {};
}

}  // namespace

Expected<TrainOutcome> train_model(const IntervalSeries& series, const TrainSettings& settings, Backend& backend,
                                   const TrainHooks& hooks) {
  if (was_begun(hooks)) return continue_checkpoint(series, settings, backend, hooks, 0);
  auto prepared = prepare_training(series, settings, nullptr);
  if (!prepared) return prepared.error();
  set_first_parameters(*prepared);
  return run(std::move(*prepared), backend, hooks);
}

Expected<TrainOutcome> fine_tune(const Model& from, const IntervalSeries& series, const TrainSettings& settings,
                                 const FineTuneOptions& options, Backend& backend, const TrainHooks& hooks) {
  if (!(from.settings.shape() == settings.shape()))
    return Error{"the model to start from has another shape (look-back, horizon, hidden, layers, inputs or skip)",
                 "--from", "leave those options out: they are taken from the model", ErrorKind::usage};
  if (!options.refit_scaler) TG_TRY(check_frozen_scale(from.settings, settings));
  const std::uint64_t base_hash = base_hash_of(from, options);
  if (was_begun(hooks)) return continue_checkpoint(series, settings, backend, hooks, base_hash);
  auto prepared = prepare_training(series, settings, options.refit_scaler ? nullptr : &from.scalers);
  if (!prepared) return prepared.error();
  prepared->model.base_hash = base_hash;
  prepared->model.parameters = from.parameters;
  prepared->model.progress.parameters = from.parameters;
  return run(std::move(*prepared), backend, hooks);
}

Expected<TrainOutcome> continue_training(Model model, const IntervalSeries& series, const TrainSettings& settings,
                                         Backend& backend, const TrainHooks& hooks, const std::string& where) {
  auto prepared = prepare_continuation(std::move(model), series, settings, where);
  if (!prepared) return prepared.error();
  return run(std::move(*prepared), backend, hooks);
}

}  // namespace tidegauge
