// The forecast half of bench accuracy: every series of forecast_data.hpp by rolling origins over its last
// fifth. Everything is chosen and fitted on the first four fifths; inputs go on with what comes.
//   persistence; as a day and a week ago; Holt-Winters with a damped trend and a day's season
//   AR(2) and AR(10) by least squares; and the usual linear model, which beats the published networks on the
//   Leipzig trace: AR(40) on logarithms, absolute loss, one wave a day
//   our linear model (host/models/linear_choice.hpp), with a conformal 90 % band
//   an LSTM on persistence ("lstm_only"), and one on top of our linear model ("ours"), both of
//   host/models/lstm_correction.hpp: at each horizon the seed with the median error
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
Status report_forecasts(nlohmann::json& rows, const std::vector<ForecastDataset>& datasets,
                        const ForecastTableOptions& options);

}  // namespace tidegauge
