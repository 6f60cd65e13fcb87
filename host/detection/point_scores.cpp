#include "host/detection/point_scores.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "host/detection/window_moments.hpp"
#include "kernels/core/contract.hpp"

namespace tidegauge {

namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

/// Q: how often a normal variable exceeds z.
double upper_tail(double z) { return 0.5 * std::erfc(z / std::sqrt(2.0)); }

double distance(double value, const WindowMoments& before) {
  const double off = value - before.mean(), deviation = before.deviation();
  if (deviation > 0) return off / deviation;
  return value == before.mean() ? 0 : std::copysign(infinity, off);
}

}  // namespace

std::vector<double> running_z(std::span<const double> errors, const ZSettings& settings) {
  TG_REQUIRE(settings.window > 0 && settings.least > 0, "a window, and something in it");
  std::vector<double> scores(errors.size(), none);
  WindowMoments before(settings.window);
  for (std::size_t i = 0; i < errors.size(); ++i) {
    if (!std::isfinite(errors[i])) continue;
    if (before.count() >= settings.least) scores[i] = distance(errors[i], before);
    before.push(errors[i]);
  }
  return scores;
}

std::vector<double> windowed_gaussian(std::span<const double> values) {
  constexpr std::size_t window = 6400, step = 100;
  std::vector<double> scores(values.size(), none);
  WindowMoments before(window);
  double mean = 0, deviation = 1;
  std::size_t seen = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) continue;
    scores[i] = seen == 0 ? 0 : 1 - upper_tail(std::abs(values[i] - mean) / deviation);
    before.push(values[i]);
    ++seen;
    if (seen > window && (seen - window) % step != 0) continue;
    mean = before.mean();
    deviation = before.deviation() > 0 ? before.deviation() : 1e-6;
  }
  return scores;
}

std::vector<double> range_excess(std::span<const double> values, std::size_t least) {
  std::vector<double> scores(values.size(), none);
  double lowest = infinity, highest = -infinity;
  std::size_t seen = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) continue;
    if (seen >= least && highest > lowest) {
      const double outside = values[i] > highest ? values[i] - highest : std::min(values[i] - lowest, 0.0);
      scores[i] = outside / (highest - lowest);
    }
    lowest = std::min(lowest, values[i]);
    highest = std::max(highest, values[i]);
    ++seen;
  }
  return scores;
}

std::vector<double> smoothed(std::span<const double> errors, double share) {
  TG_REQUIRE(share > 0 && share <= 1, "a share of the newest error");
  std::vector<double> means(errors.size(), none);
  double mean = none;
  for (std::size_t i = 0; i < errors.size(); ++i) {
    if (!std::isfinite(errors[i])) continue;
    mean = std::isnan(mean) ? errors[i] : mean + share * (errors[i] - mean);
    means[i] = mean;
  }
  return means;
}

std::vector<double> tail_likelihood(std::span<const double> errors, const TailSettings& settings) {
  TG_REQUIRE(settings.recent > 0 && settings.window > settings.recent, "a window longer than what is recent");
  constexpr double rarest = 1e-10;
  std::vector<double> scores(errors.size(), none);
  WindowMoments before(settings.window), recent(settings.recent);
  for (std::size_t i = 0; i < errors.size(); ++i) {
    if (!std::isfinite(errors[i])) continue;
    recent.push(errors[i]);
    if (before.count() >= settings.least)
      scores[i] = std::log10(std::max(upper_tail(distance(recent.mean(), before)), rarest)) / std::log10(rarest);
    before.push(errors[i]);
  }
  return scores;
}

}  // namespace tidegauge
