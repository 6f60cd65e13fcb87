// Precision and recall for ranges (Tatbul, Lee, Zdonik, Alam and Gottschlich, "Precision and Recall for Time Series",
// NeurIPS 2018): of each true range how much of it was detected, of each detected one how much of it was true.
//   recall of a range     = alpha * [it overlaps anything] + (1 - alpha) * cardinality * (share that is overlapped)
//   precision of a range  =                                                cardinality * (share that is overlapped)
// cardinality is 1 where a range overlaps at most one of the others and 1 / their number otherwise; shares are weighted by
// the bias over the place in the range. Both are means over ranges.
// Cost: n log n and linear in overlaps. Thread safety: pure functions. Tested by tests/host/overlap_score_test.cpp.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "host/range_score.hpp"
#include "kernels/core/status.hpp"

namespace tidegauge {

/// Where in a true range it matters most to be detected. Precision is always flat, as the authors propose.
enum class OverlapBias : std::uint8_t { flat, front, middle, back };
Expected<OverlapBias> overlap_bias_by_name(std::string_view name);

struct OverlapSettings {
  double alpha = 0;  ///< in [0, 1]: the weight of being found at all
  OverlapBias bias = OverlapBias::flat;
};

struct OverlapScore {
  double precision = 0, recall = 0, f1 = 0;  ///< 0 where there is no range to judge
};

/// Ranges of one side may overlap each other; each is judged by itself.
OverlapScore score_overlap(std::span<const IntervalRange> truth, std::span<const IntervalRange> detected,
                           const OverlapSettings& settings);

}  // namespace tidegauge
