// A report from plain data: one self-contained HTML page (dygraphs inlined; no network, works from file://)
// and a static SVG of its plots for papers. Nothing here reads a file; report_gather.hpp fills the data from
// a series file. All text is escaped, so names from outside may hold anything. A part without data is left
// out. Cost: one pass over the points; the page stays under about 10 MB because long series are drawn by
// their extremes. Thread safety: pure functions. Tested by tests/host/report_test.cpp, in a browser by
// tests/tools/report_test.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kernels/core/status.hpp"
#include "kernels/data/labels.hpp"

namespace tidegauge {

using ReportField = std::pair<std::string, std::string>;  ///< name, value

/// Values beside ReportPoint::actual; NaN where there is none.
struct ReportForecast {
  std::string name;
  std::vector<double> values;
};

/// Half-open stretch of time that was labelled.
struct ReportRange {
  std::int64_t first_ns = 0, last_ns = 0;
  Direction direction = Direction::rising;
  std::string source;  ///< "series" or a forecast's model
};

struct ReportTruth {
  std::int64_t first_ns = 0, last_ns = 0;
};

/// Figures that are not defined are absent.
struct ReportMetrics {
  std::string model;
  std::optional<double> mae, rmse, mape, smape, mase, r2;
};

struct ReportScore {
  std::string detector;
  std::optional<double> precision, recall, f1;
  std::optional<std::uint64_t> true_positives, false_positives, false_negatives;
};

/// One observation point's series and what was said about it.
struct ReportPoint {
  std::string name, column;
  std::int64_t interval_ns = 0;
  std::vector<std::int64_t>
      start_ns;  ///< of each interval, ascending; a step of more than interval_ns is a gap
  std::vector<double> actual;
  std::vector<ReportForecast> forecasts;
  std::vector<ReportRange> ranges;
  std::vector<ReportTruth> truth;
  std::vector<ReportMetrics> metrics;
  std::vector<ReportScore> scores;
  std::vector<ReportField> quality;  ///< what, how many
  std::string verdict;
  std::vector<std::string> notes;
};

struct ReportTrace {
  std::string path, point, kind;
  std::uint64_t packets = 0, captured_bytes = 0;
  std::optional<std::pair<std::int64_t, std::int64_t>> span_ns;
  std::vector<ReportField> refused;  ///< reason, records
  std::string damage;
};

struct ReportData {
  std::string title;
  std::vector<ReportField> settings, versions;
  std::vector<ReportPoint> points;
  std::vector<ReportTrace> traces;
  std::vector<std::string> notes;
};

/// The page. An error names the point whose vectors do not fit together.
Expected<std::string> render_report(const ReportData& data);

/// The plots of all points, one below the other.
Expected<std::string> render_plot_svg(const ReportData& data);

}  // namespace tidegauge
