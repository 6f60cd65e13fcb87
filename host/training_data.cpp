#include "host/training_data.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "kernels/core/random.hpp"

namespace tidegauge {

std::vector<std::uint32_t> TrainingData::training_part() const {
  std::vector<std::uint32_t> all = training;
  all.insert(all.end(), validation.begin(), validation.end());
  return all;
}

Expected<TrainingData> make_training_data(const IntervalSeries& series, const TrainSettings& settings,
                                          const ChronologicalSplit& split, std::span<const Scaler> scalers) {
  TrainingData data;
  data.split = split;
  auto features = make_features(series, settings, scalers);
  if (!features) return features.error();
  data.features = std::move(*features);
  const std::vector<Segment> segments = series.segments();
  data.training = window_starts(segments, settings.look_back, settings.horizon, split.training);
  data.validation = window_starts(segments, settings.look_back, settings.horizon, split.validation);
  if (data.training.size() >= 2) return data;
  std::size_t longest = 0;
  for (const Segment& s : segments) longest = std::max(longest, s.size());
  return Error{fmt::format("the training part ({} rows; longest run without a gap in the series: {}) holds {} windows "
                           "of {} + {} intervals", split.training.size(), longest, data.training.size(),
                           settings.look_back, settings.horizon),
               "--look-back", "a shorter --look-back, a longer --train, or more data"};
}

std::uint64_t training_hash(const IntervalSeries& series, const TrainSettings& settings, Segment part) {
  std::uint64_t hash = mix64(static_cast<std::uint64_t>(series.interval_ns)) ^ part.size();
  const auto positions = find_columns(series, settings);
  if (!positions) return 0;
  for (std::size_t row = part.first; row < part.last; ++row) {
    hash = mix64(hash ^ static_cast<std::uint64_t>(series.k[row]) ^ (std::uint64_t{series.complete[row]} << 63));
    for (std::size_t column : *positions) hash = mix64(hash ^ std::bit_cast<std::uint64_t>(series.at(row, column)));
  }
  return hash;
}

std::size_t batch_size(const TrainSettings& settings, std::size_t windows) {
  if (settings.batch > 0) return settings.batch;
  return std::clamp<std::size_t>(std::bit_floor(windows / 100 + 1), 32, 1024);
}

}  // namespace tidegauge
