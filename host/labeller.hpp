// Labels surges: points whose strength exceeds a threshold, each widened to [t - error, t + error], clipped at gaps, and
// merged with overlapping ones of the same direction.
//
// Strength of a point (the same rule reads a slope, or what came against what was forecast):
//   kind      slope from x[i-1] to x[i]        residual: forecast p, actual a       rising     falling
//   ratio     s = x[i] / x[i-1]                s = a / p                            s          1 / s
//   absolute  s = (x[i] - x[i-1]) per second   s = (a - p) per second               s          -s
//   robust    s = z-score of the absolute      s = z-score of the absolute          s          -s
// so a fall to a third is as strong as a rise to three times: falling means x[i-1] / x[i] > threshold. A point is
// detected where its strength is strictly above the threshold; NaN never is. 0 -> x rises infinitely, x -> 0 falls so.
// The z-score is robust_scores of kernels/slope/slope.hpp for both, with its rule where most values are the same.
// Threshold: given; a quantile of the strengths; or the lowest at which no more than a budget of alerts (merged ranges)
// remains. Both directions share one threshold.
// Cost: n log n for a learned threshold, otherwise linear. Thread safety: pure functions but for the backend.
// Tested by tests/host/labeller_test.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "host/detection/detector.hpp"
#include "kernels/core/backend.hpp"
#include "kernels/core/status.hpp"
#include "kernels/data/forecast.hpp"
#include "kernels/data/interval_series.hpp"
#include "kernels/data/labels.hpp"
#include "kernels/slope/slope.hpp"

namespace tidegauge {

/// "At most `alerts` in `per_ns`".
struct AlertBudget {
  double alerts = 0;
  std::int64_t per_ns = 0;
};
/// "2/week", "1/day", "0.5/hour"; also month (30 days) and year (365 days).
Expected<AlertBudget> parse_budget(std::string_view text);

constexpr std::size_t max_label_error = 1'000'000;  ///< intervals

struct LabelSettings {
  SlopeKind kind = SlopeKind::ratio;
  bool rising = true, falling = false;
  std::optional<double> threshold;   ///< given; otherwise `quantile`, otherwise `budget`, otherwise the kind's default
  std::optional<double> quantile;    ///< in (0, 1): this share of the points stays at or below the threshold
  std::optional<AlertBudget> budget;
  std::optional<std::int64_t> learn_before_k;  ///< learn from the intervals before it only
  std::size_t error = 5;             ///< intervals on each side
  DetectorSettings rules = {};       ///< of DetectMethod::rules
  bool seed_compatible = false;      ///< never merge, never clip; a forecast's detections are indexed as the seed did
};
/// 1.3 for ratio (the seed's), 3.5 for robust (Iglewicz and Hoaglin 1993); absolute has none.
std::optional<double> default_threshold(SlopeKind kind);
/// "rising", "falling" or "both" into the two flags.
Status set_direction(LabelSettings& settings, std::string_view text);
/// All mistakes at once; usage error.
Status check_label_settings(const LabelSettings& settings);

/// What a threshold is applied to: one signed strength s per interval, as in the table above.
struct StrengthSeries {
  SlopeKind kind = SlopeKind::ratio;
  std::int64_t interval_ns = 0;
  std::vector<std::int64_t> k;  ///< strictly ascending
  std::vector<double> s;        ///< NaN: none
  std::vector<std::uint32_t> segment;  ///< runs without a gap are numbered; ranges are clipped to theirs
};

struct LabelOutcome {
  Labels labels;
  double threshold = 0;  ///< the one that was applied
};

/// Applies the rule of `settings` to any strengths.
Expected<LabelOutcome> label_strengths(const StrengthSeries& strengths, const LabelSettings& settings);

enum class DetectMethod : std::uint8_t {
  residual,  ///< what came against the forecast
  slope,     ///< the slope of the series, or of the forecast itself
  rules,     ///< the detector of host/detection/detector.hpp; its scores are the strengths, with 1 as default threshold
};

/// Labels a column of a series by its slopes, or by the rules. Incomplete intervals are gaps.
Expected<LabelOutcome> label_series(const IntervalSeries& series, std::size_t column, const LabelSettings& settings,
                                    Backend& backend, DetectMethod method = DetectMethod::slope);

/// Detections on a forecast; each is indexed by the interval that it speaks of. With seed_compatible and `slope`: by that
/// interval minus 1 minus look_back, where the seed put it (its prediction j, compared with j + 1, counted as interval j).
Expected<LabelOutcome> label_forecast(const Forecast& forecast, DetectMethod method, const LabelSettings& settings,
                                      std::size_t look_back, Backend& backend);

}  // namespace tidegauge
