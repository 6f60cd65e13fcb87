#include "host/statistics/autocorrelation.hpp"

#include <algorithm>
#include <cmath>

namespace tidegauge {
namespace {

constexpr double two_sided_95 = 1.959963984540054;

std::vector<double> pooled_acf(const Sample& sample, std::size_t lags) {
  const double mean = mean_of(sample.values);
  std::vector<double> centred(sample.values);
  for (double& v : centred) v -= mean;
  std::vector<double> products(lags + 1);
  for (const Segment& run : sample.runs) {
    const auto values = std::span(centred).subspan(run.first, run.size());
    for (std::size_t lag = 0; lag <= lags && lag < values.size(); ++lag)
      products[lag] += dot(values.first(values.size() - lag), values.subspan(lag));
  }
  if (!(products[0] > 0)) return {};
  const double squares = products[0];
  for (double& p : products) p /= squares;
  return products;
}

/// Levinson (1947), Durbin (1960): fills pacf and left_over from acf.
void levinson_durbin(Autocorrelation& a) {
  const std::size_t lags = a.acf.size() - 1;
  a.pacf.assign(lags + 1, 0), a.left_over.assign(lags + 1, 0);
  a.pacf[0] = a.left_over[0] = 1;
  std::vector<double> phi(lags + 1), previous(lags + 1);
  for (std::size_t p = 1; p <= lags; ++p) {
    double numerator = a.acf[p];
    for (std::size_t j = 1; j < p; ++j) numerator -= phi[j] * a.acf[p - j];
    if (!(a.left_over[p - 1] > 1e-14)) return;  // what came before says all there is
    const double reflection = numerator / a.left_over[p - 1];
    previous = phi;
    for (std::size_t j = 1; j < p; ++j) phi[j] = previous[j] - reflection * previous[p - j];
    phi[p] = a.pacf[p] = reflection;
    // Pooled over runs the estimates need not be those of any series; a share below 0 means nothing.
    a.left_over[p] = std::max(0.0, a.left_over[p - 1] * (1 - reflection * reflection));
  }
}

std::size_t schwarz_order(const Autocorrelation& a, double n) {
  std::size_t best = 0;
  double lowest = 0;
  for (std::size_t p = 1; p < a.left_over.size() && a.left_over[p] > 0; ++p) {
    const double criterion = n * std::log(a.left_over[p]) + static_cast<double>(p) * std::log(n);
    if (criterion < lowest) lowest = criterion, best = p;
  }
  return best;
}

}  // namespace

std::size_t default_lags(std::size_t n) { return std::min<std::size_t>(256, n / 4); }

Autocorrelation autocorrelation(const Sample& sample, std::size_t lags) {
  Autocorrelation a;
  if (sample.size() < 2) return a;
  const auto [low, high] = std::minmax_element(sample.values.begin(), sample.values.end());
  if (*low == *high) return a;
  a.acf = pooled_acf(sample, std::min(lags, sample.size() - 1));
  if (a.acf.empty()) return a;
  const double n = static_cast<double>(sample.size());
  double squares = 0;
  a.band.push_back(0);
  for (std::size_t lag = 1; lag < a.acf.size(); ++lag) {
    a.band.push_back(two_sided_95 * std::sqrt((1 + 2 * squares) / n));
    squares += a.acf[lag] * a.acf[lag];
  }
  levinson_durbin(a);
  a.pacf_band = two_sided_95 / std::sqrt(n);
  for (std::size_t lag = 1; lag < a.pacf.size(); ++lag)
    if (std::fabs(a.pacf[lag]) > a.pacf_band) a.last_significant = lag;
  a.order = schwarz_order(a, n);
  return a;
}

std::optional<double> autocorrelation_at(const Sample& sample, std::size_t lag) {
  const double mean = mean_of(sample.values);
  double squares = 0, products = 0;
  std::size_t pairs = 0;
  for (const double v : sample.values) squares += (v - mean) * (v - mean);
  for (const Segment& run : sample.runs)
    for (std::size_t i = run.first; i + lag < run.last; ++i, ++pairs)
      products += (sample.values[i] - mean) * (sample.values[i + lag] - mean);
  if (pairs < std::max<std::size_t>(1, lag) || !(squares > 0)) return std::nullopt;
  return products / static_cast<double>(pairs) / (squares / static_cast<double>(sample.size()));
}

std::vector<Cycle> calendar_cycles(const Sample& sample) {
  constexpr std::int64_t hour_ns = 3'600'000'000'000;
  std::vector<Cycle> cycles;
  for (const auto& [name, length_ns] : {std::pair{"hour", hour_ns}, {"day", 24 * hour_ns}, {"week", 168 * hour_ns}}) {
    if (length_ns % (2 * sample.interval_ns) != 0 || length_ns / sample.interval_ns < 4) continue;
    const auto intervals = static_cast<std::size_t>(length_ns / sample.interval_ns);
    const auto whole = autocorrelation_at(sample, intervals), half = autocorrelation_at(sample, intervals / 2);
    if (whole && half) cycles.push_back({name, intervals, *whole, *half});
  }
  return cycles;
}

}  // namespace tidegauge
