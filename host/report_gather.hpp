// What a report says about a series file: series, forecasts, labels, figures, traces and quality, read from
// it. Stored figures are read tolerantly: what is missing or of another form is left out, never an error.
// Cost: the series in memory, 8 bytes a value. Thread safety: as the file's.
// Tested by tests/tools/report_test.cpp.
#pragma once

#include <string>

#include "host/report.hpp"
#include "host/store.hpp"

namespace tidegauge {

struct ReportRequest {
  std::string point;   ///< empty: all of them
  std::string column;  ///< empty: the one that was forecast last or labelled, otherwise `value` or `bytes`
  std::string truth;   ///< CSV of true ranges (truth.hpp); empty: none
  std::string title;   ///< empty: made from the file's name
};

Expected<ReportData> gather_report(const SeriesFile& file, const ReportRequest& request);

}  // namespace tidegauge
