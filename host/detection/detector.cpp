#include "host/detection/detector.hpp"

#include <cmath>

#include "host/detection/alarm_rules.hpp"
#include "kernels/core/contract.hpp"

namespace tidegauge {

namespace {

std::vector<double> in_units_of(std::vector<double> scores, double limit) {
  for (double& score : scores) score /= limit;
  return scores;
}

}  // namespace

std::vector<double> own_change_scores(const TimedValues& series, const DetectorSettings& settings) {
  std::vector<double> scores = running_z(changes(series.values), settings.z);
  if (settings.season_ns == 0) return scores;
  const std::vector<double> seasonal = running_z(changes_since(series, settings.season_ns), settings.z);
  for (std::size_t i = 0; i < scores.size(); ++i)
    if (!std::isnan(seasonal[i])) scores[i] = seasonal[i];
  return scores;
}

std::vector<double> detector_scores(const TimedValues& series, std::span<const double> errors, const DetectorSettings& settings) {
  TG_REQUIRE(errors.empty() || errors.size() == series.values.size(), "an error for every value");
  std::vector<double> scores(series.values.size(), std::nan(""));
  if (settings.z_limit > 0)
    scores = in_units_of(errors.empty() ? own_change_scores(series, settings) : running_z(errors, settings.z), settings.z_limit);
  if (settings.range_margin > 0)
    scores = stronger(scores, in_units_of(range_excess(series.values, settings.range_least), settings.range_margin));
  scores = lasting(scores, settings.lasting);
  return settings.refractory > 0 ? refractory(scores, settings.refractory) : scores;
}

}  // namespace tidegauge
