// The forecasts that cost nothing, as models: as now, and as a season ago.
// Thread safety: values. Tested by tests/host/models_rolling_origin_test.cpp.
#pragma once

#include <vector>

#include "host/models/forecast_model.hpp"

namespace tidegauge {

/// The newest value, for every horizon.
class PersistenceForecast final : public ForecastModel {
 public:
  void forecast(std::span<double> out, std::span<const double> known) const override;
};

/// The newest known value that lies whole seasons before the target.
class SeasonalForecast final : public ForecastModel {
 public:
  SeasonalForecast(std::size_t season, std::vector<std::size_t> horizons)
      : season_(season), horizons_(std::move(horizons)) {}
  void forecast(std::span<double> out, std::span<const double> known) const override;

 private:
  std::size_t season_;
  std::vector<std::size_t> horizons_;
};

}  // namespace tidegauge
