// Rolling-origin evaluation (Tashman 2000): from every origin forecasts of every horizon, each read from what
// was known at its origin and nothing else. Every target of the test part is forecast once at every horizon, so
// the first origins lie before it; what is fitted has seen all before the test part, and none of it.
// Refit policy: with 0 the model is fitted once, and its inputs go on with what comes; otherwise it is fitted
// anew on all that is known, every `refit_every` targets.
// Cost: one fit a refit, one forecast an origin. Thread safety: pure.
// Tested by tests/host/models_rolling_origin_test.cpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "host/metrics.hpp"
#include "host/models/forecast_model.hpp"

namespace tidegauge {

/// What one model said of the values [first, first + size) of a series.
struct RolledForecasts {
  std::string model;
  std::vector<std::size_t> horizons;
  std::size_t first = 0;                       ///< the first target
  std::vector<std::vector<double>> predicted;  ///< [horizon][target]; NaN where the model has no value
};

struct RollingPlan {
  std::vector<std::size_t> horizons;  ///< ascending, at least 1
  std::size_t first = 0;  ///< the first target: training ends before it; above the longest horizon
  std::size_t refit_every = 0;
};

Expected<RolledForecasts> roll_forecasts(const std::string& model, std::span<const double> series,
                                         const RollingPlan& plan, const FitForecastModel& fit);

/// Errors of one horizon where every model of `all` and the series have a value.
struct RolledErrors {
  std::vector<std::size_t> targets;           ///< positions in the series
  std::vector<Metrics> metrics;               ///< one per model
  std::vector<double> pinball;                ///< mean loss of each as a median: |e| / 2
  std::vector<std::vector<double>> relative;  ///< [model][target] 100 |e / x|; 0 where x is 0
};

/// @param mase_scale as measure() takes it.
RolledErrors rolled_errors(std::span<const double> series, std::span<const RolledForecasts> all,
                           std::size_t horizon_index, double mase_scale);

/// Mean pinball (quantile) loss: max(q e, (q - 1) e) with e = actual - predicted (Koenker and Bassett 1978).
double pinball_loss(std::span<const double> predicted, std::span<const double> actual, double quantile);

/// A difference of means with the interval that holds it with the given confidence.
struct BootstrapDifference {
  double mean = 0, low = 0, high = 0;
  bool is_clear() const { return low > 0 || high < 0; }
};

/// Mean of a[i] - b[i] and its percentile interval by the circular block bootstrap (Politis and Romano 1992):
/// neighbouring errors resemble each other, so whole blocks are drawn. Same seed, same figures.
/// @param block values; as long as errors resemble each other, at least the horizon.
BootstrapDifference bootstrap_difference(std::span<const double> a, std::span<const double> b,
                                         std::size_t block, std::uint64_t seed, double confidence = 0.95,
                                         std::size_t draws = 2000);

}  // namespace tidegauge
