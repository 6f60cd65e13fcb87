#include "host/synth_files.hpp"

#include <fmt/format.h>

#include <charconv>
#include <fstream>
#include <optional>

#include "host/time_text.hpp"

namespace tidegauge {

namespace {

constexpr std::int64_t microsecond_ns = 1'000;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  return text;
}

struct Line {
  std::string_view time, value;
};

std::optional<Line> split(std::string_view line) {
  const auto comma = line.find(',');
  if (comma == std::string_view::npos) return std::nullopt;
  return Line{trimmed(line.substr(0, comma)), trimmed(line.substr(comma + 1))};
}

Error bad_line(const std::string& path, std::size_t line, std::string what) {
  return {std::move(what), fmt::format("{}:{}", path, line),
          "a header line time,packets or time,packets_per_second, then rows with times ascending",
          ErrorKind::usage};
}

std::optional<std::int64_t> row_time(std::string_view text) {
  if (const auto ns = parse_seconds(text)) return ns;
  const auto ns = parse_time(text, "");
  return ns ? std::optional(*ns) : std::nullopt;
}

std::optional<double> row_value(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !(value >= 0 && value <= 1e15))
    return std::nullopt;
  return value;
}

/// Each row lasts until the next.
void set_lengths(std::vector<RateRow>& rows) {
  for (std::size_t i = 0; i + 1 < rows.size(); ++i)
    rows[i].length_ns = rows[i + 1].start_ns - rows[i].start_ns;
  rows.back().length_ns = rows.size() > 1 ? rows[rows.size() - 2].length_ns : 1'000'000'000;
}

/// With nine decimals: never a whole number, which `score` would take for an interval.
std::string decimal_seconds(std::int64_t ns) {
  return fmt::format("{}.{:09}", ns / 1'000'000'000, ns % 1'000'000'000);
}

}  // namespace

Expected<std::vector<RateRow>> read_rate_file(const std::string& path) {
  std::ifstream in(path);
  if (!in) return Error{"cannot be read", path, "the name of a readable CSV file for --rates"};
  std::vector<RateRow> rows;
  std::string text;
  bool per_second = false;
  for (std::size_t number = 1; std::getline(in, text); ++number) {
    if (trimmed(text).empty()) continue;
    const auto line = split(text);
    if (!line) return bad_line(path, number, "not two columns");
    if (number == 1) {
      per_second = line->value == "packets_per_second";
      if (line->time != "time" || (!per_second && line->value != "packets"))
        return bad_line(path, number, fmt::format("the header \"{}\" is not known", trimmed(text)));
      continue;
    }
    const auto time = row_time(line->time);
    if (!time || *time < 0 || *time > last_pcap_ns)
      return bad_line(path, number, fmt::format("\"{}\" is no time from 1970 to 2106", line->time));
    const auto value = row_value(line->value);
    if (!value) return bad_line(path, number, fmt::format("\"{}\" is no number of packets", line->value));
    // Whole microseconds: a row's packets then stay within it in either resolution of the format.
    const std::int64_t start_ns = *time / microsecond_ns * microsecond_ns;
    if (!rows.empty() && start_ns <= rows.back().start_ns)
      return bad_line(path, number, "the time is not after the row before");
    rows.push_back({start_ns, 0, *value});
  }
  if (rows.empty()) return bad_line(path, 1, "there are no rows");
  set_lengths(rows);
  if (per_second)
    for (RateRow& row : rows) row.packets *= static_cast<double>(row.length_ns) * 1e-9;
  return rows;
}

std::string truth_csv(std::span<const PlantedSurge> surges) {
  std::string text = "start,end,factor,kind,start_time,end_time\n";
  for (const PlantedSurge& surge : surges)
    text += fmt::format("{},{},{},{},{},{}\n", decimal_seconds(surge.start_ns),
                        decimal_seconds(surge.end_ns()), surge.factor, surge_kind_name(surge.kind),
                        format_utc(surge.start_ns, 1'000'000), format_utc(surge.end_ns(), 1'000'000));
  return text;
}

}  // namespace tidegauge
