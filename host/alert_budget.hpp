// The threshold that an alert budget asks for. Alerts are merged ranges, so their number is not monotone in the
// threshold (a detection between two others joins them): the threshold is the lowest one at and above which no threshold
// gives more alerts than the budget.
// Cost: n log n. Thread safety: pure functions. Tested by tests/host/labeller_test.cpp against counting ranges anew.
#pragma once

#include <cstdint>
#include <span>

namespace tidegauge {

/// One point in one direction. Detections merge if they are at most `reach` apart in one segment and direction.
struct Candidate {
  double strength;
  std::int64_t k;
  std::uint32_t segment;
  bool rising;
};

/// @param reach largest distance at which the ranges of two detections share an interval: 2 * error.
/// @return a threshold: strengths strictly above it are within the budget.
double threshold_for_budget(std::span<const Candidate> candidates, std::int64_t reach, bool merge, double most_alerts);

}  // namespace tidegauge
