// Scores the labels of a series file against true ranges, over the stretch that the labels could speak of, in words and as
// JSON: one to one (range_score.hpp), by overlap (overlap_score.hpp), how late, how often; on request the original tool's
// pair count and NAB's three profiles (nab_score.hpp).
// Cost: n log n. Thread safety: pure functions. Tested by tests/host/truth_test.cpp and tests/tools/learn_test.cpp.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "host/nab_score.hpp"
#include "host/overlap_score.hpp"
#include "host/range_score.hpp"
#include "kernels/data/labels.hpp"

namespace tidegauge {

struct ScoreSettings {
  std::optional<IntervalRange> stretch{};  ///< only truth and detections that overlap it count
  bool seed_compatible = false;            ///< the pair count too
  OverlapSettings overlap{};
  std::int64_t covered_ns = 0;             ///< how long the stretch is covered, for alarms per day; 0: not known
  std::span<const std::int64_t> nab_rows{};  ///< intervals that NAB's rows are, ascending; empty: without its score
};

struct LabelScore {
  std::string source, column;
  RangeScore one_to_one;                 ///< merged ranges against the truth
  OverlapScore overlap;                  ///< of merged ranges
  std::optional<RangeScore> pairs;       ///< single detections against the truth, as the original tool counted
  std::optional<std::int64_t> median_delay_ns;  ///< of the true ranges found, to the first single detection of what found
                                                ///< them; below 0: before they began, within the labels' error
  std::optional<double> alarms_per_day;  ///< merged ranges
  std::vector<NabScore> nab;             ///< single detections, a profile each; empty where not asked for
  std::size_t truth_outside = 0, detected_outside = 0;  ///< left out
};

std::vector<IntervalRange> ranges_of(const Labels& labels);
LabelScore score_labels(const std::vector<IntervalRange>& truth, const Labels& labels, const ScoreSettings& settings);

std::string score_table(const std::vector<LabelScore>& scores);
std::string score_json(const std::vector<LabelScore>& scores);

}  // namespace tidegauge
