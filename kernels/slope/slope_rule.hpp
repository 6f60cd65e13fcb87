// The slope of one step, for the CPU and the GPU alike. Only subtractions and divisions, each rounded once: there is
// no product next to a sum that a compiler could contract into a fused multiply-add, so both give the same bits.
// Tested by tests/kernels/slope_test.cpp and slope_kernel_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/core/host_device.hpp"
#include "kernels/slope/slope.hpp"

namespace tidegauge {

/// What the slope of a point needs, as plain pointers that a kernel can take.
struct SlopePoints {
  const double* values;
  const std::int64_t* k;
  const std::uint8_t* complete;  ///< null where every row is complete
  double seconds;                ///< Δ
  bool ratio;                    ///< otherwise absolute
};

/// Δ in seconds: one rounding, 1 s is exactly 1.0. Computed once on the host, so that devices agree.
inline double slope_seconds(std::int64_t interval_ns) { return static_cast<double>(interval_ns) / 1e9; }

/// The one NaN that means "none", compared in integers: a compiler may not turn `x != x ? nan : x` back into `x`.
/// Needed because an invalid operation gives a negative NaN on x86 and a positive one on a GPU.
TG_HD inline double with_canonical_nan(double value) {
  constexpr std::uint64_t magnitude = 0x7fffffffffffffffull, infinity = 0x7ff0000000000000ull,
                          none = 0x7ff8000000000000ull;
  std::uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  if ((bits & magnitude) > infinity) bits = none;
  std::memcpy(&value, &bits, sizeof bits);
  return value;
}

TG_HD inline double no_slope() {
  constexpr std::uint64_t none = 0x7ff8000000000000ull;
  double value;
  std::memcpy(&value, &none, sizeof value);
  return value;
}

/// 0 -> x is infinite with the sign of x (never that of a negative zero before it); 0 -> 0 is none.
TG_HD inline double slope_ratio(double before, double now) {
  if (before != 0) return now / before;
  if (now == 0) return no_slope();
  if (now != now) return now;
  return now > 0 ? __builtin_inf() : -__builtin_inf();
}

/// Slope of the step from point i-1 to point i; NaN where there is none.
TG_HD inline double slope_at(const SlopePoints& points, std::size_t i) {
  if (i == 0) return no_slope();
  // In unsigned arithmetic, so that no pair of interval numbers overflows.
  const bool adjacent =
      static_cast<std::uint64_t>(points.k[i]) - static_cast<std::uint64_t>(points.k[i - 1]) == 1;
  if (!adjacent) return no_slope();
  if (points.complete && !(points.complete[i] && points.complete[i - 1])) return no_slope();
  const double before = points.values[i - 1], now = points.values[i];
  return with_canonical_nan(points.ratio ? slope_ratio(before, now) : (now - before) / points.seconds);
}

}  // namespace tidegauge
