#include "host/statistics/series_statistics.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace tidegauge {

namespace {

constexpr std::array quantiles_shown{0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999, 1.0};

void describe_distribution(SeriesStatistics& s, const Sample& sample) {
  s.moments = moments_of(sample.values);
  if (sample.values.empty()) return;
  std::vector<double> sorted(sample.values);
  std::sort(sorted.begin(), sorted.end());
  for (const double p : quantiles_shown) s.quantiles.push_back({p, quantile(sorted, p)});
  s.histogram = histogram_of(sorted);
  if (*s.moments.minimum < 0) return;
  s.box_cox_shift = *s.moments.minimum > 0 ? 0 : 1;
  for (double& v : sorted) v += s.box_cox_shift;
  s.box_cox = box_cox(sorted);
}

}  // namespace

Histogram histogram_of(std::span<const double> sorted) {
  Histogram h;
  if (sorted.empty()) return h;
  h.low = sorted.front(), h.high = sorted.back();
  if (h.low == h.high) {
    h.counts = {sorted.size()};
    return h;
  }
  const double width = 2 * (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / std::cbrt(static_cast<double>(sorted.size()));
  const double range = h.high - h.low;
  // Compared as a real number: a range far wider than a bin has more bins than an integer can count.
  const double bins = width > 0 ? std::clamp(std::ceil(range / width), 10.0, 100.0) : 10.0;
  h.counts.assign(static_cast<std::size_t>(bins), 0);
  for (const double v : sorted) {
    const auto bin = static_cast<std::size_t>((v - h.low) / range * bins);
    ++h.counts[std::min(bin, h.counts.size() - 1)];
  }
  return h;
}

SeriesStatistics analyse(const IntervalSeries& series, std::size_t column, std::size_t lags) {
  const Sample sample = sample_of(series, column);
  SeriesStatistics s;
  s.point = series.point, s.column = series.columns[column];
  s.interval_ns = series.interval_ns;
  s.values = sample.size(), s.runs = sample.runs.size(), s.longest_run = sample.longest().size();
  s.partial = sample.partial, s.not_finite = sample.not_finite;
  if (!sample.k.empty()) s.first_ns = sample.k.front() * s.interval_ns, s.last_ns = sample.k.back() * s.interval_ns;
  s.gaps = find_gaps(sample);
  describe_distribution(s, sample);
  s.trend = trend_of(sample);
  s.adf_level = adf(sample.longest(), false), s.adf_trend = adf(sample.longest(), true);
  s.kpss_level = kpss(sample.longest(), false), s.kpss_trend = kpss(sample.longest(), true);
  s.autocorrelation = autocorrelation(sample, lags == 0 ? default_lags(sample.size()) : lags);
  s.spectrum = spectrum_of(sample.longest());
  s.cycles = calendar_cycles(sample);
  s.scales = scales_of(sample);
  s.hurst_variance = hurst_by_variance(s.scales);
  s.hurst_dfa = hurst_by_dfa(sample);
  s.hurst_wavelets = hurst_by_wavelets(sample);
  s.suggestions = suggest(s);
  return s;
}

}  // namespace tidegauge
