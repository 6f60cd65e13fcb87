#include "host/statistics/hurst.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "host/statistics/trend.hpp"

namespace tidegauge {
namespace {

constexpr double two_sided_95 = 1.959963984540054;

struct LogPoint {
  double x, y, weight;
};
struct LogLine {
  double slope, intercept;
  double weighted_error;  ///< of the slope, where weights are one over variances
  double scatter_error;   ///< of the slope, from the points' scatter
  double chi_squared;
};

LogLine fit(std::span<const LogPoint> points) {
  double w = 0, wx = 0, wy = 0, wxx = 0, wxy = 0;
  for (const LogPoint& p : points)
    w += p.weight, wx += p.weight * p.x, wy += p.weight * p.y, wxx += p.weight * p.x * p.x, wxy += p.weight * p.x * p.y;
  const double spread = wxx - wx * wx / w;
  LogLine line{};
  line.slope = (wxy - wx * wy / w) / spread;
  line.intercept = (wy - line.slope * wx) / w;
  for (const LogPoint& p : points) {
    const double off = p.y - line.intercept - line.slope * p.x;
    line.chi_squared += p.weight * off * off;
  }
  line.weighted_error = 1 / std::sqrt(spread);
  line.scatter_error = points.size() > 2 ? std::sqrt(line.chi_squared / static_cast<double>(points.size() - 2) / spread) : 0;
  return line;
}

// By variance -----

constexpr std::size_t least_blocks = 32, least_points = 4;

}  // namespace

std::optional<HurstEstimate> hurst_by_variance(const std::vector<Scale>& scales) {
  std::vector<LogPoint> points;
  HurstEstimate estimate;
  for (const Scale& s : scales) {
    if (s.blocks < least_blocks || !(s.variance > 0)) continue;
    const double m = static_cast<double>(s.intervals);
    points.push_back({std::log2(m), std::log2(s.variance / (m * m)), 1});
    if (points.size() == 1) estimate.first_scale = s.intervals;
    estimate.last_scale = s.intervals;
  }
  if (points.size() < least_points) return std::nullopt;
  const LogLine line = fit(points);
  estimate.h = 1 + line.slope / 2;
  const double error = two_sided_95 * line.scatter_error / 2;
  estimate.low = estimate.h - error, estimate.high = estimate.h + error;
  return estimate;
}

// Detrended fluctuations -----

namespace {

/// Sum of squares that a line leaves of y.
double squares_around_line(std::span<const double> y) {
  const double n = static_cast<double>(y.size()), middle = (n - 1) / 2;
  double sum = 0, squares = 0, along = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double v = y[i] - y[0];
    sum += v, squares += v * v, along += (static_cast<double>(i) - middle) * v;
  }
  return std::max(0.0, squares - sum * sum / n - along * along / (n * (n * n - 1) / 12));
}

std::vector<double> profile_of(std::span<const double> run, double mean) {
  std::vector<double> profile;
  profile.reserve(run.size());
  double sum = 0;
  for (const double v : run) profile.push_back(sum += v - mean);
  return profile;
}

}  // namespace

std::optional<HurstEstimate> hurst_by_dfa(const Sample& sample) {
  const double mean = mean_of(sample.values);
  std::vector<std::vector<double>> profiles;
  for (const Segment& s : sample.runs) profiles.push_back(profile_of(sample.run(s), mean));
  std::vector<LogPoint> points;
  HurstEstimate estimate;
  for (double exact = 16; exact <= static_cast<double>(sample.longest().size()) / 4; exact *= std::numbers::sqrt2) {
    const auto width = static_cast<std::size_t>(std::lround(exact));
    double squares = 0;
    std::size_t count = 0;
    for (const auto& profile : profiles)
      for (std::size_t first = 0; first + width <= profile.size(); first += width, count += width)
        squares += squares_around_line(std::span(profile).subspan(first, width));
    if (!(squares > 0)) return std::nullopt;
    points.push_back({std::log2(static_cast<double>(width)), std::log2(squares / static_cast<double>(count)) / 2, 1});
    if (points.size() == 1) estimate.first_scale = width;
    estimate.last_scale = width;
  }
  if (points.size() < least_points) return std::nullopt;
  const LogLine line = fit(points);
  estimate.h = line.slope;
  estimate.low = line.slope - two_sided_95 * line.scatter_error, estimate.high = line.slope + two_sided_95 * line.scatter_error;
  return estimate;
}

// Wavelets -----

namespace {

struct Octave {
  double energy = 0;
  std::size_t count = 0;
};

/// One step of the pyramid; wavelets that would stick out of the run are left out.
void next_octave(std::vector<double>& run, Octave& octave) {
  const double r3 = std::numbers::sqrt3, scale = 4 * std::numbers::sqrt2;
  const std::array<double, 4> h{(1 + r3) / scale, (3 + r3) / scale, (3 - r3) / scale, (1 - r3) / scale};
  std::size_t kept = 0;
  for (std::size_t i = 0; i + 4 <= run.size(); i += 2, ++kept) {
    const double detail = h[3] * run[i] - h[2] * run[i + 1] + h[1] * run[i + 2] - h[0] * run[i + 3];
    octave.energy += detail * detail;
    run[kept] = h[0] * run[i] + h[1] * run[i + 1] + h[2] * run[i + 2] + h[3] * run[i + 3];
  }
  octave.count += kept;
  run.resize(kept);
}

/// Octaves 1, 2, ... with at least 8 coefficients each.
std::vector<LogPoint> logscale_diagram(const Sample& sample) {
  std::vector<std::vector<double>> runs;
  const double mean = mean_of(sample.values);
  for (const Segment& s : sample.runs) {
    runs.emplace_back(sample.run(s).begin(), sample.run(s).end());
    for (double& v : runs.back()) v -= mean;
  }
  std::vector<LogPoint> points;
  for (double j = 1;; ++j) {
    Octave octave;
    for (auto& run : runs) next_octave(run, octave);
    if (octave.count < 8 || !(octave.energy > 0)) return points;
    // Mean and variance of log2 of a chi-squared mean of n coefficients, for large n.
    const double n = static_cast<double>(octave.count);
    const double bias = -1 / (n * std::numbers::ln2), variance = 2 / (n * std::numbers::ln2 * std::numbers::ln2);
    points.push_back({j, std::log2(octave.energy / n) - bias, 1 / variance});
  }
}

/// P(chi-squared > x), Wilson and Hilferty (1931).
double chi_squared_tail(double x, double degrees) {
  const double spread = 2 / (9 * degrees);
  return normal_cdf(-(std::cbrt(x / degrees) - 1 + spread) / std::sqrt(spread));
}

constexpr std::size_t least_octaves = 3;

}  // namespace

std::optional<HurstEstimate> hurst_by_wavelets(const Sample& sample) {
  const std::vector<LogPoint> octaves = logscale_diagram(sample);
  // The first octaves see the sampling instead of the memory (Abry and Veitch begin at the third).
  const std::size_t skipped = octaves.size() >= 2 + least_octaves ? 2 : 1;
  if (octaves.size() < skipped + least_octaves) return std::nullopt;
  std::span<const LogPoint> used = std::span(octaves).subspan(skipped);
  const auto straight = [](std::span<const LogPoint> p) {
    return chi_squared_tail(fit(p).chi_squared, static_cast<double>(p.size() - 2)) >= 0.05;
  };
  while (used.size() > least_octaves && !straight(used)) used = used.subspan(1);
  const bool fits = straight(used);
  if (!fits) used = std::span(octaves).subspan(skipped);
  const LogLine line = fit(used);
  HurstEstimate estimate;
  estimate.fits = fits;
  estimate.h = (line.slope + 1) / 2;
  const double error = two_sided_95 * (fits ? line.weighted_error : std::max(line.weighted_error, line.scatter_error)) / 2;
  estimate.low = estimate.h - error, estimate.high = estimate.h + error;
  estimate.first_scale = std::size_t{1} << static_cast<unsigned>(used.front().x);
  estimate.last_scale = std::size_t{1} << static_cast<unsigned>(used.back().x);
  return estimate;
}

}  // namespace tidegauge
