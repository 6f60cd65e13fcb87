#include "host/labeller.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "host/alert_budget.hpp"
#include "kernels/data/interval_columns.hpp"
#include "kernels/slope/surge_rule.hpp"

namespace tidegauge {

namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

double strength(SlopeKind kind, double s, bool rising) { return strength_of(kind == SlopeKind::ratio, s, rising); }

StrengthView view_of(const StrengthSeries& p, std::size_t rows) {
  return {p.kind, std::span(p.s).first(rows), std::span(p.k).first(rows), std::span(p.segment).first(rows)};
}

/// Both directions of every point that has a strength.
std::vector<Candidate> candidates_of(const StrengthView& p, const LabelSettings& settings) {
  std::vector<Candidate> all;
  for (std::size_t i = 0; i < p.k.size(); ++i) {
    if (std::isnan(p.s[i])) continue;
    if (settings.rising) all.push_back({strength(p.kind, p.s[i], true), p.k[i], p.segment[i], true});
    if (settings.falling) all.push_back({strength(p.kind, p.s[i], false), p.k[i], p.segment[i], false});
  }
  return all;
}

std::size_t rows_before(const StrengthSeries& p, const std::optional<std::int64_t>& k) {
  if (!k) return p.k.size();
  return static_cast<std::size_t>(std::lower_bound(p.k.begin(), p.k.end(), *k) - p.k.begin());
}

Expected<double> choose_threshold(const StrengthSeries& p, const LabelSettings& settings) {
  if (settings.threshold) return *settings.threshold;
  if (!settings.quantile && !settings.budget) return *default_threshold(settings.kind);
  const std::size_t rows = rows_before(p, settings.learn_before_k);
  const StrengthView part = view_of(p, rows);
  if (settings.quantile) return quantile_of_strengths(part, settings.rising, settings.falling, *settings.quantile);
  const std::vector<Candidate> candidates = candidates_of(part, settings);
  // Nothing can be labelled; one silent model must not end a run that compares several.
  if (candidates.empty()) return std::numeric_limits<double>::infinity();
  const double time_ns = static_cast<double>(rows) * static_cast<double>(p.interval_ns);
  const double most = settings.budget->alerts * time_ns / static_cast<double>(settings.budget->per_ns);
  return threshold_for_budget(candidates, 2 * static_cast<std::int64_t>(settings.error), !settings.seed_compatible, most);
}

/// Every detection a range of its own, not clipped at gaps, as the seed had it.
std::vector<Surge> seed_ranges(const StrengthSeries& p, double threshold, std::int64_t error, bool rising) {
  const std::int64_t limit = last_interval(p.interval_ns);
  std::vector<Surge> ranges;
  for (std::size_t i = 0; i < p.k.size(); ++i) {
    if (!(strength(p.kind, p.s[i], rising) > threshold)) continue;
    const std::int64_t k = p.k[i];
    ranges.push_back({0, rising, k < error - limit ? -limit : k - error, k > limit - error ? limit : k + error, k, p.s[i], 1});
  }
  return ranges;
}

std::vector<Surge> find_surges(const StrengthSeries& p, const LabelSettings& settings, double threshold) {
  const auto error = static_cast<std::int64_t>(settings.error);
  std::vector<Surge> all;
  for (const bool rising : {true, false}) {
    if (!(rising ? settings.rising : settings.falling)) continue;
    if (!settings.seed_compatible) {
      append_surges(all, view_of(p, p.k.size()), rising, threshold, error);
      continue;
    }
    const std::vector<Surge> ranges = seed_ranges(p, threshold, error, rising);
    all.insert(all.end(), ranges.begin(), ranges.end());
  }
  return all;
}

/// @param slopes of the rows `k`
LabelOutcome outcome_of(std::span<const Surge> surges, SlopeKind kind, std::int64_t interval_ns, std::span<const std::int64_t> k,
                        std::span<const double> slopes, const LabelSettings& settings, double threshold) {
  LabelOutcome outcome;
  outcome.threshold = threshold;
  Labels& labels = outcome.labels;
  labels.interval_ns = interval_ns;
  for (const Surge& surge : surges)
    labels.ranges.push_back({surge.first_k, surge.last_k, surge.peak_k, surge.rising ? Direction::rising : Direction::falling,
                             surge.slope, surge.detections});
  std::stable_sort(labels.ranges.begin(), labels.ranges.end(),
                   [](const LabelledRange& a, const LabelledRange& b) { return a.first_k < b.first_k; });
  for (std::size_t i = 0; i < k.size(); ++i)
    if (strongest_of(kind == SlopeKind::ratio, slopes[i], settings.rising, settings.falling) > threshold)
      labels.detections.push_back(k[i]);
  return outcome;
}

StrengthSeries residual_strengths(const Forecast& f, SlopeKind kind) {
  StrengthSeries p{kind, f.interval_ns, f.k, std::vector<double>(f.k.size(), none), number_segments(f.k, {})};
  const double seconds = static_cast<double>(f.interval_ns) / 1e9;
  for (std::size_t i = 0; i < f.k.size(); ++i) {
    if (!std::isfinite(f.actual[i]) || !std::isfinite(f.predicted[i])) continue;
    if (kind != SlopeKind::ratio) p.s[i] = (f.actual[i] - f.predicted[i]) / seconds;
    // A network may predict less than nothing; a counter cannot be less, so 0 is what it says.
    else p.s[i] = std::max(f.actual[i], 0.0) / std::max(f.predicted[i], 0.0);
  }
  if (kind == SlopeKind::robust) robust_scores(p.s);
  return p;
}

Expected<StrengthSeries> slope_strengths(std::vector<std::int64_t> k, std::span<const double> values,
                                         std::span<const std::uint8_t> complete, std::int64_t interval_ns, SlopeKind kind,
                                         Backend& backend) {
  std::vector<double> slopes(k.size());
  TG_TRY(backend.slopes(slopes, {values, k, complete, interval_ns}, {kind}));
  StrengthSeries p{kind, interval_ns, std::move(k), std::move(slopes), {}};
  p.segment = number_segments(p.k, complete);
  return p;
}

/// Scores of the detector: errors of a forecast, or none for the series' own changes.
StrengthSeries rule_strengths(std::vector<std::int64_t> k, std::span<const double> values, std::span<const double> errors,
                              std::span<const std::uint8_t> complete, std::int64_t interval_ns, const DetectorSettings& rules) {
  std::vector<std::int64_t> times(k.size());
  std::vector<double> whole(values.begin(), values.end());
  for (std::size_t i = 0; i < k.size(); ++i) {
    times[i] = k[i] * interval_ns;
    if (!complete.empty() && !complete[i]) whole[i] = none;
  }
  StrengthSeries p{SlopeKind::absolute, interval_ns, std::move(k), detector_scores({times, whole}, errors, rules), {}};
  p.segment = number_segments(p.k, complete);
  return p;
}

StrengthSeries rule_strengths(const Forecast& f, const DetectorSettings& rules) {
  std::vector<double> errors(f.k.size());
  for (std::size_t i = 0; i < errors.size(); ++i) errors[i] = f.actual[i] - f.predicted[i];
  return rule_strengths(f.k, f.actual, errors, {}, f.interval_ns, rules);
}

/// Scores are in units of their limit and are no slopes.
LabelSettings settings_for(DetectMethod method, LabelSettings settings) {
  if (method != DetectMethod::rules) return settings;
  settings.kind = SlopeKind::absolute;
  if (!settings.threshold && !settings.quantile && !settings.budget) settings.threshold = 1;
  return settings;
}

}  // namespace

Expected<AlertBudget> parse_budget(std::string_view text) {
  constexpr std::int64_t hour = 3'600'000'000'000;
  constexpr std::pair<std::string_view, std::int64_t> units[] = {
      {"hour", hour}, {"day", 24 * hour}, {"week", 168 * hour}, {"month", 720 * hour}, {"year", 8760 * hour}};
  const std::size_t slash = text.find('/');
  double alerts = 0;
  const std::string_view amount = text.substr(0, slash);
  const auto [end, error] = std::from_chars(amount.data(), amount.data() + amount.size(), alerts);
  if (slash != std::string_view::npos && error == std::errc() && end == amount.data() + amount.size() && alerts >= 0 &&
      std::isfinite(alerts))
    for (const auto& [name, ns] : units)
      if (text.substr(slash + 1) == name) return AlertBudget{alerts, ns};
  return Error{fmt::format("'{}' is not a budget of alerts", text), "--budget",
               "such as 2/week; hour, day, week, month and year are known", ErrorKind::usage};
}

std::optional<double> default_threshold(SlopeKind kind) {
  if (kind == SlopeKind::ratio) return 1.3;
  if (kind == SlopeKind::robust) return 3.5;
  return std::nullopt;
}

Status set_direction(LabelSettings& settings, std::string_view text) {
  if (text != "rising" && text != "falling" && text != "both")
    return Error{fmt::format("there is no direction '{}'", text), "--direction", "rising, falling or both", ErrorKind::usage};
  settings.rising = text != "falling";
  settings.falling = text != "rising";
  return {};
}

Status check_label_settings(const LabelSettings& s) {
  std::string wrong;
  const auto require = [&](bool fine, std::string text) {
    if (!fine) wrong += (wrong.empty() ? "" : "\n  ") + text;
  };
  const int ways = s.threshold.has_value() + s.quantile.has_value() + s.budget.has_value();
  require(ways <= 1, "give one of --threshold, --quantile and --budget");
  require(ways > 0 || default_threshold(s.kind).has_value(),
          "an absolute slope has no usual threshold: give --threshold, --quantile or --budget");
  require(!s.threshold || !std::isnan(*s.threshold), "--threshold is not a number");
  require(!s.quantile || (*s.quantile > 0 && *s.quantile < 1), "--quantile must be between 0 and 1");
  require(s.error <= max_label_error, fmt::format("--error {} is too large", s.error));
  require(s.rising || s.falling, "no direction to label");
  if (wrong.empty()) return {};
  return Error{wrong, "label settings", "tidegauge label --help", ErrorKind::usage};
}

Expected<LabelOutcome> label_strengths(const StrengthSeries& p, const LabelSettings& settings) {
  TG_TRY(check_label_settings(settings));
  auto threshold = choose_threshold(p, settings);
  if (!threshold) return threshold.error();
  return outcome_of(find_surges(p, settings, *threshold), p.kind, p.interval_ns, p.k, p.s, settings, *threshold);
}

namespace {

/// On the backend as a whole where it can be: what a budget, a stretch to learn from or the seed asks for is found here.
Expected<LabelOutcome> label_values(const IntervalSeries& series, std::span<const double> values, const LabelSettings& settings,
                                    Backend& backend) {
  if (settings.budget || settings.learn_before_k || settings.seed_compatible) {
    auto strengths = slope_strengths(series.k, values, series.complete, series.interval_ns, settings.kind, backend);
    if (!strengths) return strengths.error();
    return label_strengths(*strengths, settings);
  }
  TG_TRY(check_label_settings(settings));
  SurgeRule rule{.kind = settings.kind, .rising = settings.rising, .falling = settings.falling, .threshold = settings.threshold,
                 .quantile = settings.quantile.value_or(0), .error = static_cast<std::int64_t>(settings.error)};
  if (!settings.threshold && !settings.quantile) rule.threshold = default_threshold(settings.kind);
  const std::uint64_t begin[] = {0, values.size()};
  Surges surges;
  TG_TRY(backend.surges(surges, {{values, series.k, series.complete, series.interval_ns}, begin}, rule));
  return outcome_of(surges.ranges, settings.kind, series.interval_ns, series.k, surges.slopes, settings, surges.thresholds[0]);
}

}  // namespace

Expected<LabelOutcome> label_series(const IntervalSeries& series, std::size_t column, const LabelSettings& settings,
                                    Backend& backend, DetectMethod method) {
  TG_REQUIRE(column < series.columns.size(), "a column of the series");
  std::vector<double> values(series.size());
  for (std::size_t row = 0; row < series.size(); ++row) values[row] = series.at(row, column);
  auto outcome = method == DetectMethod::rules
                     ? label_strengths(rule_strengths(series.k, values, {}, series.complete, series.interval_ns, settings.rules),
                                       settings_for(method, settings))
                     : label_values(series, values, settings, backend);
  if (!outcome) return outcome.error();
  outcome->labels.source = "series";
  outcome->labels.column = series.columns[column];
  return outcome;
}

Expected<LabelOutcome> label_forecast(const Forecast& forecast, DetectMethod method, const LabelSettings& settings,
                                      std::size_t look_back, Backend& backend) {
  Expected<StrengthSeries> strengths = residual_strengths(forecast, settings.kind);
  if (method == DetectMethod::rules) strengths = rule_strengths(forecast, settings.rules);
  if (method == DetectMethod::slope) {
    strengths = slope_strengths(forecast.k, forecast.predicted, {}, forecast.interval_ns, settings.kind, backend);
    if (strengths && settings.seed_compatible)
      for (std::int64_t& k : strengths->k) k -= 1 + static_cast<std::int64_t>(look_back);
  }
  if (!strengths) return strengths.error();
  auto outcome = label_strengths(*strengths, settings_for(method, settings));
  if (!outcome) return outcome.error();
  outcome->labels.source = forecast.model;
  outcome->labels.column = forecast.column;
  return outcome;
}

}  // namespace tidegauge
