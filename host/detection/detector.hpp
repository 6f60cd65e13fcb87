// The default detector: a point is unusual if it lies outside everything seen so far, or if its error is far larger than
// errors used to be; and it is reported if it is the worst for a while. Scores are in units of their limit: 1 is an alarm.
//   error   with a forecast what came against it; otherwise the change since a day before, and the slope where no day is known
// What was unusual a day before is what a value is held against a day later, so a surge may be reported again as a fall then.
// Scores need no model: they are made anew from a series or from stored forecasts in milliseconds.
// Delay: `lasting` - 1 intervals, none by default. History before a point only. `tidegauge bench accuracy` shows what each
// part contributes and how the defaults were chosen.
// Cost: linear. Thread safety: pure functions. Tested by tests/host/detection_detector_test.cpp.
#pragma once

#include "host/detection/errors.hpp"
#include "host/detection/point_scores.hpp"

namespace tidegauge {

struct DetectorSettings {
  ZSettings z = {};              ///< history of the errors
  double z_limit = 5;            ///< deviations; 0: without this rule
  double range_margin = 0.05;    ///< of the range seen so far; 0: without this rule
  std::size_t range_least = 100; ///< values before the range is known
  std::int64_t season_ns = 86'400'000'000'000;  ///< 0: the slope only
  std::size_t refractory = 50;   ///< intervals; 0: every point speaks
  std::size_t lasting = 1;       ///< intervals in a row
};

/// Signed, positive rising; 0 where a worse point was just before; NaN where too little came before.
/// @param errors of every value, such as actual - predicted, NaN where there is none; empty: the series' own changes
std::vector<double> detector_scores(const TimedValues& series, std::span<const double> errors, const DetectorSettings& settings);

/// The errors that the detector takes where no model gives any: changes since a season before, slopes until there is one.
/// Each is scored on its own history, so the z-scores are joined, not the errors.
std::vector<double> own_change_scores(const TimedValues& series, const DetectorSettings& settings);

}  // namespace tidegauge
