// A stretch of intervals, and the union of many.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace tidegauge {

/// Intervals first_k to last_k, both included.
struct IntervalRange {
  std::int64_t first_k = 0, last_k = 0;
  bool overlaps(const IntervalRange& other) const { return first_k <= other.last_k && other.first_k <= last_k; }
  friend bool operator==(const IntervalRange&, const IntervalRange&) = default;
};

/// What the ranges cover, ordered and disjoint. Cost: n log n.
inline std::vector<IntervalRange> united(std::vector<IntervalRange> ranges) {
  std::ranges::sort(ranges, {}, &IntervalRange::first_k);
  std::vector<IntervalRange> result;
  for (const IntervalRange& range : ranges) {
    if (range.last_k < range.first_k) continue;
    if (result.empty() || range.first_k > result.back().last_k) result.push_back(range);
    else result.back().last_k = std::max(result.back().last_k, range.last_k);
  }
  return result;
}

}  // namespace tidegauge
