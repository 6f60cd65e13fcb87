// What a model, and the baselines beside it, say about every interval of a series. A forecast is indexed by the interval
// that it speaks of, never by where its window begins. All horizon steps come directly from one window.
// Cost: lstm.hpp's prediction, one window an interval. Thread safety: one call per backend at a time.
// Tested by tests/host/forecaster_test.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "host/model_file.hpp"
#include "kernels/core/backend.hpp"
#include "kernels/core/status.hpp"
#include "kernels/data/forecast.hpp"
#include "kernels/data/interval_series.hpp"

namespace tidegauge {

/// One Forecast per step 1..horizon in each; all have the same k for the same step. Values that a model cannot give are
/// NaN. `seasonal` is empty if the model has no season.
struct ForecastSet {
  std::vector<Forecast> lstm, linear, persistence, seasonal;
  std::vector<const std::vector<Forecast>*> all() const;
};

/// @param from_k first interval to speak of; the look-back may reach before it. The intervals after the end of each run
///   are forecast too (actual = NaN). No window at all is an error.
Expected<ForecastSet> forecast_series(const Model& model, const IntervalSeries& series, Backend& backend,
                                      std::int64_t from_k);

/// Where the test part begins: after the training part if the series reaches beyond it, nothing if it does not.
std::optional<std::int64_t> first_unseen(const Model& model, const IntervalSeries& series);

}  // namespace tidegauge
