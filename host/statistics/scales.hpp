// The series summed over blocks of 1, 2, 4, ... intervals: what burstiness, one estimate of the Hurst exponent and the
// choice of an interval look at. Blocks lie inside runs.
// Cost: linear, for all scales together. Thread safety: pure functions. Tested by tests/host/statistics_test.cpp.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "host/statistics/sample.hpp"

namespace tidegauge {

struct Scale {
  std::size_t intervals = 1;  ///< length of a block
  std::size_t blocks = 0;
  double mean = 0, variance = 0;  ///< of the blocks' sums; divisor blocks - 1
  double peak = 0;                ///< largest sum
  double zeros = 0;               ///< share of blocks whose sum is 0
  double successive = 0;          ///< half the mean square of steps from one block to the next (von Neumann 1941)

  /// Variance over mean: 1 for Poisson counts at every scale, growing with the scale where traffic is burstier
  /// (Gusella 1991, "Characterizing the variability of arrival processes with indexes of dispersion").
  std::optional<double> index_of_dispersion() const;
  std::optional<double> peak_to_mean() const;
  /// Deviation of what changes from block to block, over the mean: noise that no slow movement explains.
  std::optional<double> relative_noise() const;
};

/// Scales with at least 8 blocks.
std::vector<Scale> scales_of(const Sample& sample);

}  // namespace tidegauge
