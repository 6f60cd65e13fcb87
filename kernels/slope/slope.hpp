// Slope between consecutive points: the label's raw material. slope[i] speaks of the step from point i-1 to point i.
// Kinds: ratio x[i]/x[i-1] (the default; 0 -> x is +inf, 0/0 none), absolute (x[i]-x[i-1]) per second, and robust
// z-score of the absolute slope (distance from the median in units of 1.4826 * MAD, both over the finite slopes).
// "None" is NaN: at the first point, where the interval before is missing or incomplete, and for 0/0. Every NaN that
// comes out has the same bits, whatever came in.
// Cost: one read and one write of 8 bytes a point (17 bytes read with k and complete); robust adds two selections on
// the host. Same bits on every device. Tested by tests/kernels/slope_test.cpp.
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

/// The caller's promise: one k, one (or no) completeness mark and one place for the result per value, Δ above zero.
/// Stops the program where it is broken.
void require_slope_input(std::span<const double> out, const SlopeInput& input);

/// The CPU version. One thread: a year of seconds (32 M points) takes 0.13 s, robust 0.9 s (measured on one core of a
/// 2-core machine, 6 GB/s); reading such a series from its file takes longer.
void slopes_cpu(std::span<double> out, const SlopeInput& input, const SlopeRule& rule);

/// Turns absolute slopes into robust z-scores in place: (s - median) / (1.4826 * MAD). The median of an even number is
/// the midpoint of the middle two. Where the MAD is 0 (most steps are the same) a slope at the median scores 0 and any
/// other ±inf. NaN stays NaN, ±inf stays. Used by every device, and for what came against a forecast, so that the
/// selection and its rule exist once.
void robust_scores(std::span<double> slopes);

}  // namespace tidegauge
