#include "bench/nab_corpus.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "host/time_text.hpp"

namespace tidegauge {

namespace {

namespace fs = std::filesystem;

Status read_rows(NabSeries& series, const fs::path& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  for (std::size_t number = 2; std::getline(in, line); ++number) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty()) continue;
    const std::size_t comma = line.find(',');
    double value = 0;
    const auto parsed = comma == std::string::npos ? std::from_chars_result{nullptr, std::errc::invalid_argument}
                                                   : std::from_chars(line.data() + comma + 1, line.data() + line.size(), value);
    const auto time = parse_time(line.substr(0, comma), "timestamp");
    if (!time || parsed.ec != std::errc())
      return Error{"is not timestamp,value", fmt::format("{}:{}", path.string(), number), "a file of the benchmark"};
    series.time_ns.push_back(*time);
    series.values.push_back(value);
  }
  return {};
}

/// Both ends of a window are times of rows, as text with microseconds.
Status add_windows(NabSeries& series, const nlohmann::json& windows, const std::string& path) {
  for (const auto& window : windows) {
    if (!window.is_array() || window.size() != 2 || !window[0].is_string() || !window[1].is_string())
      return Error{fmt::format("a window of {} is not a pair of times", series.name), path, ""};
    const auto first = parse_time(window[0].get<std::string>(), "window"), last = parse_time(window[1].get<std::string>(), "window");
    if (!first) return first.error();
    if (!last) return last.error();
    const auto begin = series.time_ns.begin(), end = series.time_ns.end();
    const auto from = std::lower_bound(begin, end, *first), behind = std::upper_bound(begin, end, *last);
    if (from >= behind) return Error{fmt::format("a window of {} holds none of its rows", series.name), path, ""};
    series.windows.push_back({static_cast<std::size_t>(from - begin), static_cast<std::size_t>(behind - begin) - 1});
  }
  return {};
}

}  // namespace

Expected<std::vector<NabSeries>> read_nab(const std::string& folder) {
  const std::string labels = folder + "/labels/combined_windows.json";
  std::ifstream in(labels);
  const nlohmann::json all = nlohmann::json::parse(in, nullptr, false);
  if (!all.is_object()) return Error{"cannot be read as JSON", labels, "the benchmark's folders data and labels"};
  std::vector<NabSeries> corpus;
  for (const auto& [name, windows] : all.items()) {  // sorted by name
    const fs::path path = fs::path(folder) / "data" / name;
    if (!fs::exists(path)) continue;
    NabSeries series{.group = name.substr(0, name.find('/')), .name = name, .time_ns = {}, .values = {}, .windows = {}};
    TG_TRY(read_rows(series, path));
    TG_TRY(add_windows(series, windows, labels));
    corpus.push_back(std::move(series));
  }
  return corpus;
}

}  // namespace tidegauge
