#include "host/statistics/spectrum.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "host/statistics/sample.hpp"
#include "host/statistics/trend.hpp"

namespace tidegauge {
namespace {

using Complex = std::complex<double>;

constexpr std::size_t least_values = 64, most_periods = 5, least_window = 16, curve_points = 460;
constexpr double window_ratio = 1.5, significance = 0.01;
/// Of the logarithm of an exponential variable: its mean is minus this, its variance pi^2 / 6.
constexpr double euler_gamma = std::numbers::egamma;
constexpr double log_variance = std::numbers::pi * std::numbers::pi / 6;

/// |X[j]|^2 / n for j = 1 ... n/2 - 1, at position j - 1, of an even number of real values: they are transformed as half
/// as many complex ones (even values real, odd imaginary) and taken apart.
std::vector<double> periodogram(std::span<const double> x) {
  const std::size_t n = x.size(), half = n / 2;
  std::vector<Complex> pairs(half);
  for (std::size_t t = 0; t < half; ++t) pairs[t] = {x[2 * t], x[2 * t + 1]};
  const std::vector<Complex> z = dft(pairs);
  std::vector<double> power;
  power.reserve(half - 1);
  for (std::size_t j = 1; j < half; ++j) {
    const Complex a = z[j], b = std::conj(z[half - j]);
    const Complex even = (a + b) / 2.0, odd = Complex(0, -1) * (a - b) / 2.0;
    const double angle = -2 * std::numbers::pi * static_cast<double>(j) / static_cast<double>(n);
    power.push_back(std::norm(even + std::polar(1.0, angle) * odd) / static_cast<double>(n));
  }
  return power;
}

/// Local regression of the log-periodogram on log frequency, by running sums.
class Background {
 public:
  explicit Background(std::span<const double> power) : sums_(power.size() + 1) {
    const double floor = *std::max_element(power.begin(), power.end()) * 1e-30;  // an ordinate may be 0
    for (std::size_t i = 0; i < power.size(); ++i) {
      const double u = log_frequency(i), l = std::log(std::max(power[i], floor)) + euler_gamma;
      sums_[i + 1] = sums_[i];
      add(sums_[i + 1], {1, u, u * u, l, u * l}, 1);
    }
  }
  struct Estimate {
    double log_level, variance;
  };
  Estimate at(std::size_t i) const {
    const std::size_t count = sums_.size() - 1, j = i + 1;
    const auto below = static_cast<std::size_t>(static_cast<double>(j) / window_ratio);
    const auto above = static_cast<std::size_t>(static_cast<double>(j) * window_ratio);
    std::size_t first = std::min(below, i > least_window ? i - least_window : 0);
    std::size_t last = std::max(above, i + least_window + 1);
    // At the ends the window keeps its size, on the other side.
    if (first == 0) last = std::max(last, 2 * least_window + 1);
    last = std::min(last, count);
    if (last == count) first = std::min(first, count > 2 * least_window ? count - 2 * least_window - 1 : 0);
    Sums s = sums_[last];
    add(s, sums_[first], -1);
    add(s, sums_[std::min(i + 2, count)], -1);
    add(s, sums_[i > 0 ? i - 1 : 0], 1);
    const double u = log_frequency(i), mean_u = s[1] / s[0], mean_l = s[3] / s[0];
    const double spread = s[2] - s[1] * mean_u;
    const double slope = spread > 0 ? (s[4] - s[3] * mean_u) / spread : 0;
    const double away = u - mean_u;
    return {mean_l + slope * away, log_variance * (1 / s[0] + (spread > 0 ? away * away / spread : 0))};
  }

 private:
  using Sums = std::array<double, 5>;  ///< of 1, u, u^2, l, u l
  static void add(Sums& to, const Sums& what, double sign) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] += sign * what[i];
  }
  static double log_frequency(std::size_t i) { return std::log(static_cast<double>(i + 1)); }
  std::vector<Sums> sums_;
};

/// P(exponential > ratio e^(s z)) for a standard normal z: the background's logarithm is only known up to s.
double tail(double ratio, double variance) {
  const double s = std::sqrt(variance);
  double p = 0, weights = 0;
  for (double z = -5; z <= 5; z += 0.25) {
    const double weight = std::exp(-z * z / 2);
    p += weight * std::exp(-ratio * std::exp(s * z));
    weights += weight;
  }
  return p / weights;
}

/// Where between the neighbours the peak is: a parabola through three logarithms, in ordinates.
double peak_offset(std::span<const double> power, std::size_t i) {
  if (i == 0 || i + 1 >= power.size() || !(power[i - 1] > 0) || !(power[i + 1] > 0)) return 0;
  const double a = std::log(power[i - 1]), b = std::log(power[i]), c = std::log(power[i + 1]);
  const double bend = a - 2 * b + c;
  return bend < 0 ? std::clamp((a - c) / (2 * bend), -0.5, 0.5) : 0;
}

Period describe(std::span<const double> power, std::size_t i, double total, std::size_t n) {
  Period p;
  p.cycles = static_cast<double>(i + 1) + peak_offset(power, i);
  p.intervals = static_cast<double>(n) / p.cycles;
  for (std::size_t at = i > 0 ? i - 1 : 0; at < std::min(i + 2, power.size()); ++at) p.share += power[at] / total;
  return p;
}

bool is_local_maximum(std::span<const double> power, std::size_t i) {
  return (i == 0 || power[i] >= power[i - 1]) && (i + 1 >= power.size() || power[i] > power[i + 1]);
}

void mark_harmonics(std::vector<Period>& periods) {
  for (Period& p : periods)
    for (std::size_t base = 0; base < periods.size() && p.harmonic_of == 0; ++base) {
      const double ratio = p.cycles / periods[base].cycles, whole = std::round(ratio);
      // A base known to half a cycle fits anything from its tenth multiple on.
      const double doubt = std::min(0.5 + 0.1 * whole, 0.1 * periods[base].cycles);
      if (whole >= 2 && whole <= 10 && std::fabs(p.cycles - whole * periods[base].cycles) < doubt) p.harmonic_of = base + 1;
    }
}

std::vector<Period> find_periods(std::span<const double> power, const Background& background, double total, std::size_t n) {
  std::vector<Period> found;
  const double ordinates = static_cast<double>(power.size());
  for (std::size_t i = 0; i < power.size(); ++i) {
    if (!is_local_maximum(power, i)) continue;
    const auto [level, variance] = background.at(i);
    const double ratio = power[i] / std::exp(level);
    if (ratio < 4) continue;
    // log1p and expm1: p is far below what 1 - p can hold.
    const double p_value = -std::expm1(ordinates * std::log1p(-std::min(1.0, tail(ratio, variance))));
    if (p_value >= significance) continue;
    found.push_back(describe(power, i, total, n));
    found.back().over_background = ratio, found.back().p_value = p_value;
  }
  std::stable_sort(found.begin(), found.end(), [](const Period& a, const Period& b) { return a.share > b.share; });
  std::vector<Period> kept;
  for (const Period& p : found) {
    const bool beside = std::any_of(kept.begin(), kept.end(), [&](const Period& k) { return std::fabs(k.cycles - p.cycles) < 3.5; });
    if (!beside && kept.size() < most_periods) kept.push_back(p);
  }
  mark_harmonics(kept);
  return kept;
}

std::vector<SpectrumPoint> curve_of(std::span<const double> power, const Background& background, std::size_t n) {
  std::vector<SpectrumPoint> curve;
  const double ratio = std::pow(static_cast<double>(power.size()), 1.0 / static_cast<double>(curve_points));
  for (std::size_t first = 0; first < power.size();) {
    const auto end = static_cast<std::size_t>(static_cast<double>(first + 1) * ratio);
    const std::size_t last = std::clamp(end, first + 1, power.size());
    const auto best = static_cast<std::size_t>(std::max_element(power.begin() + static_cast<std::ptrdiff_t>(first),
                                                                power.begin() + static_cast<std::ptrdiff_t>(last)) - power.begin());
    curve.push_back({static_cast<double>(best + 1) / static_cast<double>(n), power[best], std::exp(background.at(best).log_level)});
    first = last;
  }
  return curve;
}

}  // namespace

double fisher_p(double g, std::size_t m) {
  if (m == 0 || g <= 0) return 1;
  const double count = static_cast<double>(m);
  if (m > 40) return -std::expm1(-count * std::pow(1 - std::min(g, 1.0), count - 1));
  long double p = 0, choose = 1;
  for (std::size_t k = 1; k <= m && static_cast<double>(k) * g < 1; ++k) {
    choose = choose * static_cast<long double>(m - k + 1) / static_cast<long double>(k);
    p += (k % 2 ? 1 : -1) * choose * std::pow(1 - static_cast<long double>(k) * g, static_cast<long double>(m - 1));
  }
  return std::clamp(static_cast<double>(p), 0.0, 1.0);
}

Spectrum spectrum_of(std::span<const double> values) {
  Spectrum spectrum;
  if (values.size() < least_values) return spectrum;
  const auto even = values.subspan(values.size() % 2);
  const std::vector<double> x = residuals_of(even, true);
  const double size = std::fabs(even.front()) + std::fabs(even.back());
  if (!(dot(x, x) / static_cast<double>(x.size()) > 1e-24 * size * size)) return spectrum;
  const std::vector<double> power = periodogram(x);
  double total = 0;
  for (const double p : power) total += p;
  if (!(total > 0)) return spectrum;
  spectrum.values = x.size();
  spectrum.fisher_g = *std::max_element(power.begin(), power.end()) / total;
  spectrum.fisher_p = fisher_p(spectrum.fisher_g, power.size());
  const Background background(power);
  spectrum.periods = find_periods(power, background, total, x.size());
  spectrum.curve = curve_of(power, background, x.size());
  return spectrum;
}

}  // namespace tidegauge
