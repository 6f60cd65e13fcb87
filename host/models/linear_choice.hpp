// Chooses what a linear forecast reads, on the training part alone.
// The training part is cut into five; the last three fifths are each forecast by a model fitted on all that lies before
// (forward chaining), and the choice with the smallest mean relative error over the three is taken: |e / x| where x is above
// 0, which is what MAPE will measure; |e| over the mean |x| for series that are not positive.
// One thing at a time: lags with and without logarithms; seasons and waves; lags again; ridge; loss. Squared loss
// while searching, because it costs a tenth; a horizon has choices of its own.
// Cost: about 50 fits of each of the three lengths a horizon. Thread safety: pure. Tested by tests/host/models_linear_test.cpp.
#pragma once

#include <memory>
#include <vector>

#include "host/models/linear_forecast.hpp"

namespace tidegauge {

/// Mean relative error of the last three fifths of `training`, as above; infinite where nothing could be fitted.
double chained_error(std::span<const double> training, const TimeBase& time, std::size_t horizon, const LinearInputs& inputs);

/// @param seasons candidates in intervals; those that the shortest of the three parts does not hold twice are left out.
LinearInputs choose_linear_inputs(std::span<const double> training, const TimeBase& time, std::size_t horizon,
                                  const std::vector<std::size_t>& seasons);

/// A day and a week, as far as they are whole numbers of intervals, at least two.
std::vector<std::size_t> calendar_seasons(std::int64_t interval_ns);

/// Chooses and fits every horizon on `training`.
Expected<std::unique_ptr<LinearForecast>> fit_chosen_linear(std::span<const double> training, const TimeBase& time,
                                                            const std::vector<std::size_t>& horizons);

}  // namespace tidegauge
