// Lines of comma-separated values (RFC 4180, without line breaks inside quotes).
// Tested by tests/host/csv_import_test.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidegauge {

/// A field as it is written: quoted only where it must be.
std::string csv_field(std::string_view text);

/// The fields of one line (without its line break), surrounding blanks removed outside quotes; nothing if a quote is
/// not closed.
std::optional<std::vector<std::string>> split_csv_line(std::string_view line, char delimiter = ',');

}  // namespace tidegauge
