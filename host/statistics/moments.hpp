// Moments, quantiles and the Box-Cox transform of a sample; what they say does not depend on the order of the values.
// Cost: n log n for quantiles, else linear. Thread safety: pure functions.
// Tested by tests/host/statistics_test.cpp against scipy.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace tidegauge {

/// Not defined figures are absent: all without values, the variance of one value, the shape of a constant.
struct Moments {
  std::size_t count = 0, zeros = 0, negative = 0;
  std::optional<double> mean;
  std::optional<double> variance;         ///< sum of squares / (n - 1)
  std::optional<double> skewness;         ///< g1 = m3 / m2^1.5 of central moments with divisor n (Joanes and Gill 1998)
  std::optional<double> excess_kurtosis;  ///< g2 = m4 / m2^2 - 3
  std::optional<double> minimum, maximum;

  std::optional<double> deviation() const;                 ///< square root of the variance
  std::optional<double> coefficient_of_variation() const;  ///< deviation / mean; absent at mean 0
};
Moments moments_of(std::span<const double> values);

/// Type 7 of Hyndman and Fan (1996), "Sample quantiles in statistical packages", the default of R, NumPy and Excel:
/// linear between order statistics, at (n - 1) p.
/// @param sorted ascending, not empty
double quantile(std::span<const double> sorted, double p);

/// Box and Cox (1964), "An analysis of transformations": y = (x^lambda - 1) / lambda, log x at 0.
struct BoxCox {
  double lambda = 1;               ///< where the profile likelihood is largest, in [-2, 2]
  double log_likelihood = 0;       ///< there: (lambda - 1) sum log x - n/2 log var(y), without constants
  double gain_over_identity = 0;   ///< log likelihood there less that at lambda = 1
  std::size_t values_used = 0;     ///< at most 65,536, evenly spread: the shape of a distribution needs no more
};
/// Nothing where a value is not positive, or where all are equal.
std::optional<BoxCox> box_cox(std::span<const double> values);

}  // namespace tidegauge
