// Split conformal intervals (Vovk, Gammerman, Shafer 2005; Lei and others 2018): whatever the model,
// forecasts plus or minus the right quantile of its past errors hold at least that share of what comes, as
// long as errors go on as they were. Errors are relative to the forecast where everything is above 0, so that
// intervals widen with the traffic. Calibration must follow what the model was fitted on and lie before what
// is forecast. Cost: one sort. Thread safety: values. Tested by tests/host/models_conformal_test.cpp.
#pragma once

#include <cstddef>
#include <span>

namespace tidegauge {

struct ConformalInterval {
  double low = 0, high = 0;
};

class ConformalBand {
 public:
  /// Calibrates on pairs that are both known; others are left out.
  /// @param coverage in (0, 1). With n pairs the ceil((n + 1) coverage)-th smallest error counts; where there
  /// is none the
  ///   interval is all numbers, since so few pairs promise nothing.
  ConformalBand(std::span<const double> predicted, std::span<const double> actual, double coverage);

  ConformalInterval around(double forecast) const;
  double width() const { return width_; }  ///< half of it; relative if is_relative()
  bool is_relative() const { return relative_; }

 private:
  bool relative_ = false;
  double width_ = 0;
};

/// Share of the known pairs whose actual value lies in the band around the forecast; 0 without any.
double conformal_coverage(const ConformalBand& band, std::span<const double> predicted,
                          std::span<const double> actual);

}  // namespace tidegauge
