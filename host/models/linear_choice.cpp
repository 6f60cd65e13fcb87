#include "host/models/linear_choice.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/data/interval_series.hpp"

namespace tidegauge {

namespace {

constexpr std::size_t parts = 10, validated = 4;
constexpr double nearly_best = 1.1;  // times the smallest error: as good, as far as four tenths can tell
constexpr std::int64_t day_ns = 86'400'000'000'000;

/// Keeps the best of what it is shown; the first of equals, so the simpler one where it is shown first.
class LinearSearch {
 public:
  LinearSearch(std::span<const double> training, const TimeBase& time, std::size_t horizon)
      : training_(training), time_(time), horizon_(horizon) {}

  void show(const LinearInputs& inputs) {
    const double error = chained_error(training_, time_, horizon_, inputs);
    if (!(error < error_)) return;
    error_ = error;
    best_ = inputs;
  }
  /// Shows the best so far with one thing changed to each of the values.
  template <class T, class Values>
  void vary(T LinearInputs::*thing, const Values& values) {
    LinearInputs candidate = best_;
    for (const auto& value : values) {
      candidate.*thing = value;
      show(candidate);
    }
  }
  const LinearInputs& best() const { return best_; }
  double error() const { return error_; }

 private:
  std::span<const double> training_;
  TimeBase time_;
  std::size_t horizon_;
  LinearInputs best_;
  double error_ = std::numeric_limits<double>::infinity();
};

bool all_positive(std::span<const double> values) {
  return std::all_of(values.begin(), values.end(), [](double v) { return !(v <= 0); });  // NaN may stand
}

bool may_log(std::span<const double> values) {
  return std::none_of(values.begin(), values.end(), [](double v) { return v < 0; });
}

/// Every subset of the seasons that `values` holds twice.
std::vector<std::vector<std::size_t>> season_sets(const std::vector<std::size_t>& seasons,
                                                  std::size_t values) {
  std::vector<std::vector<std::size_t>> sets{{}};
  for (const std::size_t season : seasons) {
    if (2 * season > values) continue;
    for (std::size_t i = 0, count = sets.size(); i < count; ++i) {
      sets.push_back(sets[i]);
      sets.back().push_back(season);
    }
  }
  return sets;
}

/// How many waves a day (week) are worth trying: none where the shortest part does not hold a whole one.
std::vector<std::size_t> wave_counts(std::int64_t period_ns, std::int64_t interval_ns, std::size_t values) {
  if (static_cast<double>(values) * static_cast<double>(interval_ns) < static_cast<double>(period_ns))
    return {0};
  if (interval_ns * 4 > period_ns) return {0};
  return {0, 1, 3};
}

LinearSearch search_with_seasons(std::span<const double> training, const TimeBase& time, std::size_t horizon,
                                 const std::vector<std::size_t>& seasons,
                                 const std::vector<std::size_t>& orders) {
  const std::size_t shortest = training.size() * (parts - validated) / parts;
  LinearSearch search(training, time, horizon);
  for (const bool log : {false, true}) {
    if (log && !may_log(training)) continue;
    for (const std::size_t order : orders) search.show({.lags = order, .seasons = seasons, .log = log});
  }
  search.vary(&LinearInputs::loss, std::vector{Loss::absolute});
  search.vary(&LinearInputs::day_waves, wave_counts(day_ns, time.interval_ns, shortest));
  search.vary(&LinearInputs::week_waves, wave_counts(7 * day_ns, time.interval_ns, shortest));
  search.vary(&LinearInputs::lags, orders);
  search.vary(&LinearInputs::ridge, std::vector{1e-4, 1e-3, 1e-2, 1e-1, 1.0});
  return search;
}

/// What needs no choosing and takes part always: lags, logarithms, absolute loss, and the time of day where a
/// day is there to be learned from. A prior worth three values holds it to persistence, which only matters
/// where the series is short.
LinearInputs usual_inputs(std::span<const double> training, const TimeBase& time, std::size_t lags) {
  const bool has_day = wave_counts(day_ns, time.interval_ns, training.size()).size() > 1;
  return {.lags = lags,
          .seasons = {},
          .day_waves = has_day ? 1u : 0u,
          .week_waves = 0,
          .log = may_log(training),
          .loss = Loss::absolute,
          .ridge = 3.0 / static_cast<double>(training.size())};
}

/// Mean |e / x| (or |e|) of the targets in `scored`; NaN where there is none.
double mean_error(const LinearHorizon& fitted, std::span<const double> values, Segment scored,
                  bool relative) {
  double sum = 0, count = 0;
  for (std::size_t target = std::max(scored.first, fitted.horizon); target < scored.last; ++target) {
    const double error = forecast_linear(fitted, values.first(target + 1 - fitted.horizon)) - values[target];
    if (!std::isfinite(error)) continue;
    sum += std::abs(relative ? error / values[target] : error);
    count += 1;
  }
  return sum / count;
}

}  // namespace

double chained_error(std::span<const double> training, const TimeBase& time, std::size_t horizon,
                     const LinearInputs& inputs) {
  const bool relative = all_positive(training);
  double logarithms = 0;
  for (std::size_t part = parts - validated; part < parts; ++part) {
    const Segment scored{training.size() * part / parts, training.size() * (part + 1) / parts};
    const auto fitted = fit_linear_horizon(training.first(scored.first), time, horizon, inputs);
    if (!fitted) return std::numeric_limits<double>::infinity();
    logarithms += std::log(mean_error(*fitted, training, scored, relative));
  }
  return std::exp(logarithms / validated);
}

std::vector<std::size_t> calendar_seasons(std::int64_t interval_ns) {
  std::vector<std::size_t> seasons;
  for (const std::int64_t period : {day_ns, 7 * day_ns})
    if (period % interval_ns == 0 && period / interval_ns >= 2)
      seasons.push_back(static_cast<std::size_t>(period / interval_ns));
  return seasons;
}

std::vector<LinearInputs> choose_linear_inputs(std::span<const double> training, const TimeBase& time,
                                               std::size_t horizon, const std::vector<std::size_t>& seasons) {
  const std::size_t shortest = training.size() * (parts - validated) / parts;
  std::vector<std::size_t> orders{1, 2, 3, 5, 10, 20, 40};  // ten values for each weight at least
  std::erase_if(orders, [&](std::size_t order) { return order > 1 && 10 * order > shortest; });
  std::vector<LinearSearch> searches;
  for (const auto& set : season_sets(seasons, shortest))
    searches.push_back(search_with_seasons(training, time, horizon, set, orders));
  std::stable_sort(searches.begin(), searches.end(),
                   [](const auto& a, const auto& b) { return a.error() < b.error(); });
  std::vector<LinearInputs> chosen{usual_inputs(training, time, orders.back())};
  for (const LinearSearch& search : searches)
    if (search.error() <= nearly_best * searches.front().error()) chosen.push_back(search.best());
  return chosen;
}

Expected<LinearForecast> fit_chosen_linear(std::span<const double> training, const TimeBase& time,
                                           const std::vector<std::size_t>& horizons) {
  std::vector<LinearMean> fitted;
  for (const std::size_t horizon : horizons) {
    LinearMean mean;
    for (const LinearInputs& inputs :
         choose_linear_inputs(training, time, horizon, calendar_seasons(time.interval_ns))) {
      auto one = fit_linear_horizon(training, time, horizon, inputs);
      if (!one) return std::move(one).error();
      mean.members.push_back(std::move(*one));
    }
    fitted.push_back(std::move(mean));
  }
  return LinearForecast(std::move(fitted));
}

}  // namespace tidegauge
