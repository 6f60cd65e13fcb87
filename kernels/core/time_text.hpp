// Times and durations as people write them, to and from integer nanoseconds. UTC only; no locale, no time zone tables.
// Thread safety: pure functions. Tested by tests/kernels/time_text_test.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "kernels/core/status.hpp"

namespace tidegauge {

/// "2024-01-15T14:00:00Z", with a fraction, a space for the T, an offset (+01:00) or only the date; or seconds since the
/// epoch, with or without a fraction. Without a zone it is UTC. Finer than a nanosecond is cut off.
Expected<std::int64_t> parse_time_ns(std::string_view text);

/// "15m", "1h30m", "250ms", "0.5s"; units d h m s ms us ns; a bare number is seconds. Not negative.
Expected<std::int64_t> parse_duration_ns(std::string_view text);

/// "2024-01-15T14:00:00Z", with the fraction's digits (3, 6 or 9) only where there is one.
std::string format_time(std::int64_t ns);

/// Seconds since the epoch (or of a duration) as a decimal number with 9 digits: "1705327200.000000000".
std::string format_seconds(std::int64_t ns);

}  // namespace tidegauge
