// Scores the labels of a series file against true ranges: both counts of range_score.hpp over the stretch that the
// labels could speak of, in words and as JSON.
// Cost: n log n. Thread safety: pure functions. Tested by tests/host/truth_test.cpp and tests/tools/learn_test.cpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "host/range_score.hpp"
#include "kernels/data/labels.hpp"

namespace tidegauge {

struct ScoreSettings {
  std::optional<IntervalRange> stretch;  ///< only truth and detections that overlap it count
  bool seed_compatible = false;          ///< the pair count too
};

struct LabelScore {
  std::string source, column;
  RangeScore one_to_one;                 ///< merged ranges against the truth
  std::optional<RangeScore> pairs;       ///< single detections against the truth, as the original tool counted
  std::size_t truth_outside = 0, detected_outside = 0;  ///< left out
};

std::vector<IntervalRange> ranges_of(const Labels& labels);
LabelScore score_labels(const std::vector<IntervalRange>& truth, const Labels& labels, const ScoreSettings& settings);

std::string score_table(const std::vector<LabelScore>& scores);
std::string score_json(const std::vector<LabelScore>& scores);

}  // namespace tidegauge
