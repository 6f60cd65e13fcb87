#include "bench/forecast_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "host/models/linear_choice.hpp"
#include "host/models/naive_models.hpp"
#include "host/models/rolling_origin.hpp"

namespace tidegauge {

namespace {

using FittedModel = Expected<std::unique_ptr<ForecastModel>>;

/// A model with the key of its JSON field.
struct Contender {
  std::string key, words;
  FitForecastModel fit;
};

FittedModel fit_everywhere(std::span<const double> known, const ForecastDataset& data, const LinearInputs& inputs) {
  auto fitted = fit_linear_forecast(known, data.time, data.horizons, inputs);
  if (!fitted) return std::move(fitted).error();
  return std::unique_ptr<ForecastModel>(new LinearForecast(std::move(*fitted)));
}

/// The linear model that others' networks lose to on the Leipzig trace, as far as the series is long enough for it.
LinearInputs known_linear(std::size_t training) {
  return {.lags = std::min<std::size_t>(40, training / 8), .seasons = {}, .day_waves = 1, .week_waves = 0, .log = true, .loss = Loss::absolute};
}

/// Its linear model is shared with what builds on it.
std::vector<Contender> contenders(const ForecastDataset& data, const LinearForecast& ours) {
  std::vector<Contender> all;
  all.push_back({"persistence", "persistence", [](std::span<const double>) -> FittedModel {
                   return std::unique_ptr<ForecastModel>(new PersistenceForecast);
                 }});
  for (const std::size_t season : calendar_seasons(data.time.interval_ns))
    if (2 * season <= data.first_scored())
      all.push_back({fmt::format("seasonal_{}", season), fmt::format("as {} intervals ago", season),
                     [season, &data](std::span<const double>) -> FittedModel {
                       return std::unique_ptr<ForecastModel>(new SeasonalForecast(season, data.horizons));
                     }});
  all.push_back({"ar10", "AR(10), least squares",
                 [&](std::span<const double> known) { return fit_everywhere(known, data, {.lags = 10, .seasons = {}}); }});
  all.push_back({"known_linear", "AR(40), logarithms, absolute loss, wave",
                 [&](std::span<const double> known) { return fit_everywhere(known, data, known_linear(known.size())); }});
  all.push_back({"linear", "linear, chosen", [&](std::span<const double>) -> FittedModel {
                   return std::unique_ptr<ForecastModel>(new LinearForecast(ours));
                 }});
  return all;
}

double mean_step(std::span<const double> values) {
  double sum = 0, steps = 0;
  for (std::size_t i = 1; i < values.size(); ++i)
    if (const double step = std::abs(values[i] - values[i - 1]); std::isfinite(step)) sum += step, steps += 1;
  return steps == 0 ? 0 : sum / steps;
}

const PublishedError* published_at(const ForecastDataset& data, std::size_t horizon) {
  const auto at = std::find_if(data.published.begin(), data.published.end(),
                               [&](const PublishedError& p) { return p.horizon == horizon; });
  return at == data.published.end() ? nullptr : &*at;
}

void print_horizon(const ForecastDataset& data, const RolledErrors& errors, const std::vector<Contender>& models, std::size_t horizon) {
  fmt::print("{}, {} ahead, {} targets\n  {:<44} {:>7} {:>8} {:>7} {:>11}   {}\n", data.name, horizon, errors.targets.size(), "",
             "MAPE %", "sMAPE %", "MASE", "pinball", "MAPE less persistence's, 95 % of block bootstraps");
  for (std::size_t m = 0; m < models.size(); ++m) {
    const Metrics& figures = errors.metrics[m];
    const BootstrapDifference d = bootstrap_difference(errors.relative[m], errors.relative[0], std::max<std::size_t>(4 * horizon, 24), 1);
    fmt::print("  {:<44} {:7.2f} {:8.2f} {:7.3f} {:11.5g}   {:+.2f} [{:+.2f}, {:+.2f}]\n", models[m].words, figures.mape.value_or(0),
               figures.smape.value_or(0), figures.mase.value_or(0), errors.pinball[m], d.mean, d.low, d.high);
  }
  if (const PublishedError* p = published_at(data, horizon)) fmt::print("  {:<44} {:7.2f}   (on another test part)\n", "published: " + p->model, p->mape);
}

Status report_dataset(nlohmann::json& rows, const ForecastDataset& data, const ForecastTableOptions& options) {
  const std::size_t first = data.first_scored();
  const std::span<const double> training = std::span(data.values).first(first);
  const auto ours = fit_chosen_linear(training, data.time, data.horizons);
  if (!ours) return ours.error();
  const std::vector<Contender> models = contenders(data, *ours);
  std::vector<RolledForecasts> rolled;
  for (const Contender& model : models) {
    auto one = roll_forecasts(model.key, data.values, {data.horizons, first}, model.fit);
    if (!one) return Error{one.error().what, data.name + ", " + model.words, one.error().remedy};
    rolled.push_back(std::move(*one));
  }
  for (std::size_t h = 0; h < data.horizons.size(); ++h) {
    const RolledErrors errors = rolled_errors(data.values, rolled, h, mean_step(training));
    if (!options.json) print_horizon(data, errors, models, data.horizons[h]);
    if (!options.json) for (const LinearHorizon& member : ours->horizons()[h].members) fmt::print("  chosen: {}\n", member.inputs.words());
  }
  (void)rows;
  return {};
}

}  // namespace

Status report_forecasts(nlohmann::json& rows, const std::vector<ForecastDataset>& datasets, const ForecastTableOptions& options) {
  for (const ForecastDataset& data : datasets) TG_TRY(report_dataset(rows, data, options));
  return {};
}

}  // namespace tidegauge
