#include "host/duration.hpp"

#include <fmt/format.h>

#include <array>
#include <limits>

namespace tidegauge {

namespace {

struct Unit {
  std::string_view name;
  std::int64_t ns;
};
// The first name of a length is the one that is printed.
constexpr std::array<Unit, 9> units{{{"w", 604'800'000'000'000},
                                     {"d", 86'400'000'000'000},
                                     {"h", 3'600'000'000'000},
                                     {"m", 60'000'000'000},
                                     {"min", 60'000'000'000},
                                     {"s", 1'000'000'000},
                                     {"ms", 1'000'000},
                                     {"us", 1'000},
                                     {"ns", 1}}};
constexpr std::string_view remedy = "a number and a unit, such as 100ms, 1s, 5m, 1h or 1d";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Decimal digits with at most one point, as value = digits / scale. False if there is no such number or it has more
/// digits than a duration in nanoseconds can need.
bool read_decimal(std::string_view text, std::int64_t& digits, std::int64_t& scale) {
  digits = 0, scale = 1;
  int count = 0;
  bool fraction = false;
  for (const char c : text) {
    if (c == '.' && !fraction) {
      fraction = true;
      continue;
    }
    if (!is_digit(c) || ++count > 18) return false;
    digits = digits * 10 + (c - '0');
    if (fraction) scale *= 10;
  }
  return count > 0;
}

}  // namespace

Expected<std::int64_t> parse_duration(std::string_view text, const std::string& what) {
  const std::size_t split = text.find_first_not_of("0123456789.");
  const std::string quoted = fmt::format("'{}' is not a duration", text);
  std::int64_t digits = 0, scale = 1;
  if (!read_decimal(text.substr(0, split), digits, scale))
    return Error{quoted, what, std::string(remedy), ErrorKind::usage};
  if (split == std::string_view::npos)
    return Error{quoted + ": the unit is missing", what, fmt::format("{0}s or {0}ms", text), ErrorKind::usage};
  for (const Unit& unit : units) {
    if (unit.name != text.substr(split)) continue;
    __extension__ const __int128 scaled = static_cast<__int128>(digits) * unit.ns;
    if (scaled % scale != 0) return Error{quoted + ": finer than a nanosecond", what, std::string(remedy), ErrorKind::usage};
    if (scaled / scale > std::numeric_limits<std::int64_t>::max())
      return Error{quoted + ": longer than 292 years", what, std::string(remedy), ErrorKind::usage};
    return static_cast<std::int64_t>(scaled / scale);
  }
  return Error{quoted + ": unknown unit '" + std::string(text.substr(split)) + "'", what,
               "ns, us, ms, s, m, h, d or w", ErrorKind::usage};
}

Expected<std::int64_t> parse_interval(std::string_view text, const std::string& what) {
  auto ns = parse_duration(text, what);
  if (!ns) return ns;
  if (*ns < 1'000'000 || *ns > 86'400'000'000'000)
    return Error{fmt::format("an interval of {} is out of range", text), what, "from 1ms to 1d", ErrorKind::usage};
  return ns;
}

std::string format_duration(std::int64_t ns) {
  if (ns == 0) return "0s";
  for (const Unit& unit : units)
    if (unit.name != "w" && ns % unit.ns == 0) return fmt::format("{}{}", ns / unit.ns, unit.name);
  return fmt::format("{}ns", ns);
}

}  // namespace tidegauge
