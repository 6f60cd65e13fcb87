// Slope between consecutive points: the label's raw material. slope[i] speaks of the step from point i-1 to point i.
// Kinds: ratio x[i]/x[i-1] (the default; 0 -> x is +inf, 0/0 none), absolute (x[i]-x[i-1]) per second, and robust
// z-score of the absolute slope (distance from the median in units of 1.4826 * MAD).
// "None" is NaN: at the first point, where the interval before is missing or incomplete, and for 0/0.
// Cost: one read and one write of 8 bytes a point; robust adds two selections. Exact same bits on every device for
// ratio and absolute. Tested by tests/kernels/slope_test.cpp.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "kernels/core/status.hpp"

namespace tidegauge {

enum class SlopeKind : std::uint8_t { ratio, absolute, robust };

struct SlopeRule {
  SlopeKind kind = SlopeKind::ratio;
};

struct SlopeInput {
  std::span<const double> values;          ///< one per row
  std::span<const std::int64_t> k;         ///< interval numbers, strictly ascending
  std::span<const std::uint8_t> complete;  ///< 0 where the row must not be used; empty means all complete
  std::int64_t interval_ns = 0;
};

/// "ratio", "absolute" or "robust"; anything else is a usage error that lists them.
Expected<SlopeKind> slope_kind_by_name(std::string_view name);

}  // namespace tidegauge
