// Writes a table of named columns row by row as CSV or JSON, in pieces, so that a series of any length streams through.
// Tested by tests/host/csv_export_test.cpp.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernels/core/status.hpp"

namespace tidegauge {

using TextSink = std::function<Status(std::string_view)>;

class TableWriter {
 public:
  enum class Format { csv, json };
  /// What precedes the rows: "# key: text" lines in CSV, members of the object in JSON (there a key that repeats
  /// becomes a list).
  using Preamble = std::vector<std::pair<std::string, std::string>>;

  TableWriter(Format format, std::vector<std::string> columns, TextSink sink);
  Status begin(const Preamble& preamble);

  // The cells of a row, in the order of the columns.
  void text(std::string_view value);
  void integer(std::int64_t value);
  void count(std::uint64_t value);
  /// The shortest text that reads back as the same double. NaN is an empty cell (null); infinities are inf, -inf.
  void real(double value);
  Status end_row();

  Status finish();

 private:
  void open_cell();
  Status pass_on(std::size_t limit);
  Format format_;
  std::vector<std::string> columns_;
  TextSink sink_;
  fmt::memory_buffer out_;
  std::size_t cell_ = 0, rows_ = 0;
};

}  // namespace tidegauge
