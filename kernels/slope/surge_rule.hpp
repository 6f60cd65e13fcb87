// The arithmetic of surges, for the CPU and the GPU alike; surge.hpp says what it means. No product stands next to a sum
// that a compiler could contract, so both give the same bits.
// Tested by tests/kernels/surge_test.cpp and surge_kernel_test.cpp.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "kernels/core/host_device.hpp"
#include "kernels/slope/slope_rule.hpp"

namespace tidegauge {

TG_HD inline double strength_of(bool ratio, double s, bool rising) {
  if (rising) return s;
  return ratio ? 1 / s : -s;  // 1/0 and 1/inf are what they should be
}

/// The stronger of the directions asked for; NaN of a point without a slope.
TG_HD inline double strongest_of(bool ratio, double s, bool rising, bool falling) {
  if (s != s) return s;
  if (!falling) return s;
  const double fall = strength_of(ratio, s, false);
  return rising && s > fall ? s : fall;
}

/// Whether row i belongs to the segment of the row before it, in the same series.
TG_HD inline bool continues_segment(const std::int64_t* k, const std::uint8_t* complete, std::size_t i) {
  const bool adjacent = static_cast<std::uint64_t>(k[i]) - static_cast<std::uint64_t>(k[i - 1]) == 1;
  return adjacent && (!complete || (complete[i] && complete[i - 1]));
}

/// Whether the ranges of two detections in one segment share an interval.
TG_HD inline bool ranges_meet(std::int64_t before_k, std::int64_t k, std::int64_t error) { return k - before_k <= 2 * error; }

/// A range's first and last interval in a segment that reaches from `first` to `last` around k. The distances are
/// compared, because k plus or minus the error may be no number.
TG_HD inline std::int64_t range_first(std::int64_t k, std::int64_t first, std::int64_t error) {
  return k - first < error ? first : k - error;
}
TG_HD inline std::int64_t range_last(std::int64_t k, std::int64_t last, std::int64_t error) {
  return last - k < error ? last : k + error;
}

/// Of n strengths in order, which one is the lower empirical quantile. n is at least 1.
TG_HD inline std::uint64_t quantile_place(double quantile, std::uint64_t n) {
  const auto rank = static_cast<std::uint64_t>(std::ceil(quantile * static_cast<double>(n)));
  return rank == 0 ? 0 : rank - 1;
}

/// The midpoint of two numbers, without overflow of large ones and without loss of small ones.
TG_HD inline double middle_of(double a, double b) {
  constexpr double large = 8.98846567431157953864652595394512366808988489471153286367150405e307;  // 2^1023
  if (std::fabs(a) < large && std::fabs(b) < large) return (a + b) / 2;
  return a / 2 + b / 2;
}

/// 1 / Φ⁻¹(3/4): makes the MAD of a normal distribution its standard deviation.
TG_HD inline double mad_scale(double mad) { return 1.4826 * mad; }

TG_HD inline double robust_score(double slope, double center, double scale) {
  const double distance = slope - center;
  if (scale == 0 && distance == 0) return 0;
  return with_canonical_nan(distance / scale);  // ±inf where the scale is 0
}

/// A number whose order as an integer is that of the numbers; a zero has one sign.
TG_HD inline std::uint64_t ordered_bits(double value) {
  value += 0.0;  // -0 becomes +0
  std::uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits >> 63 ? ~bits : bits | std::uint64_t{1} << 63;
}
TG_HD inline double of_ordered_bits(std::uint64_t ordered) {
  const std::uint64_t bits = ordered >> 63 ? ordered & ~(std::uint64_t{1} << 63) : ~ordered;
  double value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
/// Behind every number: what has no place in the order.
inline constexpr std::uint64_t no_order = ~std::uint64_t{0};

}  // namespace tidegauge
