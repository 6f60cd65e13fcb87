// What a detector's rules are applied to: how far each value is from what was expected of it. The expectation is the value
// before (the slope), the value a day before, or a model's forecast; rules are the same for all.
// Cost: linear. Thread safety: pure functions; element i depends on elements up to i only.
// Tested by tests/host/detection_detector_test.cpp.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tidegauge {

/// One value per row, NaN where it is missing.
struct TimedValues {
  std::span<const std::int64_t> time_ns;  ///< ascending
  std::span<const double> values;
};

/// Value minus the newest one that is at least `lag_ns` older, but no more than a tenth of the lag older than that; NaN
/// where there is none. Rows need not be evenly spaced.
std::vector<double> changes_since(const TimedValues& series, std::int64_t lag_ns);

/// Value minus that of the row before; NaN where either is missing.
std::vector<double> changes(std::span<const double> values);

}  // namespace tidegauge
