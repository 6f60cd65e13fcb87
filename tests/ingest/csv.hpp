// The manifests beside the captures: comma-separated, quoted where they must be, first line names the
// columns.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/support.hpp"

namespace tidegauge::test {

inline std::vector<std::map<std::string, std::string>> read_csv(const fs::path& path) {
  const std::string text = read_text(path);
  std::vector<std::vector<std::string>> lines(1, {std::string()});
  bool quoted = false;
  for (const char c : text) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      lines.back().emplace_back();
    } else if (c == '\n' && !quoted) {
      lines.push_back({std::string()});
    } else if (c != '\r') {
      lines.back().back() += c;
    }
  }
  std::vector<std::map<std::string, std::string>> rows;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    if (lines[i].size() != lines[0].size()) continue;  // the empty line at the end
    std::map<std::string, std::string> row;
    for (std::size_t column = 0; column < lines[0].size(); ++column) row[lines[0][column]] = lines[i][column];
    rows.push_back(row);
  }
  return rows;
}

}  // namespace tidegauge::test
