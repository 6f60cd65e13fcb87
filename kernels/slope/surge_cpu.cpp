#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/core/contract.hpp"
#include "kernels/slope/surge.hpp"
#include "kernels/slope/surge_rule.hpp"

namespace tidegauge {

namespace {

template <class T>
std::span<T> rows_of(std::span<T> all, std::uint64_t first, std::uint64_t end) {
  return all.empty() ? all : all.subspan(first, end - first);
}

}  // namespace

void require_surge_input(const SurgeInput& input, const SurgeRule& rule) {
  require_slope_input(input.points.values, input.points);
  TG_REQUIRE(!input.begin.empty() && input.begin.front() == 0 && input.begin.back() == input.points.values.size(),
             "the series take up all rows");
  TG_REQUIRE(std::is_sorted(input.begin.begin(), input.begin.end()), "the series follow each other");
  TG_REQUIRE(rule.threshold || (rule.quantile > 0 && rule.quantile < 1), "a threshold, or a quantile to learn it by");
  TG_REQUIRE(rule.error >= 0 && rule.error <= std::int64_t{1} << 60, "an error that can be doubled");
}

std::vector<std::uint32_t> number_segments(std::span<const std::int64_t> k, std::span<const std::uint8_t> complete) {
  std::vector<std::uint32_t> segment(k.size());
  const std::uint8_t* const marks = complete.empty() ? nullptr : complete.data();
  for (std::size_t i = 1; i < k.size(); ++i) segment[i] = segment[i - 1] + !continues_segment(k.data(), marks, i);
  return segment;
}

double quantile_of_strengths(const StrengthView& series, bool rising, bool falling, double quantile) {
  std::vector<double> strengths;
  for (const double s : series.s)
    if (!std::isnan(s)) strengths.push_back(strongest_of(series.kind == SlopeKind::ratio, s, rising, falling) + 0.0);
  if (strengths.empty()) return std::numeric_limits<double>::infinity();
  const auto nth = strengths.begin() + static_cast<std::ptrdiff_t>(quantile_place(quantile, strengths.size()));
  std::nth_element(strengths.begin(), nth, strengths.end());
  return *nth;
}

void append_surges(std::vector<Surge>& out, const StrengthView& series, bool rising, double threshold,
                   std::int64_t error) {
  const bool ratio = series.kind == SlopeKind::ratio;
  const std::size_t rows = series.k.size();
  std::size_t first = 0, last = 0;    // rows of the segment
  std::optional<std::size_t> before;  // the detection before, in the same segment
  double peak = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    if (i == 0 || series.segment[i] != series.segment[i - 1]) {
      before.reset();
      for (first = last = i; last + 1 < rows && series.segment[last + 1] == series.segment[i];) ++last;
    }
    const double strength = strength_of(ratio, series.s[i], rising);
    if (!(strength > threshold)) continue;
    if (before && ranges_meet(series.k[*before], series.k[i], error)) {
      ++out.back().detections;
      if (strength > peak) out.back().peak_k = series.k[i], out.back().slope = series.s[i], peak = strength;
    } else {
      out.push_back({0, rising, range_first(series.k[i], series.k[first], error), 0, series.k[i], series.s[i], 1});
      peak = strength;
    }
    before = i;
    out.back().last_k = range_last(series.k[i], series.k[last], error);
  }
}

void surges_cpu(Surges& out, const SurgeInput& input, const SurgeRule& rule) {
  require_surge_input(input, rule);
  const std::size_t series_count = input.begin.size() - 1;
  out.slopes.assign(input.points.values.size(), 0);
  out.thresholds.assign(series_count, rule.threshold.value_or(0));
  out.ranges.clear();
  std::vector<Surge> falls;
  for (std::size_t series = 0; series < series_count; ++series) {
    const std::uint64_t first = input.begin[series], end = input.begin[series + 1];
    const SlopeInput points{rows_of(input.points.values, first, end), rows_of(input.points.k, first, end),
                            rows_of(input.points.complete, first, end), input.points.interval_ns};
    const std::span<double> slopes = rows_of(std::span(out.slopes), first, end);
    slopes_cpu(slopes, points, {rule.kind});
    const std::vector<std::uint32_t> segment = number_segments(points.k, points.complete);
    const StrengthView strengths{rule.kind, slopes, points.k, segment};
    double& threshold = out.thresholds[series];
    if (!rule.threshold) threshold = quantile_of_strengths(strengths, rule.rising, rule.falling, rule.quantile);
    for (const bool rising : {true, false}) {
      if (!(rising ? rule.rising : rule.falling)) continue;
      std::vector<Surge>& into = rising ? out.ranges : falls;
      const std::size_t before = into.size();
      append_surges(into, strengths, rising, threshold, rule.error);
      for (std::size_t i = before; i < into.size(); ++i) into[i].series = static_cast<std::uint32_t>(series);
    }
  }
  out.ranges.insert(out.ranges.end(), falls.begin(), falls.end());
}

}  // namespace tidegauge
