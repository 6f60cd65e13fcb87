#include "host/time_text.hpp"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <limits>

namespace tidegauge {

namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

/// Takes text apart from the left.
struct Reader {
  std::string_view rest;

  bool literal(char c) {
    if (rest.empty() || rest.front() != c) return false;
    rest.remove_prefix(1);
    return true;
  }
  /// Exactly `digits` digits.
  bool number(int& value, std::size_t digits) {
    if (rest.size() < digits) return false;
    const auto field = rest.substr(0, digits);
    if (field.find_first_not_of("0123456789") != std::string_view::npos) return false;
    std::from_chars(field.data(), field.data() + field.size(), value);
    rest.remove_prefix(digits);
    return true;
  }
  /// Digits of a second's fraction as nanoseconds; digits beyond the ninth are dropped.
  bool fraction(std::int64_t& ns) {
    std::size_t count = 0;
    ns = 0;
    for (; count < rest.size() && rest[count] >= '0' && rest[count] <= '9'; ++count)
      if (count < 9) ns = ns * 10 + (rest[count] - '0');
    for (std::size_t i = count; i < 9; ++i) ns *= 10;
    rest.remove_prefix(count);
    return count > 0;
  }
};

bool read_date(Reader& in, std::int64_t& days) {
  int year = 0, month = 0, day = 0;
  if (!(in.number(year, 4) && in.literal('-') && in.number(month, 2) && in.literal('-') && in.number(day, 2))) return false;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  days = date.ok() ? std::chrono::sys_days(date).time_since_epoch().count() : 0;
  return date.ok();
}

bool read_clock(Reader& in, WallTime& time) {
  int hour = 0, minute = 0, second = 0;
  if (!(in.number(hour, 2) && in.literal(':') && in.number(minute, 2))) return false;
  if (in.literal(':')) {
    if (!in.number(second, 2)) return false;
    if (in.literal('.') && !in.fraction(time.ns)) return false;
  }
  if (hour > 23 || minute > 59 || second > 59) return false;  // leap seconds have no place on the epoch's scale
  time.seconds += hour * 3600 + minute * 60 + second;
  return true;
}

bool read_offset(Reader& in, WallTime& time) {
  if (in.literal('Z')) return time.utc_offset_s = 0, true;
  const bool negative = !in.rest.empty() && in.rest.front() == '-';
  if (!in.literal('+') && !in.literal('-')) return true;
  int hours = 0, minutes = 0;
  if (!in.number(hours, 2)) return false;
  in.literal(':');
  if (!in.rest.empty() && !in.number(minutes, 2)) return false;
  if (hours > 18 || minutes > 59) return false;
  time.utc_offset_s = (hours * 3600 + minutes * 60) * (negative ? -1 : 1);
  return true;
}

std::optional<std::int64_t> to_ns(std::int64_t seconds, std::int64_t ns) {
  __extension__ const __int128 total = static_cast<__int128>(seconds) * second_ns + ns;
  if (total > std::numeric_limits<std::int64_t>::max() || total < std::numeric_limits<std::int64_t>::min())
    return std::nullopt;
  return static_cast<std::int64_t>(total);
}

}  // namespace

std::optional<WallTime> parse_wall_time(std::string_view text) {
  Reader in{text};
  std::int64_t days = 0;
  if (!read_date(in, days)) return std::nullopt;
  WallTime time;
  time.seconds = days * 86'400;
  if (in.literal('T') || in.literal(' ')) {
    if (!read_clock(in, time) || !read_offset(in, time)) return std::nullopt;
  }
  if (!in.rest.empty()) return std::nullopt;
  return time;
}

std::optional<std::int64_t> parse_seconds(std::string_view text) {
  const bool negative = !text.empty() && text.front() == '-';
  if (negative || (!text.empty() && text.front() == '+')) text.remove_prefix(1);
  const auto end = std::min(text.find_first_not_of("0123456789"), text.size());
  std::int64_t seconds = 0;
  const auto whole = std::from_chars(text.data(), text.data() + end, seconds);
  if (end == 0 || whole.ec != std::errc()) return std::nullopt;
  Reader in{text.substr(end)};
  std::int64_t ns = 0;
  if (in.literal('.') && !in.rest.empty() && !in.fraction(ns)) return std::nullopt;
  if (!in.rest.empty()) return std::nullopt;
  return negative ? to_ns(-seconds, -ns) : to_ns(seconds, ns);
}

Expected<std::int64_t> parse_time(std::string_view text, const std::string& what) {
  std::optional<std::int64_t> ns;
  if (!text.empty() && text.front() == '@') {
    ns = parse_seconds(text.substr(1));
  } else if (const auto wall = parse_wall_time(text)) {
    ns = to_ns(wall->seconds - wall->utc_offset_s.value_or(0), wall->ns);
  }
  if (ns) return *ns;
  return Error{fmt::format("'{}' is not a time", text), what,
               "2016-01-09T14:00:00 (UTC), 2016-01-09T14:00:00+09:00, or @1452315600 (epoch seconds)", ErrorKind::usage};
}

std::string format_utc(std::int64_t ns, std::int64_t resolution_ns) {
  const std::chrono::sys_time<std::chrono::nanoseconds> time{std::chrono::nanoseconds(ns)};
  const auto second = std::chrono::floor<std::chrono::seconds>(time);
  const auto day = std::chrono::floor<std::chrono::days>(second);
  const std::chrono::year_month_day date(day);
  const auto in_day = (second - day).count();
  std::string text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                                 static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), in_day / 3600,
                                 in_day / 60 % 60, in_day % 60);
  const std::int64_t fraction = (time - second).count();
  if (resolution_ns % second_ns != 0)
    text += resolution_ns % 1'000'000 == 0 ? fmt::format(".{:03}", fraction / 1'000'000) : fmt::format(".{:09}", fraction);
  return text + "Z";
}

}  // namespace tidegauge
