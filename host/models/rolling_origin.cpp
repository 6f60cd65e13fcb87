#include "host/models/rolling_origin.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/core/contract.hpp"
#include "kernels/core/random.hpp"

namespace tidegauge {

namespace {

bool all_finite(std::span<const RolledForecasts> all, std::size_t horizon, std::size_t i) {
  return std::all_of(all.begin(), all.end(),
                     [&](const RolledForecasts& f) { return std::isfinite(f.predicted[horizon][i]); });
}

}  // namespace

Expected<RolledForecasts> roll_forecasts(const std::string& model, std::span<const double> series,
                                         const RollingPlan& plan, const FitForecastModel& fit) {
  TG_REQUIRE(!plan.horizons.empty() && plan.first > plan.horizons.back() && plan.first <= series.size(),
             "targets begin behind the longest horizon and within the series");
  const std::size_t horizons = plan.horizons.size(), targets = series.size() - plan.first;
  RolledForecasts rolled{model, plan.horizons, plan.first, {}};
  rolled.predicted.assign(horizons, std::vector<double>(targets, std::numeric_limits<double>::quiet_NaN()));
  std::vector<double> out(horizons);
  std::unique_ptr<ForecastModel> fitted;
  std::size_t fitted_at = 0;
  // `known` values are there; the longest horizon reaches the first target earliest.
  for (std::size_t known = plan.first - plan.horizons.back() + 1; known < series.size(); ++known) {
    const bool due = plan.refit_every > 0 && known >= fitted_at + plan.refit_every;
    if (!fitted || due) {
      fitted_at = std::max(known, plan.first);
      auto next = fit(series.first(fitted_at));
      if (!next) return std::move(next).error();
      fitted = std::move(*next);
    }
    fitted->forecast(out, series.first(known));
    for (std::size_t h = 0; h < horizons; ++h) {
      const std::size_t target = known - 1 + plan.horizons[h];
      if (target >= plan.first && target < series.size()) rolled.predicted[h][target - plan.first] = out[h];
    }
  }
  return rolled;
}

RolledErrors rolled_errors(std::span<const double> series, std::span<const RolledForecasts> all,
                           std::size_t horizon_index, double mase_scale) {
  RolledErrors errors;
  const std::size_t first = all.front().first;
  for (std::size_t i = 0; first + i < series.size(); ++i)
    if (std::isfinite(series[first + i]) && all_finite(all, horizon_index, i))
      errors.targets.push_back(first + i);
  std::vector<double> actual, predicted;
  for (const std::size_t target : errors.targets) actual.push_back(series[target]);
  for (const RolledForecasts& model : all) {
    predicted.clear();
    std::vector<double>& relative = errors.relative.emplace_back();
    for (const std::size_t target : errors.targets) {
      predicted.push_back(model.predicted[horizon_index][target - first]);
      const double x = series[target];
      relative.push_back(x == 0 ? 0 : 100 * std::abs((predicted.back() - x) / x));
    }
    errors.metrics.push_back(measure(predicted, actual, mase_scale));
    errors.pinball.push_back(pinball_loss(predicted, actual, 0.5));
  }
  return errors;
}

double pinball_loss(std::span<const double> predicted, std::span<const double> actual, double quantile) {
  TG_REQUIRE(predicted.size() == actual.size(), "a quantile for every actual value");
  double sum = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const double e = actual[i] - predicted[i];
    sum += std::max(quantile * e, (quantile - 1) * e);
  }
  return actual.empty() ? 0 : sum / static_cast<double>(actual.size());
}

BootstrapDifference bootstrap_difference(std::span<const double> a, std::span<const double> b,
                                         std::size_t block, std::uint64_t seed, double confidence,
                                         std::size_t draws) {
  TG_REQUIRE(a.size() == b.size() && draws > 0, "differences of pairs");
  const std::size_t n = a.size();
  if (n == 0) return {};
  block = std::clamp<std::size_t>(block, 1, n);
  // Sums of blocks from each start, round the end: a draw costs n / block additions.
  std::vector<double> running(2 * n + 1, 0);
  for (std::size_t i = 0; i < 2 * n; ++i) running[i + 1] = running[i] + a[i % n] - b[i % n];
  RandomStream random(seed, 0x626f6f74);
  std::vector<double> means(draws);
  for (double& mean : means) {
    double sum = 0;
    for (std::size_t drawn = 0; drawn < n; drawn += block) {
      const std::size_t start = random.below(n), length = std::min(block, n - drawn);
      sum += running[start + length] - running[start];
    }
    mean = sum / static_cast<double>(n);
  }
  std::sort(means.begin(), means.end());
  const auto at = [&](double share) {
    return means[static_cast<std::size_t>(share * static_cast<double>(draws - 1) + 0.5)];
  };
  return {running[n] / static_cast<double>(n), at((1 - confidence) / 2), at((1 + confidence) / 2)};
}

}  // namespace tidegauge
