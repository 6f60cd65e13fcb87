// Text of a report: escaping for HTML, SVG and JSON in a script, and numbers for people.
// Thread safety: pure functions. Tested by tests/host/report_test.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidegauge {

/// For element content and quoted attributes; bytes that are no UTF-8 become U+FFFD, control characters
/// spaces.
std::string escape_html(std::string_view text);

/// A JSON string, quotes included, that may stand inside <script>: no "<", ">" or "&" is left.
std::string script_json_string(std::string_view text);

/// "1,234,567".
std::string grouped(std::uint64_t value);

/// Four significant digits, in plain notation where that is short; an em dash where there is no figure.
std::string figure(std::optional<double> value);

/// "tcp_bytes at link A"; the point that has no name of its own goes without saying.
std::string plot_heading(const std::string& column, const std::string& point);

/// Round numbers that divide [low, high] into about `count` steps of 1, 2 or 5 times a power of ten.
std::vector<double> number_ticks(double low, double high, int count);
/// "1.5M", "200k": a tick's label.
std::string tick_text(double value);

struct TimeTick {
  std::int64_t ns;
  std::string text;  ///< the clock, or the date at midnight
};
/// Round UTC times, about `count` of them.
std::vector<TimeTick> time_ticks(std::int64_t first_ns, std::int64_t last_ns, int count);

}  // namespace tidegauge
