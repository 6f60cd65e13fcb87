// Everything that `tidegauge stats` says about one column: the figures of this folder's parts, and what they suggest for
// a model of the series. Absent figures are not defined for these values.
// Cost: n log n; memory a few copies of the column. Thread safety: pure functions.
// Tested by tests/host/statistics_test.cpp and tests/tools/stats_test.cpp.
#pragma once

#include <string>
#include <vector>

#include "host/statistics/autocorrelation.hpp"
#include "host/statistics/hurst.hpp"
#include "host/statistics/moments.hpp"
#include "host/statistics/sample.hpp"
#include "host/statistics/scales.hpp"
#include "host/statistics/spectrum.hpp"
#include "host/statistics/stationarity.hpp"
#include "host/statistics/trend.hpp"

namespace tidegauge {

struct Quantile {
  double p = 0, value = 0;
};

/// Equal bins from the smallest to the largest value.
struct Histogram {
  double low = 0, high = 0;
  std::vector<std::size_t> counts;
};
/// Bins as wide as Freedman and Diaconis (1981) say, at least 10 and at most 100 of them.
/// @param sorted ascending
Histogram histogram_of(std::span<const double> sorted);

/// One piece of advice with the figure that is its reason.
struct Suggestion {
  std::string what;    ///< interval, look-back, transform, differencing
  std::string value;   ///< such as "4s", "16", "log", "none"
  std::string reason;
};

struct SeriesStatistics {
  std::string point, column;
  std::int64_t interval_ns = 0, first_ns = 0, last_ns = 0;  ///< start of the first and of the last interval with a value
  std::size_t values = 0, runs = 0, longest_run = 0, partial = 0, not_finite = 0;
  Gaps gaps;
  Moments moments;
  std::vector<Quantile> quantiles;
  Histogram histogram;
  std::optional<Trend> trend;
  std::optional<AdfResult> adf_level, adf_trend;
  std::optional<KpssResult> kpss_level, kpss_trend;
  Autocorrelation autocorrelation;
  Spectrum spectrum;
  std::vector<Cycle> cycles;
  std::vector<Scale> scales;
  std::optional<HurstEstimate> hurst_variance, hurst_dfa, hurst_wavelets;
  double box_cox_shift = 0;  ///< added before the transform: 1 where the smallest value is 0, otherwise 0
  std::optional<BoxCox> box_cox;
  std::vector<Suggestion> suggestions;
};

/// @param lags for the autocorrelations; 0 for default_lags.
SeriesStatistics analyse(const IntervalSeries& series, std::size_t column, std::size_t lags = 0);

/// From the figures that are there; each of the four is always said, if only that the values are too few.
std::vector<Suggestion> suggest(const SeriesStatistics& s);

/// For people, a section a subject.
std::string statistics_table(const SeriesStatistics& s);
/// Every figure; what is not defined is null.
std::string statistics_json(const SeriesStatistics& s);
/// Distribution, autocorrelation, partial autocorrelation and periodogram as one picture.
std::string statistics_svg(const SeriesStatistics& s);

}  // namespace tidegauge
