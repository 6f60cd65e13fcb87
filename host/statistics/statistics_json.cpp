#include <cmath>
#include <nlohmann/json.hpp>

#include "host/statistics/series_statistics.hpp"

namespace tidegauge {
namespace {

using Json = nlohmann::ordered_json;

Json number(std::optional<double> v) { return v && std::isfinite(*v) ? Json(*v) : Json(nullptr); }

Json as_json(const Moments& m) {
  return {{"count", m.count}, {"zeros", m.zeros}, {"negative", m.negative}, {"mean", number(m.mean)},
          {"variance", number(m.variance)}, {"deviation", number(m.deviation())},
          {"coefficient_of_variation", number(m.coefficient_of_variation())}, {"skewness", number(m.skewness)},
          {"excess_kurtosis", number(m.excess_kurtosis)}, {"minimum", number(m.minimum)}, {"maximum", number(m.maximum)}};
}

Json as_json(const Gaps& g) {
  return {{"count", g.count}, {"intervals", g.intervals}, {"longest", g.longest}, {"longest_first_k", g.longest_first_k}, {"span", g.span}};
}

Json as_json(const Trend& t) {
  return {{"slope_per_interval", number(t.slope_per_interval)}, {"standard_error", number(t.standard_error)},
          {"bandwidth", t.bandwidth}, {"p_value", number(t.p_value)}};
}

Json as_json(const AdfResult& r) {
  return {{"statistic", number(r.statistic)}, {"p_value", number(r.p_value)}, {"lags", r.lags}, {"most_lags", r.most_lags}, {"rows", r.rows}};
}

Json as_json(const KpssResult& r) {
  return {{"statistic", number(r.statistic)}, {"p_value", number(r.p_value)}, {"bandwidth", r.bandwidth}};
}

Json as_json(const Autocorrelation& a) {
  return {{"acf", a.acf}, {"acf_band", a.band}, {"pacf", a.pacf}, {"pacf_band", a.pacf_band},
          {"last_significant", a.last_significant}, {"order", a.order}};
}

Json as_json(const Period& p) {
  return {{"intervals", p.intervals}, {"cycles", p.cycles}, {"share", p.share}, {"over_background", p.over_background},
          {"p_value", p.p_value}, {"harmonic_of", p.harmonic_of}};
}

Json as_json(const Spectrum& s) {
  Json periods = Json::array(), curve = Json::array();
  for (const Period& p : s.periods) periods.push_back(as_json(p));
  for (const SpectrumPoint& p : s.curve) curve.push_back({p.frequency, p.power, p.background});
  return {{"values", s.values}, {"fisher_g", s.fisher_g}, {"fisher_p", s.fisher_p}, {"periods", periods},
          {"frequency_power_background", curve}};
}

Json as_json(const Cycle& c) {
  return {{"name", c.name}, {"intervals", c.intervals}, {"at_whole", number(c.at_whole)}, {"at_half", number(c.at_half)}, {"repeats", c.repeats()}};
}

Json as_json(const Scale& s) {
  return {{"intervals", s.intervals}, {"blocks", s.blocks}, {"mean", s.mean}, {"variance", s.variance}, {"peak", s.peak},
          {"index_of_dispersion", number(s.index_of_dispersion())}, {"peak_to_mean", number(s.peak_to_mean())},
          {"relative_noise", number(s.relative_noise())}, {"zeros", s.zeros}};
}

Json as_json(const HurstEstimate& h) {
  return {{"h", number(h.h)}, {"low", number(h.low)}, {"high", number(h.high)}, {"first_scale", h.first_scale},
          {"last_scale", h.last_scale}, {"fits", h.fits}};
}

Json as_json(const BoxCox& b) {
  return {{"lambda", b.lambda}, {"log_likelihood", number(b.log_likelihood)}, {"gain_over_identity", number(b.gain_over_identity)},
          {"values_used", b.values_used}};
}

template <class T>
Json maybe(const std::optional<T>& v) {
  return v ? as_json(*v) : Json(nullptr);
}

}  // namespace

std::string statistics_json(const SeriesStatistics& s) {
  Json quantiles = Json::array(), cycles = Json::array(), scales = Json::array(), suggestions = Json::object();
  for (const Quantile& q : s.quantiles) quantiles.push_back({{"p", q.p}, {"value", q.value}});
  for (const Cycle& c : s.cycles) cycles.push_back(as_json(c));
  for (const Scale& c : s.scales) scales.push_back(as_json(c));
  for (const Suggestion& g : s.suggestions) suggestions[g.what] = {{"value", g.value}, {"reason", g.reason}};
  const Json all{
      {"point", s.point}, {"column", s.column}, {"interval_ns", s.interval_ns}, {"first_ns", s.first_ns}, {"last_ns", s.last_ns},
      {"values", s.values}, {"runs", s.runs}, {"longest_run", s.longest_run}, {"partial", s.partial},
      {"not_finite", s.not_finite}, {"gaps", as_json(s.gaps)}, {"moments", as_json(s.moments)}, {"quantiles", quantiles},
      {"histogram", {{"low", s.histogram.low}, {"high", s.histogram.high}, {"counts", s.histogram.counts}}},
      {"trend", maybe(s.trend)}, {"adf_level", maybe(s.adf_level)}, {"adf_trend", maybe(s.adf_trend)},
      {"kpss_level", maybe(s.kpss_level)}, {"kpss_trend", maybe(s.kpss_trend)},
      {"autocorrelation", as_json(s.autocorrelation)}, {"spectrum", as_json(s.spectrum)}, {"cycles", cycles}, {"scales", scales},
      {"hurst_variance", maybe(s.hurst_variance)}, {"hurst_dfa", maybe(s.hurst_dfa)}, {"hurst_wavelets", maybe(s.hurst_wavelets)},
      {"box_cox_shift", s.box_cox_shift}, {"box_cox", maybe(s.box_cox)}, {"suggestions", suggestions}};
  return all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace tidegauge
