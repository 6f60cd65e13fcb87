// The forecast half of bench accuracy: every series of forecast_data.hpp by rolling origins over its last fifth.
//   persistence, as a day and a week ago; Holt-Winters with a damped trend and a day's season;
//   AR(10) by least squares, and the linear model that beats the published networks on the Leipzig trace, both refitted here;
//   our linear model (host/models/linear_choice.hpp), everything of it chosen on the first four fifths;
//   an LSTM on top of it (host/models/lstm_correction.hpp), early stopping on the end of the first four fifths; each horizon shows
//   the seed with the median error. This is "ours".
// Refit policy: fitted once, on the first four fifths; inputs go on with what comes.
// Intervals: 95 % of block bootstraps with blocks of four horizons, at least 24 targets.
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
