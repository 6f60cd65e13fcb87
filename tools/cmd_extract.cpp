// tidegauge extract: a label, or a stretch of time, back to its packets.
#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "host/duration.hpp"
#include "host/extract.hpp"
#include "host/interrupt.hpp"
#include "host/output_file.hpp"
#include "host/time_text.hpp"
#include "tools/log.hpp"
#include "tools/verbs.hpp"

namespace tidegauge {
namespace {

struct Request {
  std::string series, output, source, column, from, to, numbers;
  std::optional<std::size_t> label;
  bool pcapng = false;
  ExtractOptions options;
};

std::string set_name(const Labels& set) { return fmt::format("{} of {}", set.column, set.source); }

/// The one label set that --source and --column leave.
Expected<Labels> choose_set(const SeriesFile& file, const Request& request) {
  auto all = file.labels(request.options.point);
  if (!all) return std::move(all).error();
  std::vector<Labels> fitting;
  std::string there;
  for (Labels& set : *all) {
    there += (there.empty() ? "" : ", ") + set_name(set);
    if ((request.source.empty() || set.source == request.source) && (request.column.empty() || set.column == request.column))
      fitting.push_back(std::move(set));
  }
  if (there.empty()) return Error{"has no labels", request.series, "tidegauge label first", ErrorKind::usage};
  if (fitting.size() == 1) return std::move(fitting.front());
  return Error{fitting.empty() ? "has no such labels" : "has several sets of labels", request.series,
               "--source and --column for one of: " + there, ErrorKind::usage};
}

Expected<IntervalRange> range_of_label(const SeriesFile& file, const Request& request) {
  auto set = choose_set(file, request);
  if (!set) return std::move(set).error();
  if (*request.label == 0 || *request.label > set->ranges.size())
    return Error{fmt::format("there is no label {}, {} has {}", *request.label, set_name(*set), set->ranges.size()), "--label",
                 "a number from 1, in the order of `tidegauge export --what labels`", ErrorKind::usage};
  const LabelledRange& range = set->ranges[*request.label - 1];
  return IntervalRange{range.first_k, range.last_k};
}

Expected<IntervalRange> range_of_times(const Request& request, std::int64_t interval_ns) {
  auto from = parse_time(request.from, "--from");
  if (!from) return std::move(from).error();
  auto to = parse_time(request.to, "--to");
  if (!to) return std::move(to).error();
  if (*from >= *to)
    return Error{"the end is not after the start", "--from " + request.from + " --to " + request.to,
                 "--to is the time before which to end", ErrorKind::usage};
  return IntervalRange{interval_of(*from, interval_ns), interval_of(*to - 1, interval_ns)};
}

/// "1452315600" or "1452315600..1452315609".
Expected<IntervalRange> range_of_numbers(const std::string& text) {
  IntervalRange range;
  const char* const end = text.data() + text.size();
  auto parsed = std::from_chars(text.data(), end, range.first_k);
  range.last_k = range.first_k;
  if (parsed.ec == std::errc() && end - parsed.ptr > 2 && parsed.ptr[0] == '.' && parsed.ptr[1] == '.')
    parsed = std::from_chars(parsed.ptr + 2, end, range.last_k);
  if (parsed.ec == std::errc() && parsed.ptr == end && range.first_k <= range.last_k) return range;
  return Error{"'" + text + "' is no interval and no range of intervals", "--interval-number",
               "numbers as in column k of the export, such as 1452315600..1452315609", ErrorKind::usage};
}

Expected<IntervalRange> wanted_range(const SeriesFile& file, const Request& request) {
  const bool times = !request.from.empty() || !request.to.empty(), numbers = !request.numbers.empty();
  if (request.label.has_value() + times + numbers != 1 || request.from.empty() != request.to.empty())
    return Error{"which packets are meant?", "", "one of: --label N; --from TIME --to TIME; --interval-number K..K",
                 ErrorKind::usage};
  if (!request.label && !(request.source.empty() && request.column.empty()))
    return Error{"only labels are chosen by source and column", request.source.empty() ? "--column" : "--source",
                 "leave it out, or --label N", ErrorKind::usage};
  if (request.label) return range_of_label(file, request);
  return numbers ? range_of_numbers(request.numbers) : range_of_times(request, file.interval_ns());
}

/// Where --from or --to lie within an interval, the packets are of more time than was asked for.
void say_what_whole_intervals_mean(const Request& request, const IntervalRange& range, std::int64_t interval_ns) {
  if (request.from.empty()) return;
  std::int64_t begin_ns = 0, end_ns = 0;
  if (__builtin_mul_overflow(range.first_k, interval_ns, &begin_ns) ||
      __builtin_mul_overflow(range.last_k + 1, interval_ns, &end_ns))
    return;  // at the ends of representable time
  if (*parse_time(request.from, "") == begin_ns && *parse_time(request.to, "") == end_ns) return;
  remark(fmt::format("whole intervals of {}: from {} to {}", format_duration(interval_ns), format_utc(begin_ns, interval_ns),
                     format_utc(end_ns, interval_ns)));
}

void print_json(const Request& request, const IntervalRange& range, const ExtractReport& report) {
  nlohmann::json document{{"output", request.output}, {"first_k", range.first_k}, {"last_k", range.last_k},
                          {"packets", report.packets}, {"traces", report.traces}, {"input_bytes", report.input_bytes},
                          {"capture_bytes", report.capture_bytes}, {"counted", nullptr}};
  if (report.counted) document["counted"] = *report.counted;
  fmt::print("{}\n", document.dump(2));
}

std::string account(const ExtractReport& report) {
  return fmt::format("{} packets of {} traces; {} of {} bytes read", report.packets, report.traces, report.input_bytes,
                     report.capture_bytes);
}

Status run_extract(Request& request, const CommonOptions& common) {
  const bool to_stdout = request.output == "-";
  if (to_stdout && common.json)
    return Error{"the packets go to stdout", "--json", "a file for the packets (-o)", ErrorKind::usage};
  if (request.pcapng || request.output.ends_with(".pcapng")) request.options.format = PacketFileWriter::Format::pcapng;
  auto file = SeriesFile::open(request.series, OpenMode::read);
  if (!file) return std::move(file).error();
  auto range = wanted_range(*file, request);
  if (!range) return std::move(range).error();
  request.options.ranges = {*range};
  say_what_whole_intervals_mean(request, *range, file->interval_ns());
  const InterruptGuard guard;
  request.options.stop = [] { return interrupted(); };

  auto output = OutputFile::create(request.output, OutputKind::capture);
  if (!output) return std::move(output).error();
  auto report = extract_packets(*file, request.options, [&](std::string_view bytes) { return output->write(bytes); });
  if (!report) return std::move(report).error();
  if (report->counted && *report->counted != report->packets)
    return Error{fmt::format("{} packets were found, but the series counts {} in these intervals", report->packets,
                             *report->counted),
                 request.series, "bin the captures into a new series file and extract from that"};
  TG_TRY(output->finish());
  for (const auto& words : report->remarks) remark(words);
  if (common.json) print_json(request, *range, *report);
  else if (to_stdout) remark(account(*report));
  else fmt::print("{}\n", account(*report));
  return {};
}

std::function<Status()> setup(CLI::App& app, const CommonOptions& common) {
  auto request = std::make_shared<Request>();
  app.add_option("series", request->series, "The series file")->required();
  app.add_option("-o,--output", request->output, "The capture to write; - for stdout, into tcpdump or tshark")->required();
  app.add_option("--label", request->label, "Number of a label, from 1 in the order of `export --what labels`");
  app.add_option("--source", request->source, "Which labels: series, or a model such as lstm");
  app.add_option("--column", request->column, "Which labels: of this column");
  app.add_option("--from", request->from, "First time, such as 2016-01-09T14:00:00 (UTC) or @1452315600. Whole intervals are "
                                          "written: also what comes before it in its interval");
  app.add_option("--to", request->to, "Time before which to end; the interval that it lies in is written whole, the one that "
                                      "begins at it is not");
  app.add_option("--interval-number", request->numbers, "Intervals by number (column k of the export): K or K..K");
  app.add_option("--point", request->options.point, "Observation point, needed where there are several");
  app.add_option("--limit", request->options.limit, "Stop after so many packets");
  app.add_option("--input-dir", request->options.input_dir, "The folder that holds the captures now, if they were moved; of a pipe, a copy under any name");
  app.add_flag("--pcapng", request->pcapng, "Write pcapng, also under another name: for captures of several link types");
  return [request, &common] { return run_extract(*request, common); };
}

const VerbRegistration registration({
    55,
    "extract",
    "Write the packets that were counted into a label, or a stretch of time, as a capture",
    "tidegauge extract january.series --label 3 -o surge.pcap\n"
    "  tidegauge extract january.series --from 2016-01-09T14:00 --to 2016-01-09T14:05 -o - | tcpdump -nr -",
    setup,
});

}  // namespace
}  // namespace tidegauge
