#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "host/duration.hpp"
#include "host/statistics/series_statistics.hpp"
#include "host/train_settings.hpp"

namespace tidegauge {
namespace {

constexpr double most_zeros = 0.05;      ///< share of empty intervals beyond which a ratio or a logarithm says little
constexpr double most_noise = 0.20;      ///< relative noise beyond which surges of some ten per cent drown
constexpr std::size_t least_blocks = 200;
constexpr double strong_period = 0.10;   ///< share of the variance that makes a period worth a window or a season
constexpr double least_cycles = 3;
constexpr std::size_t most_season_look_back = 512;  ///< beyond that a window costs more than a season says
constexpr double level = 0.05;
constexpr double second_look = 0.01;  ///< for a test that is asked only because another one failed

std::string few_values(const SeriesStatistics& s) { return fmt::format("{} values are too few to tell", s.values); }

/// A period worth a window or a season, and the figure that says so.
struct Season {
  std::size_t intervals;
  std::string figure;
};

/// The strongest period of the spectrum that the series shows at least three times, otherwise the shortest cycle of the
/// calendar that it repeats.
std::optional<Season> season_of(const SeriesStatistics& s) {
  for (const Period& p : s.spectrum.periods)
    if (p.share >= strong_period && p.cycles >= least_cycles - 0.1 && p.intervals >= 2) {
      const auto whole = static_cast<std::size_t>(std::llround(p.intervals));
      return Season{whole, fmt::format("a period of {} intervals has {:.0f} % of the variance, p {:.2g}", whole, 100 * p.share, p.p_value)};
    }
  for (const Cycle& c : s.cycles)
    if (c.repeats())
      return Season{c.intervals, fmt::format("autocorrelation {:.2f} after a {}, {:.2f} after half of it", c.at_whole, c.name, c.at_half)};
  return std::nullopt;
}

std::string length_of(const SeriesStatistics& s, std::size_t intervals) {
  return format_duration(static_cast<std::int64_t>(intervals) * s.interval_ns);
}

Suggestion suggest_interval(const SeriesStatistics& s) {
  const std::string now = format_duration(s.interval_ns);
  if (s.scales.empty() || s.scales.front().mean <= 0) return {"interval", now, few_values(s)};
  const Scale* fits = nullptr;
  for (const Scale& c : s.scales) {
    if (c.blocks < least_blocks && c.intervals > 1) break;
    fits = &c;
    if (c.zeros <= most_zeros && c.relative_noise().value_or(0) <= most_noise) break;
  }
  const auto figures = [](const Scale& c) {
    return fmt::format("relative noise {:.1f} %, {:.1f} % zeros", 100 * c.relative_noise().value_or(0), 100 * c.zeros);
  };
  if (fits->intervals == 1) {
    const bool good = fits->zeros <= most_zeros && fits->relative_noise().value_or(0) <= most_noise;
    return {"interval", now, figures(*fits) + (good ? "" : fmt::format("; longer intervals would leave fewer than {}", least_blocks))};
  }
  return {"interval", length_of(s, fits->intervals),
          fmt::format("{} at {}; {} here", figures(s.scales.front()), now, figures(*fits))};
}

Suggestion suggest_look_back(const SeriesStatistics& s) {
  const Autocorrelation& a = s.autocorrelation;
  if (a.acf.size() < 2) return {"look-back", "1", few_values(s)};
  std::size_t steps = std::max<std::size_t>(1, a.order);
  std::string reason = fmt::format("order {} by Schwarz's criterion among {} lags; last partial autocorrelation outside ±{:.3f} at lag {}",
                                   a.order, a.acf.size() - 1, a.pacf_band, a.last_significant);
  if (const auto season = season_of(s); season && season->intervals > steps) {
    if (season->intervals <= most_season_look_back) steps = season->intervals, reason = season->figure + "; " + reason;
    else reason += fmt::format("; {}: too long for a window, train --season {} or --time-of-day", season->figure, season->intervals);
  }
  return {"look-back", std::to_string(std::min<std::size_t>(steps, max_look_back)), reason};
}

Suggestion suggest_transform(const SeriesStatistics& s) {
  if (s.moments.count > 0 && *s.moments.minimum < 0)
    return {"transform", "none", fmt::format("{} negative values have no logarithm", s.moments.negative)};
  if (!s.box_cox) return {"transform", "none", s.values < 3 ? few_values(s) : "all values are equal"};
  const double lambda = s.box_cox->lambda;
  const std::string figure = fmt::format("Box-Cox lambda {:.2f}, log likelihood {:.1f} above none, skewness {:.2f}", lambda,
                                         s.box_cox->gain_over_identity, *s.moments.skewness);
  // 1.92: half the 95 % quantile of chi-squared with one degree of freedom.
  if (s.box_cox->gain_over_identity < 1.92 || lambda > 0.75) return {"transform", "none", figure};
  if (lambda > 0.35) return {"transform", "square root", figure};
  if (lambda > -0.5) return {"transform", s.box_cox_shift > 0 ? "log(1 + x)" : "log", figure + "; train --log"};
  return {"transform", "reciprocal", figure};
}

/// What the two tests say together; their null hypotheses are each other's alternative.
std::pair<std::string, std::string> differencing_by_tests(const SeriesStatistics& s) {
  const bool adf_rejects = s.adf_level->p_value < level, kpss_rejects = s.kpss_level->p_value < level;
  const std::string figures = fmt::format("ADF p {:.3g} (unit root), KPSS p {:.2g} (level)", s.adf_level->p_value, s.kpss_level->p_value);
  if (adf_rejects && !kpss_rejects) return {"none", figures + ": stationary"};
  if (!adf_rejects && kpss_rejects) {
    if (s.adf_trend && s.adf_trend->p_value < second_look)
      return {"none, remove the trend", figures + fmt::format("; about a trend ADF p {:.3g}: no unit root, but a trend", s.adf_trend->p_value)};
    return {"once", figures + ": a unit root"};
  }
  if (!adf_rejects) return {"none", figures + ": neither test can tell"};
  const double h = s.hurst_wavelets ? s.hurst_wavelets->h : s.hurst_dfa ? s.hurst_dfa->h : 0.5;
  return {"none", figures + fmt::format(": no unit root, yet the level wanders (long memory, Hurst exponent {:.2f}, or steps)", h)};
}

Suggestion suggest_differencing(const SeriesStatistics& s) {
  if (!s.adf_level || !s.kpss_level)
    return {"differencing", "none", s.longest_run < 8 ? fmt::format("the longest run of {} values is too short for the tests", s.longest_run) : "the values vary without noise"};
  auto [value, reason] = differencing_by_tests(s);
  if (const auto season = season_of(s)) {
    const std::string seasonal = fmt::format("seasonal, {} intervals ({})", season->intervals, length_of(s, season->intervals));
    value = value == "once" ? seasonal + ", then test again" : value == "none" ? seasonal : value + "; " + seasonal;
    reason = season->figure + "; " + reason;
  }
  return {"differencing", value, reason};
}

}  // namespace

std::vector<Suggestion> suggest(const SeriesStatistics& s) {
  return {suggest_interval(s), suggest_look_back(s), suggest_transform(s), suggest_differencing(s)};
}

}  // namespace tidegauge
