#include "host/rebin.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>
#include <vector>

#include "host/duration.hpp"
#include "host/trace_copy.hpp"

namespace tidegauge {

namespace {

class Rebin {
 public:
  Rebin(const SeriesFile& from, SeriesFile& to, const RebinOptions& options)
      : from_(from), to_(to), options_(options), copy_(from, to) {
    report_.from_interval_ns = from.interval_ns();
    report_.interval_ns = to.interval_ns();
  }

  Expected<RebinReport> run() {
    auto traces = from_.traces();
    if (!traces) return std::move(traces).error();
    std::map<std::string, std::vector<TraceRecord>> imports;  // by point: traces share intervals there
    for (TraceRecord& trace : *traces) {
      if (trace.kind == "csv") imports[trace.point].push_back(std::move(trace));
      else if (!stopped()) TG_TRY(add_capture(trace));
    }
    for (auto& [point, own] : imports)
      if (!stopped()) TG_TRY(add_imports(std::move(own)));
    report_.late_as_counted = copy_.late_as_counted();
    return report_;
  }

 private:
  bool stopped() {
    report_.stopped = report_.stopped || (options_.stop && options_.stop());
    return report_.stopped;
  }

  Status add(Expected<AddOutcome> outcome) {
    if (!outcome) return std::move(outcome).error();
    ++(*outcome == AddOutcome::added ? report_.added : report_.already_in);
    return {};
  }

  Status add_capture(const TraceRecord& trace) { return add(copy_.add(trace)); }

  struct Value {
    double sum = 0;
    std::size_t count = 0;
    std::size_t trace = 0;  ///< the first one that has a part of it; the value is stored there
  };

  /// Traces of one point may meet within a longer interval, so that its value is theirs together.
  Status add_imports(std::vector<TraceRecord> traces) {
    std::map<std::int64_t, Value> values;
    for (std::size_t i = 0; i < traces.size(); ++i) {
      TG_TRY(from_.visit_values(traces[i], [&](std::int64_t k, double value) {
        Value& whole = values.try_emplace(copy_.coarse(k), Value{.trace = i}).first->second;
        whole.sum += value;
        ++whole.count;
        return Status();
      }));
    }
    for (std::size_t i = 0; i < traces.size(); ++i) TG_TRY(add_import(traces[i], i, values));
    return {};
  }

  Status add_import(const TraceRecord& trace, std::size_t number, const std::map<std::int64_t, Value>& values) {
    std::vector<std::int64_t> k;
    std::vector<double> value;
    for (const auto& [at, whole] : values) {
      if (whole.trace != number) continue;
      k.push_back(at);
      value.push_back(options_.values == ValueRule::mean ? whole.sum / static_cast<double>(whole.count) : whole.sum);
    }
    auto spans = from_.spans_of(trace);
    if (!spans) return std::move(spans).error();
    return add(to_.add_values(trace, k, value, *spans));
  }

  const SeriesFile& from_;
  SeriesFile& to_;
  const RebinOptions& options_;
  TraceCopy copy_;
  RebinReport report_;
};

Status check(const SeriesFile& from, const std::string& to, const RebinOptions& options) {
  std::error_code ignored;
  if (std::filesystem::equivalent(from.path(), to, ignored))
    return Error{"the coarser series needs a file of its own", to, "another name with -o", ErrorKind::usage};
  if (options.interval_ns <= from.interval_ns() || options.interval_ns % from.interval_ns() != 0)
    return Error{fmt::format("intervals of {} cannot be made of intervals of {}", format_duration(options.interval_ns),
                             format_duration(from.interval_ns())),
                 "--interval", "a multiple of " + format_duration(from.interval_ns()), ErrorKind::usage};
  auto traces = from.traces();
  if (!traces) return std::move(traces).error();
  const bool imported = std::ranges::any_of(*traces, [](const TraceRecord& trace) { return trace.kind == "csv"; });
  if (imported && !options.values)
    return Error{"whether imported values add up over time or not, the file does not say", from.path(),
                 "--values sum for amounts, --values mean for levels", ErrorKind::usage};
  return {};
}

}  // namespace

Expected<RebinReport> rebin(const std::string& from, const std::string& to, const RebinOptions& options) {
  auto fine = SeriesFile::open(from, OpenMode::read);
  if (!fine) return std::move(fine).error();
  TG_TRY(check(*fine, to, options));
  auto coarse = SeriesFile::open(to, OpenMode::create, options.interval_ns);
  if (!coarse) return std::move(coarse).error();
  return Rebin(*fine, *coarse, options).run();
}

}  // namespace tidegauge
