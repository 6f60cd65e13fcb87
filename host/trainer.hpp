// Trains a model on a series. Stopping at any step and going on gives the same bits as not stopping, for any number of
// threads: batches follow from (seed, epoch), dropout from (seed, step), and a checkpoint holds everything else.
//   auto outcome = train_model(series, settings, backend, hooks);
// With the skip connection the network starts exactly at the linear solution, and that start counts as epoch 0 of early
// stopping: the result is never worse on the validation tail than the linear model.
// Cost: lstm.hpp's, plus one prediction of the validation tail an epoch. Thread safety: one run a thread.
// Tested by tests/host/trainer_test.cpp, and on real traffic by tests/host/seed_reproduction_test.cpp.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "host/model_file.hpp"
#include "host/train_settings.hpp"
#include "kernels/core/backend.hpp"
#include "kernels/core/status.hpp"
#include "kernels/data/interval_series.hpp"

namespace tidegauge {

struct TrainReport {
  std::size_t epoch = 0, epochs = 0;    ///< epochs done, epochs wanted
  std::size_t batch = 0, batches = 0;   ///< of the current epoch
  std::size_t batches_this_run = 0;     ///< since train_model was called, for a rate
  EpochLoss last;                       ///< of the last whole epoch
};

struct TrainHooks {
  std::function<bool()> stop;                          ///< asked between steps; true stops and keeps what was done
  std::function<void(const TrainReport&)> progress;    ///< several times a second at most
  std::function<void(const std::string&)> remark;      ///< words worth showing once
  std::string checkpoint;                              ///< file to keep the state in; empty: none
  double checkpoint_every_s = 30;
  std::size_t max_steps = 0;                           ///< steps of this run; 0: no limit
  bool tune_cudnn = false;                             ///< measure a GPU's algorithms first; the fastest is kept in the model
};

enum class TrainEnd { epochs_done, patience_ended, stopped };

struct TrainOutcome {
  Model model;
  TrainEnd end = TrainEnd::epochs_done;
  std::size_t training_windows = 0, validation_windows = 0, batch = 0;
};

/// From the start, or from `hooks.checkpoint` if that file is there and its settings and data are the same (other
/// epochs and patience are allowed); if they are not, that is an error.
Expected<TrainOutcome> train_model(const IntervalSeries& series, const TrainSettings& settings, Backend& backend,
                                   const TrainHooks& hooks);

struct FineTuneOptions {
  bool refit_scaler = false;  ///< otherwise the model keeps the scale that its weights were trained in
};
/// Goes on from a trained model's weights on another series, with a fresh optimizer. The shapes must be the same, and
/// without refit_scaler the scaling and the extra columns too. A checkpoint is taken up as in train_model if it was
/// begun from the same model.
Expected<TrainOutcome> fine_tune(const Model& from, const IntervalSeries& series, const TrainSettings& settings,
                                 const FineTuneOptions& options, Backend& backend, const TrainHooks& hooks);

/// Goes on exactly where `model` stands, up to `settings.epochs`; everything else in the settings must be the same.
/// @param where the model's file, named in errors.
Expected<TrainOutcome> continue_training(Model model, const IntervalSeries& series, const TrainSettings& settings,
                                         Backend& backend, const TrainHooks& hooks, const std::string& where = {});

}  // namespace tidegauge
