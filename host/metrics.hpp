// How far forecasts were from what came. All definitions follow Hyndman and Athanasopoulos, "Forecasting: Principles
// and Practice" (3rd ed., section 5.8); MASE: Hyndman and Koehler 2006.
// Cost: one pass. Thread safety: pure functions. Tested by tests/host/metrics_test.cpp.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace tidegauge {

/// e = predicted - actual, over n points. A figure that is not defined on these points is absent.
struct Metrics {
  std::size_t points = 0;
  double mae = 0;                ///< mean |e|
  double rmse = 0;               ///< root of mean e^2
  std::optional<double> mape;    ///< 100 * mean |e / actual|; points with actual = 0 are left out
  std::size_t mape_left_out = 0; ///< and counted here
  std::optional<double> smape;   ///< 100 * mean 2|e| / (|actual| + |predicted|), 0 where both are 0; from 0 to 200
  std::optional<double> mase;    ///< mae / (mean one-step change |x[i] - x[i-1]| of the training part)
  std::optional<double> r2;      ///< 1 - sum e^2 / sum (actual - mean actual)^2; absent if actual is constant
};

/// @param mase_scale mean one-step change of the training part; 0 leaves MASE out.
Metrics measure(std::span<const double> predicted, std::span<const double> actual, double mase_scale);

}  // namespace tidegauge
