// Holt-Winters exponential smoothing, additive, with a damped trend and, where a season is given, an additive
// season (Hyndman and Athanasopoulos, "Forecasting: Principles and Practice", 3rd ed., sections 8.2 and 8.3):
//   l' = alpha (x - s) + (1 - alpha) (l + phi b)
//   b' = beta (l' - l) + (1 - beta) phi b
//   s' = gamma (x - l - phi b) + (1 - gamma) s            of the same time in the season
//   forecast h ahead: l + (phi + phi^2 + ... + phi^h) b + s of the target's time in the season
// Start: the mean of the first season (without one, the first value), no trend, and what the first season
// deviates from its mean. A value that is missing leaves the forecast in its place. On log(1 + x) where nothing
// is negative, so that seasons and errors are shares.
// Each horizon has weights of its own, and the season only where it errs less with it. Fitted by coordinate
// search over the four weights from a coarse grid; what is least is the mean absolute error, which a few
// outliers do not move.
// Cost: about 300 passes a horizon to fit; a forecast walks what is known once a horizon.
// Thread safety: values. Tested by tests/host/models_holt_winters_test.cpp.
#pragma once

#include <vector>

#include "host/models/forecast_model.hpp"

namespace tidegauge {

struct SmoothingWeights {
  double alpha = 0.3, beta = 0.05, gamma = 0.1, phi = 0.9;
};

/// One horizon's way of smoothing.
struct SmoothingHorizon {
  std::size_t horizon = 1;
  std::size_t season = 0;  ///< intervals; 0: none
  SmoothingWeights weights;
};

class HoltWintersForecast final : public ForecastModel {
 public:
  HoltWintersForecast(std::vector<SmoothingHorizon> horizons, bool log)
      : horizons_(std::move(horizons)), log_(log) {}

  /// @param season what may be tried; 0: none. Fewer than three values, or than two seasons, are an error.
  static Expected<HoltWintersForecast> fit(std::span<const double> known, std::size_t season,
                                           const std::vector<std::size_t>& horizons);

  void forecast(std::span<double> out, std::span<const double> known) const override;
  const std::vector<SmoothingHorizon>& horizons() const { return horizons_; }

 private:
  std::vector<SmoothingHorizon> horizons_;
  bool log_;
};

}  // namespace tidegauge
