#include "host/forecaster.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "host/models/baselines.hpp"
#include "host/features.hpp"

namespace tidegauge {

namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

/// Empty forecasts of every step with k and actual filled in.
std::vector<Forecast> frame(const Model& model, const IntervalSeries& series, std::size_t column,
                            const std::vector<std::uint32_t>& starts, const char* name) {
  const std::size_t horizon = model.settings.horizon;
  std::vector<Forecast> steps(horizon);
  for (std::size_t o = 0; o < horizon; ++o) {
    Forecast& f = steps[o];
    f.model = name;
    f.column = model.settings.column;
    f.interval_ns = series.interval_ns;
    f.step = o + 1;
    f.predicted.assign(starts.size(), none);
    for (std::uint32_t start : starts) {
      const std::int64_t k = series.k[start + model.settings.look_back - 1] + static_cast<std::int64_t>(o) + 1;
      f.k.push_back(k);
      f.actual.push_back(value_at(series, column, k));
    }
  }
  return steps;
}

/// Writes scaled outputs [windows][horizon] into the forecasts in the column's own unit.
template <class T>
void fill(std::vector<Forecast>& steps, const std::vector<T>& outputs, const Scaler& scaler) {
  for (std::size_t o = 0; o < steps.size(); ++o)
    for (std::size_t w = 0; w < steps[o].k.size(); ++w)
      steps[o].predicted[w] = scaler.inverse(static_cast<double>(outputs[w * steps.size() + o]));
}

}  // namespace

std::vector<const std::vector<Forecast>*> ForecastSet::all() const {
  std::vector<const std::vector<Forecast>*> models{&lstm, &linear, &persistence};
  if (!seasonal.empty()) models.push_back(&seasonal);
  return models;
}

Expected<ForecastSet> forecast_series(const Model& model, const IntervalSeries& series, Backend& backend,
                                      std::int64_t from_k) {
  const TrainSettings& settings = model.settings;
  if (series.interval_ns != model.interval_ns)
    return Error{fmt::format("the model was trained on intervals of {} ns, the series has {} ns", model.interval_ns,
                             series.interval_ns), "", "tidegauge rebin, or a model of that interval", ErrorKind::usage};
  auto features = make_features(series, settings, model.scalers);
  if (!features) return features.error();
  const auto column = find_columns(series, settings)->front();

  // A horizon of 0: only the look-back must be there, what it speaks of may not have come yet.
  const auto first = std::lower_bound(series.k.begin(), series.k.end(), from_k) - series.k.begin();
  const std::vector<std::uint32_t> starts = window_starts(series.segments(), settings.look_back, 0,
                                                          {static_cast<std::size_t>(first), series.size()});
  if (starts.empty())
    return Error{fmt::format("no run of {} complete intervals to forecast from", settings.look_back), "",
                 "a longer series, or a model with a shorter --look-back"};
  const WindowBatch windows = features->windows(starts, settings.look_back, settings.horizon);

  auto network = backend.lstm(settings.shape(), settings.seed, model.lstm_options());
  if (!network) return network.error();
  TG_TRY((*network)->set_parameters(model.parameters));
  std::vector<float> outputs(starts.size() * settings.horizon);
  TG_TRY((*network)->predict(outputs, windows));

  ForecastSet set;
  set.lstm = frame(model, series, column, starts, "lstm");
  set.linear = frame(model, series, column, starts, "ar");
  set.persistence = frame(model, series, column, starts, "persistence");
  fill(set.lstm, outputs, model.scalers.front());
  if (model.linear.fitted()) {
    std::vector<double> linear(outputs.size());
    predict_linear(linear, model.linear, windows);
    fill(set.linear, linear, model.scalers.front());
  }
  for (Forecast& f : set.persistence)
    for (std::size_t w = 0; w < starts.size(); ++w)
      f.predicted[w] = series.at(starts[w] + settings.look_back - 1, column);
  if (model.season > 0) {
    set.seasonal = frame(model, series, column, starts, "seasonal");
    for (Forecast& f : set.seasonal)
      for (std::size_t w = 0; w < starts.size(); ++w)
        f.predicted[w] = seasonal_value(series, column, f.k[w], f.step, model.season);
  }
  return set;
}

std::optional<std::int64_t> first_unseen(const Model& model, const IntervalSeries& series) {
  if (series.size() == 0 || series.k.back() < model.training_end_k) return std::nullopt;
  return model.training_end_k;
}

}  // namespace tidegauge
