#include "tools/predict_by_key.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "host/evaluation.hpp"
#include "host/keyed_series.hpp"
#include "host/output_file.hpp"
#include "host/table_writer.hpp"

namespace tidegauge {

namespace {

/// Those of --keys, in that order, or all.
Expected<std::vector<KeyedModel>> chosen_models(KeyedModels all, const PredictRequest& request) {
  if (request.keys.empty()) return std::move(all.models);
  std::vector<KeyedModel> chosen;
  for (const std::string& key : request.keys) {
    const auto found = std::ranges::find(all.models, key, &KeyedModel::key);
    if (found == all.models.end())
      return Error{fmt::format("it has no model of {} {}", all.kind, key), request.model,
                   "a key that it was trained on, or train --by-key with it", ErrorKind::usage};
    chosen.push_back(*found);
  }
  return chosen;
}

/// One row per key, interval and step; nothing without a file.
class KeyedCsv {
 public:
  Status open(const std::string& path) {
    if (path.empty()) return {};
    auto output = OutputFile::create(path);
    if (!output) return std::move(output).error();
    output_.emplace(*std::move(output));
    table_.emplace(TableWriter::Format::csv,
                   std::vector<std::string>{"key", "time", "k", "step", "actual", "lstm", "ar", "persistence", "seasonal"},
                   [this](std::string_view text) { return output_->write(text); });
    return table_->begin({});
  }
  Status add(const std::string& key, const ForecastSet& set) {
    for (std::size_t step = 0; table_ && step < set.lstm.size(); ++step)
      for (std::size_t i = 0; i < set.lstm[step].k.size(); ++i) TG_TRY(add_row(key, set, step, i));
    return {};
  }
  Status finish() {
    if (!table_) return {};
    TG_TRY(table_->finish());
    return output_->finish();
  }

 private:
  Status add_row(const std::string& key, const ForecastSet& set, std::size_t step, std::size_t i) {
    const Forecast& f = set.lstm[step];
    table_->text(key);
    table_->text(format_utc(f.k[i] * f.interval_ns, f.interval_ns));
    table_->integer(f.k[i]);
    table_->count(f.step);
    table_->real(f.actual[i]);
    for (const auto* model : {&set.lstm, &set.linear, &set.persistence}) table_->real((*model)[step].predicted[i]);
    table_->real(set.seasonal.empty() ? std::nan("") : set.seasonal[step].predicted[i]);
    return table_->end_row();
  }

  std::optional<OutputFile> output_;
  std::optional<TableWriter> table_;
};

/// Mean absolute error over all steps, nothing of a model that was left out.
std::string mae_of(const Evaluation& evaluation, std::string_view model) {
  for (const MetricsRow& row : evaluation.rows)
    if (row.model == model && row.step == 0 && row.metrics.points > 0) return fmt::format("{:.6g}", row.metrics.mae);
  return "-";
}

std::string table_row(const std::string& key, std::size_t width, const Evaluation& e) {
  const auto& all = e.rows.front().metrics;
  return fmt::format("{:<{}} {:>8} {:>12} {:>12} {:>12} {:>12}{}\n", key, width, all.points, mae_of(e, "lstm"),
                     mae_of(e, "ar"), mae_of(e, "persistence"), mae_of(e, "seasonal"), e.lstm_helped ? "  helped" : "");
}

nlohmann::json json_row(const std::string& key, const ForecastSet& set, const Evaluation& evaluation) {
  nlohmann::json next = nlohmann::json::array();
  for (const Upcoming& u : upcoming(set)) next.push_back({{"k", u.k}, {"start_ns", u.start_ns}, {"lstm", u.predicted}});
  return {{"key", key}, {"forecasts", set.lstm.front().k.size()},
          {"evaluation", nlohmann::json::parse(metrics_json(evaluation))}, {"upcoming", next}};
}

Expected<KeyedSeries> read_series(const PredictRequest& request, const std::string& kind,
                                  const std::vector<KeyedModel>& models) {
  auto query = request.series.query();
  if (!query) return std::move(query).error();
  auto file = SeriesFile::open(request.series.path, OpenMode::read);
  if (!file) return std::move(file).error();
  SeriesFile::KeyQuery keys{.kind = kind, .top = models.size(), .keys = std::vector<std::string>()};
  for (const KeyedModel& one : models) keys.keys->push_back(one.key);
  return KeyedSeries::read(*file, *query, keys);
}

}  // namespace

Status run_predict_by_key(const PredictRequest& request, KeyedModels all, const CommonOptions& common) {
  const std::string kind = all.kind;
  auto models = chosen_models(std::move(all), request);
  if (!models) return std::move(models).error();
  auto series = read_series(request, kind, *models);
  if (!series) return std::move(series).error();
  auto backend = request.device.choose();
  if (!backend) return std::move(backend).error();
  KeyedCsv csv;
  TG_TRY(csv.open(request.csv));

  std::size_t width = kind.size();
  for (const KeyedModel& one : *models) width = std::max(width, one.key.size());
  std::string text = fmt::format("{:<{}} {:>8} {:>12} {:>12} {:>12} {:>12}   MAE\n", kind, width, "points", "LSTM", "linear",
                                 "persistence", "seasonal");
  nlohmann::json rows = nlohmann::json::array();
  for (std::size_t i = 0; i < models->size(); ++i) {
    KeyedModel& one = (*models)[i];
    if (!request.column.empty()) one.model.settings.column = request.column;
    const IntervalSeries of_key = series->series(i);
    const auto first = first_to_predict(request, one.model, of_key);
    if (!first) return first.error();
    auto forecasts = forecast_series(one.model, of_key, **backend, *first);
    if (!forecasts) return std::move(forecasts).error();
    const Evaluation evaluation = evaluate(*forecasts, one.model);
    TG_TRY(csv.add(one.key, *forecasts));
    text += table_row(one.key, width, evaluation);
    if (common.json) rows.push_back(json_row(one.key, *forecasts, evaluation));
  }
  TG_TRY(csv.finish());
  if (common.json) fmt::print("{}\n", nlohmann::json{{"by", kind}, {"keys", rows}}.dump(2));
  else if (request.csv != "-") fmt::print("{}", text);
  if (request.csv.empty()) remark("forecasts by key are not kept in the series file; --csv writes them");
  return {};
}

}  // namespace tidegauge
