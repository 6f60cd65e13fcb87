// How a series depends on its own past.
// Cost: n times the lags for the autocorrelations, lags squared for the partial ones. Thread safety: pure functions.
// Tested by tests/host/statistics_test.cpp against statsmodels.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "host/statistics/sample.hpp"

namespace tidegauge {

struct Autocorrelation {
  std::vector<double> acf;   ///< [lags + 1]; the first is 1
  std::vector<double> band;  ///< [lags + 1], 95 %: 1.96 times Bartlett's error of a moving average of lower order
  std::vector<double> pacf;  ///< [lags + 1]; the first is 1
  double pacf_band = 0;      ///< 1.96 / sqrt(n) (Quenouille 1949)
  /// [lags + 1]: share of the variance that an autoregression of that order leaves (Levinson and Durbin).
  std::vector<double> left_over;
  std::size_t last_significant = 0;  ///< last lag whose partial autocorrelation lies outside its band; 0: none
  /// Order of the autoregression by n log(left_over) + p log n (Schwarz 1978). Unlike the last significant lag it does
  /// not grow with the number of lags that were looked at.
  std::size_t order = 0;
};

/// Lags that are looked at by default: a quarter of the values, at most 256.
std::size_t default_lags(std::size_t n);

/// The biased estimator (Box, Jenkins and Reinsel, "Time series analysis", 2.1.5): products about the mean of all values,
/// inside runs, over the sum of all squares. Bartlett's variance (1946): (1 + 2 sum of lower squares) / n.
/// Empty where all values are equal or there are fewer than two.
Autocorrelation autocorrelation(const Sample& sample, std::size_t lags);

/// Mean product of values about the mean that lie `lag` apart inside a run, over the variance: the unbiased estimator, for
/// single long lags. Nothing with fewer than `lag` such pairs, and for equal values.
std::optional<double> autocorrelation_at(const Sample& sample, std::size_t lag);

/// How well the calendar is repeated. A day of which a series holds two or three is no more than the slow end of its noise
/// to a test of the spectrum; but a day is asked for by name, and a walk is as like itself after half a day as after one.
struct Cycle {
  std::string name;           ///< hour, day or week
  std::size_t intervals = 0;
  double at_whole = 0, at_half = 0;  ///< autocorrelation there
  /// Rule of thumb: at least 0.3 at the whole cycle, and 0.3 more than at its half.
  bool repeats() const { return at_whole >= 0.3 && at_whole - at_half >= 0.3; }
};
/// Those that are an even number of intervals, at least four, and lie inside a run twice.
std::vector<Cycle> calendar_cycles(const Sample& sample);

}  // namespace tidegauge
