#include "host/stats_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "host/duration.hpp"
#include "host/time_text.hpp"
#include "kernels/data/interval_columns.hpp"

namespace tidegauge {

namespace {

/// Later times leave no room for their interval's end in 64 bits.
constexpr std::int64_t latest_ns = std::numeric_limits<std::int64_t>::max() - 200'000'000'000'000;
constexpr std::string_view first_name = "First timestamp", last_name = "Last timestamp";

struct Line {
  std::string name;
  std::string value;
};

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r"), end = text.find_last_not_of(" \t\r");
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin, end + 1 - begin);
}

/// "name:   value"; nothing without a colon.
std::optional<Line> split(std::string_view line) {
  const auto colon = line.rfind(':');  // a name may have one: "Maximum capture length for interface 0:"
  if (colon == std::string_view::npos) return std::nullopt;
  return Line{std::string(trimmed(line.substr(0, colon))), std::string(trimmed(line.substr(colon + 1)))};
}

std::optional<std::uint64_t> parse_counter(const std::string& text) {
  std::uint64_t value = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end.ec != std::errc() || end.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The file with its parts still optional.
struct Parts {
  StatsFile file;
  std::optional<std::int64_t> first_ns, last_ns;

  Status take(const Line& line, const std::string& where) {
    if (line.name == first_name || line.name == last_name) {
      const auto time = parse_seconds(line.value);
      if (!time || *time < 0 || *time > latest_ns)
        return Error{fmt::format("'{}' is not a time", line.value), where, "epoch seconds"};
      (line.name == first_name ? first_ns : last_ns) = *time;
    } else if (const auto counter = parse_counter(line.value)) {
      file.counters[line.name] = *counter;
    } else {
      return Error{fmt::format("'{}' is not a count", line.value), where, "a file as CAIDA publishes it"};
    }
    return {};
  }
};

/// Whether the span fills interval k, and passes over its ends by no more than the tolerance.
std::optional<std::int64_t> interval_filled(const Span& span, std::int64_t interval_ns, std::int64_t tolerance_ns) {
  const std::int64_t k = interval_of(span.first_ns + (span.last_ns - span.first_ns) / 2, interval_ns);
  const std::int64_t begin = k * interval_ns, end = begin + interval_ns;  // first nanosecond, first one after
  if (span.first_ns < begin - tolerance_ns || span.last_ns >= end + tolerance_ns) return std::nullopt;
  const std::int64_t covered = std::min(span.last_ns + 1, end) - std::max(span.first_ns, begin);
  if (!is_complete(covered, interval_ns, tolerance_ns)) return std::nullopt;
  return k;
}

std::string interval_that_fits(const Span& span) {
  for (const char* text : {"1s", "5s", "10s", "15s", "20s", "30s", "1m", "2m", "3m", "5m", "10m", "15m", "20m", "30m", "1h",
                           "2h", "3h", "4h", "6h", "8h", "12h", "1d"}) {
    const auto interval = parse_interval(text);
    if (interval && interval_filled(span, *interval, default_joint_tolerance_ns(*interval)))
      return std::string("--interval ") + text;
  }
  return "leave it out: no usual interval fits what it covers";
}

}  // namespace

bool is_stats_file(const std::string& path) {
  constexpr int lines_looked_at = 8;
  constexpr std::streamsize longest_head = 1024;
  std::ifstream in(path, std::ios::binary);
  std::string head(static_cast<std::size_t>(longest_head), '\0');
  in.read(head.data(), longest_head);
  std::string_view rest(head.data(), static_cast<std::size_t>(in.gcount()));
  for (int i = 0; i < lines_looked_at && !rest.empty(); ++i) {
    const auto end = rest.find('\n');
    if (end == std::string_view::npos) return false;
    const auto line = split(rest.substr(0, end));
    if (!line) return false;
    if (line->name == first_name) return parse_seconds(line->value).has_value();
    rest.remove_prefix(end + 1);
  }
  return false;
}

Expected<StatsFile> read_stats_file(const std::string& path) {
  std::ifstream in(path);
  if (!in) return Error{std::string("cannot be read: ") + std::strerror(errno), path, "check the path and its permissions"};
  Parts parts;
  std::string text;
  for (std::size_t number = 1; std::getline(in, text); ++number) {
    if (trimmed(text).empty()) continue;
    const std::string where = fmt::format("{} line {}", path, number);
    const auto line = split(text);
    if (!line) return Error{"is no 'name: number'", where, "a file as CAIDA publishes it"};
    TG_TRY(parts.take(*line, where));
  }
  if (in.bad()) return Error{"reading broke off", path, "check the disk, or copy the file anew"};
  if (!parts.first_ns || !parts.last_ns || *parts.last_ns < *parts.first_ns)
    return Error{"has no first and last timestamp, in this order", path, "fetch it again; it may be cut off"};
  parts.file.span = {*parts.first_ns, *parts.last_ns};
  return std::move(parts.file);
}

Expected<StatsValue> stats_value(const StatsFile& file, const std::string& path, const std::string& field,
                                 std::int64_t interval_ns, std::int64_t tolerance_ns) {
  const auto counter = file.counters.find(field);
  if (counter == file.counters.end()) {
    std::string known;
    for (const auto& [name, value] : file.counters) known += (known.empty() ? "" : ", ") + name;
    return Error{fmt::format("there is no '{}' (--stats-field)", field), path, "one of: " + known, ErrorKind::usage};
  }
  const auto k = interval_filled(file.span, interval_ns, tolerance_ns);
  if (!k)
    return Error{fmt::format("covers {} to {}, which is not one interval of {}", format_utc(file.span.first_ns),
                             format_utc(file.span.last_ns), format_duration(interval_ns)),
                 path, interval_that_fits(file.span)};
  return StatsValue{*k, static_cast<double>(counter->second)};
}

std::string stats_settings(const std::string& field) { return nlohmann::json{{"stats_field", field}}.dump(); }

}  // namespace tidegauge
