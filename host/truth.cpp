#include "host/truth.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "host/csv_text.hpp"
#include "host/time_text.hpp"
#include "kernels/data/interval_columns.hpp"

namespace tidegauge {

namespace {

/// An end of a range: an interval, or a time.
struct Bound {
  std::int64_t value = 0;
  bool is_time = false;
};

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Expected<Bound> read_bound(const std::string& text, const std::string& column) {
  if (!column.ends_with("_time"))
    if (const auto k = whole_number(text)) return Bound{*k, false};
  if (!column.ends_with("_k")) {
    if (const auto ns = parse_seconds(text)) return Bound{*ns, true};
    if (auto ns = parse_time(text, column)) return Bound{*ns, true};
  }
  return Error{fmt::format("'{}' is neither a time nor an interval number", text), "",
               "a whole number for an interval, 2016-01-09T14:00:00 or seconds with decimals for a time"};
}

Expected<IntervalRange> make_range(Bound start, Bound end, std::int64_t interval_ns) {
  IntervalRange range{start.value, end.value};
  if (start.is_time) range.first_k = interval_of(start.value, interval_ns);
  if (end.is_time) range.last_k = interval_of(std::max(end.value - 1, start.is_time ? start.value : end.value - 1), interval_ns);
  const std::int64_t limit = last_interval(interval_ns);
  if (range.first_k < -limit || range.last_k > limit)
    return Error{fmt::format("interval numbers lie between {} and {}", -limit, limit), "", ""};
  if (range.last_k < range.first_k || (start.is_time && end.is_time && end.value < start.value))
    return Error{"the range ends before it begins", "", ""};
  return range;
}

/// Positions of the first known pair of columns.
std::optional<std::pair<std::size_t, std::size_t>> find_pair(const std::vector<std::string>& header) {
  for (const auto& [first, last] : {std::pair{"start_k", "end_k"}, {"start_time", "end_time"}, {"start", "end"}}) {
    const auto a = std::find(header.begin(), header.end(), first), b = std::find(header.begin(), header.end(), last);
    if (a != header.end() && b != header.end())
      return std::pair{static_cast<std::size_t>(a - header.begin()), static_cast<std::size_t>(b - header.begin())};
  }
  return std::nullopt;
}

/// Both ends are times of rows and included.
Expected<IntervalRange> window_of(const nlohmann::json& window, std::int64_t interval_ns) {
  if (!window.is_array() || window.size() != 2 || !window[0].is_string() || !window[1].is_string())
    return Error{"a window is not a pair of times", "", ""};
  const auto first = parse_time(window[0].get<std::string>(), "start"), last = parse_time(window[1].get<std::string>(), "end");
  if (!first) return first.error();
  if (!last) return last.error();
  return make_range({*first, true}, {*last == std::numeric_limits<std::int64_t>::max() ? *last : *last + 1, true}, interval_ns);
}

std::string names_in(const nlohmann::json& files) {
  std::string names;
  for (const auto& [name, windows] : files.items()) names += (names.empty() ? "" : ", ") + name;
  return names;
}

Expected<std::vector<IntervalRange>> read_windows(std::istream& in, const std::string& path, std::int64_t interval_ns,
                                                  const std::string& name) {
  const nlohmann::json files = nlohmann::json::parse(in, nullptr, false);
  if (!files.is_object() || files.empty())
    return Error{"is not JSON of the form {\"file\": [[\"start\", \"end\"], ...]}", path, ""};
  if (name.empty() && files.size() > 1)
    return Error{"has the windows of several files", path, "--truth-name, one of: " + names_in(files), ErrorKind::usage};
  const auto found = name.empty() ? files.begin() : files.find(name);
  if (found == files.end())
    return Error{fmt::format("has no windows of '{}'", name), path, "one of: " + names_in(files), ErrorKind::usage};
  if (!found->is_array()) return Error{"the windows are not a list", path + ": " + found.key(), ""};
  std::vector<IntervalRange> ranges;
  for (const auto& window : *found) {
    auto range = window_of(window, interval_ns);
    if (!range) return Error{range.error().what, fmt::format("{}: {}: window {}", path, found.key(), ranges.size() + 1), range.error().remedy};
    ranges.push_back(*range);
  }
  return ranges;
}

}  // namespace

Expected<std::vector<IntervalRange>> read_truth(const std::string& path, std::int64_t interval_ns, const std::string& name) {
  std::ifstream in(path);
  if (!in) return Error{"cannot open the file", path, "a CSV file with the columns start,end"};
  if ((in >> std::ws).peek() == '{') return read_windows(in, path, interval_ns, name);
  in.clear();
  in.seekg(0);
  if (!name.empty()) return Error{"only JSON files name whose windows they hold", path, "leave --truth-name out", ErrorKind::usage};
  std::vector<IntervalRange> ranges;
  std::vector<std::string> header;
  std::optional<std::pair<std::size_t, std::size_t>> columns;
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty() || line.front() == '#') continue;
    const auto refuse = [&](const std::string& what, const std::string& remedy) {
      return Error{what, fmt::format("{}:{}", path, number), remedy};
    };
    const auto fields = split_csv_line(line);
    if (!fields) return refuse("a quote is not closed", "");
    if (!columns) {
      header = *fields;
      columns = find_pair(header);
      if (!columns) return refuse("no columns start,end (or start_k,end_k, or start_time,end_time)", "a header line");
      continue;
    }
    if (fields->size() <= std::max(columns->first, columns->second)) return refuse("a column is missing", "");
    auto start = read_bound((*fields)[columns->first], header[columns->first]);
    if (!start) return refuse(start.error().what, start.error().remedy);
    auto end = read_bound((*fields)[columns->second], header[columns->second]);
    if (!end) return refuse(end.error().what, end.error().remedy);
    auto range = make_range(*start, *end, interval_ns);
    if (!range) return refuse(range.error().what, "");
    ranges.push_back(*range);
  }
  if (!columns) return Error{"no header line", path, "a CSV file with the columns start,end"};
  return ranges;
}

}  // namespace tidegauge
