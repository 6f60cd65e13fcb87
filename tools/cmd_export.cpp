// tidegauge export: what a series file knows, as CSV or JSON.
#include <fmt/format.h>

#include "host/csv_export.hpp"
#include "host/mistakes.hpp"
#include "host/output_file.hpp"
#include "host/time_text.hpp"
#include "tools/log.hpp"
#include "tools/verbs.hpp"

namespace tidegauge {
namespace {

struct Request {
  std::string series, output, from, to, subject = "series";
  std::string by;
  std::size_t top = 0;
  std::vector<std::string> keys;
  bool canonical = false, no_header_comments = false;
  ExportOptions options;
};

/// What would be ignored in silence is refused.
void check_combinations(const Request& request, const CommonOptions& common, Mistakes& mistakes) {
  if (request.canonical && common.json)
    mistakes.add({"the canonical export is one fixed text, not JSON", "--canonical", "leave --json out", ErrorKind::usage});
  if (request.options.subject == ExportSubject::series) return;
  for (const auto& [given, flag] : {std::pair{!request.options.query.columns.empty(), "--columns"},
                                    std::pair{!request.from.empty(), "--from"}, std::pair{!request.to.empty(), "--to"}})
    if (given)
      mistakes.add({"only a series is chosen from by columns and time, not " + request.subject, flag,
                    "leave it out, or --what series", ErrorKind::usage});
}

void complete_times(Request& request, Mistakes& mistakes) {
  auto& query = request.options.query;
  for (const auto& [text, bound, flag] :
       {std::tuple{&request.from, &query.from_ns, "--from"}, std::tuple{&request.to, &query.to_ns, "--to"}}) {
    if (text->empty()) continue;
    const auto time = parse_time(*text, flag);
    mistakes.add(time);
    if (time) *bound = *time;
  }
  if (query.from_ns && query.to_ns && *query.from_ns >= *query.to_ns)
    mistakes.add({"the end is not after the start", "--from " + request.from + " --to " + request.to,
                  "--to is the time before which to end", ErrorKind::usage});
}

Status complete(Request& request, const CommonOptions& common) {
  Mistakes mistakes;
  request.options.program = "tidegauge " TIDEGAUGE_VERSION;
  request.options.header_comments = !request.no_header_comments;
  if (common.json) request.options.format = TableWriter::Format::json;
  const auto subject = export_subject(request.subject);
  if (subject) request.options.subject = *subject;
  else mistakes.add({"there is no '" + request.subject + "' to export", "--what", "series, traces, spans, forecasts or labels",
                     ErrorKind::usage});
  check_combinations(request, common, mistakes);
  complete_times(request, mistakes);
  if (!request.by.empty()) {
    request.options.keys = SeriesFile::KeyQuery{.kind = request.by, .top = request.top, .keys = {}};
    if (!request.keys.empty()) request.options.keys->keys = request.keys;
  }
  return mistakes.status();
}

/// A row per covered interval may be more than anybody wants, above all where a capture's clock was wrong.
Status say_if_long(const SeriesFile& file, const Request& request) {
  constexpr std::uint64_t many_rows = 10'000'000;  // about a gigabyte of text
  const bool row_per_interval = request.options.subject == ExportSubject::series && (!request.options.keys || request.options.wide);
  if (request.canonical || !row_per_interval) return {};
  const auto rows = file.count_intervals(request.options.query);
  if (!rows) return rows.error();
  if (*rows <= many_rows) return {};
  const auto silence = file.long_silence(request.options.query.point);
  remark(fmt::format("{} rows will be written, as many as there are covered intervals{} (--from and --to choose a part)", *rows,
                     silence && *silence ? "; in " + (*silence)->path + " " + (*silence)->words(file.interval_ns()) : ""));
  return {};
}

Status run_export(Request& request, const CommonOptions& common) {
  TG_TRY(complete(request, common));
  auto file = SeriesFile::open(request.series, OpenMode::read);
  if (!file) return std::move(file).error();
  TG_TRY(say_if_long(*file, request));
  auto output = OutputFile::create(request.output);
  if (!output) return std::move(output).error();
  const TextSink sink = [&](std::string_view text) { return output->write(text); };
  TG_TRY(request.canonical ? file->export_canonical(sink) : export_table(*file, request.options, sink));
  return output->finish();
}

std::function<Status()> setup(CLI::App& app, const CommonOptions& common) {
  auto request = std::make_shared<Request>();
  app.add_option("series", request->series, "The series file")->required();
  auto* columns = app.add_option("--columns", request->options.query.columns, "Columns of the series, such as tcp_bytes,packets (default: all); of bin --by also dport_entropy")
      ->delimiter(',');
  auto* point = app.add_option("--point", request->options.query.point, "Observation point, needed where there are several");
  auto* from = app.add_option("--from", request->from, "First time, such as 2016-01-09T14:00:00 (UTC) or @1452315600");
  auto* to = app.add_option("--to", request->to, "Time before which to end");
  app.add_option("-o,--output", request->output, "File to write (default: stdout)");
  auto* what = app.add_option("--what", request->subject, "series, traces, spans, forecasts or labels")->capture_default_str();
  app.add_flag("--no-header-comments", request->no_header_comments, "Leave out version, settings and inputs");
  auto* canonical = app.add_flag("--canonical", request->canonical,
               "Every stored row in a fixed order and nothing of the run: equal inputs give equal bytes")
      ->excludes(columns)->excludes(point)->excludes(from)->excludes(to)->excludes(what);
  auto* by = app.add_option("--by", request->by, "Packets and bytes per key, such as dport; a row per interval and key")
                 ->excludes(what);
  auto* top = app.add_option("--top", request->top, "Only so many keys, those with the most bytes")
                  ->needs(by)->check(CLI::PositiveNumber);
  app.add_option("--keys", request->keys, "Only these keys, such as 80,443")->delimiter(',')->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)->allow_extra_args(false)->needs(by)->excludes(top);
  app.add_flag("--wide", request->options.wide, "A row per covered interval with zeros, and columns per key")->needs(by);
  canonical->excludes(by);
  return [request, &common] { return run_export(*request, common); };
}

const VerbRegistration registration({
    120,
    "export",
    "Write a series, its traces, spans, forecasts or labels as CSV or JSON",
    "tidegauge export january.series --columns tcp_bytes,packets -o january.csv\n"
    "  tidegauge export january.series --by dport --top 20 --columns bytes --wide -o ports.csv",
    setup,
});

}  // namespace
}  // namespace tidegauge
