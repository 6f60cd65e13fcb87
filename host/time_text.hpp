// Points in time as text, ISO 8601 both ways. Tested by tests/host/time_text_test.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kernels/core/status.hpp"

namespace tidegauge {

/// A reading of a clock on some wall: what a text says before it is known where that wall stands.
struct WallTime {
  std::int64_t seconds = 0;                   ///< since 1970-01-01T00:00:00 on that clock
  std::int64_t ns = 0;                        ///< 0 to 999,999,999 behind them
  std::optional<std::int64_t> utc_offset_s;   ///< from "Z", "+09:00"; none if the text does not say
};

/// "2016-01-09", "2016-01-09T14:00", "2016-01-09 14:00:00.25", each with "Z" or an offset such as "+09:00" or "-0330".
/// Nothing if the text is no such time or names a day that does not exist.
std::optional<WallTime> parse_wall_time(std::string_view text);

/// ISO 8601 (UTC where it names no offset) or "@" and epoch seconds; nanoseconds since the epoch out.
/// @param what the option that this is the value of, for the error's words ("--from").
Expected<std::int64_t> parse_time(std::string_view text, const std::string& what);

/// "2016-01-09T14:00:00Z" with as many digits of the second as `resolution_ns` needs (none, 3 or 9): texts of one
/// interval length have one format.
std::string format_utc(std::int64_t ns, std::int64_t resolution_ns = 1);

/// Seconds (with decimals, exactly to the nanosecond) as nanoseconds; nothing if the text is no such number.
std::optional<std::int64_t> parse_seconds(std::string_view text);

}  // namespace tidegauge
