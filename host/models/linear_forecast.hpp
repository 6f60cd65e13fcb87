// Linear forecasts with direct horizons: for each horizon h one regression (kernels/linear) of x[t+h] on
//   the newest `lags` values x[t], x[t-1], ...
//   for each season s: x[t+h-s], the mean of x[t+1-s] to x[t+h-s], and x[t-s], so that the change since a
//   season ago can be told from its level (s is doubled, tripled, ... where t+h-s would not be known yet)
//   `day_waves` (and `week_waves`) sines and cosines of the time of day (week), UTC
// on the values themselves or on log(1 + x). Absolute loss gives the conditional median, and on logarithms the
// errors that it minimises are nearly relative ones, which MAPE measures.
// A week of lags is not 2,016 inputs but three: a regression of this length could not learn the others.
// Cost: see kernels/linear; 4,000 rows by 50 inputs take about 10 ms with squared loss, ten times that with
// absolute loss. Thread safety: pure functions and values. Tested by tests/host/models_linear_test.cpp.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "host/models/forecast_model.hpp"
#include "kernels/linear/linear.hpp"

namespace tidegauge {

/// What a regression reads and how it is fitted.
struct LinearInputs {
  std::size_t lags = 10;             ///< at least 1
  std::vector<std::size_t> seasons;  ///< intervals
  std::size_t day_waves = 0, week_waves = 0;
  bool log = false;  ///< log(1 + x); only for series without negative values
  Loss loss = Loss::mse;
  double ridge = 1e-9;  ///< LinearSettings::ridge

  std::size_t count() const { return lags + 3 * seasons.size() + 2 * (day_waves + week_waves); }
  /// "AR(40) on logarithms, seasons 1440, 1 wave a day, absolute loss"
  std::string words() const;
};

/// One horizon's regression.
struct LinearHorizon {
  LinearInputs inputs;
  std::size_t horizon = 1;
  TimeBase time;
  double centre = 0, scale = 1;  ///< of the (transformed) training values
  LinearModel model;             ///< on values scaled by them; the newest lag first

  /// A value as the regression sees it, and back.
  double scaled(double value) const;
  double unscaled(double value) const;
};

/// Fits on every t of `known` whose inputs and target are known. Fewer than two of them, or a negative value
/// under logarithms, is an error.
Expected<LinearHorizon> fit_linear_horizon(std::span<const double> known, const TimeBase& time,
                                           std::size_t horizon, const LinearInputs& inputs);

/// The value `horizon` after the last of `known`; NaN where an input is not known.
double forecast_linear(const LinearHorizon& regression, std::span<const double> known);

/// Regressions of one horizon whose forecasts are averaged; those without an answer are left out.
struct LinearMean {
  std::vector<LinearHorizon> members;  ///< at least one; the best first
  double forecast(std::span<const double> known) const;
};

/// Several horizons as one model.
class LinearForecast final : public ForecastModel {
 public:
  explicit LinearForecast(std::vector<LinearMean> horizons) : horizons_(std::move(horizons)) {}
  void forecast(std::span<double> out, std::span<const double> known) const override;
  const std::vector<LinearMean>& horizons() const { return horizons_; }

 private:
  std::vector<LinearMean> horizons_;
};

/// The same inputs, each alone, for every horizon.
Expected<LinearForecast> fit_linear_forecast(std::span<const double> known, const TimeBase& time,
                                             const std::vector<std::size_t>& horizons,
                                             const LinearInputs& inputs);

/// The same choices fitted anew.
Expected<LinearMean> refit_linear(const LinearMean& mean, std::span<const double> known);

}  // namespace tidegauge
