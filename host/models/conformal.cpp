#include "host/models/conformal.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/core/contract.hpp"

namespace tidegauge {

namespace {

/// Calls pair(predicted, actual) where both are known.
template <class Pair>
void for_each_known(std::span<const double> predicted, std::span<const double> actual, const Pair& pair) {
  TG_REQUIRE(predicted.size() == actual.size(), "a forecast for every actual value");
  for (std::size_t i = 0; i < actual.size(); ++i)
    if (std::isfinite(predicted[i]) && std::isfinite(actual[i])) pair(predicted[i], actual[i]);
}

}  // namespace

ConformalBand::ConformalBand(std::span<const double> predicted, std::span<const double> actual,
                             double coverage) {
  TG_REQUIRE(coverage > 0 && coverage < 1, "a coverage is a share");
  relative_ = true;
  for_each_known(predicted, actual, [&](double p, double a) { relative_ = relative_ && p > 0 && a > 0; });
  std::vector<double> errors;
  for_each_known(predicted, actual,
                 [&](double p, double a) { errors.push_back(std::abs(a - p) / (relative_ ? p : 1)); });
  std::sort(errors.begin(), errors.end());
  const auto rank = static_cast<std::size_t>(std::ceil(static_cast<double>(errors.size() + 1) * coverage));
  width_ = rank > errors.size() ? std::numeric_limits<double>::infinity() : errors[rank - 1];
}

ConformalInterval ConformalBand::around(double forecast) const {
  const double half = relative_ ? width_ * std::abs(forecast) : width_;
  return {forecast - half, forecast + half};
}

double conformal_coverage(const ConformalBand& band, std::span<const double> predicted,
                          std::span<const double> actual) {
  double held = 0, known = 0;
  for_each_known(predicted, actual, [&](double p, double a) {
    const ConformalInterval interval = band.around(p);
    held += a >= interval.low && a <= interval.high;
    ++known;
  });
  return known == 0 ? 0 : held / known;
}

}  // namespace tidegauge
