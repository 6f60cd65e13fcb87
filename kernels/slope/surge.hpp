// Surges: points whose slope is stronger than a threshold, widened to ranges and merged, of many series in one call.
//
// Strength of a slope s: rising s; falling 1 / s of a ratio, otherwise -s, so that a fall to a third is as strong as a rise
// to three times. A point is detected where its strength is strictly above the threshold; NaN never is.
// A segment is a run of consecutive complete intervals of one series; an incomplete interval is one of its own.
// A detection at t is the range [t - e, t + e] within its segment; ranges of one direction that share an interval are one.
// Threshold: given, or learned from each series, the lower empirical quantile of what its points reach in their stronger
// direction; infinite where no point has a slope.
// The same answers, bit for bit, on every device. Cost on the CPU: linear, a learned threshold and robust slopes a selection
// each. Tested by tests/kernels/surge_test.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kernels/slope/slope.hpp"

namespace tidegauge {

struct SurgeInput {
  SlopeInput points;                      ///< of all series, one behind another; k ascends within each
  std::span<const std::uint64_t> begin;   ///< [series + 1]: first row of each series, then the number of rows
};

struct SurgeRule {
  SlopeKind kind = SlopeKind::ratio;
  bool rising = true, falling = false;
  std::optional<double> threshold;        ///< of every series
  double quantile = 0;                    ///< in (0, 1), without a threshold: the share of points at or below it
  std::int64_t error = 0;                 ///< e, in intervals, from 0 to 2^60
};

struct Surge {
  std::uint32_t series = 0;
  bool rising = true;
  std::int64_t first_k = 0, last_k = 0;   ///< inclusive
  std::int64_t peak_k = 0;                ///< the strongest detection; of equals the first
  double slope = 0;                       ///< there
  std::uint64_t detections = 1;           ///< that were merged
  friend bool operator==(const Surge&, const Surge&) = default;
};

struct Surges {
  std::vector<double> slopes;             ///< one a row
  std::vector<double> thresholds;         ///< one a series
  std::vector<Surge> ranges;              ///< rising ones first, then by series, then by time
};

void surges_cpu(Surges& out, const SurgeInput& input, const SurgeRule& rule);

/// Slopes of one series, or anything else that strengths are taken of.
struct StrengthView {
  SlopeKind kind;
  std::span<const double> s;              ///< NaN: none
  std::span<const std::int64_t> k;
  std::span<const std::uint32_t> segment; ///< numbers that ascend, from number_segments()
};

/// Numbers of the segments of one series. @param complete empty: all are
std::vector<std::uint32_t> number_segments(std::span<const std::int64_t> k, std::span<const std::uint8_t> complete);
/// The learned threshold of one series.
double quantile_of_strengths(const StrengthView& series, bool rising, bool falling, double quantile);
/// Appends the ranges of one direction, by time.
void append_surges(std::vector<Surge>& out, const StrengthView& series, bool rising, double threshold,
                   std::int64_t error);

/// The caller's promise. Stops the program where it is broken.
void require_surge_input(const SurgeInput& input, const SurgeRule& rule);

}  // namespace tidegauge
