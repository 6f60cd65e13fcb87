#include "host/report_text.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "host/time_text.hpp"

namespace tidegauge {

namespace {

/// nlohmann's writer replaces what is no UTF-8.
std::string as_json(std::string_view text) {
  return nlohmann::json(std::string(text)).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

constexpr std::int64_t second = 1'000'000'000, minute = 60 * second, hour = 60 * minute, day = 24 * hour;

}  // namespace

std::string escape_html(std::string_view text) {
  std::string safe;
  for (const char c : nlohmann::json::parse(as_json(text)).get<std::string>()) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      case '\'':
        safe += "&#39;";
        break;
      default:
        safe += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
    }
  }
  return safe;
}

std::string script_json_string(std::string_view text) {
  std::string safe;
  for (const char c : as_json(text)) {
    switch (c) {
      case '<':
        safe += "\\u003c";
        break;
      case '>':
        safe += "\\u003e";
        break;
      case '&':
        safe += "\\u0026";
        break;
      default:
        safe += c;
    }
  }
  return safe;
}

std::string grouped(std::uint64_t value) {
  const std::string digits = std::to_string(value);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text.push_back(',');
    text.push_back(digits[i]);
  }
  return text;
}

std::string figure(std::optional<double> value) {
  if (!value || !std::isfinite(*value)) return "\u2014";
  const double magnitude = std::fabs(*value);
  if (magnitude >= 10'000 && magnitude < 1e15)
    return fmt::format("{}{}", *value < 0 ? "-" : "",
                       grouped(static_cast<std::uint64_t>(std::llround(magnitude))));
  if ((magnitude >= 0.001 && magnitude < 10'000) || magnitude == 0)
    return fmt::format("{:.{}f}", *value,
                       magnitude >= 1'000 ? 0
                       : magnitude >= 100 ? 1
                       : magnitude >= 10  ? 2
                                          : 3);
  return fmt::format("{:.3g}", *value);
}

std::string plot_heading(const std::string& column, const std::string& point) {
  return point.empty() || point == "default" ? column : fmt::format("{} at {}", column, point);
}

std::vector<double> number_ticks(double low, double high, int count) {
  std::vector<double> ticks;
  if (!(high > low) || !std::isfinite(high - low)) return {low};
  const double raw = (high - low) / count;
  const double power = std::pow(10, std::floor(std::log10(raw)));
  const double step = power * (raw / power <= 1 ? 1 : raw / power <= 2 ? 2 : raw / power <= 5 ? 5 : 10);
  for (double i = std::ceil(low / step); i * step <= high + step * 1e-9; ++i) ticks.push_back(i * step + 0.0);  // no -0
  return ticks;
}

std::string tick_text(double value) {
  const double magnitude = std::fabs(value);
  for (const auto& [unit, name] : {std::pair{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}})
    if (magnitude >= unit) return fmt::format("{:.4g}{}", value / unit, name);
  return fmt::format("{:.4g}", value);
}

std::vector<TimeTick> time_ticks(std::int64_t first_ns, std::int64_t last_ns, int count) {
  static constexpr std::int64_t steps[] = {
      1'000'000,   2'000'000,   5'000'000,  10'000'000, 20'000'000,  50'000'000,  100'000'000,
      200'000'000, 500'000'000, second,     2 * second, 5 * second,  10 * second, 15 * second,
      30 * second, minute,      2 * minute, 5 * minute, 10 * minute, 15 * minute, 30 * minute,
      hour,        2 * hour,    3 * hour,   6 * hour,   12 * hour,   day,         2 * day,
      5 * day,     10 * day,    30 * day,   90 * day,   365 * day};
  std::int64_t step = steps[0];
  for (const std::int64_t candidate : steps) {
    step = candidate;
    if ((last_ns - first_ns) / candidate <= count) break;
  }
  std::vector<TimeTick> ticks;
  std::int64_t at = first_ns - ((first_ns % step) + step) % step;
  if (at < first_ns) at += step;
  for (; at <= last_ns; at += step) {
    const std::string text = format_utc(at, step < second ? 1'000'000 : second);  // 2024-01-15T14:00:00.000Z
    const bool midnight = ((at % day) + day) % day == 0;
    const std::size_t clock = step < second ? 12 : step < minute ? 8 : 5;
    ticks.push_back({at, midnight ? text.substr(0, 10) : text.substr(11, clock)});
  }
  return ticks;
}

}  // namespace tidegauge
