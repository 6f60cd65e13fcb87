#include "host/detection/dynamic_threshold.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>

#include "kernels/core/contract.hpp"

namespace tidegauge {

namespace {

struct Spread {
  double mean = 0, deviation = 0;
};

Spread spread_below(std::span<const double> errors, double limit) {
  double sum = 0, squares = 0, n = 0;
  for (const double e : errors)
    if (e < limit) sum += e, n += 1;
  const double mean = n > 0 ? sum / n : 0;
  for (const double e : errors)
    if (e < limit) squares += (e - mean) * (e - mean);
  return {mean, n > 0 ? std::sqrt(squares / n) : 0};
}

/// The largest error of each run at or above eps, in the order of time.
std::vector<double> peaks_above(std::span<const double> errors, double eps) {
  std::vector<double> peaks;
  bool inside = false;
  for (const double e : errors) {
    if (e >= eps && inside) peaks.back() = std::max(peaks.back(), e);
    else if (e >= eps) peaks.push_back(e);
    inside = e >= eps;
  }
  return peaks;
}

std::optional<double> best_eps(std::span<const double> errors, const Spread& all) {
  constexpr double first = 2.5, last = 12, step = 0.5;  // the ladder of the paper's program
  std::optional<double> best;
  double most = 0;
  for (double z = first; z < last; z += step) {
    const double eps = all.mean + z * all.deviation;
    const auto above = static_cast<double>(std::count_if(errors.begin(), errors.end(), [&](double e) { return e >= eps; }));
    if (above == 0) break;
    const auto runs = static_cast<double>(peaks_above(errors, eps).size());
    const Spread rest = spread_below(errors, eps);
    const double drop = (all.mean - rest.mean) / all.mean + (all.deviation - rest.deviation) / all.deviation;
    if (const double worth = drop / (above + runs * runs); worth > most) {
      most = worth;
      best = eps;
    }
  }
  return best;
}

/// The smallest peak that pruning leaves; infinity where none is left.
double smallest_left(std::span<const double> errors, double eps, double prune) {
  std::vector<double> peaks = peaks_above(errors, eps);
  std::sort(peaks.begin(), peaks.end(), std::greater<>());
  double normal = 0;
  for (const double e : errors)
    if (e < eps) normal = std::max(normal, e);
  peaks.push_back(normal);
  double left = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i + 1 < peaks.size(); ++i)
    if ((peaks[i] - peaks[i + 1]) / peaks[i] > prune) left = peaks[i];
  return left;
}

double score_of_last(std::span<const double> errors, double prune) {
  const Spread all = spread_below(errors, std::numeric_limits<double>::infinity());
  if (!(all.deviation > 0)) return 0;
  const auto eps = best_eps(errors, all);
  if (!eps || errors.back() < *eps) return 0;
  auto begin = errors.end();  // of the run that the last point is in
  while (begin != errors.begin() && *(begin - 1) >= *eps) --begin;
  if (*std::max_element(begin, errors.end()) < smallest_left(errors, *eps, prune)) return 0;
  return (errors.back() - *eps) / (all.mean + all.deviation);
}

}  // namespace

std::vector<double> dynamic_threshold(std::span<const double> errors, const DynamicThresholdSettings& settings) {
  TG_REQUIRE(settings.least >= 2 && settings.window >= settings.least, "a window that can hold what is needed");
  std::vector<double> scores(errors.size(), std::numeric_limits<double>::quiet_NaN());
  std::vector<double> known;
  for (std::size_t i = 0; i < errors.size(); ++i) {
    if (!std::isfinite(errors[i])) continue;
    known.push_back(errors[i]);
    const std::size_t n = std::min(known.size(), settings.window);
    if (n >= settings.least) scores[i] = score_of_last(std::span(known).last(n), settings.prune);
  }
  return scores;
}

}  // namespace tidegauge
