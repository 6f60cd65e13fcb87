// Many independent networks of one shape trained side by side: one per port, prefix or link. Each has its own
// series, order of batches, optimizer, early stop and best parameters, so what becomes of one depends on no
// other: a model trained alone equals the same model among a thousand, bit for bit, on each backend. The unit
// of a call is a number of epochs; calls follow each other until no model trains any more, and the states
// between them are everything that a checkpoint must keep. On the CPU a model also equals what
// LstmNetwork::train and predict give, called epoch by epoch. Cost: the sum of the models' lstm.hpp costs;
// the CPU shares out models over threads (and threads over models where there are fewer models), a GPU has a
// block per model and one launch a call. So a call lasts at least one epoch of the longest series on one block: with
// 10,000 windows of 32 steps and 64 units an estimated 0.15 s, with a million 15 s, in which nobody can stop it and a
// card that also drives a display may end the launch. Thread safety: one call at a time per backend. Tested by
// tests/kernels/lstm_many_test.cpp.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "kernels/core/host_device.hpp"
#include "kernels/core/status.hpp"
#include "kernels/data/epoch_loss.hpp"
#include "kernels/data/window_batch.hpp"
#include "kernels/lstm/lstm.hpp"
#include "kernels/optimizer/optimizer.hpp"

namespace tidegauge {

/// What all models share.
struct ManySettings {
  LstmShape shape;
  LossSettings loss;  ///< its dropout_seed is not read: each model has its own
  OptimizerSettings optimizer;
  std::size_t epochs = 100;   ///< wanted altogether
  std::size_t patience = 10;  ///< epochs without a better validation loss before a model stops; 0 never
  bool shuffle = true;
};

/// What one model learns from. Nothing is copied: the arrays must stay while a call runs.
struct ManyTask {
  WindowBatch training;  ///< starts in the order of time; shuffle_starts orders those of an epoch
  WindowBatch
      validation;  ///< may have no windows: then nothing stops early, and the newest parameters are the best
  std::size_t batch_size = 32;
  std::uint64_t seed = 1;  ///< of the order of an epoch's batches
  std::uint64_t dropout_seed = 0;
};

enum class ManyEnd : std::uint8_t {
  none,  ///< it has epochs before it
  epochs_done,
  patience_ended,
  diverged,  ///< a loss was no number: that epoch is not taken, the state is that of the epoch before or the start
};

/// Where one model stands.
struct ManyState {
  std::vector<float> parameters;       ///< in: the start; flat, as lstm_tensors says
  std::vector<float> best_parameters;  ///< those of best_epoch
  OptimizerState optimizer;
  std::vector<EpochLoss> history;  ///< [0] is the start; empty until the first call
  std::size_t best_epoch = 0;
  double best_loss = std::numeric_limits<double>::infinity();
  ManyEnd end = ManyEnd::none;

  std::size_t epochs_done() const { return history.empty() ? 0 : history.size() - 1; }
};

/// Trains every model whose end is `none` or for which more epochs are wanted now, by up to `most_epochs`
/// epochs.
/// @param states one per task.  @param threads 0 for all cores; results do not depend on it.
Status train_many_cpu(std::span<ManyState> states, std::span<const ManyTask> tasks,
                      const ManySettings& settings, std::size_t most_epochs, std::size_t threads);

/// Where one model stands, without what it holds.
struct ManyStanding {
  std::size_t epochs_done = 0;
  ManyEnd end = ManyEnd::none;
};

/// Many networks in training on one device, which keeps what they hold from call to call.
/// After a failed call (only a device can fail) it is of no further use but for states().
class ManyNetworks {
 public:
  virtual ~ManyNetworks() = default;
  /// Trains every model that has epochs before it by up to `most_epochs` epochs.
  virtual Status train(std::size_t most_epochs) = 0;
  /// One per model, as of now.
  virtual std::vector<ManyStanding> standings() const = 0;
  /// Brings states() up to date.
  virtual Status fetch() = 0;
  /// As of the last successful fetch(), at first what was given. Each model's is whole, also after a failure.
  virtual std::span<const ManyState> states() const = 0;
};

/// As train_many_cpu, call by call. What the tasks point at must stay.
std::unique_ptr<ManyNetworks> make_many_cpu(std::vector<ManyState> states, std::span<const ManyTask> tasks,
                                            const ManySettings& settings, std::size_t threads);

// What both backends do to a state between epochs -----

/// What follows from `epochs_done`. @param validated whether there are validation windows.
TG_HD inline ManyEnd many_end(std::size_t epochs_done, std::size_t best_epoch, std::size_t epochs,
                              std::size_t patience, bool validated) {
  if (epochs_done >= epochs) return ManyEnd::epochs_done;
  const bool impatient = patience > 0 && validated && epochs_done >= best_epoch + patience;
  return impatient ? ManyEnd::patience_ended : ManyEnd::none;
}

/// Sets `end` from what was done: a resumed run may want more epochs or more patience than the one before.
void renew_end(ManyState& state, const ManyTask& task, const ManySettings& settings);

/// Positions of the models that have epochs before them; renews their ends.
std::vector<std::size_t> still_training(std::span<ManyState> states, std::span<const ManyTask> tasks,
                                        const ManySettings& settings);

}  // namespace tidegauge
