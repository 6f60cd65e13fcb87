// A linear trend with an error that allows for autocorrelation, and the long-run variance that it rests on.
// Cost: linear, whatever the bandwidth. Thread safety: pure functions.
// Tested by tests/host/statistics_test.cpp against statsmodels.
#pragma once

#include <optional>

#include "host/statistics/sample.hpp"

namespace tidegauge {

/// Sum over |l| <= bandwidth of (1 - |l| / (bandwidth + 1)) sum_t e[t] e[t - l]: Bartlett's kernel (Newey and West
/// 1987, "A simple, positive semi-definite, heteroskedasticity and autocorrelation consistent covariance matrix").
/// That kernel is a box folded with itself, so the sum is that of the squares of running sums of bandwidth + 1 values:
/// two additions a value instead of a product for every lag.
double bartlett_sum(std::span<const double> e, std::size_t bandwidth);

/// floor(4 (n / 100)^(2/9)), Newey and West 1994.
std::size_t newey_west_bandwidth(std::size_t n);

struct Trend {
  double slope_per_interval = 0;  ///< ordinary least squares on the interval number
  double standard_error = 0;      ///< Newey and West, products inside runs only
  std::size_t bandwidth = 0;
  double p_value = 1;             ///< two-sided, normal
};
/// Nothing for fewer than three values.
std::optional<Trend> trend_of(const Sample& sample);

/// Residuals of least squares on a constant, and on the row number too if `with_trend`.
std::vector<double> residuals_of(std::span<const double> values, bool with_trend);

double normal_cdf(double z);

}  // namespace tidegauge
