// Imports a `time,value` table as the series of a point: one value per interval, gaps stay gaps.
//   tidegauge bin data.csv --csv -o x.series --interval 5s --time-zone Asia/Tokyo
// Times may be epoch seconds, seconds from an origin, or ISO 8601 in a named zone; or there is no time column and each
// line is the next interval. A local time that clocks passed twice is taken as the first reading that lies after the line
// before (the first if none does); one that they skipped is an error, since the data cannot be from that zone.
// Empty, NaN and NA values are gaps. Lines that begin with # are comments, so that our own exports come in again.
// Cost: the table in memory. Tested by tests/host/csv_import_test.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "host/store.hpp"
#include "kernels/core/status.hpp"

namespace tidegauge {

struct CsvOptions {
  std::string time_column{};   ///< a name of the header or a number from 1; "none": a line is an interval; empty: column 1
  std::string value_column{};  ///< a name or a number; empty: the first column that is not the time
  std::string origin{};        ///< ISO 8601 or @epoch; numeric times count from it, and so do lines without a time
  std::string time_zone = "UTC";  ///< of ISO times without an offset, and of the origin
  char delimiter = ',';
};

struct CsvSeries {
  std::vector<std::int64_t> k;  ///< ascending
  std::vector<double> values;
  std::size_t lines = 0;        ///< data lines read
  std::size_t gaps = 0;         ///< lines without a value
  std::size_t floored = 0;      ///< lines whose time was not the start of an interval
};

/// Reads and checks a table; every error names its line.
Expected<CsvSeries> read_csv_series(const std::string& path, std::int64_t interval_ns, const CsvOptions& options);

/// The options as JSON: part of a trace's identity, since they change the numbers.
std::string csv_settings(const CsvOptions& options);

}  // namespace tidegauge
