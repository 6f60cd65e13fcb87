#include "bench/forecast_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "host/models/conformal.hpp"
#include "host/models/holt_winters.hpp"
#include "host/models/linear_choice.hpp"
#include "host/models/lstm_correction.hpp"
#include "host/models/naive_models.hpp"
#include "host/models/rolling_origin.hpp"
#include "kernels/core/parallel.hpp"

namespace tidegauge {

namespace {

using FittedModel = Expected<std::unique_ptr<ForecastModel>>;

/// A model with the key of its JSON field.
struct Contender {
  std::string key, words;
  FitForecastModel fit;
};

FittedModel fit_everywhere(std::span<const double> known, const ForecastDataset& data,
                           const LinearInputs& inputs) {
  auto fitted = fit_linear_forecast(known, data.time, data.horizons, inputs);
  if (!fitted) return std::move(fitted).error();
  return std::unique_ptr<ForecastModel>(new LinearForecast(std::move(*fitted)));
}

/// With a day's season where the training part holds two.
FittedModel fit_smoothing(std::span<const double> known, const ForecastDataset& data) {
  const std::vector<std::size_t> seasons = calendar_seasons(data.time.interval_ns);
  const std::size_t season = !seasons.empty() && 2 * seasons.front() <= known.size() ? seasons.front() : 0;
  auto fitted = HoltWintersForecast::fit(known, season, data.horizons);
  if (!fitted) return std::move(fitted).error();
  return std::unique_ptr<ForecastModel>(new HoltWintersForecast(std::move(*fitted)));
}

/// The linear model that others' networks lose to on the Leipzig trace, as far as the series is long enough
/// for it.
LinearInputs published_linear(std::size_t training) {
  return {.lags = std::min<std::size_t>(40, training / 8),
          .seasons = {},
          .day_waves = 1,
          .week_waves = 0,
          .log = true,
          .loss = Loss::absolute};
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
  all.push_back({"holt_winters", "Holt-Winters, damped",
                 [&](std::span<const double> known) { return fit_smoothing(known, data); }});
  for (const std::size_t lags : {2, 10})
    all.push_back({fmt::format("ar{}", lags), fmt::format("AR({}), least squares", lags),
                   [lags, &data](std::span<const double> known) {
                     return fit_everywhere(known, data, {.lags = lags, .seasons = {}});
                   }});
  all.push_back(
      {"usual_linear", "AR(40), logarithms, absolute loss, wave", [&](std::span<const double> known) {
         return fit_everywhere(known, data, published_linear(known.size()));
       }});
  all.push_back({"linear", "our linear, chosen", [&](std::span<const double>) -> FittedModel {
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

/// What every seed's LSTM said.
Expected<std::vector<RolledForecasts>> roll_lstm(const ForecastDataset& data, const LinearForecast& linear,
                                                 std::size_t seeds) {
  std::vector<Expected<RolledForecasts>> runs(seeds, Error{});
  ThreadPool pool(std::min<std::size_t>(seeds, 2));
  pool.run(seeds, [&](std::size_t seed, std::size_t) {
    const auto backend = make_cpu_backend(1);
    runs[seed] = roll_forecasts("lstm", data.values, {data.horizons, data.first_scored()},
                                [&](std::span<const double> known) -> FittedModel {
                                  auto fitted =
                                      LstmCorrection::fit(known, linear, {.seed = seed + 1}, *backend);
                                  if (!fitted) return std::move(fitted).error();
                                  return std::unique_ptr<ForecastModel>(std::move(*fitted));
                                });
  });
  std::vector<RolledForecasts> all;
  for (auto& run : runs) {
    if (!run) return std::move(run).error();
    all.push_back(std::move(*run));
  }
  return all;
}

/// The seed with the median error at each horizon, as one model.
RolledForecasts median_seed(std::span<const double> values, const std::vector<RolledForecasts>& seeds) {
  RolledForecasts median = seeds.front();
  for (std::size_t h = 0; h < median.horizons.size(); ++h) {
    const RolledErrors errors = rolled_errors(values, seeds, h, 0);
    std::vector<std::size_t> order(seeds.size());
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(),
              [&](auto a, auto b) { return errors.metrics[a].mape < errors.metrics[b].mape; });
    median.predicted[h] = seeds[order[order.size() / 2]].predicted[h];
  }
  return median;
}

/// One dataset's models side by side.
struct Comparison {
  const ForecastDataset& data;
  std::vector<std::string> words;
  std::vector<RolledForecasts> rolled;  ///< the same order
  double mase_scale;

  std::size_t find(std::string_view key) const {
    const auto at = std::find_if(rolled.begin(), rolled.end(), [&](const auto& r) { return r.model == key; });
    return static_cast<std::size_t>(at - rolled.begin());
  }
  bool has(std::string_view key) const { return find(key) < rolled.size(); }
};

/// MAPE of `model` less that of `base`; errors of neighbours share what happened within the horizon.
BootstrapDifference mape_difference(const RolledErrors& errors, std::size_t model, std::size_t base,
                                    std::size_t horizon) {
  return bootstrap_difference(errors.relative[model], errors.relative[base],
                              std::max<std::size_t>(4 * horizon, 24), 1);
}

std::string interval_text(const BootstrapDifference& d) {
  return fmt::format("{:+.2f} [{:+.2f}, {:+.2f}]", d.mean, d.low, d.high);
}

void print_horizon(const Comparison& c, const RolledErrors& errors, std::size_t horizon) {
  fmt::print("{}, {} ahead, {} targets\n  {:<44} {:>7} {:>8} {:>7} {:>11}   {:<23} {}\n", c.data.name,
             horizon, errors.targets.size(), "", "MAPE %", "sMAPE %", "MASE", "pinball", "less persistence",
             "less the usual linear");
  for (std::size_t m = 0; m < c.rolled.size(); ++m) {
    const Metrics& figures = errors.metrics[m];
    fmt::print("  {:<44} {:7.2f} {:8.2f} {:7.3f} {:11.5g}   {:<23} {}\n", c.words[m],
               figures.mape.value_or(0), figures.smape.value_or(0), figures.mase.value_or(0),
               errors.pinball[m], interval_text(mape_difference(errors, m, c.find("persistence"), horizon)),
               interval_text(mape_difference(errors, m, c.find("usual_linear"), horizon)));
  }
  if (const PublishedError* p = published_at(c.data, horizon))
    fmt::print("  {:<44} {:7.2f}   (on another test part)\n", "published: " + p->model, p->mape);
  if (c.has("lstm"))
    fmt::print("  what the LSTM adds to our linear model: {}\n",
               interval_text(mape_difference(errors, c.find("lstm"), c.find("linear"), horizon)));
}

struct BandFigures {
  double coverage, half_width;
};

/// A 90 % band around our linear model, calibrated on the last fifth of the training part by the same
/// regressions fitted on what lies before that, and held against the scored part.
Expected<BandFigures> band_of(const Comparison& c, const LinearForecast& linear, std::size_t h) {
  const std::span<const double> values = c.data.values;
  const std::size_t first = c.data.first_scored(), calibration = first * 4 / 5;
  const FitForecastModel refit = [&](std::span<const double> known) -> FittedModel {
    auto mean = refit_linear(linear.horizons()[h], known);
    if (!mean) return std::move(mean).error();
    return std::unique_ptr<ForecastModel>(new LinearForecast({std::move(*mean)}));
  };
  const auto rolled =
      roll_forecasts("calibration", values.first(first), {{c.data.horizons[h]}, calibration}, refit);
  if (!rolled) return rolled.error();
  const ConformalBand band(rolled->predicted[0], values.subspan(calibration, first - calibration), 0.9);
  return BandFigures{conformal_coverage(band, c.rolled[c.find("linear")].predicted[h], values.subspan(first)),
                     band.width()};
}

void print_choice(const LinearMean& mean) {
  for (const LinearHorizon& member : mean.members) fmt::print("  averaged: {}\n", member.inputs.words());
}

nlohmann::json number_or_null(std::optional<double> x) {
  return x && std::isfinite(*x) ? nlohmann::json(*x) : nlohmann::json(nullptr);
}

void add_rows(nlohmann::json& rows, const Comparison& c, const RolledErrors& errors, std::size_t horizon) {
  const std::size_t ours = c.find(c.has("lstm") ? "lstm" : "linear");
  const auto figure = [&](std::size_t m, const std::string& metric) -> nlohmann::json {
    const Metrics& figures = errors.metrics[m];
    if (metric == "pinball") return errors.pinball[m];
    return number_or_null(metric == "MAPE" ? figures.mape : metric == "sMAPE" ? figures.smape : figures.mase);
  };
  for (const std::string metric : {"MAPE", "sMAPE", "MASE", "pinball"}) {
    nlohmann::json row{{"dataset", c.data.name},
                       {"horizon", horizon},
                       {"metric", metric},
                       {"targets", errors.targets.size()},
                       {"ours", figure(ours, metric)},
                       {"lstm_only", nullptr},
                       {"published", nullptr}};
    for (std::size_t m = 0; m < c.rolled.size(); ++m) row[c.rolled[m].model] = figure(m, metric);
    if (const PublishedError* p = published_at(c.data, horizon); p && metric == "MAPE")
      row["published"] = p->mape;
    if (metric == "MAPE" && c.has("lstm")) {
      const BootstrapDifference d = mape_difference(errors, c.find("lstm"), c.find("linear"), horizon);
      row["lstm_adds"] = {d.mean, d.low, d.high};
    }
    rows.push_back(std::move(row));
  }
}

Status add_lstm(Comparison& c, const std::string& key, const std::string& words, const LinearForecast& under,
                std::size_t seeds) {
  const auto runs = roll_lstm(c.data, under, seeds);
  if (!runs) return runs.error();
  c.words.push_back(fmt::format("{}, median of {} seeds", words, seeds));
  c.rolled.push_back(median_seed(c.data.values, *runs));
  c.rolled.back().model = key;
  return {};
}

Expected<Comparison> compare_models(const ForecastDataset& data, const LinearForecast& linear,
                                    std::size_t seeds) {
  const std::size_t first = data.first_scored();
  Comparison c{data, {}, {}, mean_step(std::span(data.values).first(first))};
  for (const Contender& model : contenders(data, linear)) {
    auto one = roll_forecasts(model.key, data.values, {data.horizons, first}, model.fit);
    if (!one) return Error{one.error().what, data.name + ", " + model.words, one.error().remedy};
    c.words.push_back(model.words);
    c.rolled.push_back(std::move(*one));
  }
  if (seeds == 0) return c;
  // All of the ridge leaves persistence: an LSTM that has no linear model under it.
  const auto bare = fit_linear_forecast(std::span(data.values).first(first), data.time, data.horizons,
                                        {.lags = 1, .seasons = {}, .log = true, .ridge = 1e12});
  if (!bare) return bare.error();
  TG_TRY(add_lstm(c, "lstm_only", "LSTM on persistence", *bare, seeds));
  TG_TRY(add_lstm(c, "lstm", "our linear and an LSTM", linear, seeds));
  return c;
}

Status report_dataset(nlohmann::json& rows, const ForecastDataset& data,
                      const ForecastTableOptions& options) {
  const auto linear =
      fit_chosen_linear(std::span(data.values).first(data.first_scored()), data.time, data.horizons);
  if (!linear) return linear.error();
  const auto compared = compare_models(data, *linear, options.seeds);
  if (!compared) return compared.error();
  for (std::size_t h = 0; h < data.horizons.size(); ++h) {
    const RolledErrors errors = rolled_errors(data.values, compared->rolled, h, compared->mase_scale);
    add_rows(rows, *compared, errors, data.horizons[h]);
    const auto band = band_of(*compared, *linear, h);
    if (!band) return band.error();
    rows.push_back({{"dataset", data.name},
                    {"horizon", data.horizons[h]},
                    {"metric", "coverage of a 90 % band"},
                    {"linear", band->coverage}});
    if (options.json) continue;
    print_horizon(*compared, errors, data.horizons[h]);
    fmt::print("  conformal 90 % band around our linear model: forecast +- {:.1f} %, holds {:.1f} %\n",
               100 * band->half_width, 100 * band->coverage);
    print_choice(linear->horizons()[h]);
  }
  return {};
}

}  // namespace

Status report_forecasts(nlohmann::json& rows, const std::vector<ForecastDataset>& datasets,
                        const ForecastTableOptions& options) {
  for (const ForecastDataset& data : datasets) TG_TRY(report_dataset(rows, data, options));
  return {};
}

}  // namespace tidegauge
