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
    for (std::size_t i = 0; i < first.size(); ++i)
      season_[i] = std::isfinite(first[i]) ? first[i] - level_ : 0;
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
    if (!std::isfinite(level_))
      level_ = value;  // the series began with a gap
    else
      update(value, expected, season);
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

/// Mean absolute error over all targets.
double smoothing_error(std::span<const double> values, const SmoothingHorizon& h) {
  SmoothedState state(values, h.weights, h.season);
  double sum = 0, count = 0;
  for (std::size_t known = 0; known + h.horizon <= values.size(); ++known) {
    if (known >= first_shown(h.season)) {
      const double error = std::abs(state.forecast(h.horizon) - values[known + h.horizon - 1]);
      if (std::isfinite(error)) sum += error, count += 1;
    }
    state.show(values[known]);
  }
  return count == 0 ? std::numeric_limits<double>::infinity() : sum / count;
}

/// Coordinate search: each weight in turn a step up or down, with steps that halve when nothing helps.
class SmoothingSearch {
 public:
  explicit SmoothingSearch(std::span<const double> values) : values_(values) {}

  void search(std::size_t horizon, std::size_t season) {
    for (const double alpha : {0.05, 0.2, 0.5, 0.9})
      for (const double beta : {0.01, 0.2})
        for (const double gamma : {0.05, 0.3})
          for (const double phi : {0.8, 0.98}) show({horizon, season, {alpha, beta, gamma, phi}});
    for (double step = 0.1; step > 0.004; step /= 2)
      while (moved(step)) {
      }
  }
  const SmoothingHorizon& best() const { return best_; }

 private:
  bool show(const SmoothingHorizon& candidate) {
    const double error = smoothing_error(values_, candidate);
    if (!(error < least_)) return false;
    least_ = error;
    best_ = candidate;
    return true;
  }

  bool moved(double step) {
    bool better = false;
    for (double SmoothingWeights::*weight : {&SmoothingWeights::alpha, &SmoothingWeights::beta,
                                             &SmoothingWeights::gamma, &SmoothingWeights::phi})
      for (const double move : {step, -step}) {
        SmoothingHorizon candidate = best_;
        candidate.weights.*weight = std::clamp(candidate.weights.*weight + move, 0.0, 1.0);
        better |= show(candidate);
      }
    return better;
  }

  std::span<const double> values_;
  SmoothingHorizon best_;
  double least_ = std::numeric_limits<double>::infinity();
};

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
    return Error{fmt::format("{} values are too few for exponential smoothing with a season of {}",
                             known.size(), season),
                 "", "a longer training part, or no season"};
  const bool log = std::none_of(known.begin(), known.end(), [](double v) { return v < 0; });
  const std::vector<double> values = transformed(known, log);
  std::vector<SmoothingHorizon> fitted;
  for (const std::size_t horizon : horizons) {
    SmoothingSearch search(values);
    search.search(horizon, 0);
    if (season > 0) search.search(horizon, season);
    fitted.push_back(search.best());
  }
  return HoltWintersForecast(std::move(fitted), log);
}

void HoltWintersForecast::forecast(std::span<double> out, std::span<const double> known) const {
  const std::vector<double> values = transformed(known, log_);
  for (std::size_t i = 0; i < horizons_.size(); ++i) {
    const SmoothingHorizon& h = horizons_[i];
    SmoothedState state(values, h.weights, h.season);
    for (const double value : values) state.show(value);
    const double value = values.size() < first_shown(h.season) ? std::numeric_limits<double>::quiet_NaN()
                                                               : state.forecast(h.horizon);
    out[i] = log_ ? std::expm1(value) : value;
  }
}

}  // namespace tidegauge
