// What a training run reads: the split of the series, its scaled features and the starts of its windows.
// Cost: one pass over the series. Thread safety: values. Tested by tests/host/trainer_test.cpp.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "host/features.hpp"
#include "host/train_settings.hpp"
#include "kernels/core/status.hpp"
#include "kernels/data/interval_series.hpp"
#include "kernels/windowing/windowing.hpp"

namespace tidegauge {

struct TrainingData {
  ChronologicalSplit split;
  FeatureMatrix features;
  std::vector<std::uint32_t> training, validation;  ///< window starts, in the order of time

  /// Starts of the whole training part: what the linear baseline is fitted on.
  std::vector<std::uint32_t> training_part() const;
};

Expected<TrainingData> make_training_data(const IntervalSeries& series, const TrainSettings& settings,
                                          const ChronologicalSplit& split, std::span<const Scaler> scalers);

/// Identity of what the training part holds, so that a checkpoint is not continued on other data.
std::uint64_t training_hash(const IntervalSeries& series, const TrainSettings& settings, Segment training_part);

/// `settings.batch`, or the power of two nearest below 1 % of the windows, from 32 to 1,024: about a hundred steps an
/// epoch where the data allows it, and the Keras default where it is short.
std::size_t batch_size(const TrainSettings& settings, std::size_t windows);

}  // namespace tidegauge
