#include "host/csv_import.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "host/csv_text.hpp"
#include "host/time_text.hpp"
#include "host/time_zone.hpp"

namespace tidegauge {

namespace {

/// Times later or earlier leave no room for their interval's ends in 64 bits of nanoseconds.
constexpr std::int64_t latest_s = std::numeric_limits<std::int64_t>::max() / 1'000'000'000 - 200'000;
constexpr const char* out_of_clock = "a time outside the years 1678 to 2262";

constexpr std::size_t no_column = std::numeric_limits<std::size_t>::max();

std::string line_of(const std::string& path, std::size_t line) { return fmt::format("{} line {}", path, line); }

/// A number, a gap (nothing), or a text that is neither.
struct Value {
  bool valid = false;
  std::optional<double> number;
};

Value parse_value(const std::string& text) {
  if (text.empty() || text == "NA" || text == "NaN" || text == "nan" || text == "null") return {true, std::nullopt};
  double number = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = end.ec == std::errc() && end.ptr == text.data() + text.size() && std::isfinite(number);
  return {whole, number};
}

/// Turns the text of a time into nanoseconds since the epoch.
class TimeReader {
 public:
  static Expected<TimeReader> make(const CsvOptions& options) {
    auto zone = TimeZone::enter(options.time_zone);
    if (!zone) return std::move(zone).error();
    TimeReader reader(*std::move(zone));
    if (options.origin.empty()) return reader;
    const auto wall = parse_wall_time(options.origin);
    auto origin = wall ? reader.from_wall(*wall, "--origin") : parse_time(options.origin, "--origin");
    if (!origin) return std::move(origin).error();
    reader.origin_ns_ = *origin;
    reader.previous_ns_.reset();
    return reader;
  }

  std::int64_t origin_ns() const { return origin_ns_; }

  Expected<std::int64_t> read(const std::string& text, const std::string& where) {
    if (const auto seconds = parse_seconds(text)) {
      std::int64_t ns = 0;
      if (!__builtin_add_overflow(*seconds, origin_ns_, &ns)) return ns;
    } else if (const auto wall = parse_wall_time(text)) {
      return from_wall(*wall, where);
    }
    return Error{fmt::format("'{}' is not a time", text), where,
                 "epoch seconds, seconds from --origin, or 2016-01-09 14:00:00"};
  }

 private:
  explicit TimeReader(TimeZone zone) : zone_(std::move(zone)) {}

  Expected<std::int64_t> from_wall(const WallTime& wall, const std::string& where) {
    if (std::abs(wall.seconds) > latest_s) return Error{out_of_clock, where, "check the time"};
    std::vector<std::int64_t> instants;
    if (wall.utc_offset_s) instants.push_back(wall.seconds - *wall.utc_offset_s);
    else instants = zone_.instants(wall.seconds);
    if (instants.empty())
      return Error{"this local time does not exist: clocks were put forward over it", where,
                   "check --time-zone; times in UTC need none"};
    for (const std::int64_t second : instants) {
      const std::int64_t ns = second * 1'000'000'000 + wall.ns;
      if (previous_ns_ && ns <= *previous_ns_ && second != instants.back()) continue;
      previous_ns_ = ns;
      return ns;
    }
    return Error{"no instant", where, ""};  // not reached: the last instant is always taken
  }

  TimeZone zone_;
  std::int64_t origin_ns_ = 0;
  std::optional<std::int64_t> previous_ns_;
};

/// Which columns hold time and value, and whether the first line is a header.
struct Columns {
  std::size_t time = 0, value = 1;
  bool header = false;
};

/// A column named by a number from 1, or by its name in the first line.
Expected<std::size_t> find_column(const std::string& wanted, const std::vector<std::string>& first_line,
                                  const std::string& option, const std::string& path) {
  const auto named = std::find(first_line.begin(), first_line.end(), wanted);
  if (named != first_line.end()) return static_cast<std::size_t>(named - first_line.begin());
  std::size_t number = 0;
  const auto end = std::from_chars(wanted.data(), wanted.data() + wanted.size(), number);
  if (end.ec == std::errc() && end.ptr == wanted.data() + wanted.size() && number >= 1 && number <= first_line.size())
    return number - 1;
  return Error{fmt::format("there is no column '{}' ({})", wanted, option), path,
               fmt::format("a number from 1 to {}, or a name of its first line: {}", first_line.size(),
                           std::accumulate(first_line.begin(), first_line.end(), std::string(),
                                           [](std::string list, const std::string& name) {
                                             return list + (list.empty() ? "" : ", ") + name;
                                           })),
               ErrorKind::usage};
}

Expected<Columns> choose_columns(const CsvOptions& options, const std::vector<std::string>& first_line,
                                 const std::string& path) {
  Columns columns;
  if (options.time_column == "none") {
    columns.time = no_column;
  } else if (!options.time_column.empty()) {
    auto found = find_column(options.time_column, first_line, "--time-column", path);
    if (!found) return std::move(found).error();
    columns.time = *found;
  }
  columns.value = columns.time == 0 ? 1 : 0;
  if (!options.value_column.empty()) {
    auto found = find_column(options.value_column, first_line, "--value-column", path);
    if (!found) return std::move(found).error();
    columns.value = *found;
  }
  if (columns.value >= first_line.size())
    return Error{"the table has one column only, so it has no times", line_of(path, 1), "--time-column none",
                 ErrorKind::usage};
  columns.header = !parse_value(first_line[columns.value]).valid;
  return columns;
}

struct Row {
  std::int64_t k;
  double value;
  std::size_t line;
};

/// The table, line by line.
class TableReader {
 public:
  TableReader(const std::string& path, std::int64_t interval_ns, const CsvOptions& options, TimeReader times)
      : path_(path), interval_ns_(interval_ns), options_(options), times_(std::move(times)) {}

  Status read_line(std::string line) {
    ++number_;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (number_ == 1 && line.starts_with("\xef\xbb\xbf")) line.erase(0, 3);  // byte order mark
    if (line.find_first_not_of(" \t") == std::string::npos || line.front() == '#') return {};
    const auto fields = split_csv_line(line, options_.delimiter);
    if (!fields) return Error{"a quote is not closed", here(), "a table with one record a line"};
    if (!columns_) {
      auto chosen = choose_columns(options_, *fields, path_);
      if (!chosen) return std::move(chosen).error();
      columns_ = *chosen;
      width_ = fields->size();
      if (columns_->header) return {};
    }
    return read_record(*fields);
  }

  Expected<CsvSeries> finish() {
    std::stable_sort(rows_.begin(), rows_.end(), [](const Row& a, const Row& b) { return a.k < b.k; });
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (i > 0 && rows_[i].k == rows_[i - 1].k)
        return Error{fmt::format("falls in the same interval as line {}", rows_[i - 1].line),
                     line_of(path_, rows_[i].line), "remove one of them, or choose a shorter --interval"};
      series_.k.push_back(rows_[i].k);
      series_.values.push_back(rows_[i].value);
    }
    if (series_.lines == 0) return Error{"the table has no data", path_, "check the file and its columns"};
    return std::move(series_);
  }

 private:
  std::string here() const { return line_of(path_, number_); }

  Status read_record(const std::vector<std::string>& fields) {
    if (fields.size() != width_)
      return Error{fmt::format("has {} columns where the first line has {}", fields.size(), width_), here(),
                   "check the line, and --delimiter"};
    const Value value = parse_value(fields[columns_->value]);
    if (!value.valid) return Error{fmt::format("'{}' is not a value", fields[columns_->value]), here(), "check --value-column"};
    auto time = time_of_record(fields);
    if (!time) return std::move(time).error();
    if (std::abs(*time / 1'000'000'000) > latest_s) return Error{out_of_clock, here(), "check the time, --origin and --interval"};
    ++series_.lines;
    series_.floored += *time % interval_ns_ != 0;
    if (value.number) rows_.push_back({interval_of(*time, interval_ns_), *value.number, number_});
    else ++series_.gaps;
    return {};
  }

  Expected<std::int64_t> time_of_record(const std::vector<std::string>& fields) {
    if (columns_->time != no_column) return times_.read(fields[columns_->time], here());
    std::int64_t time = 0;
    const auto step = static_cast<std::int64_t>(series_.lines);
    if (__builtin_mul_overflow(step, interval_ns_, &time) || __builtin_add_overflow(time, times_.origin_ns(), &time))
      return Error{"lies after the year 2262", here(), "check --interval and --origin"};
    return time;
  }

  const std::string& path_;
  std::int64_t interval_ns_;
  const CsvOptions& options_;
  TimeReader times_;
  std::optional<Columns> columns_;
  std::size_t width_ = 0, number_ = 0;
  std::vector<Row> rows_;
  CsvSeries series_;
};

}  // namespace

Expected<CsvSeries> read_csv_series(const std::string& path, std::int64_t interval_ns, const CsvOptions& options) {
  auto times = TimeReader::make(options);
  if (!times) return std::move(times).error();
  std::ifstream in(path);
  if (!in) return Error{std::string("cannot be read: ") + std::strerror(errno), path, "check the path and its permissions"};
  TableReader table(path, interval_ns, options, *std::move(times));
  std::string line;
  while (std::getline(in, line)) TG_TRY(table.read_line(line));
  if (in.bad()) return Error{"reading broke off", path, "check the disk, or copy the file anew"};
  return table.finish();
}

std::string csv_settings(const CsvOptions& options) {
  return nlohmann::json{{"time_column", options.time_column.empty() ? "1" : options.time_column},
                        {"value_column", options.value_column},
                        {"origin", options.origin},
                        {"time_zone", options.time_zone},
                        {"delimiter", std::string(1, options.delimiter)}}
      .dump();
}

}  // namespace tidegauge
