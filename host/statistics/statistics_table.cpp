#include <fmt/format.h>

#include "host/duration.hpp"
#include "host/report_text.hpp"
#include "host/statistics/series_statistics.hpp"
#include "host/time_text.hpp"

namespace tidegauge {
namespace {

std::string row(std::string_view name, const std::string& text) { return fmt::format("  {:<22} {}\n", name, text); }

std::string general(std::optional<double> v) { return v ? fmt::format("{:.6g}", *v) : "-"; }

std::string coverage(const SeriesStatistics& s) {
  std::string text = fmt::format("{}, intervals of {}\n", plot_heading(s.column, s.point), format_duration(s.interval_ns));
  text += row("values", fmt::format("{} in {} run{}, the longest of {}", s.values, s.runs, s.runs == 1 ? "" : "s", s.longest_run));
  if (s.values == 0) return text;
  text += row("from, to (start)", format_utc(s.first_ns, s.interval_ns) + ", " + format_utc(s.last_ns, s.interval_ns));
  text += row("gaps", s.gaps.count == 0 ? "none"
                                        : fmt::format("{}, {} intervals of {} ({:.1f} %), the longest of {} at {}", s.gaps.count, s.gaps.intervals,
                                                      s.gaps.span, 100.0 * static_cast<double>(s.gaps.intervals) / static_cast<double>(s.gaps.span),
                                                      s.gaps.longest, format_utc(s.gaps.longest_first_k * s.interval_ns, s.interval_ns)));
  if (s.partial + s.not_finite > 0)
    text += row("left out", fmt::format("{} partly covered, {} not finite", s.partial, s.not_finite));
  return text;
}

std::string distribution(const SeriesStatistics& s) {
  const Moments& m = s.moments;
  std::string text = "Distribution\n" + row("mean", general(m.mean)) + row("deviation", general(m.deviation())) +
                     row("variation", general(m.coefficient_of_variation())) + row("skewness", general(m.skewness)) +
                     row("excess kurtosis", general(m.excess_kurtosis)) + row("zeros", std::to_string(m.zeros));
  std::string names, values;
  for (const Quantile& q : s.quantiles) {
    names += fmt::format("{:>12}", q.p == 0 ? "min" : q.p == 1 ? "max" : fmt::format("{:g} %", 100 * q.p));
    values += fmt::format("{:>12.6g}", q.value);
  }
  if (!s.quantiles.empty()) text += "  quantiles" + names + "\n           " + values + "\n";
  return text;
}

std::string trend(const SeriesStatistics& s) {
  std::string text = "Trend and stationarity (tests on the longest run)\n";
  const double per_day = 86'400e9 / static_cast<double>(s.interval_ns);
  text += row("slope per day", s.trend ? fmt::format("{:.6g} ± {:.3g} (Newey-West, bandwidth {}), p {:.3g}", s.trend->slope_per_interval * per_day,
                                                     s.trend->standard_error * per_day, s.trend->bandwidth, s.trend->p_value) : "-");
  const auto adf_text = [](const std::optional<AdfResult>& r) {
    return r ? fmt::format("{:.3f}, p {:.3g} ({} lags)", r->statistic, r->p_value, r->lags) : "-";
  };
  const auto kpss_text = [](const std::optional<KpssResult>& r) {
    if (!r) return std::string("-");
    return fmt::format("{:.3f}, p {}{:.2g} (bandwidth {})", r->statistic, r->p_value <= 0.01 ? "<= " : r->p_value >= 0.1 ? ">= " : "", r->p_value, r->bandwidth);
  };
  return text + row("ADF, level", adf_text(s.adf_level)) + row("ADF, trend", adf_text(s.adf_trend)) +
         row("KPSS, level", kpss_text(s.kpss_level)) + row("KPSS, trend", kpss_text(s.kpss_trend));
}

std::string memory(const SeriesStatistics& s) {
  const Autocorrelation& a = s.autocorrelation;
  std::string text = "Memory\n", acf, pacf;
  for (std::size_t lag = 1; lag < a.acf.size() && lag <= 8; ++lag)
    acf += fmt::format("{:>7.3f}", a.acf[lag]), pacf += fmt::format("{:>7.3f}", a.pacf[lag]);
  text += row("autocorrelation 1...", acf.empty() ? "-" : acf) + row("partial 1...", pacf.empty() ? "-" : pacf);
  if (!a.acf.empty())
    text += row("order", fmt::format("{} by Schwarz's criterion, last significant partial at {} of {}", a.order, a.last_significant, a.acf.size() - 1));
  const auto hurst_text = [&](const std::optional<HurstEstimate>& h) {
    if (!h) return std::string("-");
    return fmt::format("{:.3f} ({:.3f} to {:.3f}), scales {} to {}{}", h->h, h->low, h->high, h->first_scale, h->last_scale,
                       h->fits ? "" : "; no single exponent fits");
  };
  return text + row("Hurst, wavelets", hurst_text(s.hurst_wavelets)) + row("Hurst, DFA", hurst_text(s.hurst_dfa)) +
         row("Hurst, variance", hurst_text(s.hurst_variance));
}

std::string periods(const SeriesStatistics& s) {
  std::string text = "Periods (spectrum: longest run)\n";
  for (const Cycle& c : s.cycles)
    text += row(c.name, fmt::format("autocorrelation {:.3f} after one, {:.3f} after half of it{}", c.at_whole, c.at_half, c.repeats() ? ": repeats" : ""));
  if (s.spectrum.values == 0) return text + row("spectrum", "too few values, or no noise");
  text += row("Fisher's g", fmt::format("{:.4g}, p {:.3g} (against white noise)", s.spectrum.fisher_g, s.spectrum.fisher_p));
  if (s.spectrum.periods.empty()) return text + row("spectrum", "no period stands out of the noise around it");
  text += fmt::format("  {:>14} {:>12} {:>9} {:>9} {:>12} {:>9}\n", "intervals", "length", "cycles", "share %", "x background", "p");
  for (const Period& p : s.spectrum.periods)
    text += fmt::format("  {:>14.6g} {:>12} {:>9.1f} {:>9.1f} {:>12.4g} {:>9.2g}{}\n", p.intervals,
                        format_duration(static_cast<std::int64_t>(p.intervals * static_cast<double>(s.interval_ns) / 1e6) * 1'000'000),
                        p.cycles, 100 * p.share, p.over_background, p.p_value,
                        p.harmonic_of ? fmt::format("  harmonic of {:.6g}", s.spectrum.periods[p.harmonic_of - 1].intervals) : "");
  return text;
}

std::string burstiness(const SeriesStatistics& s) {
  std::string text = "Burstiness\n";
  text += fmt::format("  {:>12} {:>9} {:>14} {:>12} {:>9} {:>8}\n", "scale", "blocks", "dispersion", "peak/mean", "noise %", "zeros %");
  for (const Scale& c : s.scales)
    text += fmt::format("  {:>12} {:>9} {:>14} {:>12} {:>9} {:>8.2f}\n", format_duration(static_cast<std::int64_t>(c.intervals) * s.interval_ns),
                        c.blocks, general(c.index_of_dispersion()), general(c.peak_to_mean()),
                        c.relative_noise() ? fmt::format("{:.2f}", 100 * *c.relative_noise()) : "-", 100 * c.zeros);
  return text;
}

std::string advice(const SeriesStatistics& s) {
  std::string text = "Suggestions\n";
  for (const Suggestion& g : s.suggestions) text += row(g.what, g.value + "  (" + g.reason + ")");
  return text;
}

}  // namespace

std::string statistics_table(const SeriesStatistics& s) {
  std::string text = coverage(s);
  if (s.values == 0) return text;
  for (const auto& part : {distribution, trend, memory, periods, burstiness, advice}) text += "\n" + part(s);
  return text;
}

}  // namespace tidegauge
