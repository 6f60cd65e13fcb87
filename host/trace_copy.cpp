#include "host/trace_copy.hpp"

#include <map>
#include <utility>

namespace tidegauge {
namespace {

/// Rows that wait until they are handed over together.
constexpr std::size_t portion_rows = 1 << 12;

}  // namespace

Expected<AddOutcome> TraceCopy::add(const TraceRecord& trace) {
  return to_.add_trace(trace, [&](const SeriesFile::RowSink& rows) { return fill(trace, rows); });
}

/// All that a trace brings along besides its place and account. What else is stored per interval one day, goes here.
Expected<TraceRecord> TraceCopy::fill(TraceRecord trace, const SeriesFile::RowSink& rows) {
  auto any_late = add_rows(trace, rows);
  if (!any_late) return std::move(any_late).error();
  if (!*any_late) trace.late_interval_ns = 0;
  else if (trace.late_interval_ns == 0 && factor_ > 1) trace.late_interval_ns = from_.interval_ns();
  late_as_counted_ += *any_late && factor_ > 1;
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
Status TraceCopy::add_keyed(const TraceRecord& trace, const SeriesFile::RowSink& rows) const {
  return from_.visit_keyed(trace, [&](const KeyedRows& finer, const KeyNamer& names) {
    KeyedRows portion;
    for (const auto& [k, row] : finer) portion[coarse(k)] += KeyedRow(row);
    return rows.keyed(portion, names);
  });
}

/// Whether any of them has late packets.
Expected<bool> TraceCopy::add_rows(const TraceRecord& trace, const SeriesFile::RowSink& rows) const {
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

}  // namespace tidegauge
