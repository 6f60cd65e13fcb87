#include <algorithm>
#include <array>
#include <cmath>

#include "host/statistics/stationarity.hpp"
#include "host/statistics/trend.hpp"

namespace tidegauge {
namespace {

/// Hobijn, Franses and Ooms (2004), "Generalizations of the KPSS-test for stationarity", for Bartlett's kernel.
std::size_t automatic_bandwidth(std::span<const double> e) {
  const double n = static_cast<double>(e.size());
  const auto lags = std::min(e.size() - 1, static_cast<std::size_t>(std::pow(n, 2.0 / 9)));
  double s0 = dot(e, e) / n, s1 = 0;
  for (std::size_t lag = 1; lag <= lags; ++lag) {
    const double twice = dot(e.subspan(lag), e.first(e.size() - lag)) / (n / 2);
    s0 += twice;
    s1 += static_cast<double>(lag) * twice;
  }
  const double ratio = s1 / s0;
  const double gamma = 1.1447 * std::cbrt(ratio * ratio);
  if (!std::isfinite(gamma)) return 0;
  return std::min(e.size() - 1, static_cast<std::size_t>(gamma * std::cbrt(n)));
}

double table_p(double statistic, bool with_trend) {
  constexpr std::array<double, 4> p{0.10, 0.05, 0.025, 0.01};
  constexpr std::array<double, 4> level{0.347, 0.463, 0.574, 0.739}, trend{0.119, 0.146, 0.176, 0.216};
  const auto& critical = with_trend ? trend : level;
  if (statistic <= critical.front()) return p.front();
  for (std::size_t i = 1; i < p.size(); ++i)
    if (statistic < critical[i])
      return p[i - 1] + (p[i] - p[i - 1]) * (statistic - critical[i - 1]) / (critical[i] - critical[i - 1]);
  return p.back();
}

}  // namespace

std::optional<KpssResult> kpss(std::span<const double> values, bool with_trend) {
  if (values.size() < 3) return std::nullopt;
  const std::vector<double> e = residuals_of(values, with_trend);
  const double n = static_cast<double>(values.size());
  // What is left of a constant or a line is rounding; a test of that would say anything.
  const double size = std::fabs(values.front()) + std::fabs(values.back());
  if (!(dot(e, e) / n > 1e-24 * size * size)) return std::nullopt;
  KpssResult result;
  result.bandwidth = automatic_bandwidth(e);
  double partial = 0, squares = 0;
  for (const double v : e) partial += v, squares += partial * partial;
  result.statistic = squares / (n * n) / (bartlett_sum(e, result.bandwidth) / n);
  result.p_value = table_p(result.statistic, with_trend);
  return result;
}

}  // namespace tidegauge
