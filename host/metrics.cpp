#include "host/metrics.hpp"

#include <cmath>

#include "kernels/core/contract.hpp"

namespace tidegauge {

Metrics measure(std::span<const double> predicted, std::span<const double> actual, double mase_scale) {
  TG_REQUIRE(predicted.size() == actual.size(), "metrics need a prediction for every actual value");
  Metrics m;
  m.points = actual.size();
  if (m.points == 0) return m;
  const auto n = static_cast<double>(m.points);
  double absolute = 0, squares = 0, relative = 0, symmetric = 0, mean = 0, spread = 0;
  for (double a : actual) mean += a / n;
  for (std::size_t i = 0; i < m.points; ++i) {
    const double e = predicted[i] - actual[i], size = std::abs(e);
    absolute += size;
    squares += e * e;
    spread += (actual[i] - mean) * (actual[i] - mean);
    const double both = std::abs(actual[i]) + std::abs(predicted[i]);
    if (both > 0) symmetric += 2 * size / both;
    if (actual[i] == 0) ++m.mape_left_out;
    else relative += size / std::abs(actual[i]);
  }
  m.mae = absolute / n;
  m.rmse = std::sqrt(squares / n);
  m.smape = 100 * symmetric / n;
  if (m.mape_left_out < m.points) m.mape = 100 * relative / static_cast<double>(m.points - m.mape_left_out);
  if (mase_scale > 0) m.mase = m.mae / mase_scale;
  if (spread > 0) m.r2 = 1 - squares / spread;
  return m;
}

}  // namespace tidegauge
