#include "host/pipeline.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "host/duration.hpp"
#include "host/forecaster.hpp"
#include "host/model_series.hpp"
#include "host/output_file.hpp"
#include "host/report.hpp"
#include "host/report_gather.hpp"
#include "host/save_results.hpp"
#include "host/setting_fields.hpp"
#include "host/store.hpp"
#include "host/truth.hpp"

namespace tidegauge {

namespace {

void tell(const std::function<void(const std::string&)>& hook, const std::string& text) {
  if (hook) hook(text);
}

Error stopped(const std::string& where) {
  return {"stopped by a signal " + where, "", "the same command goes on where this one ended"};
}

Expected<BinReport> bin_stage(const PipelineSettings& settings, const KeyedOptions& keyed, const PipelineHooks& hooks) {
  BinOptions options;
  options.series = settings.series_path();
  options.interval_ns = settings.interval_ns;
  options.point = settings.point;
  options.strict = settings.strict;
  options.threads = settings.threads;
  options.keyed = keyed;
  options.progress = hooks.bin_progress;
  options.stop = hooks.stop;
  auto report = bin_traces(settings.captures, options);
  if (!report) return report;
  Mistakes failed;
  for (const BinnedFile& file : report->files)
    if (file.error) failed.add(*file.error);
  TG_TRY(failed.status());
  for (const BinnedFile& file : report->files) {
    if (!file.trace.damage.empty()) tell(hooks.remark, file.path + ": " + file.trace.damage);
    if (!file.remark.empty()) tell(hooks.remark, file.path + ": " + file.remark);
  }
  if (auto file = SeriesFile::open(options.series, OpenMode::read)) {
    const auto traces = file->traces();
    if (traces && traces->size() > settings.captures.size())
      tell(hooks.remark, fmt::format("{} also holds traces that are not named here; another --output keeps them apart",
                                     options.series));
  }
  if (report->stopped) return stopped("while binning; the captures that were finished are in");
  return report;
}

/// Goes on from the checkpoint of a run that was stopped, if it had these settings and this data.
Expected<TrainOutcome> train_stage(const PipelineSettings& settings, const TrainSettings& resolved,
                                   const IntervalSeries& series, Backend& backend, const PipelineHooks& hooks) {
  TrainHooks train_hooks;
  train_hooks.stop = hooks.stop;
  train_hooks.progress = hooks.train_progress;
  train_hooks.remark = hooks.remark;
  train_hooks.checkpoint = settings.model_path() + ".checkpoint";
  std::error_code absent;
  auto outcome = train_model(series, resolved, backend, train_hooks);
  if (!outcome && outcome.error().kind == ErrorKind::usage && outcome.error().where == train_hooks.checkpoint) {
    // Other settings or other captures than when it was stopped: this run is a new one.
    tell(hooks.remark, "training starts anew: " + outcome.error().what);
    std::filesystem::remove(train_hooks.checkpoint, absent);
    outcome = train_model(series, resolved, backend, train_hooks);
  }
  if (!outcome) return outcome;
  if (outcome->end == TrainEnd::stopped) return stopped("while training; the checkpoint is kept");
  TG_TRY(save_model(settings.model_path(), outcome->model));
  std::filesystem::remove(train_hooks.checkpoint, absent);
  return outcome;
}

/// Forecasts of what the model has not seen: the test part. All there is, where nothing was held back.
Expected<ForecastSet> forecast_stage(const Model& model, const IntervalSeries& series, Backend& backend,
                                     const PipelineHooks& hooks) {
  const auto unseen = first_unseen(model, series);
  if (!unseen) tell(hooks.remark, "there is no test part: forecasts speak of what the models were trained on");
  return forecast_series(model, series, backend, unseen.value_or(series.k.front()));
}

/// Surges of the series by its slope, and of what came against each model's forecast of the next interval.
Expected<std::vector<LabelOutcome>> label_stage(const PipelineSettings& settings, const IntervalSeries& series,
                                                const ForecastSet& forecasts, SeriesFile& file, Backend& backend) {
  std::vector<LabelOutcome> all;
  const auto keep = [&](Expected<LabelOutcome> outcome, const std::string& method) -> Status {
    if (!outcome) return std::move(outcome).error();
    TG_TRY(file.save_labels(outcome->labels, settings.point, label_settings_json(*outcome, settings.label, method)));
    all.push_back(std::move(*outcome));
    return {};
  };
  TG_TRY(keep(label_series(series, 0, settings.label, backend), ""));
  for (const auto* model : forecasts.all())
    TG_TRY(keep(label_forecast(model->front(), DetectMethod::residual, settings.label, settings.train.look_back, backend),
                "residual"));
  return all;
}

/// All detectors are judged on the stretch that the forecasts speak of, so that they face the same task.
Expected<std::vector<LabelScore>> score_stage(const PipelineSettings& settings, const std::vector<LabelOutcome>& labels,
                                              const ForecastSet& forecasts, SeriesFile& file) {
  const auto& k = forecasts.lstm.front().k;
  const ScoreSettings score{IntervalRange{k.front(), k.back()}, settings.label.seed_compatible};
  std::vector<IntervalRange> truth = ranges_of(labels.front().labels);
  if (!settings.truth.empty()) {
    auto read = read_truth(settings.truth, file.interval_ns());
    if (!read) return std::move(read).error();
    truth = std::move(*read);
  }
  std::vector<LabelScore> scores;
  for (const LabelOutcome& outcome : labels)
    if (!settings.truth.empty() || &outcome != &labels.front())
      scores.push_back(score_labels(truth, outcome.labels, score));
  TG_TRY(file.save_table("scores", settings.point, score_json(scores)));
  return scores;
}

Status report_stage(const PipelineSettings& settings, const std::string& column, const SeriesFile& file) {
  ReportRequest request;
  request.point = settings.point;
  request.column = column;
  request.truth = settings.truth;
  auto data = gather_report(file, request);
  if (!data) return std::move(data).error();
  auto page = render_report(*data);
  if (!page) return std::move(page).error();
  TG_TRY(write_whole(settings.report_path(), *page));
  auto plot = render_plot_svg(*data);
  if (!plot) return std::move(plot).error();
  return write_whole(settings.plot_path(), *plot);
}

/// Captures have counters, so the default is known before the series is.
TrainSettings with_column(TrainSettings train) {
  if (train.column.empty()) train.column = "bytes";
  return train;
}

/// The folder can be one, and a series file in it has the interval.
Status check_output(const PipelineSettings& settings) {
  std::error_code absent;
  if (settings.output.empty()) return Error{"the name of a folder is needed", "--output", "--output january", ErrorKind::usage};
  if (std::filesystem::exists(settings.output, absent) && !std::filesystem::is_directory(settings.output, absent))
    return Error{"is there already and is no folder", settings.output, "another --output", ErrorKind::usage};
  if (!std::filesystem::exists(settings.series_path(), absent)) return {};
  auto file = SeriesFile::open(settings.series_path(), OpenMode::read);
  if (!file) return std::move(file).error();
  const auto traces = file->traces();
  if (!traces) return traces.error();
  if (traces->empty() || file->interval_ns() == settings.interval_ns) return {};  // without traces it takes any interval
  const std::string own = format_duration(file->interval_ns());
  return Error{fmt::format("this series file has intervals of {}, not of {}", own, format_duration(settings.interval_ns)),
               settings.series_path(), fmt::format("--interval {}, or another --output", own), ErrorKind::usage};
}

}  // namespace

void add_pipeline_fields(SettingTable& table, PipelineSettings& t) {
  const auto add = [&](const char* key, const char* help, SettingParser parse) {
    table.add({"run", key, help, std::move(parse)});
  };
  table.add(list_field("run", "captures", "Captures to read, besides those named as arguments", t.captures));
  add("output", "Folder for everything that is made (default tidegauge-out)", parse_text(t.output));
  add("interval", "Length of an interval, 1ms to 1d (default 1s)", [&t](const std::string& text) -> Status {
    auto interval = parse_interval(text);
    if (!interval) return std::move(interval).error();
    t.interval_ns = *interval;
    return {};
  });
  add("point", "Observation point: link and direction", parse_text(t.point));
  table.add({"run", "strict", "Stop at damage, with status 3, instead of passing over it", parse_switch(t.strict), false, true});
  add("truth", "CSV of true ranges (start,end) to score against (default: the slope labels)", parse_text(t.truth));
  add("device", "auto (default), cpu, cuda or cuda:N", parse_text(t.device));
  add("threads", "Threads of the CPU (default: all cores); results do not depend on it", parse_count(t.threads, 0, 4096));
  add_counting_fields(table, t.count);
  add_train_fields(table, t.train);
  add_label_fields(table, t.label);
}

Mistakes find_mistakes(const PipelineSettings& settings) {
  const TrainSettings train = with_column(settings.train);
  Mistakes mistakes;
  mistakes.add(check_settings(train));
  for (const std::string& column : train.columns())
    if (!column_by_name(column) && !(settings.count.distinct && (column == "sources" || column == "destinations")))
      mistakes.add(unknown_column(column, false, "--column, --extra-columns"));
  mistakes.add(check_label_settings(settings.label));
  mistakes.add(resolve_counting(settings.count));
  for (const std::string& capture : settings.captures) mistakes.add(check_input_file(capture));
  if (!settings.truth.empty()) mistakes.add(read_truth(settings.truth, settings.interval_ns));
  mistakes.add(check_output(settings));
  return mistakes;
}

Expected<PipelineOutcome> run_pipeline(const PipelineSettings& settings, const PipelineHooks& hooks) {
  // Mistakes and a device that cannot be had should not cost a pass over the captures.
  Mistakes mistakes = find_mistakes(settings);
  auto choice = choose_device(settings.device, settings.threads);
  mistakes.add(choice);
  TG_TRY(mistakes.status());
  const auto keyed = resolve_counting(settings.count);
  if (!keyed) return keyed.error();
  TrainSettings train = with_column(settings.train);
  PipelineOutcome outcome;
  Backend& backend = *choice->backend;
  outcome.device = choice->why;
  tell(hooks.remark, choice->why);

  std::error_code failed;
  std::filesystem::create_directories(settings.output, failed);
  if (failed) return Error{"cannot make the output folder: " + failed.message(), settings.output, "another --output"};

  // Captures become counters per interval; every record is counted or refused by name.
  tell(hooks.stage, "binning");
  auto captures = bin_stage(settings, *keyed, hooks);
  if (!captures) return std::move(captures).error();
  outcome.captures = std::move(*captures);

  // From here on no packet is touched: everything is in the series file.
  auto file = SeriesFile::open(settings.series_path(), OpenMode::write);
  if (!file) return std::move(file).error();
  SeriesFile::Query query;
  query.point = settings.point;
  auto series = read_model_series(*file, query, train);
  if (!series) return std::move(series).error();
  outcome.intervals = series->size();

  tell(hooks.stage, "training");
  auto training = train_stage(settings, train, *series, backend, hooks);
  if (!training) return std::move(training).error();
  outcome.training = std::move(*training);

  // The LSTM never stands alone: persistence, season and AR speak of the same intervals.
  tell(hooks.stage, "forecasting");
  auto forecasts = forecast_stage(outcome.training.model, *series, backend, hooks);
  if (!forecasts) return std::move(forecasts).error();
  outcome.evaluation = evaluate(*forecasts, outcome.training.model);
  TG_TRY(save_forecasts(*file, settings.point, *forecasts, outcome.evaluation, train));

  tell(hooks.stage, "labelling");
  auto labels = label_stage(settings, *series, *forecasts, *file, backend);
  if (!labels) return std::move(labels).error();
  outcome.labels = std::move(*labels);

  tell(hooks.stage, "scoring");
  auto scores = score_stage(settings, outcome.labels, *forecasts, *file);
  if (!scores) return std::move(scores).error();
  outcome.scores = std::move(*scores);

  // The report reads the series file alone, so it can be made again at any time.
  tell(hooks.stage, "reporting");
  TG_TRY(report_stage(settings, train.column, *file));
  return outcome;
}

}  // namespace tidegauge
