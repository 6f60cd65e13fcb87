#include "host/statistics/moments.hpp"

#include <algorithm>
#include <cmath>

#include "host/statistics/sample.hpp"

namespace tidegauge {

std::optional<double> Moments::deviation() const {
  return variance ? std::optional(std::sqrt(*variance)) : std::nullopt;
}

std::optional<double> Moments::coefficient_of_variation() const {
  if (!variance || *mean == 0) return std::nullopt;
  return std::sqrt(*variance) / std::fabs(*mean);
}

Moments moments_of(std::span<const double> values) {
  Moments m;
  m.count = values.size();
  if (values.empty()) return m;
  const double mean = mean_of(values), n = static_cast<double>(values.size());
  double m2 = 0, m3 = 0, m4 = 0;
  for (const double v : values) {
    const double d = v - mean;
    m2 += d * d, m3 += d * d * d, m4 += d * d * d * d;
    m.zeros += v == 0, m.negative += v < 0;
  }
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  m.mean = mean, m.minimum = *low, m.maximum = *high;
  if (values.size() > 1) m.variance = m2 / (n - 1);
  if (*low == *high) return m;
  m2 /= n, m3 /= n, m4 /= n;
  m.skewness = m3 / std::pow(m2, 1.5);
  m.excess_kurtosis = m4 / (m2 * m2) - 3;
  return m;
}

double quantile(std::span<const double> sorted, double p) {
  const double at = p * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  if (below + 1 >= sorted.size()) return sorted.back();
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[below + 1] - sorted[below]);
}

namespace {

constexpr std::size_t most_box_cox_values = 65'536;

/// Logarithms less their mean: the geometric mean becomes 1, which changes no likelihood difference and keeps powers in
/// range.
std::vector<double> centred_logs(std::span<const double> values) {
  const std::size_t step = (values.size() + most_box_cox_values - 1) / most_box_cox_values;
  std::vector<double> logs;
  for (std::size_t i = 0; i < values.size(); i += step) logs.push_back(std::log(values[i]));
  const double mean = mean_of(logs);
  for (double& l : logs) l -= mean;
  return logs;
}

/// -n/2 log var((x^lambda - 1) / lambda) with the geometric mean of x at 1.
double profile_likelihood(std::span<const double> logs, double lambda) {
  const double n = static_cast<double>(logs.size());
  double sum = 0, squares = 0;
  for (const double l : logs) {
    const double y = std::fabs(lambda) < 1e-9 ? l : std::expm1(lambda * l) / lambda;
    sum += y, squares += y * y;
  }
  return -n / 2 * std::log(squares / n - sum / n * (sum / n));
}

/// Golden-section search; the profile has one maximum for data that are not far from log-normal.
template <class F>
double maximum_of(const F& f, double low, double high) {
  const double ratio = (std::sqrt(5.0) - 1) / 2;
  double a = high - ratio * (high - low), b = low + ratio * (high - low);
  double fa = f(a), fb = f(b);
  while (high - low > 1e-5) {
    if (fa > fb) high = b, b = a, fb = fa, a = high - ratio * (high - low), fa = f(a);
    else low = a, a = b, fa = fb, b = low + ratio * (high - low), fb = f(b);
  }
  return (low + high) / 2;
}

}  // namespace

std::optional<BoxCox> box_cox(std::span<const double> values) {
  if (values.size() < 3) return std::nullopt;
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  if (*low <= 0 || *low == *high) return std::nullopt;
  const std::vector<double> logs = centred_logs(values);
  if (*std::min_element(logs.begin(), logs.end()) == *std::max_element(logs.begin(), logs.end())) return std::nullopt;
  const auto profile = [&](double lambda) { return profile_likelihood(logs, lambda); };
  BoxCox result;
  result.lambda = maximum_of(profile, -2, 2);
  result.log_likelihood = profile(result.lambda);
  result.gain_over_identity = result.log_likelihood - profile(1);
  result.values_used = logs.size();
  return result;
}

}  // namespace tidegauge
