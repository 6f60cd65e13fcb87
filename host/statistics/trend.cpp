#include "host/statistics/trend.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tidegauge {

double normal_cdf(double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }

double bartlett_sum(std::span<const double> e, std::size_t bandwidth) {
  const std::size_t width = bandwidth + 1;
  double window = 0, sum = 0;
  for (std::size_t t = 0; t < e.size() + bandwidth; ++t) {
    if (t < e.size()) window += e[t];
    if (t >= width) window -= e[t - width];
    sum += window * window;
  }
  return sum / static_cast<double>(width);
}

std::size_t newey_west_bandwidth(std::size_t n) {
  return static_cast<std::size_t>(4 * std::pow(static_cast<double>(n) / 100, 2.0 / 9));
}

namespace {

struct Line {
  double mean_time = 0, mean = 0, slope = 0, time_squares = 0;
};

/// `time(i)` of the i-th value.
template <class Time>
Line fit_line(std::span<const double> values, const Time& time) {
  Line line;
  const double n = static_cast<double>(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) line.mean_time += time(i);
  line.mean_time /= n;
  line.mean = mean_of(values);
  double products = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double t = time(i) - line.mean_time;
    line.time_squares += t * t;
    products += t * (values[i] - line.mean);
  }
  if (line.time_squares > 0) line.slope = products / line.time_squares;
  return line;
}

}  // namespace

std::optional<Trend> trend_of(const Sample& sample) {
  if (sample.size() < 3) return std::nullopt;
  const auto time = [&](std::size_t i) { return static_cast<double>(sample.k[i] - sample.k.front()); };
  const Line line = fit_line(sample.values, time);
  std::vector<double> score(sample.size());
  for (std::size_t i = 0; i < score.size(); ++i) {
    const double t = time(i) - line.mean_time;
    score[i] = t * (sample.values[i] - line.mean - line.slope * t);
  }
  Trend trend;
  trend.slope_per_interval = line.slope;
  trend.bandwidth = newey_west_bandwidth(sample.size());
  double meat = 0;
  for (const Segment& run : sample.runs)
    meat += bartlett_sum(std::span(score).subspan(run.first, run.size()), trend.bandwidth);
  trend.standard_error = std::sqrt(meat) / line.time_squares;
  if (trend.standard_error > 0)
    trend.p_value = 2 * normal_cdf(-std::fabs(trend.slope_per_interval) / trend.standard_error);
  else trend.p_value = line.slope == 0 ? 1 : 0;
  return trend;
}

std::vector<double> residuals_of(std::span<const double> values, bool with_trend) {
  const auto time = [](std::size_t i) { return static_cast<double>(i); };
  const Line line = values.empty() ? Line{} : fit_line(values, time);
  std::vector<double> e(values.begin(), values.end());
  for (std::size_t i = 0; i < e.size(); ++i)
    e[i] -= line.mean + (with_trend ? line.slope * (time(i) - line.mean_time) : 0);
  return e;
}

}  // namespace tidegauge
