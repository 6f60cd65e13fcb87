// tidegauge label: surges of a series, or of a forecast against what came, as ranges kept in the series file.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "host/labeller.hpp"
#include "host/mistakes.hpp"
#include "host/model_series.hpp"
#include "host/save_results.hpp"
#include "host/setting_fields.hpp"
#include "tools/log.hpp"
#include "tools/series_options.hpp"
#include "tools/setting_options.hpp"
#include "tools/verbs.hpp"

namespace tidegauge {
namespace {

struct Request {
  SeriesOptions series;
  DeviceOptions device;
  SettingOptions<LabelSettings> options{add_label_fields};
  std::string column, on = "series", method, learn_until;
  std::size_t step = 1, look_back = 2;
  bool no_save = false;
};

Expected<Forecast> find_forecast(const SeriesFile& file, const Request& request) {
  auto all = file.forecasts(request.series.point);
  if (!all) return std::move(all).error();
  std::string there;
  for (Forecast& f : *all) {
    const bool column_fits = request.column.empty() || f.column == request.column;
    if (f.model == request.on && column_fits && f.step == request.step) return std::move(f);
    there += fmt::format("{}{} of {} at step {}", there.empty() ? "" : ", ", f.model, f.column, f.step);
  }
  return Error{fmt::format("no forecast '{}' at step {} in the file", request.on, request.step), request.series.path,
               there.empty() ? "tidegauge predict first" : "one of: " + there, ErrorKind::usage};
}

/// Cuts a forecast to the stretch of --since and --until.
void cut(Forecast& f, const SeriesFile::Query& query) {
  Forecast kept = f;
  kept.k.clear(), kept.predicted.clear(), kept.actual.clear();
  for (std::size_t i = 0; i < f.k.size(); ++i) {
    const std::int64_t start = f.k[i] * f.interval_ns;
    if ((query.from_ns && start < *query.from_ns) || (query.to_ns && start >= *query.to_ns)) continue;
    kept.k.push_back(f.k[i]);
    kept.predicted.push_back(f.predicted[i]);
    kept.actual.push_back(f.actual[i]);
  }
  f = std::move(kept);
}

/// The usual one of what is labelled, where none is named.
DetectMethod method_of(const Request& request) {
  if (request.method == "rules") return DetectMethod::rules;
  const bool slope = request.method.empty() ? request.on == "series" : request.method == "slope";
  return slope ? DetectMethod::slope : DetectMethod::residual;
}

/// How the stored settings name it: nothing for the slope of the series itself.
std::string name_of_method(const Request& request) {
  switch (method_of(request)) {
    case DetectMethod::rules: return "rules";
    case DetectMethod::slope: return request.on == "series" ? "" : "slope";
    case DetectMethod::residual: return "residual";
  }
  return "";
}

Expected<LabelOutcome> find_labels(const SeriesFile& file, const Request& request, const LabelSettings& settings,
                                   const SeriesFile::Query& query, Backend& backend) {
  if (request.on == "series") {
    std::string column = request.column;
    auto series = read_one_column(file, query, column);
    if (!series) return std::move(series).error();
    return label_series(*series, 0, settings, backend, method_of(request));
  }
  auto forecast = find_forecast(file, request);
  if (!forecast) return std::move(forecast).error();
  cut(*forecast, query);
  return label_forecast(*forecast, method_of(request), settings, request.look_back, backend);
}

const char* name_of(Direction d) { return d == Direction::rising ? "rising" : "falling"; }

nlohmann::json as_json(const LabelOutcome& outcome, nlohmann::json settings) {
  nlohmann::json ranges = nlohmann::json::array();
  for (const LabelledRange& r : outcome.labels.ranges)
    ranges.push_back({{"first_k", r.first_k}, {"last_k", r.last_k}, {"peak_k", r.peak_k}, {"direction", name_of(r.direction)},
                      {"slope", std::isfinite(r.slope) ? nlohmann::json(r.slope) : nlohmann::json(nullptr)},
                      {"detections", r.detections}});
  return {{"settings", std::move(settings)}, {"ranges", ranges}, {"detections", outcome.labels.detections}};
}

std::string as_table(const Labels& labels, double threshold) {
  const auto time = [&](std::int64_t k) { return format_utc(k * labels.interval_ns, labels.interval_ns); };
  const auto count = [](std::size_t n, const char* what) { return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s"); };
  std::string text = fmt::format("{}, {} above {:.6g} ({} of {})\n", count(labels.ranges.size(), "range"),
                                 count(labels.detections.size(), "detection"), threshold, labels.column, labels.source);
  if (labels.ranges.empty()) return text;
  const std::size_t width = time(labels.ranges.front().first_k).size();
  text += fmt::format("{:<{}}  {:<{}}  {:<{}}  {:<8} {:>12} {:>10}\n", "from", width, "to (excluded)", width, "peak", width,
                      "", "slope", "detections");
  for (const LabelledRange& r : labels.ranges)
    text += fmt::format("{}  {}  {}  {:<8} {:>12.6g} {:>10}\n", time(r.first_k), time(r.last_k + 1), time(r.peak_k),
                        name_of(r.direction), r.slope, r.detections);
  return text;
}

Status check_request(const Request& request) {
  Mistakes mistakes;
  const std::string_view method = request.method;
  if (!method.empty() && method != "residual" && method != "slope" && method != "rules")
    mistakes.add({fmt::format("there is no method '{}'", method), "--method", "residual, slope or rules", ErrorKind::usage});
  if (method == "residual" && request.on == "series")
    mistakes.add({"a series has no residual", "--method", "slope or rules, or the forecast of a model with --on", ErrorKind::usage});
  if (request.look_back < 1 || request.look_back > max_look_back)
    mistakes.add({fmt::format("{} intervals are no look-back of a model", request.look_back), "--look-back",
                  fmt::format("1 to {}", max_look_back), ErrorKind::usage});
  return mistakes.status();
}

Status run_label(const Request& request, const CommonOptions& common) {
  Mistakes mistakes;
  mistakes.add(check_request(request));
  LabelSettings settings;
  mistakes.add(request.options.apply(settings));
  mistakes.add(check_label_settings(settings));
  const auto query = request.series.query();
  mistakes.add(query);
  const auto learn_until = parse_time(request.learn_until.empty() ? "@0" : request.learn_until, "--learn-until");
  mistakes.add(learn_until);
  auto file = SeriesFile::open(request.series.path, request.no_save ? OpenMode::read : OpenMode::write);
  mistakes.add(file);
  TG_TRY(mistakes.status());
  if (!request.learn_until.empty()) settings.learn_before_k = interval_of(*learn_until, file->interval_ns());
  auto backend = request.device.choose();
  if (!backend) return std::move(backend).error();
  auto outcome = find_labels(*file, request, settings, *query, **backend);
  if (!outcome) return std::move(outcome).error();
  const std::string described = label_settings_json(*outcome, settings, name_of_method(request));
  if (!request.no_save) TG_TRY(file->save_labels(outcome->labels, request.series.point, described));
  if (common.json) fmt::print("{}\n", as_json(*outcome, nlohmann::json::parse(described)).dump(2));
  else fmt::print("{}", as_table(outcome->labels, outcome->threshold));
  return {};
}

std::function<Status()> setup(CLI::App& app, const CommonOptions& common) {
  auto request = std::make_shared<Request>();
  request->series.declare(app);
  app.add_option("--on", request->on, "series, or the forecast of a model: lstm, ar, persistence, seasonal")
      ->capture_default_str();
  app.add_option("--column", request->column, "Column to label (default: value where the series has it, otherwise bytes)");
  app.add_option("--method", request->method, "slope (of the series, or of the forecast), residual (what came against the forecast) or rules (unlike the\n"
                 "forecast or the day before, or outside all values before); default: slope on a series, else residual");
  app.add_option("--step", request->step, "On a forecast: how many intervals ahead it was made")->capture_default_str();
  app.add_option("--look-back", request->look_back, "With --seed-compatible on a forecast's slope: the model's look-back")
      ->capture_default_str();
  app.add_option("--learn-until", request->learn_until, "Learn the threshold from what is before this time only");
  app.add_flag("--no-save", request->no_save, "Leave the series file as it is");
  request->device.declare(app);
  request->options.declare(app);
  return [request, &common] { return run_label(*request, common); };
}

const VerbRegistration registration({
    50,
    "label",
    "Label surges and falls: of a series by its slope, of a forecast by what came against it",
    "tidegauge label jan.series --threshold 1.3\n"
    "  tidegauge label jan.series --on lstm --slope robust --direction both --budget 2/week\n"
    "  tidegauge label jan.series --method rules --direction both",
    setup,
});

}  // namespace
}  // namespace tidegauge
