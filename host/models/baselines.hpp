// The plain models that every LSTM is printed beside, and what forecasts are measured against.
//   persistence: as now.  seasonal: as a season (a day, a week) ago.  ar: linear in the same window, transform, loss and
//   covariates (kernels/linear).
// Cost: one pass. Thread safety: pure functions. Tested by tests/host/features_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/data/interval_series.hpp"

namespace tidegauge {

/// `given` if it is not 0; otherwise a week, or else a day, if it is a whole number of intervals (at least two) and the
/// training part holds two of them; otherwise 0: no season.
std::size_t choose_season(std::int64_t interval_ns, std::size_t training_rows, std::size_t given);

/// Mean |x[i] - x[i-1]| inside segments of `part`: the scale of MASE. 0 where there is no step.
double mean_one_step_change(const IntervalSeries& series, std::size_t column, Segment part);

/// Complete value of interval k, or NaN. Cost: log n.
double value_at(const IntervalSeries& series, std::size_t column, std::int64_t k);

/// The newest complete value of interval `k - season * m` that was known `step` intervals before k; NaN if it is
/// missing.
double seasonal_value(const IntervalSeries& series, std::size_t column, std::int64_t k, std::size_t step,
                      std::size_t season);

}  // namespace tidegauge
