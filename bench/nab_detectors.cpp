#include "bench/nab_detectors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "host/detection/dynamic_threshold.hpp"
#include "host/forecaster.hpp"
#include "host/trainer.hpp"

namespace tidegauge {

namespace {

std::vector<double> sizes(std::vector<double> scores) {
  for (double& score : scores) score = std::abs(score);
  return scores;
}

TimedValues timed(const NabSeries& series) { return {series.time_ns, series.values}; }

/// -log10(1 - s): the same order, and limits that can be written down.
std::vector<double> rarity(std::vector<double> scores) {
  for (double& s : scores) s = -std::log10(1 - s);
  return scores;
}

/// Rows as intervals of the usual spacing, so that the time of day is right where rows are regular.
IntervalSeries as_intervals(const NabSeries& file) {
  std::vector<std::int64_t> steps;
  for (std::size_t i = 1; i < file.time_ns.size(); ++i) steps.push_back(file.time_ns[i] - file.time_ns[i - 1]);
  std::nth_element(steps.begin(), steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2), steps.end());
  IntervalSeries series;
  series.interval_ns = std::max<std::int64_t>(steps[steps.size() / 2], 1'000'000);
  series.columns = {"value"};
  series.values = file.values;
  series.complete.assign(file.values.size(), 1);
  for (std::size_t row = 0; row < file.values.size(); ++row)
    series.k.push_back(file.time_ns[0] / series.interval_ns + static_cast<std::int64_t>(row));
  return series;
}

Errors errors_of(const Forecast& forecast, const IntervalSeries& series) {
  Errors errors(series.size(), std::numeric_limits<double>::quiet_NaN());
  for (std::size_t i = 0; i < forecast.k.size(); ++i)
    if (const std::int64_t row = forecast.k[i] - series.k[0]; row < static_cast<std::int64_t>(series.size()))
      errors[static_cast<std::size_t>(row)] = forecast.actual[i] - forecast.predicted[i];
  return errors;
}

NabCandidate rules_candidate(double z_limit, double margin, std::size_t quiet, std::int64_t season_ns,
                             Errors NabErrors::*errors) {
  const DetectorSettings settings{.z_limit = z_limit, .range_margin = margin, .season_ns = season_ns, .refractory = quiet};
  return {fmt::format("z {}, range {:.0f} %, quiet {}", z_limit, 100 * margin, quiet),
          [=](const NabSeries& series, const NabErrors& models) {
            return sizes(detector_scores(timed(series), errors ? models.*errors : Errors(), settings));
          }};
}

/// The grid of everything that has rules.
NabDetector with_rules(const char* key, const char* words, std::int64_t season_ns, Errors NabErrors::*errors) {
  NabDetector detector{key, words, {}};
  for (const double z_limit : {4.0, 5.0, 6.0, 8.0})
    for (const double margin : {0.02, 0.05, 0.1})
      for (const std::size_t quiet : {25, 50, 100, 200})
        detector.candidates.push_back(rules_candidate(z_limit, margin, quiet, season_ns, errors));
  return detector;
}

/// The z-score and nothing else.
NabDetector z_only(const char* key, const char* words, Errors NabErrors::*errors) {
  NabDetector detector{key, words, {}};
  for (const double limit : {3.0, 4.0, 5.0, 6.0, 8.0, 12.0, 16.0})
    detector.candidates.push_back({fmt::format("z {}", limit),
                                   [=](const NabSeries& series, const NabErrors& models) {
                                     return sizes(running_z(errors ? models.*errors : changes(series.values), {}));
                                   },
                                   limit});
  return detector;
}

NabDetector gaussian() {
  NabDetector detector{"windowed_gaussian", "windowed Gaussian, as NAB's", {}};
  for (const double digits : {2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 15.0})
    detector.candidates.push_back({fmt::format("1e-{} and less", digits),
                                   [](const NabSeries& series, const NabErrors&) { return rarity(windowed_gaussian(series.values)); },
                                   digits});
  return detector;
}

/// Telemanom's rules on the slope, and the anomaly likelihood of its sizes: what other programs put behind their models.
NabDetector of_slope_sizes(const char* key, const char* words, std::vector<double> limits,
                           std::vector<double> (*score)(std::span<const double>)) {
  NabDetector detector{key, words, {}};
  for (const double limit : limits)
    detector.candidates.push_back({fmt::format("above {}", limit),
                                   [=](const NabSeries& series, const NabErrors&) { return score(sizes(changes(series.values))); },
                                   limit});
  return detector;
}

/// The original tool's slope, both directions.
NabDetector slope_ratio() {
  NabDetector detector{"slope", "slope as a ratio, alone", {}};
  const auto scores = [](const NabSeries& series, const NabErrors&) {
    std::vector<double> ratios(series.values.size(), std::numeric_limits<double>::quiet_NaN());
    for (std::size_t i = 1; i < ratios.size(); ++i) {
      const double s = std::abs(series.values[i] / series.values[i - 1]);
      ratios[i] = std::max(s, 1 / s);
    }
    return ratios;
  };
  for (const double limit : {1.1, 1.3, 1.5, 2.0, 3.0, 5.0, 10.0, 50.0})
    detector.candidates.push_back({fmt::format("above {}", limit), scores, limit});
  return detector;
}

NabDetector ablation(const char* words, const DetectorSettings& settings) {
  return {"", words, {{"", [=](const NabSeries& series, const NabErrors&) {
                         return sizes(detector_scores(timed(series), {}, settings));
                       }}}};
}

}  // namespace

Expected<NabErrors> model_errors(const NabSeries& file) {
  const IntervalSeries series = as_intervals(file);
  TrainSettings train;
  train.column = "value";
  train.training_part = PartSize::of_rows(nab_probation(series.size()));
  train.look_back = 16;
  train.hidden = 16;
  train.time_of_day = true;
  const auto backend = make_cpu_backend(1);
  auto trained = train_model(series, train, *backend, {});
  if (!trained) return std::move(trained).error();
  auto forecasts = forecast_series(trained->model, series, *backend, series.k.front());
  if (!forecasts) return std::move(forecasts).error();
  return NabErrors{errors_of(forecasts->linear[0], series), errors_of(forecasts->lstm[0], series)};
}

std::vector<NabDetector> nab_detectors() {
  return {gaussian(),
          slope_ratio(),
          z_only("slope_z", "slope, running z", nullptr),
          z_only("linear_z", "linear model's errors, running z", &NabErrors::linear),
          z_only("lstm_z", "LSTM's errors, running z", &NabErrors::lstm),
          of_slope_sizes("slope_dynamic", "slope, smoothed, dynamic threshold", {1e-9, 0.25, 0.5, 1.0, 2.0, 4.0},
                         [](std::span<const double> e) { return dynamic_threshold(smoothed(e, 0.1), {}); }),
          of_slope_sizes("slope_likelihood", "slope, anomaly likelihood", {0.3, 0.4, 0.5, 0.6, 0.8, 1.0},
                         [](std::span<const double> e) { return tail_likelihood(e, {}); }),
          with_rules("slope_rules", "slope with the rules", 0, nullptr),
          with_rules("linear", "linear model with the rules", 0, &NabErrors::linear),
          with_rules("lstm", "LSTM with the rules", 0, &NabErrors::lstm),
          with_rules("ours", "default: change since a day before, with the rules", DetectorSettings{}.season_ns, nullptr)};
}

std::vector<NabDetector> nab_ablations() {
  return {ablation("all of it", {}),
          ablation("without the day before (slope)", {.season_ns = 0}),
          ablation("without the range rule", {.range_margin = 0}),
          ablation("without the z rule", {.z_limit = 0}),
          ablation("without the refractory time", {.refractory = 0}),
          ablation("slope, running z, nothing else", {.range_margin = 0, .season_ns = 0, .refractory = 0}),
          ablation("range rule, nothing else", {.z_limit = 0, .refractory = 0})};
}

}  // namespace tidegauge
