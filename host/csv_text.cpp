#include "host/csv_text.hpp"

namespace tidegauge {

namespace {

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Reads a quoted field that begins at line[at]; leaves `at` behind its closing quote. False if there is none.
bool read_quoted(std::string_view line, std::size_t& at, std::string& field) {
  for (++at; at < line.size(); ++at) {
    if (line[at] != '"') {
      field += line[at];
    } else if (at + 1 < line.size() && line[at + 1] == '"') {
      field += '"';
      ++at;
    } else {
      ++at;
      return true;
    }
  }
  return false;
}

}  // namespace

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n#") == std::string_view::npos && trimmed(text) == text) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}

std::optional<std::vector<std::string>> split_csv_line(std::string_view line, char delimiter) {
  std::vector<std::string> fields;
  std::size_t at = 0;
  while (true) {
    std::string field;
    const auto start = line.find_first_not_of(" ", at);
    const bool quoted = start != std::string_view::npos && line[start] == '"';
    if (quoted) {
      at = start;
      if (!read_quoted(line, at, field)) return std::nullopt;
    }
    const auto end = std::min(line.find(delimiter, at), line.size());
    if (!quoted) field = trimmed(line.substr(at, end - at));
    fields.push_back(std::move(field));
    if (end == line.size()) return fields;
    at = end + 1;
  }
}

}  // namespace tidegauge
