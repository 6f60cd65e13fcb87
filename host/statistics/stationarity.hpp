// Two tests of stationarity with opposite null hypotheses, of contiguous values.
// Cost: n times the lags for ADF, linear for KPSS. Thread safety: pure functions.
// Tested by tests/host/statistics_test.cpp against statsmodels.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace tidegauge {

/// Augmented Dickey-Fuller test (Said and Dickey 1984). Null: a unit root.
struct AdfResult {
  double statistic = 0;  ///< t of x[t-1] in the regression of x[t] - x[t-1] on it, a constant, lags, and maybe a trend
  double p_value = 1;    ///< MacKinnon (1994), "Approximate asymptotic distribution functions for unit-root and
                         ///< cointegration tests", tables 3 and 4
  std::size_t lags = 0;  ///< by Akaike's criterion among 0 to most_lags, compared on the same rows
  std::size_t most_lags = 0;  ///< Schwert (1989): ceil(12 (n / 100)^(1/4))
  std::size_t rows = 0;       ///< of the regression
};
/// Nothing where the regression has no answer: too few values, a constant, a curve without noise.
std::optional<AdfResult> adf(std::span<const double> values, bool with_trend);

/// p-value of MacKinnon for the t of one series.
double mackinnon_p(double t, bool with_trend);

/// Kwiatkowski, Phillips, Schmidt and Shin (1992). Null: stationary about a level, or about a trend.
struct KpssResult {
  double statistic = 0;
  double p_value = 0.1;  ///< between the rows of their table 1; beyond it 0.01 ("at most") and 0.1 ("at least")
  std::size_t bandwidth = 0;  ///< Newey and West's automatic choice as in Hobijn, Franses and Ooms (2004)
};
/// Nothing for fewer than three values and where the residuals vanish.
std::optional<KpssResult> kpss(std::span<const double> values, bool with_trend);

}  // namespace tidegauge
