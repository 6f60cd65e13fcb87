#include "host/statistics/sample.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/core/contract.hpp"

namespace tidegauge {

std::span<const double> Sample::longest() const {
  if (runs.empty()) return {};
  return run(*std::max_element(runs.begin(), runs.end(),
                               [](const Segment& a, const Segment& b) { return a.size() < b.size(); }));
}

Sample sample_of(const IntervalSeries& series, std::size_t column) {
  Sample sample;
  sample.interval_ns = series.interval_ns;
  for (std::size_t row = 0; row < series.size(); ++row) {
    const double value = series.at(row, column);
    if (!series.complete[row]) ++sample.partial;
    else if (!std::isfinite(value)) ++sample.not_finite;
    else {
      const std::size_t at = sample.size();
      if (at > 0 && sample.k.back() + 1 == series.k[row]) sample.runs.back().last = at + 1;
      else sample.runs.push_back({at, at + 1});
      sample.values.push_back(value);
      sample.k.push_back(series.k[row]);
    }
  }
  return sample;
}

Sample sample_of(std::span<const double> values, std::int64_t interval_ns) {
  IntervalSeries series;
  series.interval_ns = interval_ns;
  series.columns = {"value"};
  series.values.assign(values.begin(), values.end());
  series.complete.assign(values.size(), 1);
  for (std::size_t i = 0; i < values.size(); ++i) series.k.push_back(static_cast<std::int64_t>(i));
  return sample_of(series, 0);
}

Gaps find_gaps(const Sample& sample) {
  Gaps gaps;
  if (sample.k.empty()) return gaps;
  gaps.span = sample.k.back() - sample.k.front() + 1;
  for (std::size_t r = 1; r < sample.runs.size(); ++r) {
    const std::int64_t before = sample.k[sample.runs[r - 1].last - 1];
    const std::int64_t missing = sample.k[sample.runs[r].first] - before - 1;
    ++gaps.count;
    gaps.intervals += missing;
    if (missing > gaps.longest) gaps.longest = missing, gaps.longest_first_k = before + 1;
  }
  return gaps;
}

double dot(std::span<const double> a, std::span<const double> b) {
  TG_REQUIRE(a.size() == b.size(), "a product of two series of different lengths");
  std::array<double, 8> sums{};
  std::size_t i = 0;
  for (; i + 8 <= a.size(); i += 8)
    for (std::size_t lane = 0; lane < 8; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  for (; i < a.size(); ++i) sums[i % 8] += a[i] * b[i];
  return ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
}

double mean_of(std::span<const double> values) {
  if (values.empty()) return 0;
  // Shifted by the first value, so that a large constant costs no digits.
  double sum = 0;
  for (const double v : values) sum += v - values.front();
  return values.front() + sum / static_cast<double>(values.size());
}

}  // namespace tidegauge
