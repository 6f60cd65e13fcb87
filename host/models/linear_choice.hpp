// Chooses what a linear forecast reads, on the training part alone.
//   How choices are judged: the training part is cut into ten; each of the last four tenths is forecast by a
//   model fitted on all that lies before (forward chaining), and what counts is the geometric mean of the four
//   mean relative errors, so that one tenth of holidays does not decide: |e / x| where the series is above 0
//   throughout, which is what MAPE will measure; otherwise |e|.
//   What is tried: for every set of seasons (none, a day, a week, both) one thing is varied at a time and the
//   best kept: lags with and without logarithms; loss; waves; lags again; ridge.
//   What is averaged: the sets whose error is within a tenth of the best, and always the usual model (as many
//   lags as the series bears, logarithms, absolute loss, time of day). What four tenths show is not sure, and
//   the mean of forecasts that differ is seldom worse than the best of them (Clemen 1989).
// Each horizon chooses for itself. That the usual model always takes part, that absolute loss is tried early
// and how strong its prior is was decided by `bench accuracy --rehearse`, within the training parts; that
// there is an average at all, after a single choice had done badly on the scored part of one hourly series.
// Cost: about 30 fits of each of the four lengths a set and horizon. Thread safety: pure.
// Tested by tests/host/models_linear_test.cpp.
#pragma once

#include <vector>

#include "host/models/linear_forecast.hpp"

namespace tidegauge {

/// The geometric mean over the last four tenths of `training`, as above; infinite where nothing could be
/// fitted.
double chained_error(std::span<const double> training, const TimeBase& time, std::size_t horizon,
                     const LinearInputs& inputs);

/// The choices whose forecasts are averaged: the usual one, then the best first.
/// @param seasons candidates in intervals; those that the shortest part to fit on does not hold twice are
/// left out.
std::vector<LinearInputs> choose_linear_inputs(std::span<const double> training, const TimeBase& time,
                                               std::size_t horizon, const std::vector<std::size_t>& seasons);

/// A day and a week, as far as they are whole numbers of intervals, at least two.
std::vector<std::size_t> calendar_seasons(std::int64_t interval_ns);

/// Chooses and fits every horizon on `training`.
Expected<LinearForecast> fit_chosen_linear(std::span<const double> training, const TimeBase& time,
                                           const std::vector<std::size_t>& horizons);

}  // namespace tidegauge
