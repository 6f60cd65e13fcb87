#include "host/models/baselines.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tidegauge {

std::size_t choose_season(std::int64_t interval_ns, std::size_t training_rows, std::size_t given) {
  if (given > 0) return given;
  constexpr std::int64_t day_ns = 86'400'000'000'000;
  for (const std::int64_t period : {7 * day_ns, day_ns}) {
    if (period % interval_ns != 0) continue;
    const auto intervals = static_cast<std::size_t>(period / interval_ns);
    if (intervals >= 2 && training_rows >= 2 * intervals) return intervals;
  }
  return 0;
}

double mean_one_step_change(const IntervalSeries& series, std::size_t column, Segment part) {
  double sum = 0;
  std::size_t steps = 0;
  for (const Segment& segment : series.segments()) {
    const std::size_t last = std::min(segment.last, part.last);
    for (std::size_t row = std::max(segment.first, part.first) + 1; row < last; ++row, ++steps)
      sum += std::abs(series.at(row, column) - series.at(row - 1, column));
  }
  return steps == 0 ? 0 : sum / static_cast<double>(steps);
}

double value_at(const IntervalSeries& series, std::size_t column, std::int64_t k) {
  const auto found = std::lower_bound(series.k.begin(), series.k.end(), k);
  const auto row = static_cast<std::size_t>(found - series.k.begin());
  if (found == series.k.end() || *found != k || !series.complete[row])
    return std::numeric_limits<double>::quiet_NaN();
  return series.at(row, column);
}

double seasonal_value(const IntervalSeries& series, std::size_t column, std::int64_t k, std::size_t step,
                      std::size_t season) {
  const std::size_t seasons_back = (step + season - 1) / season;  // what is not yet known cannot be used
  return value_at(series, column, k - static_cast<std::int64_t>(seasons_back * season));
}

}  // namespace tidegauge
