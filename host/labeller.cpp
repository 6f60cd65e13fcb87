#include "host/labeller.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "host/alert_budget.hpp"
#include "kernels/data/interval_columns.hpp"

namespace tidegauge {

namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

double strength(SlopeKind kind, double s, bool rising) {
  if (rising) return s;
  return kind == SlopeKind::ratio ? 1 / s : -s;  // 1/0 and 1/inf are what they should be
}

/// Both directions of every point that has a strength.
std::vector<Candidate> candidates_of(const StrengthSeries& p, const LabelSettings& settings) {
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

/// The strength that a share `quantile` of the points does not exceed (the lower empirical quantile). A point counts
/// with its stronger direction.
double learn_quantile(std::span<const Candidate> candidates, double quantile) {
  std::vector<double> strengths;
  std::int64_t last_k = std::numeric_limits<std::int64_t>::min();
  for (const Candidate& c : candidates) {
    if (!strengths.empty() && c.k == last_k) strengths.back() = std::max(strengths.back(), c.strength);
    else strengths.push_back(c.strength);
    last_k = c.k;
  }
  const auto rank = static_cast<std::size_t>(std::ceil(quantile * static_cast<double>(strengths.size())));
  const auto nth = strengths.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
  std::nth_element(strengths.begin(), nth, strengths.end());
  return *nth;
}

Expected<double> choose_threshold(const StrengthSeries& p, const LabelSettings& settings) {
  if (settings.threshold) return *settings.threshold;
  if (!settings.quantile && !settings.budget) return *default_threshold(settings.kind);
  const std::size_t rows = rows_before(p, settings.learn_before_k);
  StrengthSeries part = p;
  part.k.resize(rows);
  part.s.resize(rows);
  part.segment.resize(rows);
  const std::vector<Candidate> candidates = candidates_of(part, settings);
  // Nothing can be labelled; one silent model must not end a run that compares several.
  if (candidates.empty()) return std::numeric_limits<double>::infinity();
  if (settings.quantile) return learn_quantile(candidates, *settings.quantile);
  const double time_ns = static_cast<double>(rows) * static_cast<double>(p.interval_ns);
  const double most = settings.budget->alerts * time_ns / static_cast<double>(settings.budget->per_ns);
  return threshold_for_budget(candidates, 2 * static_cast<std::int64_t>(settings.error), !settings.seed_compatible, most);
}

/// First and last interval of each segment number.
std::vector<std::pair<std::int64_t, std::int64_t>> segment_bounds(const StrengthSeries& p) {
  std::vector<std::pair<std::int64_t, std::int64_t>> bounds;
  for (std::size_t i = 0; i < p.k.size(); ++i) {
    if (p.segment[i] >= bounds.size()) bounds.resize(p.segment[i] + 1, {p.k[i], p.k[i]});
    bounds[p.segment[i]].second = p.k[i];
  }
  return bounds;
}

/// Ranges of one direction in the order of time.
void add_ranges(std::vector<LabelledRange>& out, const StrengthSeries& p, const LabelSettings& settings,
                double threshold, bool rising) {
  const auto bounds = segment_bounds(p);
  const auto error = static_cast<std::int64_t>(settings.error);
  const std::int64_t limit = last_interval(p.interval_ns);
  bool open = false;
  double peak = 0;
  for (std::size_t i = 0; i < p.k.size(); ++i) {
    const double size = strength(p.kind, p.s[i], rising);
    if (!(size > threshold)) continue;
    LabelledRange range{p.k[i] < error - limit ? -limit : p.k[i] - error,
                        p.k[i] > limit - error ? limit : p.k[i] + error, p.k[i], rising ? Direction::rising : Direction::falling, p.s[i], 1};
    if (settings.seed_compatible) {
      out.push_back(range);
      continue;
    }
    range.first_k = std::max(range.first_k, bounds[p.segment[i]].first);
    range.last_k = std::min(range.last_k, bounds[p.segment[i]].second);
    // Clipping keeps ranges of different segments apart, so overlap means the same segment.
    if (open && range.first_k <= out.back().last_k) {
      LabelledRange& before = out.back();
      before.last_k = range.last_k;
      ++before.detections;
      if (size > peak) {
        before.peak_k = range.peak_k;
        before.slope = range.slope;
        peak = size;
      }
    } else {
      out.push_back(range);
      peak = size;
    }
    open = true;
  }
}

/// Numbers runs of consecutive intervals; a step over a gap begins a new one. Incomplete rows are runs of their own.
std::vector<std::uint32_t> number_segments(std::span<const std::int64_t> k, std::span<const std::uint8_t> complete) {
  std::vector<std::uint32_t> segment(k.size());
  for (std::size_t i = 1; i < k.size(); ++i) {
    const bool continues = k[i] == k[i - 1] + 1 && (complete.empty() || (complete[i] && complete[i - 1]));
    segment[i] = segment[i - 1] + !continues;
  }
  return segment;
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
  LabelOutcome outcome;
  outcome.threshold = *threshold;
  Labels& labels = outcome.labels;
  labels.interval_ns = p.interval_ns;
  if (settings.rising) add_ranges(labels.ranges, p, settings, *threshold, true);
  std::vector<LabelledRange> falls;
  if (settings.falling) add_ranges(falls, p, settings, *threshold, false);
  labels.ranges.insert(labels.ranges.end(), falls.begin(), falls.end());
  std::stable_sort(labels.ranges.begin(), labels.ranges.end(),
                   [](const LabelledRange& a, const LabelledRange& b) { return a.first_k < b.first_k; });
  for (std::size_t i = 0; i < p.k.size(); ++i) {
    const bool rise = settings.rising && strength(p.kind, p.s[i], true) > *threshold;
    const bool fall = settings.falling && strength(p.kind, p.s[i], false) > *threshold;
    if (rise || fall) labels.detections.push_back(p.k[i]);
  }
  return outcome;
}

Expected<LabelOutcome> label_series(const IntervalSeries& series, std::size_t column, const LabelSettings& settings,
                                    Backend& backend, DetectMethod method) {
  TG_REQUIRE(column < series.columns.size(), "a column of the series");
  std::vector<double> values(series.size());
  for (std::size_t row = 0; row < series.size(); ++row) values[row] = series.at(row, column);
  Expected<StrengthSeries> strengths =
      method == DetectMethod::rules
          ? rule_strengths(series.k, values, {}, series.complete, series.interval_ns, settings.rules)
          : slope_strengths(series.k, values, series.complete, series.interval_ns, settings.kind, backend);
  if (!strengths) return strengths.error();
  auto outcome = label_strengths(*strengths, settings_for(method, settings));
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
