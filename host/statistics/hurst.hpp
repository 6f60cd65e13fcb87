// The Hurst exponent by three estimators that fail in different ways: 0.5 without long memory, above it with.
// Blocks, windows and wavelets lie inside runs.
// Cost: n for each of about 2 log n scales. Thread safety: pure functions.
// Tested by tests/host/statistics_hurst_test.cpp on fractional Gaussian noise of known exponent.
#pragma once

#include <optional>
#include <vector>

#include "host/statistics/scales.hpp"

namespace tidegauge {

struct HurstEstimate {
  double h = 0.5;
  double low = 0, high = 0;  ///< 95 %
  std::size_t first_scale = 0, last_scale = 0;  ///< in intervals, both included
  bool fits = true;  ///< whether one exponent explains these scales
};

/// Aggregated variance (Taqqu, Teverovsky and Willinger 1995, "Estimators for long-range dependence: an empirical
/// study"): the variance of means of m values falls as m^(2H - 2). Scales with at least 32 blocks. Reads trends and level
/// shifts as memory, and is biased downwards for H near 1. The band is that of the straight line through dependent points:
/// too narrow.
std::optional<HurstEstimate> hurst_by_variance(const std::vector<Scale>& scales);

/// Detrended fluctuation analysis of order 1 (Peng and others 1994): what is left of the summed series after a line is
/// fitted in each window grows as the window's length^H. Windows from 16 intervals to a quarter of the longest run. Above 1
/// the series is not stationary. The band as above.
std::optional<HurstEstimate> hurst_by_dfa(const Sample& sample);

/// Logscale diagram (Abry and Veitch 1998, "Wavelet analysis of long-range-dependent traffic") with Daubechies' wavelet of
/// two vanishing moments, which linear trends do not touch: the energy of octave j grows as 2^(j (2H - 1)). Weighted
/// regression with its theoretical error; it begins at the lowest octave from which a straight line is not rejected at
/// 5 % (after Veitch, Abry and Taqqu 2003). `fits` is false where there is none.
std::optional<HurstEstimate> hurst_by_wavelets(const Sample& sample);

}  // namespace tidegauge
