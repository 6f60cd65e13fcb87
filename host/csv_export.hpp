// Exports what a series file knows as CSV or JSON, streamed. Every export carries program version, settings and the
// fingerprints of its inputs ahead of the rows.
// Cost: memory bounded by a window of intervals, however long the series. Tested by tests/host/csv_export_test.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "host/store.hpp"
#include "host/table_writer.hpp"
#include "kernels/core/status.hpp"

namespace tidegauge {

enum class ExportSubject {
  series,     ///< a row per covered interval: k, time, coverage (covered share), complete, columns; zeros filled in
  traces,     ///< a row per input with its account
  spans,      ///< what is covered, joints closed
  forecasts,  ///< a row per forecast interval
  labels,     ///< a row per labelled range
};
std::optional<ExportSubject> export_subject(std::string_view name);

struct ExportOptions {
  ExportSubject subject = ExportSubject::series;
  SeriesFile::Query query;  ///< other subjects use its point only, and an empty one means all points
  /// Counts per key instead of the series: a row per interval and key that is not zero, or (wide) a row per covered
  /// interval and a column per key. The query's columns are then packets, bytes or both.
  std::optional<SeriesFile::KeyQuery> keys{};
  bool wide = false;
  bool header_comments = true;
  TableWriter::Format format = TableWriter::Format::csv;
  std::string program;      ///< name and version of what exports
};

Status export_table(const SeriesFile& file, const ExportOptions& options, const TextSink& sink);

}  // namespace tidegauge
