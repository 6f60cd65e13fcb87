#include "host/report_gather.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <tuple>

#include "host/duration.hpp"
#include "host/model_series.hpp"
#include "host/truth.hpp"

namespace tidegauge {

namespace {

constexpr std::size_t most_forecasts = 8;
constexpr double none = std::numeric_limits<double>::quiet_NaN();

using Json = nlohmann::json;

/// A stored table as an object; empty where there is none or it is no JSON. Tables of a file's only point may
/// have been stored without its name.
Expected<Json> stored(const SeriesFile& file, const std::string& name, const std::string& point) {
  for (const std::string& key : {point, std::string()}) {
    auto text = file.table(name, key);
    if (!text) return std::move(text).error();
    if (!*text) continue;
    Json json = Json::parse(**text, nullptr, false);
    if (json.is_object()) return json;
  }
  return Json::object();
}

std::optional<double> number_at(const Json& object, const char* name) {
  const auto at = object.find(name);
  return at != object.end() && at->is_number() ? std::optional(at->get<double>()) : std::nullopt;
}

std::optional<std::uint64_t> count_at(const Json& object, const char* name) {
  const auto at = object.find(name);
  return at != object.end() && at->is_number_unsigned() ? std::optional(at->get<std::uint64_t>())
                                                        : std::nullopt;
}

std::string text_at(const Json& object, const char* name, const std::string& otherwise = "") {
  const auto at = object.find(name);
  return at != object.end() && at->is_string() ? at->get<std::string>() : otherwise;
}

std::vector<Json> objects_at(const Json& object, const char* name) {
  std::vector<Json> all;
  if (const auto at = object.find(name); at != object.end() && at->is_array())
    std::copy_if(at->begin(), at->end(), std::back_inserter(all),
                 [](const Json& j) { return j.is_object(); });
  return all;
}

/// What a point has in the file.
struct PointSources {
  std::vector<Forecast> forecasts;
  std::vector<Labels> labels;
};

/// The column of the newest forecasts: their metrics are the ones that are kept.
std::string choose_column(const ReportRequest& request, const PointSources& sources, const Json& metrics) {
  if (!request.column.empty()) return request.column;
  const std::string newest = text_at(metrics, "column");
  for (const Forecast& f : sources.forecasts)
    if (f.column == newest) return newest;
  if (!sources.forecasts.empty()) return sources.forecasts.front().column;
  if (!sources.labels.empty()) return sources.labels.front().column;
  return "";  // read_one_column resolves it
}

/// Networks first, then by step and name: the first forecast is the one that the page shows at once.
bool shown_before(const Forecast& a, const Forecast& b) {
  const auto rank = [](const Forecast& f) { return std::tuple(f.step, f.model != "lstm", f.model); };
  return rank(a) < rank(b);
}

void add_series(ReportPoint& point, const IntervalSeries& series) {
  std::size_t partly = 0;
  for (std::size_t i = 0; i < series.size(); ++i) {
    point.start_ns.push_back(series.start_ns(i));
    point.actual.push_back(series.complete[i] ? series.at(i, 0) : none);
    partly += !series.complete[i];
  }
  if (partly > 0)
    point.notes.push_back(
        fmt::format("{} partly covered {} left out.", partly, partly == 1 ? "interval is" : "intervals are"));
}

void add_forecasts(ReportPoint& point, const IntervalSeries& series, std::vector<Forecast> forecasts) {
  std::erase_if(forecasts, [&](const Forecast& f) { return f.column != point.column; });
  std::sort(forecasts.begin(), forecasts.end(), shown_before);
  if (forecasts.size() > most_forecasts) {
    point.notes.push_back(fmt::format("{} of {} forecasts are drawn.", most_forecasts, forecasts.size()));
    forecasts.resize(most_forecasts);
  }
  for (const Forecast& f : forecasts) {
    ReportForecast line{f.step == 1 ? f.model : fmt::format("{}, {} steps ahead", f.model, f.step),
                        std::vector<double>(series.size(), none)};
    for (std::size_t i = 0; i < f.k.size(); ++i) {
      const auto at = std::lower_bound(series.k.begin(), series.k.end(), f.k[i]);
      if (at != series.k.end() && *at == f.k[i])
        line.values[static_cast<std::size_t>(at - series.k.begin())] = f.predicted[i];
    }
    point.forecasts.push_back(std::move(line));
  }
}

void add_ranges(ReportPoint& point, const std::vector<Labels>& labels) {
  for (const Labels& set : labels) {
    if (set.column != point.column) continue;
    for (const LabelledRange& r : set.ranges)
      point.ranges.push_back(
          {r.first_k * point.interval_ns, (r.last_k + 1) * point.interval_ns, r.direction, set.source});
  }
}

Status add_truth(ReportPoint& point, const std::string& path) {
  if (path.empty()) return {};
  auto truth = read_truth(path, point.interval_ns);
  if (!truth) return std::move(truth).error();
  for (const IntervalRange& r : *truth)
    point.truth.push_back({r.first_k * point.interval_ns, (r.last_k + 1) * point.interval_ns});
  return {};
}

void add_metrics(ReportPoint& point, const Json& json) {
  if (text_at(json, "column", point.column) != point.column) return;
  point.verdict = text_at(json, "verdict");
  for (const Json& row : objects_at(json, "rows")) {
    if (number_at(row, "step").value_or(0) != 0) continue;  // each step on its own; step 0 has all of them
    point.metrics.push_back({text_at(row, "name", text_at(row, "model", "?")), number_at(row, "mae"),
                             number_at(row, "rmse"), number_at(row, "mape"), number_at(row, "smape"),
                             number_at(row, "mase"), number_at(row, "r2")});
  }
  if (const auto notes = json.find("notes"); notes != json.end() && notes->is_array())
    for (const Json& note : *notes)
      if (note.is_string()) point.notes.push_back(note.get<std::string>());
}

Status add_scores(ReportPoint& point, const SeriesFile& file) {
  const auto json = stored(file, "scores", point.name);
  if (!json) return json.error();
  auto rows = objects_at(*json, "scores");
  for (Json& row : objects_at(*json, "rows")) rows.push_back(std::move(row));
  for (const Json& row : rows) {
    if (text_at(row, "column", point.column) != point.column) continue;
    const auto nested = row.find("one_to_one");
    const Json& figures = nested != row.end() && nested->is_object() ? *nested : row;
    point.scores.push_back({text_at(row, "source", text_at(row, "detector", "?")),
                            number_at(figures, "precision"), number_at(figures, "recall"),
                            number_at(figures, "f1"), count_at(figures, "true_positives"),
                            count_at(figures, "false_positives"), count_at(figures, "false_negatives")});
  }
  return {};
}

/// Sums of the quality columns; imported series have none.
Status add_quality(ReportPoint& point, const SeriesFile& file) {
  if (point.column == "value") return {};
  SeriesFile::Query query{.point = point.name, .columns = {}, .from_ns = {}, .to_ns = {}};
  std::vector<std::size_t> quality;
  for (std::size_t c = 0; c < column_count; ++c) {
    if (!column_texts[c].starts_with("quality: ")) continue;
    query.columns.emplace_back(column_names[c]);
    quality.push_back(c);
  }
  std::vector<double> sums(quality.size());
  TG_TRY(file.visit(query, [&](std::int64_t, bool, std::int64_t, std::span<const double> values) {
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += values[i];
    return Status();
  }));
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const std::string what(column_texts[quality[i]].substr(std::string_view("quality: ").size()));
    point.quality.emplace_back(fmt::format("{}: {}", column_names[quality[i]], what),
                               fmt::format("{:.0f}", sums[i]));
  }
  return {};
}

Expected<ReportPoint> gather_point(const SeriesFile& file, const ReportRequest& request,
                                   const std::string& name) {
  auto forecasts = file.forecasts(name);
  if (!forecasts) return std::move(forecasts).error();
  auto labels = file.labels(name);
  if (!labels) return std::move(labels).error();
  auto metrics = stored(file, "metrics", name);
  if (!metrics) return std::move(metrics).error();
  PointSources sources{std::move(*forecasts), std::move(*labels)};
  ReportPoint point;
  point.name = name;
  point.interval_ns = file.interval_ns();
  point.column = choose_column(request, sources, *metrics);
  auto series =
      read_one_column(file, {.point = name, .columns = {}, .from_ns = {}, .to_ns = {}}, point.column);
  if (!series) return std::move(series).error();
  add_series(point, *series);
  add_forecasts(point, *series, std::move(sources.forecasts));
  add_ranges(point, sources.labels);
  TG_TRY(add_truth(point, request.truth));
  add_metrics(point, *metrics);
  TG_TRY(add_scores(point, file));
  TG_TRY(add_quality(point, file));
  return point;
}

ReportTrace describe(const TraceRecord& trace) {
  ReportTrace t{trace.path, trace.point, trace.kind,  trace.account.counted, trace.account.captured_bytes,
                {},         {},          trace.damage};
  if (trace.span) t.span_ns = {trace.span->first_ns, trace.span->last_ns};
  for (std::size_t i = 0; i < refusal_names.size(); ++i)
    if (trace.account.refused[i] > 0)
      t.refused.emplace_back(refusal_names[i], std::to_string(trace.account.refused[i]));
  return t;
}

}  // namespace

Expected<ReportData> gather_report(const SeriesFile& file, const ReportRequest& request) {
  auto names = file.points();
  if (!names) return std::move(names).error();
  if (!request.point.empty()) {
    if (std::find(names->begin(), names->end(), request.point) == names->end())
      return Error{fmt::format("there is no observation point '{}'", request.point), file.path(),
                   fmt::format("one of: {}", fmt::join(*names, ", ")), ErrorKind::usage};
    *names = {request.point};
  }
  ReportData data;
  data.settings = {{"series file", file.path()}, {"interval", format_duration(file.interval_ns())}};
  const std::string stem = std::filesystem::path(file.path()).filename().string();
  data.title = request.title.empty() ? "Traffic report: " + stem : request.title;
  if (names->empty()) data.notes.push_back("The series file holds no traces yet.");
  for (const std::string& name : *names) {
    auto point = gather_point(file, request, name);
    if (!point) return std::move(point).error();
    data.points.push_back(std::move(*point));
  }
  for (const ReportPoint& point : data.points) {
    const auto model = stored(file, "model", point.name);
    if (!model) return model.error();
    if (text_at(*model, "column", point.column) != point.column) continue;
    for (const auto& [key, value] : model->items())
      data.settings.emplace_back("model: " + key, value.is_string() ? value.get<std::string>() : value.dump());
  }
  auto traces = file.traces();
  if (!traces) return std::move(traces).error();
  for (const TraceRecord& trace : *traces)
    if (request.point.empty() || trace.point == request.point) data.traces.push_back(describe(trace));
  if (!request.truth.empty()) data.settings.emplace_back("true ranges", request.truth);
  data.versions = {{"tidegauge", TIDEGAUGE_VERSION}};
  return data;
}

}  // namespace tidegauge
