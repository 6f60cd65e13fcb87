// Windows taken by index from one feature matrix, never copied out: window w reads feature rows
// [start, start + look_back) and is asked for targets [start + look_back, start + look_back + horizon).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tidegauge {

struct WindowBatch {
  std::span<const float> features;        ///< row-major [points][feature_count], scaled
  std::size_t feature_count = 1;
  std::span<const float> targets;         ///< [points], scaled; may be empty when only predicting
  std::size_t look_back = 1;              ///< T, time steps read
  std::size_t horizon = 1;                ///< O, steps predicted directly
  std::span<const std::uint32_t> starts;  ///< one per window
  /// Names the contents of features and targets, so that a device keeps its copy: batches with the same id have the same
  /// contents, for ever. One counter of the program gives them out (host/features.cpp): the CUDA module would have its
  /// own of whatever it shared with the program. 0: unknown, copied at every call.
  std::uint64_t series_id = 0;

  std::size_t size() const { return starts.size(); }
  /// The [look_back][feature_count] features of window w, contiguous.
  const float* input(std::size_t w) const { return features.data() + std::size_t{starts[w]} * feature_count; }
  /// The [horizon] targets of window w, contiguous.
  const float* target(std::size_t w) const { return targets.data() + starts[w] + look_back; }
};

}  // namespace tidegauge
