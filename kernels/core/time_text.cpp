#include "kernels/core/time_text.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <chrono>
#include <optional>
#include <utility>

#include "kernels/core/random.hpp"

namespace tidegauge {

namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

/// Reads from the front of a text; every step says whether it fitted.
struct Cursor {
  std::string_view rest;

  bool eat(char c) {
    if (rest.empty() || rest.front() != c) return false;
    rest.remove_prefix(1);
    return true;
  }
  std::size_t digits_ahead() const {
    std::size_t n = 0;
    while (n < rest.size() && rest[n] >= '0' && rest[n] <= '9') ++n;
    return n;
  }
  /// Exactly `width` digits.
  std::optional<int> field(std::size_t width) {
    if (digits_ahead() < width) return std::nullopt;
    int value = 0;
    std::from_chars(rest.data(), rest.data() + width, value);
    rest.remove_prefix(width);
    return value;
  }
  /// All digits ahead, if there are some and they fit.
  std::optional<std::int64_t> whole() {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + digits_ahead(), value);
    if (error != std::errc{} || end == rest.data()) return std::nullopt;
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    return value;
  }
  /// ".25" as 250,000,000 billionths; nothing there is 0. Digits after the ninth are cut off.
  std::optional<std::int64_t> billionths() {
    if (!eat('.')) return 0;
    const std::size_t n = digits_ahead();
    if (n == 0) return std::nullopt;
    std::int64_t value = 0;
    for (std::size_t i = 0; i < 9; ++i) value = value * 10 + (i < n ? rest[i] - '0' : 0);
    rest.remove_prefix(n);
    return value;
  }
};

/// whole × unit + billionths of the unit, or nothing where 64 bits do not hold it.
std::optional<std::int64_t> scaled(std::int64_t whole, std::int64_t billionths, std::int64_t unit_ns) {
  std::int64_t product = 0, total = 0;
  const auto part = static_cast<std::int64_t>(static_cast<uint128>(billionths) * static_cast<uint128>(unit_ns) / second_ns);
  if (__builtin_mul_overflow(whole, unit_ns, &product) || __builtin_add_overflow(product, part, &total)) return std::nullopt;
  return total;
}

std::optional<std::int64_t> epoch_seconds(std::string_view text) {
  Cursor cursor{text};
  const bool negative = cursor.eat('-');
  const auto whole = cursor.whole();
  const auto fraction = whole ? cursor.billionths() : std::nullopt;
  if (!fraction || !cursor.rest.empty()) return std::nullopt;
  const auto ns = scaled(*whole, *fraction, second_ns);
  return ns && negative ? std::optional(-*ns) : ns;
}

/// "Z", "+01:00", "-0530" or nothing, in seconds east of UTC.
std::optional<std::int64_t> zone_seconds(Cursor& cursor) {
  if (cursor.rest.empty() || cursor.eat('Z') || cursor.eat('z')) return 0;
  const int sign = cursor.eat('+') ? 1 : cursor.eat('-') ? -1 : 0;
  const auto hours = sign ? cursor.field(2) : std::nullopt;
  if (!hours) return std::nullopt;
  cursor.eat(':');
  const auto minutes = cursor.rest.empty() ? std::optional(0) : cursor.field(2);
  if (!minutes || *hours > 14 || *minutes > 59) return std::nullopt;
  return sign * (*hours * 3600 + *minutes * 60);
}

std::optional<std::int64_t> calendar_time(std::string_view text) {
  using namespace std::chrono;
  Cursor cursor{text};
  const auto y = cursor.field(4);
  const auto mo = y && cursor.eat('-') ? cursor.field(2) : std::nullopt;
  const auto d = mo && cursor.eat('-') ? cursor.field(2) : std::nullopt;
  if (!d) return std::nullopt;
  const year_month_day date{year{*y}, month{static_cast<unsigned>(*mo)}, day{static_cast<unsigned>(*d)}};
  if (!date.ok()) return std::nullopt;
  std::int64_t seconds = std::int64_t{sys_days{date}.time_since_epoch().count()} * 86'400;
  if (cursor.rest.empty()) return scaled(seconds, 0, second_ns);

  if (!cursor.eat('T') && !cursor.eat(' ')) return std::nullopt;
  const auto h = cursor.field(2);
  const auto mi = h && cursor.eat(':') ? cursor.field(2) : std::nullopt;
  if (!mi) return std::nullopt;
  const auto s = cursor.eat(':') ? cursor.field(2) : std::optional(0);
  const auto fraction = s ? cursor.billionths() : std::nullopt;
  const auto zone = fraction ? zone_seconds(cursor) : std::nullopt;
  if (!zone || !cursor.rest.empty() || *h > 23 || *mi > 59 || *s > 60) return std::nullopt;
  seconds += *h * 3600 + *mi * 60 + *s - *zone;
  return scaled(seconds, *fraction, second_ns);
}

std::optional<std::int64_t> unit_of(Cursor& cursor) {
  static constexpr std::array<std::pair<std::string_view, std::int64_t>, 7> units{{{"ns", 1},
                                                                                   {"us", 1'000},
                                                                                   {"ms", 1'000'000},
                                                                                   {"s", second_ns},
                                                                                   {"m", 60 * second_ns},
                                                                                   {"h", 3'600 * second_ns},
                                                                                   {"d", 86'400 * second_ns}}};
  for (const auto& [name, ns] : units) {
    if (!cursor.rest.starts_with(name)) continue;
    cursor.rest.remove_prefix(name.size());
    return ns;
  }
  return std::nullopt;
}

std::optional<std::int64_t> duration(std::string_view text) {
  Cursor cursor{text};
  std::int64_t total = 0;
  do {
    const auto whole = cursor.whole();
    const auto fraction = whole ? cursor.billionths() : std::nullopt;
    if (!fraction) return std::nullopt;
    const bool bare = cursor.rest.empty() && total == 0;
    const auto unit = bare ? std::optional(second_ns) : unit_of(cursor);
    const auto part = unit ? scaled(*whole, *fraction, *unit) : std::nullopt;
    if (!part || __builtin_add_overflow(total, *part, &total)) return std::nullopt;
  } while (!cursor.rest.empty());
  return total;
}

}  // namespace

Expected<std::int64_t> parse_time_ns(std::string_view text) {
  auto ns = epoch_seconds(text);
  if (!ns) ns = calendar_time(text);
  if (ns) return *ns;
  return Error{fmt::format("\"{}\" is no time", text), "", "2024-01-15T14:00:00Z, or seconds since the epoch",
               ErrorKind::usage};
}

Expected<std::int64_t> parse_duration_ns(std::string_view text) {
  if (const auto ns = duration(text)) return *ns;
  return Error{fmt::format("\"{}\" is no duration", text), "", "15m, 1h30m, 250ms, or a number of seconds",
               ErrorKind::usage};
}

std::string format_time(std::int64_t ns) {
  using namespace std::chrono;
  const std::int64_t seconds = ns / second_ns - (ns % second_ns < 0);
  const std::int64_t fraction = ns - seconds * second_ns;
  const sys_seconds time{std::chrono::seconds{seconds}};
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{time - day};
  std::string text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                                 static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                                 clock.hours().count(), clock.minutes().count(), clock.seconds().count());
  if (fraction % 1'000) text += fmt::format(".{:09}", fraction);
  else if (fraction % 1'000'000) text += fmt::format(".{:06}", fraction / 1'000);
  else if (fraction) text += fmt::format(".{:03}", fraction / 1'000'000);
  return text + "Z";
}

std::string format_seconds(std::int64_t ns) {
  const auto magnitude = ns < 0 ? 0 - static_cast<std::uint64_t>(ns) : static_cast<std::uint64_t>(ns);
  return fmt::format("{}{}.{:09}", ns < 0 ? "-" : "", magnitude / second_ns, magnitude % second_ns);
}

}  // namespace tidegauge
