// tidegauge predict: what a model and the plain models say about a series, kept in the series file and measured.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "host/evaluation.hpp"
#include "host/forecaster.hpp"
#include "host/model_series.hpp"
#include "host/output_file.hpp"
#include "host/save_results.hpp"
#include "host/table_writer.hpp"
#include "tools/log.hpp"
#include "tools/predict_by_key.hpp"
#include "tools/series_options.hpp"
#include "tools/verbs.hpp"

namespace tidegauge {
namespace {

/// One row per interval and step: what each model said and what came.
Status write_csv(const std::string& path, const ForecastSet& set) {
  std::vector<std::string> columns = {"time", "k", "step", "actual"};
  for (const auto* model : set.all()) columns.push_back(model->front().model);
  auto output = OutputFile::create(path);
  if (!output) return std::move(output).error();
  TableWriter table(TableWriter::Format::csv, columns, [&](std::string_view text) { return output->write(text); });
  TG_TRY(table.begin({}));
  for (const Forecast& f : set.lstm) {
    for (std::size_t i = 0; i < f.k.size(); ++i) {
      table.text(format_utc(f.k[i] * f.interval_ns, f.interval_ns));
      table.integer(f.k[i]);
      table.count(f.step);
      table.real(f.actual[i]);
      for (const auto* model : set.all()) table.real((*model)[f.step - 1].predicted[i]);
      TG_TRY(table.end_row());
    }
  }
  TG_TRY(table.finish());
  return output->finish();
}

Status save(const SeriesOptions& options, const ForecastSet& set, const Evaluation& evaluation,
            const TrainSettings& model) {
  auto file = SeriesFile::open(options.path, OpenMode::write);
  if (!file) return std::move(file).error();
  return save_forecasts(*file, options.point, set, evaluation, model);
}

Status run_predict(const PredictRequest& request, const CommonOptions& common) {
  if (request.csv == "-" && common.json)
    return Error{"--csv - and --json would both write to stdout", "--csv", "a file for --csv", ErrorKind::usage};
  auto loaded = load_any_models(request.model);
  if (!loaded) return std::move(loaded).error();
  if (auto* keyed = std::get_if<KeyedModels>(&*loaded)) return run_predict_by_key(request, std::move(*keyed), common);
  if (!request.keys.empty())
    return Error{"it is one model, not one a key", request.model, "the file that train --by-key wrote, or no --keys",
                 ErrorKind::usage};
  Model* const model = &std::get<Model>(*loaded);
  if (!request.column.empty()) model->settings.column = request.column;
  auto query = request.series.query();
  if (!query) return std::move(query).error();
  Expected<IntervalSeries> series = [&]() -> Expected<IntervalSeries> {
    auto file = SeriesFile::open(request.series.path, OpenMode::read);
    if (!file) return std::move(file).error();
    return read_model_series(*file, *query, model->settings);
  }();
  if (!series) return std::move(series).error();
  auto backend = request.device.choose();
  if (!backend) return std::move(backend).error();
  auto first = first_to_predict(request, *model, *series);
  if (!first) return std::move(first).error();
  auto forecasts = forecast_series(*model, *series, **backend, *first);
  if (!forecasts) return std::move(forecasts).error();
  const Evaluation evaluation = evaluate(*forecasts, *model);
  if (!request.no_save) TG_TRY(save(request.series, *forecasts, evaluation, model->settings));
  if (!request.csv.empty()) TG_TRY(write_csv(request.csv, *forecasts));

  const std::vector<Upcoming> next = upcoming(*forecasts);
  if (common.json) {
    nlohmann::json rows = nlohmann::json::array();
    for (const Upcoming& u : next) rows.push_back({{"k", u.k}, {"start_ns", u.start_ns}, {"lstm", u.predicted}});
    fmt::print("{}\n", nlohmann::json{{"forecasts", forecasts->lstm.front().k.size()},
                                      {"evaluation", nlohmann::json::parse(metrics_json(evaluation))},
                                      {"upcoming", rows}}.dump(2));
    return {};
  }
  if (request.csv == "-") return {};
  fmt::print("{}", metrics_table(evaluation));
  for (const Upcoming& u : next)
    fmt::print("{}  {:.6g}  (not there yet)\n", format_utc(u.start_ns, series->interval_ns), u.predicted);
  return {};
}

}  // namespace

std::vector<Upcoming> upcoming(const ForecastSet& set) {
  std::vector<Upcoming> rows;
  for (const Forecast& f : set.lstm)
    if (!f.k.empty() && !std::isfinite(f.actual.back()))
      rows.push_back({f.k.back(), f.k.back() * f.interval_ns, f.predicted.back()});
  return rows;
}

Expected<std::int64_t> first_to_predict(const PredictRequest& request, const Model& model, const IntervalSeries& series) {
  if (series.size() == 0) return Error{"the series holds no interval", request.series.path, "tidegauge bin"};
  if (request.all) return series.k.front();
  if (auto first = first_unseen(model, series)) return *first;
  return Error{"every interval lies in the training part of the model", request.series.path,
               "--all to forecast what the model was trained on", ErrorKind::usage};
}

namespace {

std::function<Status()> setup(CLI::App& app, const CommonOptions& common) {
  auto request = std::make_shared<PredictRequest>();
  request->series.declare(app);
  app.add_option("-m,--model", request->model, "The model file")->required();
  app.add_option("--column", request->column, "Predict this column (default: the one that the model was trained on)");
  app.add_option("--keys", request->keys, "With a model for every key (train --by-key): only these, such as 80,443")
      ->delimiter(',')->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)->allow_extra_args(false);
  app.add_flag("--all", request->all, "Also the intervals that the model was trained on");
  app.add_option("--csv", request->csv, "Write every forecast to this file (- for stdout)");
  app.add_flag("--no-save", request->no_save, "Leave the series file as it is");
  request->device.declare(app);
  return [request, &common] { return run_predict(*request, common); };
}

const VerbRegistration registration({
    41,
    "predict",
    "Forecast every interval of a series with a model, measure it beside the plain models, and keep it in the file",
    "tidegauge predict jan.series --model jan.model --csv forecast.csv\n"
    "  tidegauge predict feb.series --model ports.model --keys 80,443 --csv ports.csv",
    setup,
});

}  // namespace
}  // namespace tidegauge
