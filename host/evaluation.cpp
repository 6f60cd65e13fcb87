#include "host/evaluation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace tidegauge {

namespace {

using ModelSteps = const std::vector<Forecast>*;

std::string name_of(const std::string& model, const Model& m) {
  const bool covariates = m.settings.feature_count() > 1;
  if (model == "lstm") {
    std::string sizes = fmt::format("{}", m.settings.hidden);
    for (std::size_t layer = 1; layer < m.settings.layers; ++layer) sizes += fmt::format(",{}", m.settings.hidden);
    return fmt::format("LSTM({}){}", sizes, m.settings.skip ? " + linear" : "");
  }
  if (model == "ar") return fmt::format("{}({})", covariates ? "ARX" : "AR", m.settings.look_back);
  if (model == "seasonal") return fmt::format("seasonal ({})", m.season);
  return model;
}

bool usable(const std::vector<ModelSteps>& models, std::size_t step, std::size_t point) {
  return std::isfinite(models[0]->at(step).actual[point]) &&
         std::all_of(models.begin(), models.end(),
                     [&](ModelSteps m) { return std::isfinite(m->at(step).predicted[point]); });
}

/// Share of known points that a model has no value for.
double missing_share(const std::vector<Forecast>& steps) {
  double known = 0, missing = 0;
  for (const Forecast& f : steps)
    for (std::size_t i = 0; i < f.k.size(); ++i) {
      if (!std::isfinite(f.actual[i])) continue;
      ++known;
      missing += !std::isfinite(f.predicted[i]);
    }
  return known == 0 ? 0 : missing / known;
}

/// Rows of one step (or of all, with 0) for every model.
void add_rows(Evaluation& e, const std::vector<ModelSteps>& models, const Model& m, std::size_t step) {
  const std::size_t horizon = models[0]->size();
  for (ModelSteps model : models) {
    std::vector<double> predicted, actual;
    for (std::size_t o = 0; o < horizon; ++o) {
      if (step != 0 && o + 1 != step) continue;
      const Forecast& f = model->at(o);
      for (std::size_t i = 0; i < f.k.size(); ++i) {
        if (!usable(models, o, i)) continue;
        predicted.push_back(f.predicted[i]);
        actual.push_back(f.actual[i]);
      }
    }
    const std::string& id = model->front().model;
    e.rows.push_back({id, name_of(id, m), step, measure(predicted, actual, m.mase_scale)});
  }
}

/// By the figure that training minimised: RMSE for squared loss, MAE otherwise.
void judge(Evaluation& e, const Model& m) {
  const bool squared = m.settings.loss.kind == Loss::mse;
  const auto figure = [&](const MetricsRow& row) { return squared ? row.metrics.rmse : row.metrics.mae; };
  const MetricsRow* best = nullptr;
  for (const MetricsRow& row : e.rows)
    if (row.step == 0 && row.model != "lstm" && (!best || figure(row) < figure(*best))) best = &row;
  const MetricsRow& lstm = e.rows.front();
  if (!best || lstm.metrics.points == 0) {
    e.verdict = "no complete point to compare on";
    return;
  }
  const char* unit = squared ? "RMSE" : "MAE";
  const double a = figure(lstm), b = figure(*best), percent = b > 0 ? 100 * (a - b) / b : 0;
  const std::string figures = fmt::format("{} {:.6g} against {:.6g} on {} points", unit, a, b, lstm.metrics.points);
  e.lstm_helped = percent <= -0.5;
  if (e.lstm_helped)
    e.verdict = fmt::format("the LSTM helped: {:.1f} % better than {}, the best of the others ({})", -percent, best->name, figures);
  else if (percent < 0.5)
    e.verdict = fmt::format("the LSTM did not help: {} is as good, within 0.5 % ({})", best->name, figures);
  else
    e.verdict = fmt::format("the LSTM did not help: {} is better, the LSTM is {:.1f} % worse ({})", best->name, percent, figures);
}

std::string cell(std::optional<double> value, const char* format) {
  return value ? fmt::format(fmt::runtime(format), *value) : "n/a";
}

}  // namespace

Evaluation evaluate(const ForecastSet& forecasts, const Model& model) {
  Evaluation e;
  e.column = model.settings.column;
  std::vector<ModelSteps> models{&forecasts.lstm};
  if (model.linear.fitted()) models.push_back(&forecasts.linear);
  models.push_back(&forecasts.persistence);
  if (forecasts.seasonal.empty()) {
    e.notes.push_back("seasonal: n/a, the training part does not hold two days of whole intervals (set it with --season)");
  } else if (const double share = missing_share(forecasts.seasonal); share > 0.5) {
    e.notes.push_back(fmt::format("seasonal ({}): n/a, {:.0f} % of the points have no value a season before",
                                  model.season, 100 * share));
  } else {
    models.push_back(&forecasts.seasonal);
  }

  const std::size_t horizon = forecasts.lstm.size();
  add_rows(e, models, model, 0);
  for (std::size_t step = 1; horizon > 1 && step <= horizon; ++step) add_rows(e, models, model, step);
  std::size_t known = 0;
  for (const Forecast& f : forecasts.lstm)
    known += static_cast<std::size_t>(
        std::count_if(f.actual.begin(), f.actual.end(), [](double a) { return std::isfinite(a); }));
  const Metrics& first = e.rows.front().metrics;
  if (first.points < known)
    e.notes.push_back(fmt::format("{} points left out where not every model has a value", known - first.points));
  if (first.mape_left_out > 0)
    e.notes.push_back(fmt::format("MAPE leaves out {} points whose value is 0", first.mape_left_out));
  judge(e, model);
  return e;
}

std::string metrics_table(const Evaluation& e) {
  std::size_t last = 0, width = 5;
  for (const MetricsRow& row : e.rows) {
    last = std::max(last, row.step);
    width = std::max(width, row.name.size());
  }
  std::string text = fmt::format("{:<{}} {:>5} {:>7} {:>12} {:>12} {:>8} {:>8} {:>7} {:>8}\n", "model", width, "step",
                                 "points", "MAE", "RMSE", "MAPE %", "sMAPE %", "MASE", "R2");
  for (const MetricsRow& row : e.rows) {
    if (row.step != 0 && row.step != 1 && row.step != last) continue;
    const Metrics& m = row.metrics;
    text += fmt::format("{:<{}} {:>5} {:>7} {:>12.6g} {:>12.6g} {:>8} {:>8} {:>7} {:>8}\n", row.name, width,
                        row.step != 0 ? std::to_string(row.step) : last > 0 ? "all" : "1", m.points, m.mae, m.rmse,
                        cell(m.mape, "{:.2f}"), cell(m.smape, "{:.2f}"), cell(m.mase, "{:.3f}"), cell(m.r2, "{:.4f}"));
  }
  for (const std::string& note : e.notes) text += note + "\n";
  return text + e.verdict + "\n";
}

std::string metrics_json(const Evaluation& e) {
  using nlohmann::json;
  const auto number = [](std::optional<double> x) { return x && std::isfinite(*x) ? json(*x) : json(nullptr); };
  json rows = json::array();
  for (const MetricsRow& row : e.rows) {
    const Metrics& m = row.metrics;
    rows.push_back({{"model", row.model}, {"name", row.name}, {"step", row.step}, {"points", m.points},
                    {"mae", number(m.mae)}, {"rmse", number(m.rmse)}, {"mape", number(m.mape)},
                    {"mape_left_out", m.mape_left_out}, {"smape", number(m.smape)}, {"mase", number(m.mase)},
                    {"r2", number(m.r2)}});
  }
  return json{{"column", e.column}, {"rows", rows}, {"notes", e.notes}, {"verdict", e.verdict}, {"lstm_helped", e.lstm_helped}}.dump();
}

}  // namespace tidegauge
