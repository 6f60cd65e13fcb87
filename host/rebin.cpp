#include "host/rebin.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>
#include <vector>

#include "host/duration.hpp"

namespace tidegauge {

namespace {

/// Rows that wait until they are handed over together.
constexpr std::size_t portion_rows = 1 << 12;

class Rebin {
 public:
  Rebin(const SeriesFile& from, SeriesFile& to, const RebinOptions& options)
      : from_(from), to_(to), options_(options), factor_(to.interval_ns() / from.interval_ns()) {
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

  /// The interval that holds the finer one: both kinds are aligned to the epoch.
  std::int64_t coarse(std::int64_t k) const { return interval_of(k, factor_); }

  Status add_capture(const TraceRecord& trace) {
    return add(to_.add_trace(trace, [&](const SeriesFile::RowSink& rows) { return fill(trace, rows); }));
  }

  /// All that a trace brings along besides its place and account. What else is stored per interval one day, goes here.
  Expected<TraceRecord> fill(TraceRecord trace, const SeriesFile::RowSink& rows) {
    auto any_late = add_rows(trace, rows);
    if (!any_late) return std::move(any_late).error();
    if (!*any_late) trace.late_interval_ns = 0;
    else if (trace.late_interval_ns == 0) trace.late_interval_ns = from_.interval_ns();
    report_.late_as_counted += *any_late;
    TG_TRY(add_keyed(trace, rows));
    auto index = from_.index_of(trace);
    if (!index) return std::move(index).error();
    for (IndexEntry& entry : *index) {
      entry.first_k = coarse(entry.first_k);
      entry.last_k = coarse(entry.last_k);
    }
    trace.index = *std::move(index);
    return trace;
  }

  /// Counts per key add up as rows do, sketches merge.
  Status add_keyed(const TraceRecord& trace, const SeriesFile::RowSink& rows) {
    return from_.visit_keyed(trace, [&](const KeyedRows& finer, const KeyNamer& names) {
      KeyedRows portion;
      for (const auto& [k, row] : finer) portion[coarse(k)] += KeyedRow(row);
      return rows.keyed(portion, names);
    });
  }

  /// Whether any of them has late packets.
  Expected<bool> add_rows(const TraceRecord& trace, const SeriesFile::RowSink& rows) {
    std::map<std::int64_t, IntervalRow> portion;
    bool any_late = false;
    const auto add_row = [&](std::int64_t k, const IntervalRow& row) -> Status {
      any_late = any_late || row[Column::late] != 0;
      if (portion.size() >= portion_rows && !portion.contains(coarse(k))) {
        TG_TRY(rows(portion));
        portion.clear();
      }
      portion[coarse(k)] += row;
      return {};
    };
    TG_TRY(from_.visit_rows(trace, add_row));
    if (!portion.empty()) TG_TRY(rows(portion));
    return any_late;
  }

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
        Value& whole = values.try_emplace(coarse(k), Value{.trace = i}).first->second;
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
  std::int64_t factor_;
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
