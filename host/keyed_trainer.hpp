// Trains one model per key, all with the same settings, many at a time (kernels/lstm/lstm_many.hpp). The model of a key
// depends on nothing but its own series and the settings: alone, among a thousand, stopped and gone on, on any number of
// threads it is the same, and on the CPU also what train_model makes of that series.
// Cost: the sum of the models', shared out over threads or a GPU's blocks; memory: 12 bytes a key and interval for the
// scaled inputs beside what keyed_series.hpp takes. Thread safety: one run a thread.
// Tested by tests/host/keyed_trainer_test.cpp.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "host/keyed_model_file.hpp"
#include "host/keyed_series.hpp"
#include "host/train_settings.hpp"
#include "kernels/core/backend.hpp"
#include "kernels/core/status.hpp"

namespace tidegauge {

struct KeyedReport {
  std::size_t epoch = 0, epochs = 0;       ///< epochs done by those that still train, epochs wanted
  std::size_t training = 0, models = 0;    ///< models that still train, all
};

struct KeyedHooks {
  std::function<bool()> stop;                            ///< asked between pieces of epochs
  std::function<void(const KeyedReport&)> progress;
  std::string checkpoint;                                ///< file to keep the state in; empty: none
  double checkpoint_every_s = 30;                        ///< and what a lost device takes away at most
};

/// How a key's models did on its validation tail: scaled losses, NaN without a tail.
struct KeyedScore {
  double lstm = 0, linear = 0, persistence = 0;
};

struct KeyedOutcome {
  KeyedModels models;              ///< in the order of the series' keys
  std::vector<KeyedScore> scores;  ///< one per model
  bool stopped = false;            ///< the checkpoint holds the state
};

/// @param begun null, or models of the same keys that go on where they stand; other keys, settings (but epochs and
///   patience) or data are an error that names `where`.
Expected<KeyedOutcome> train_by_key(const KeyedSeries& series, const TrainSettings& settings, Backend& backend,
                                    const KeyedHooks& hooks, const KeyedModels* begun = nullptr,
                                    const std::string& where = {});

}  // namespace tidegauge
