// One column of a series as statistics see it: the values of fully covered intervals, in runs of consecutive ones. A gap,
// a partly covered interval and a value that is no number end a run; nothing is ever computed across one.
//   all values:       moments, quantiles, trend (a value has its own time), transform
//   pooled over runs: autocovariances, sums over scales, Hurst exponents (products, blocks and windows lie inside a run)
//   longest run:      ADF, KPSS, periods (their distributions are known for contiguous series only)
// Cost: one pass. Thread safety: values. Tested by tests/host/statistics_test.cpp.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/data/interval_series.hpp"

namespace tidegauge {

struct Sample {
  std::int64_t interval_ns = 0;
  std::vector<double> values;
  std::vector<std::int64_t> k;  ///< interval of each value
  std::vector<Segment> runs;    ///< rows of `values`
  std::size_t partial = 0;      ///< intervals left out because they are partly covered
  std::size_t not_finite = 0;   ///< intervals left out because their value is no finite number

  std::size_t size() const { return values.size(); }
  std::span<const double> run(const Segment& s) const { return std::span(values).subspan(s.first, s.size()); }
  /// The first of the longest runs; empty where there is no value.
  std::span<const double> longest() const;
};

/// Contiguous values as a sample of one run, from interval 0.
Sample sample_of(std::span<const double> values, std::int64_t interval_ns = 1'000'000'000);
Sample sample_of(const IntervalSeries& series, std::size_t column);

/// Stretches between the first and the last value that have none.
struct Gaps {
  std::size_t count = 0;
  std::int64_t intervals = 0;        ///< in all of them together
  std::int64_t longest = 0;          ///< intervals of the longest
  std::int64_t longest_first_k = 0;  ///< where that begins
  std::int64_t span = 0;             ///< intervals from the first value to the last, both included
};
Gaps find_gaps(const Sample& sample);

/// Sum of products, in eight strands: the same bits on every machine, and four times the speed of one strand.
double dot(std::span<const double> a, std::span<const double> b);
double mean_of(std::span<const double> values);

}  // namespace tidegauge
