// Durations as people write them: "100ms", "1s", "5m", "1.5h", "1d". Tested by tests/host/duration_test.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "kernels/core/status.hpp"

namespace tidegauge {

/// A number and a unit (ns, us, ms, s, m or min, h, d, w), nanoseconds out. Never negative; a bare number is refused,
/// because its unit would be a guess.
/// @param what the option that this is the value of, for the error's words ("--interval").
Expected<std::int64_t> parse_duration(std::string_view text, const std::string& what);

/// A duration that a series file may have as its interval: from 1 ms to 1 day.
Expected<std::int64_t> parse_interval(std::string_view text, const std::string& what = "--interval");

/// The shortest exact text in the largest unit that divides: "90s", "5m", "1500ms".
std::string format_duration(std::int64_t ns);

}  // namespace tidegauge
