// Holt-Winters exponential smoothing, additive, with a damped trend and, where a season is given, an additive season
// (Hyndman and Athanasopoulos, "Forecasting: Principles and Practice", 3rd ed., sections 8.2 and 8.3):
//   l' = alpha (x - s) + (1 - alpha) (l + phi b)
//   b' = beta (l' - l) + (1 - beta) phi b
//   s' = gamma (x - l - phi b) + (1 - gamma) s            of the same time in the season
//   forecast h ahead: l + (phi + phi^2 + ... + phi^h) b + s of the target's time in the season
// It starts at the mean of the first season (without one, at the first value), with no trend, and with what the first season
// deviates from its mean. A value that is missing leaves the forecast in its place. On log(1 + x) where nothing is negative, so
// that seasons and errors are shares.
// Fitted by coordinate search over the four weights from a coarse grid; what is least is the mean absolute error over the
// horizons, which a few outliers do not move.
// Cost: about 300 passes to fit; a forecast walks what is known once. Thread safety: values.
// Tested by tests/host/models_holt_winters_test.cpp.
#pragma once

#include <vector>

#include "host/models/forecast_model.hpp"

namespace tidegauge {

struct SmoothingWeights {
  double alpha = 0.3, beta = 0.05, gamma = 0.1, phi = 0.9;
};

class HoltWintersForecast final : public ForecastModel {
 public:
  /// @param season intervals; 0: none.
  HoltWintersForecast(const SmoothingWeights& weights, std::size_t season, bool log, std::vector<std::size_t> horizons)
      : weights_(weights), season_(season), log_(log), horizons_(std::move(horizons)) {}

  /// Fewer than three values, or than two seasons, are an error.
  static Expected<HoltWintersForecast> fit(std::span<const double> known, std::size_t season,
                                           const std::vector<std::size_t>& horizons);

  void forecast(std::span<double> out, std::span<const double> known) const override;
  const SmoothingWeights& weights() const { return weights_; }

 private:
  SmoothingWeights weights_;
  std::size_t season_;
  bool log_;
  std::vector<std::size_t> horizons_;
};

}  // namespace tidegauge
