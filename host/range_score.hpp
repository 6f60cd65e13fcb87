// Scores detections against the truth, both as ranges of intervals. One-to-one: a true range is found at most once and
// a detection finds at most one, so that a burst of detections in one range does not inflate precision. The pair count
// of the system that this one grew from is kept beside it for comparison.
// Cost: n log n. Thread safety: pure functions. Tested by tests/host/range_score_test.cpp against a brute-force matching.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/data/interval_range.hpp"

namespace tidegauge {

struct RangeMatch {
  std::size_t truth, detection;  ///< positions in what was given
  friend bool operator==(const RangeMatch&, const RangeMatch&) = default;
};

/// Precision, recall and F1 are 0 where their denominator is 0.
struct RangeScore {
  std::size_t true_positives = 0, false_positives = 0, false_negatives = 0;
  double precision = 0, recall = 0, f1 = 0;
  std::vector<RangeMatch> matches;  ///< one-to-one only; ordered by truth
};

/// A maximum one-to-one matching of ranges that overlap. Deterministic: the range that ends first is served first, by
/// the overlapping counterpart that ends first (then by position).
RangeScore score_one_to_one(std::span<const IntervalRange> truth, std::span<const IntervalRange> detected);

/// The seed's count: true positives are (range, detection) pairs with first < detection < last, strictly; false
/// negatives are ranges without a pair, false positives detections without a pair.
RangeScore score_pairs(std::span<const IntervalRange> truth, std::span<const std::int64_t> detections);

}  // namespace tidegauge
