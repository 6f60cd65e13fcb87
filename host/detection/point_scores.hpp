// How unusual each point of a series of values or errors is, judged by what came before it.
// Every function is causal: result i depends on elements up to i only. NaN comes out where NaN went in and where too little
// came before; a missing element changes nothing for those behind it.
// Cost: constant per point unless stated. Thread safety: pure functions. Tested by tests/host/detection_scores_test.cpp.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace tidegauge {

struct ZSettings {
  std::size_t window = 1000;  ///< points before that are compared with
  std::size_t least = 50;     ///< of them, before anything is said
};
/// Signed distance from the mean of the points before, in their standard deviations. Where they are all equal an equal point
/// scores 0 and any other ±inf.
std::vector<double> running_z(std::span<const double> errors, const ZSettings& settings);

/// The baseline of the Numenta Anomaly Benchmark (its detector windowedGaussian): 1 - Q(|z|), Q the upper tail of the normal
/// distribution, against the 6,400 values before, which slide by 100; 0.5 to 1. A deviation of 0 counts as 1e-6, as there.
std::vector<double> windowed_gaussian(std::span<const double> values);

/// How far a value lies outside all that came before it, in units of their range: positive above, negative below, 0 inside.
/// Nothing is said before `least` values and while they are all equal.
std::vector<double> range_excess(std::span<const double> values, std::size_t least);

/// Exponentially weighted means: s += share * (e - s), from the first element on (0 < share <= 1).
std::vector<double> smoothed(std::span<const double> errors, double share);

struct TailSettings {
  std::size_t window = 1000, recent = 10, least = 100;
};
/// Anomaly likelihood (Lavin and Ahmad 2015, "Evaluating Real-time Anomaly Detection Algorithms", section III.B): the mean of the
/// `recent` newest errors against mean and deviation of the window's, as log10 of its upper tail over log10(1e-10): 0.03 for an
/// ordinary state, 1 where one of 1e10 would be like it; never above 1. Finds that errors became larger, not single ones.
/// Errors are sizes (not negative).
std::vector<double> tail_likelihood(std::span<const double> errors, const TailSettings& settings);

}  // namespace tidegauge
