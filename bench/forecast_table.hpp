// The forecast half of bench accuracy: every series of forecast_data.hpp by rolling origins over its last fifth.
//   Models: persistence, as a season ago, AR(10) by least squares, the linear model of section "our linear" (linear_choice.hpp:
//   chosen on the first four fifths), and the LSTM on top of it, five seeds of which the median counts.
//   Refit policy: fitted once, on the first four fifths; inputs go on with what comes.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "bench/forecast_data.hpp"

namespace tidegauge {

struct ForecastTableOptions {
  std::size_t seeds = 5;  ///< of the LSTM; 0 leaves it out
  bool json = false;      ///< nothing is printed
};

/// Adds a row per dataset, horizon and metric; prints the table unless `json`.
Status report_forecasts(nlohmann::json& rows, const std::vector<ForecastDataset>& datasets, const ForecastTableOptions& options);

}  // namespace tidegauge
