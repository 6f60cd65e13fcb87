// tidegauge score: the labels of a series file against the truth, one to one.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "host/label_score.hpp"
#include "host/truth.hpp"
#include "tools/log.hpp"
#include "tools/series_options.hpp"
#include "tools/verbs.hpp"

namespace tidegauge {
namespace {

struct Request {
  SeriesOptions series;
  std::string truth, truth_name, truth_labels, column, bias = "flat";
  std::vector<std::string> detected;
  double alpha = 0;
  bool seed_compatible = false, nab = false, no_save = false;
};

Expected<std::vector<IntervalRange>> find_truth(const Request& request, const std::vector<Labels>& labels,
                                                std::int64_t interval_ns) {
  if (request.truth.empty() == request.truth_labels.empty())
    return Error{"one source of truth is needed", "--truth, --truth-labels",
                 "--truth surges.csv (columns start,end), or --truth-labels series", ErrorKind::usage};
  if (!request.truth.empty()) return read_truth(request.truth, interval_ns, request.truth_name);
  for (const Labels& l : labels)
    if (l.source == request.truth_labels && (request.column.empty() || l.column == request.column)) return ranges_of(l);
  return Error{fmt::format("no labels of '{}' in the file", request.truth_labels), request.series.path,
               "tidegauge label first", ErrorKind::usage};
}

/// What the labels of a source could speak of: its forecasts' intervals, everything for labels of the series itself;
/// within --since and --until.
Expected<std::optional<IntervalRange>> stretch_of(const SeriesFile& file, const Request& request, const Labels& labels) {
  auto query = request.series.query();
  if (!query) return std::move(query).error();
  constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min(), most = std::numeric_limits<std::int64_t>::max();
  IntervalRange stretch{least, most};
  if (query->from_ns) stretch.first_k = interval_of(*query->from_ns + file.interval_ns() - 1, file.interval_ns());
  if (query->to_ns) stretch.last_k = interval_of(*query->to_ns - 1, file.interval_ns());
  auto forecasts = file.forecasts(request.series.point);
  if (!forecasts) return std::move(forecasts).error();
  for (const Forecast& f : *forecasts) {
    if (f.model != labels.source || f.column != labels.column || f.step != 1 || f.k.empty()) continue;
    stretch.first_k = std::max(stretch.first_k, f.k.front());
    stretch.last_k = std::min(stretch.last_k, f.k.back());
  }
  if (stretch == IntervalRange{least, most}) return std::optional<IntervalRange>();
  return std::optional(stretch);
}

/// Nanoseconds of the stretch that traces of the point cover.
std::int64_t covered_ns(const std::vector<Span>& spans, const std::optional<IntervalRange>& stretch, std::int64_t interval_ns) {
  constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min(), most = std::numeric_limits<std::int64_t>::max();
  std::int64_t from = least, to = most;
  if (stretch && stretch->first_k > least / interval_ns) from = stretch->first_k * interval_ns;
  if (stretch && stretch->last_k < most / interval_ns - 1) to = (stretch->last_k + 1) * interval_ns;
  std::int64_t covered = 0;
  for (const Span& span : spans)
    covered += std::max<std::int64_t>(0, std::min(span.last_ns, to) - std::max(span.first_ns, from));
  return covered;
}

/// Complete intervals, which are NAB's rows; empty where that score was not asked for.
Expected<std::vector<std::int64_t>> nab_rows(const SeriesFile& file, const Request& request) {
  if (!request.nab) return std::vector<std::int64_t>();
  auto query = request.series.query();
  if (!query) return std::move(query).error();
  auto series = file.read(*query);
  if (!series) return std::move(series).error();
  return std::move(series->k);
}

bool wanted(const Request& request, const Labels& labels) {
  if (!request.column.empty() && labels.column != request.column) return false;
  if (!request.detected.empty())
    return std::find(request.detected.begin(), request.detected.end(), labels.source) != request.detected.end();
  return labels.source != request.truth_labels;
}

Status run_score(const Request& request, const CommonOptions& common) {
  auto file = SeriesFile::open(request.series.path, request.no_save ? OpenMode::read : OpenMode::write);
  if (!file) return std::move(file).error();
  auto labels = file->labels(request.series.point);
  if (!labels) return std::move(labels).error();
  auto truth = find_truth(request, *labels, file->interval_ns());
  if (!truth) return std::move(truth).error();
  auto bias = overlap_bias_by_name(request.bias);
  if (!bias) return std::move(bias).error();
  auto spans = file->spans(request.series.point);
  if (!spans) return std::move(spans).error();
  auto rows = nab_rows(*file, request);
  if (!rows) return std::move(rows).error();
  std::vector<LabelScore> scores;
  for (const Labels& l : *labels) {
    if (!wanted(request, l)) continue;
    auto stretch = stretch_of(*file, request, l);
    if (!stretch) return std::move(stretch).error();
    scores.push_back(score_labels(*truth, l,
                                  {.stretch = *stretch, .seed_compatible = request.seed_compatible,
                                   .overlap = {request.alpha, *bias},
                                   .covered_ns = covered_ns(*spans, *stretch, file->interval_ns()), .nab_rows = *rows}));
  }
  if (scores.empty())
    return Error{"no labels to score", request.series.path, "tidegauge label first, or another --detected", ErrorKind::usage};
  if (!request.no_save) TG_TRY(file->save_table("scores", request.series.point, score_json(scores)));
  if (common.json) fmt::print("{}\n", score_json(scores));
  else fmt::print("{}", score_table(scores));
  return {};
}

std::function<Status()> setup(CLI::App& app, const CommonOptions& common) {
  auto request = std::make_shared<Request>();
  request->series.declare(app);
  app.add_option("--truth", request->truth,
                 "CSV file of true ranges: start,end (whole numbers are intervals, ISO 8601 and decimals are times), or "
                 "JSON windows as NAB's");
  app.add_option("--truth-name", request->truth_name, "Whose windows of a JSON file, such as realTraffic/speed_6005.csv");
  app.add_option("--truth-labels", request->truth_labels, "Take the labels of this source as the truth, such as series");
  app.add_option("--detected", request->detected, "Score the labels of these sources, such as lstm (default: all others)")
      ->delimiter(',');
  app.add_option("--column", request->column, "Only labels of this column");
  app.add_option("--alpha", request->alpha, "By overlap: the weight of finding a range at all in its recall")
      ->check(CLI::Range(0.0, 1.0))->capture_default_str();
  app.add_option("--bias", request->bias, "By overlap: where in a true range it matters most: flat, front, middle, back")
      ->capture_default_str();
  app.add_flag("--nab", request->nab, "Also NAB's score, three profiles; the first 15 % of the rows are its probation");
  app.add_flag("--seed-compatible", request->seed_compatible,
               "Also count pairs of range and detection, as the original tool did (inflates)");
  app.add_flag("--no-save", request->no_save, "Leave the series file as it is");
  return [request, &common] { return run_score(*request, common); };
}

const VerbRegistration registration({
    51,
    "score",
    "Score labels against the truth: one to one and by overlap, how late, how often; NAB's score on request",
    "tidegauge score jan.series --truth surges.csv",
    setup,
});

}  // namespace
}  // namespace tidegauge
