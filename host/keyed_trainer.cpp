#include "host/keyed_trainer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "host/training_start.hpp"
#include "kernels/lstm/lstm_many.hpp"

namespace tidegauge {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

ManyState state_of(Model& model, bool diverged) {
  ManyState state;
  state.parameters = std::move(model.progress.parameters);
  state.best_parameters = std::move(model.parameters);
  state.optimizer = std::move(model.progress.optimizer);
  state.history = std::move(model.progress.history);
  state.best_epoch = model.progress.best_epoch;
  state.best_loss = model.progress.best_loss;
  state.end = diverged ? ManyEnd::diverged : ManyEnd::none;
  return state;
}

void put_back(KeyedModel& one, const ManyState& state, bool finished) {
  Model& model = one.model;
  one.diverged = state.end == ManyEnd::diverged;
  model.parameters = state.best_parameters;
  model.progress.parameters = state.parameters;
  model.progress.optimizer = state.optimizer;
  model.progress.history = state.history;
  model.progress.epoch = state.epochs_done();
  model.progress.best_epoch = state.best_epoch;
  model.progress.best_loss = state.best_loss;
  model.progress.finished = finished;
}

/// The newest value of the predicted column, said of every step.
double persistence_loss(const WindowBatch& windows, const LossSettings& loss) {
  std::vector<double> outputs;
  for (std::size_t w = 0; w < windows.size(); ++w) {
    const float newest = windows.input(w)[(windows.look_back - 1) * windows.feature_count];
    outputs.insert(outputs.end(), windows.horizon, static_cast<double>(newest));
  }
  return mean_loss(outputs, windows, loss);
}

double linear_loss(const LinearModel& linear, const WindowBatch& windows, const LossSettings& loss) {
  std::vector<double> outputs(windows.size() * windows.horizon);
  predict_linear(outputs, linear, windows);
  return mean_loss(outputs, windows, loss);
}

/// The network's own score comes when it is trained.
KeyedScore score_plain_models(const LinearModel& linear, const WindowBatch& validation, const LossSettings& loss) {
  if (validation.size() == 0) return {std::nan(""), std::nan(""), std::nan("")};
  return {std::nan(""), linear_loss(linear, validation, loss), persistence_loss(validation, loss)};
}

class KeyedRun {
 public:
  KeyedRun(const TrainSettings& settings, Backend& backend, const KeyedHooks& hooks)
      : settings_(settings), backend_(backend), hooks_(hooks),
        many_{settings.shape(), settings.loss, settings.optimizer, settings.epochs, settings.patience, settings.shuffle} {}

  Status add_keys(const KeyedSeries& series, const KeyedModels* begun, const std::string& where) {
    outcome_.models.kind = series.kind();
    data_.reserve(series.keys().size());  // tasks point into it
    for (std::size_t i = 0; i < series.keys().size(); ++i) {
      const KeyedModel* before = begun ? &begun->models[i] : nullptr;
      auto start = before ? prepare_continuation(before->model, series.series(i), settings_, where)
                          : prepare_training(series.series(i), settings_, nullptr);
      if (!start) return named(start.error(), series.keys()[i].name);
      if (!before) set_first_parameters(*start);
      add(series.keys()[i].name, *std::move(start), before && before->diverged);
    }
    return {};
  }

  Expected<KeyedOutcome> run() {
    auto networks = backend_.many(std::move(states_), tasks_, many_);
    if (!networks) return networks.error();
    networks_ = *std::move(networks);
    std::size_t piece = 1;
    while (report() > 0) {
      if (hooks_.stop && hooks_.stop()) {
        outcome_.stopped = true;
        TG_TRY(fetch_checkpoint());
        return std::move(outcome_);
      }
      const auto start = Clock::now();
      if (const Status trained = networks_->train(piece); !trained) {
        TG_TRY(checkpoint());  // of the last fetch
        return trained.error();
      }
      // Long enough to cost nothing, short enough for Ctrl-C; the pieces do not change the result.
      if (seconds_since(start) < 0.5) piece *= 2;
      if (hooks_.checkpoint_every_s < seconds_since(last_checkpoint_)) TG_TRY(fetch_checkpoint());
    }
    TG_TRY(networks_->fetch());
    gather(true);
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
      const ManyState& state = networks_->states()[i];
      outcome_.scores[i].lstm = state.history[state.best_epoch].validation;
    }
    return std::move(outcome_);
  }

 private:
  static Error named(Error error, const std::string& key) {
    error.what = fmt::format("key {}: {}", key, error.what);
    return error;
  }

  void add(const std::string& key, TrainingStart start, bool diverged) {
    const TrainingData& data = data_.emplace_back(std::move(start.data));
    const auto windows = [&](const std::vector<std::uint32_t>& starts) {
      return data.features.windows(starts, settings_.look_back, settings_.horizon);
    };
    const WindowBatch validation = windows(data.validation);
    tasks_.push_back({windows(data.training), validation, batch_size(settings_, data.training.size()), settings_.seed,
                      dropout_seed(settings_)});
    states_.push_back(state_of(start.model, diverged));
    outcome_.scores.push_back(score_plain_models(start.linear_start, validation, settings_.loss));
    outcome_.models.models.push_back({key, std::move(start.model), diverged});
  }

  /// @return how many models still train.
  std::size_t report() const {
    KeyedReport report{0, settings_.epochs, 0, tasks_.size()};
    for (const ManyStanding& standing : networks_->standings()) {
      if (standing.end != ManyEnd::none) continue;
      ++report.training;
      report.epoch = std::max(report.epoch, standing.epochs_done);
    }
    if (hooks_.progress) hooks_.progress(report);
    return report.training;
  }

  void gather(bool finished) {
    for (std::size_t i = 0; i < tasks_.size(); ++i) put_back(outcome_.models.models[i], networks_->states()[i], finished);
  }

  Status fetch_checkpoint() {
    TG_TRY(networks_->fetch());
    return checkpoint();
  }

  Status checkpoint() {
    gather(false);
    last_checkpoint_ = Clock::now();
    return hooks_.checkpoint.empty() ? Status{} : save_keyed_models(hooks_.checkpoint, outcome_.models);
  }

  const TrainSettings& settings_;
  Backend& backend_;
  const KeyedHooks& hooks_;
  const ManySettings many_;
  std::vector<TrainingData> data_;
  std::vector<ManyTask> tasks_;
  std::vector<ManyState> states_;  ///< at the start
  std::unique_ptr<ManyNetworks> networks_;
  KeyedOutcome outcome_;
  Clock::time_point last_checkpoint_ = Clock::now();
};

Status check_same_keys(const KeyedSeries& series, const KeyedModels& begun, const std::string& where) {
  const bool same = begun.kind == series.kind() &&
                    std::ranges::equal(series.keys(), begun.models, {}, &SeriesFile::KeyTotal::name, &KeyedModel::key);
  if (same) return {};
  return Error{"what was begun has other keys", where,
               "the same --by-key, --top and --keys, or another --model; --restart drops the checkpoint", ErrorKind::usage};
}

}  // namespace

Expected<KeyedOutcome> train_by_key(const KeyedSeries& series, const TrainSettings& settings, Backend& backend,
                                    const KeyedHooks& hooks, const KeyedModels* begun, const std::string& where) {
  if (begun) TG_TRY(check_same_keys(series, *begun, where));
  KeyedRun run(settings, backend, hooks);
  TG_TRY(run.add_keys(series, begun, where));
  return run.run();
}

}  // namespace tidegauge
