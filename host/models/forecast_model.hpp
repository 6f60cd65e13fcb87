// What every model that is compared by rolling origins can do: forecast from a beginning of the series.
// A series is its values one interval apart, NaN where nothing is known; a model is given a prefix and
// nothing else, so it cannot look ahead.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "kernels/core/status.hpp"

namespace tidegauge {

/// When the values of a series are from: value i covers interval first_k + i.
struct TimeBase {
  std::int64_t interval_ns = 1;
  std::int64_t first_k = 0;
};

class ForecastModel {
 public:
  virtual ~ForecastModel() = default;
  /// Writes one value per horizon of the fit, in the unit of the series: what comes `horizon` intervals after
  /// the last of `known`. `known` begins where the series began that the model was fitted on. NaN where there
  /// is no answer.
  virtual void forecast(std::span<double> out, std::span<const double> known) const = 0;
};

/// Fits a model on what is known; its horizons are bound by whoever makes the function.
using FitForecastModel =
    std::function<Expected<std::unique_ptr<ForecastModel>>(std::span<const double> known)>;

}  // namespace tidegauge
