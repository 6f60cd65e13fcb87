#include "host/models/holt_winters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace tidegauge {

namespace {

/// Level, trend and season after the values that it was shown.
class SmoothedState {
 public:
  /// Starts on the first season of `values`, or on the first value.
  SmoothedState(std::span<const double> values, const SmoothingWeights& weights, std::size_t season)
      : weights_(weights), season_(std::max<std::size_t>(season, 1), 0.0) {
    double sum = 0, count = 0;
    const std::span<const double> first = values.first(std::min(season_.size(), values.size()));
    for (const double v : first)
      if (std::isfinite(v)) sum += v, count += 1;
    level_ = sum / count;
    if (season == 0) return;
    for (std::size_t i = 0; i < first.size(); ++i) season_[i] = std::isfinite(first[i]) ? first[i] - level_ : 0;
  }

  /// Of the value `horizon` after the last that was shown.
  double forecast(std::size_t horizon) const {
    const double phi = weights_.phi, power = std::pow(phi, static_cast<double>(horizon));
    const double damped = phi == 1 ? static_cast<double>(horizon) : phi * (1 - power) / (1 - phi);
    return level_ + damped * trend_ + season_[(shown_ + horizon - 1) % season_.size()];
  }

  void show(double value) {
    double& season = season_[shown_++ % season_.size()];
    const double expected = level_ + weights_.phi * trend_;
    if (std::isfinite(level_) && !std::isfinite(value)) value = expected + season;
    if (!std::isfinite(level_)) level_ = value;  // the series began with a gap
    else update(value, expected, season);
  }

 private:
  void update(double value, double expected, double& season) {
    const double level = weights_.alpha * (value - season) + (1 - weights_.alpha) * expected;
    trend_ = weights_.beta * (level - level_) + (1 - weights_.beta) * weights_.phi * trend_;
    level_ = level;
    if (season_.size() > 1) season = weights_.gamma * (value - expected) + (1 - weights_.gamma) * season;
  }

  SmoothingWeights weights_;
  std::vector<double> season_;  ///< one zero where there is none
  double level_ = 0, trend_ = 0;
  std::size_t shown_ = 0;
};

/// The values that come after what the start has used.
std::size_t first_shown(std::size_t season) { return std::max<std::size_t>(season, 1); }

/// Mean absolute error over all horizons and targets.
double smoothing_error(std::span<const double> values, const SmoothingWeights& weights, std::size_t season,
                       const std::vector<std::size_t>& horizons) {
  SmoothedState state(values, weights, season);
  double sum = 0, count = 0;
  for (std::size_t known = 0; known < values.size(); ++known) {
    if (known >= first_shown(season))
      for (const std::size_t horizon : horizons) {
        if (known + horizon > values.size()) continue;
        const double error = std::abs(state.forecast(horizon) - values[known + horizon - 1]);
        if (std::isfinite(error)) sum += error, count += 1;
      }
    state.show(values[known]);
  }
  return count == 0 ? std::numeric_limits<double>::infinity() : sum / count;
}

/// Coordinate search: each weight in turn a step up or down, with steps that halve when nothing helps.
SmoothingWeights search_weights(std::span<const double> values, std::size_t season, const std::vector<std::size_t>& horizons) {
  SmoothingWeights best;
  double least = std::numeric_limits<double>::infinity();
  const auto show = [&](const SmoothingWeights& candidate) {
    const double error = smoothing_error(values, candidate, season, horizons);
    if (!(error < least)) return false;
    least = error;
    best = candidate;
    return true;
  };
  for (const double alpha : {0.05, 0.2, 0.5, 0.9})
    for (const double beta : {0.01, 0.2})
      for (const double gamma : {0.05, 0.3})
        for (const double phi : {0.8, 0.98}) show({alpha, beta, gamma, phi});
  for (double step = 0.1; step > 0.004; step /= 2)
    for (bool better = true; better;) {
      better = false;
      for (double SmoothingWeights::*weight :
           {&SmoothingWeights::alpha, &SmoothingWeights::beta, &SmoothingWeights::gamma, &SmoothingWeights::phi})
        for (const double move : {step, -step}) {
          SmoothingWeights candidate = best;
          candidate.*weight = std::clamp(candidate.*weight + move, 0.0, 1.0);
          better |= show(candidate);
        }
    }
  return best;
}

std::vector<double> transformed(std::span<const double> values, bool log) {
  std::vector<double> out(values.begin(), values.end());
  if (log)
    for (double& v : out) v = std::log1p(v);
  return out;
}

}  // namespace

Expected<HoltWintersForecast> HoltWintersForecast::fit(std::span<const double> known, std::size_t season,
                                                       const std::vector<std::size_t>& horizons) {
  if (known.size() < std::max<std::size_t>(3, 2 * season))
    return Error{fmt::format("{} values are too few for exponential smoothing with a season of {}", known.size(), season), "",
                 "a longer training part, or no season"};
  const bool log = std::none_of(known.begin(), known.end(), [](double v) { return v < 0; });
  const SmoothingWeights weights = search_weights(transformed(known, log), season, horizons);
  return HoltWintersForecast(weights, season, log, horizons);
}

void HoltWintersForecast::forecast(std::span<double> out, std::span<const double> known) const {
  const std::vector<double> values = transformed(known, log_);
  SmoothedState state(values, weights_, season_);
  for (const double value : values) state.show(value);
  for (std::size_t i = 0; i < horizons_.size(); ++i) {
    const double value = values.size() < first_shown(season_) ? std::numeric_limits<double>::quiet_NaN() : state.forecast(horizons_[i]);
    out[i] = log_ ? std::expm1(value) : value;
  }
}

}  // namespace tidegauge
