#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "host/models/linear_choice.hpp"
#include "kernels/core/random.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t hour_ns = 3'600'000'000'000;

/// x[t] = 5 + 0.6 x[t-1] - 0.3 x[t-2], with noise or (being a decaying wave otherwise) with kicks.
std::vector<double> second_order(std::size_t rows, double noise, std::uint64_t seed = 1) {
  RandomStream random(seed, 3);
  std::vector<double> x{8, 6};
  while (x.size() < rows)
    x.push_back(5 + 0.6 * x[x.size() - 1] - 0.3 * x[x.size() - 2] + noise * (random.unit() - 0.5));
  return x;
}

/// Weight of lag i and the constant, in the unit of the series.
double weight_of(const LinearHorizon& r, std::size_t i) { return r.model.weight[i]; }
double constant_of(const LinearHorizon& r) {
  double sum = r.model.bias[0] * r.scale + r.centre;
  for (std::size_t i = 0; i < r.inputs.lags; ++i) sum -= r.model.weight[i] * r.centre;
  return sum;
}

TEST(LinearForecast, RecoversASecondOrderProcessAtEveryHorizon) {
  // Two steps ahead: x[t+2] = 5 + 0.6 (5 + 0.6 x[t] - 0.3 x[t-1]) - 0.3 x[t] = 8 + 0.06 x[t] - 0.18 x[t-1].
  const std::vector<double> exact = second_order(30, 0);  // later it is constant in double
  const auto one = fit_linear_horizon(exact, {}, 1, {.lags = 2, .seasons = {}});
  const auto two = fit_linear_horizon(exact, {}, 2, {.lags = 2, .seasons = {}});
  ASSERT_TRUE(one && two);
  EXPECT_NEAR(weight_of(*one, 0), 0.6, 1e-5);
  EXPECT_NEAR(weight_of(*one, 1), -0.3, 1e-5);
  EXPECT_NEAR(constant_of(*one), 5, 1e-4);
  EXPECT_NEAR(weight_of(*two, 0), 0.06, 1e-5);
  EXPECT_NEAR(weight_of(*two, 1), -0.18, 1e-5);
  EXPECT_NEAR(constant_of(*two), 8, 1e-4);
  const double now[] = {7.0, 3.0};
  EXPECT_NEAR(forecast_linear(*two, now), 8 + 0.06 * 3 - 0.18 * 7, 1e-4);
}

TEST(LinearForecast, NoiseLeavesTheCoefficientsWithinTheirStandardError) {
  // Standard error of an AR(2)'s coefficients: sqrt((1 - 0.3^2) / n) = 0.0095 for n = 10,000 (Box and
  // Jenkins); four of them.
  const auto fitted = fit_linear_horizon(second_order(10'000, 2), {}, 1, {.lags = 2, .seasons = {}});
  ASSERT_TRUE(fitted);
  EXPECT_NEAR(weight_of(*fitted, 0), 0.6, 0.038);
  EXPECT_NEAR(weight_of(*fitted, 1), -0.3, 0.038);
}

TEST(LinearForecast, AbsoluteLossIsMedianRegression) {
  // After a 0 come 10, 20 and 90 in turn, after each of those a 0. The line a + b x through (90, 0) loses
  // |a-10| + |a-20| + |a-90| + a (80/90 + 70/90), whose slope turns from -3 + 5/3 to -1 + 5/3 at a = 10: the
  // least. Squared loss: means 20 and 20, slope -2400 / 6200, so 27.74 at 0.
  std::vector<double> x;
  for (int i = 0; i < 40; ++i) x.insert(x.end(), {0, 10, 0, 20, 0, 90});
  const auto absolute = fit_linear_horizon(x, {}, 1, {.lags = 1, .seasons = {}, .loss = Loss::absolute});
  const auto squared = fit_linear_horizon(x, {}, 1, {.lags = 1, .seasons = {}, .loss = Loss::mse});
  ASSERT_TRUE(absolute && squared);
  const double zero[] = {0.0}, ten[] = {10.0};
  EXPECT_NEAR(forecast_linear(*absolute, zero), 10, 0.1);
  EXPECT_NEAR(forecast_linear(*absolute, ten), 10 - 10.0 / 9, 0.1);
  EXPECT_NEAR(forecast_linear(*squared, zero), 27.74, 0.1);
}

TEST(LinearForecast, ASeasonalLagSeesOneSeasonBeforeTheTarget) {
  // Independent from hour to hour, the same every day: only the value a day before the target tells.
  RandomStream random(5, 1);
  std::vector<double> day(24), x;
  for (double& v : day) v = 100 * random.unit();
  for (int i = 0; i < 24 * 20; ++i) x.push_back(day[static_cast<std::size_t>(i % 24)]);
  for (const std::size_t horizon : {1, 7, 24, 30}) {
    const auto fitted = fit_linear_horizon(x, {hour_ns, 0}, horizon, {.lags = 1, .seasons = {24}});
    ASSERT_TRUE(fitted);
    for (std::size_t now = 24 * 10; now < 24 * 11; ++now)
      EXPECT_NEAR(forecast_linear(*fitted, std::span(x).first(now + 1)), x[now + horizon], 1e-2) << horizon;
  }
}

TEST(LinearForecast, WavesTellTheTimeOfDay) {
  // Half a day before the epoch, one interval of 6 h a value: a sine of the time of day is all there is.
  std::vector<double> x;
  for (int k = -2; k < 200; ++k) x.push_back(10 + std::sin(2 * std::numbers::pi * k / 4));
  RandomStream random(2, 2);
  std::vector<double> noisy = x;
  for (double& v : noisy) v += 4 * (random.unit() - 0.5);  // so that the lag says little
  const auto fitted =
      fit_linear_horizon(noisy, {6 * hour_ns, -2}, 1, {.lags = 1, .seasons = {}, .day_waves = 1});
  ASSERT_TRUE(fitted);
  double error = 0;
  for (std::size_t now = 4; now + 1 < x.size(); ++now)
    error += std::abs(forecast_linear(*fitted, std::span(noisy).first(now + 1)) - x[now + 1]) / 200;
  EXPECT_LT(error, 0.25);  // the sine itself: 0.64; the noise: 1.0
}

TEST(LinearForecast, LogarithmsMakeGrowthALine) {
  std::vector<double> x;
  for (int i = 0; i < 60; ++i) x.push_back(std::expm1(1 + 0.05 * i));
  const auto fitted = fit_linear_horizon(x, {}, 10, {.lags = 2, .seasons = {}, .log = true});
  ASSERT_TRUE(fitted);
  EXPECT_NEAR(forecast_linear(*fitted, x) / std::expm1(1 + 0.05 * 69), 1, 1e-3);
}

TEST(LinearForecast, WhatIsNotKnownIsLeftOutAndSaidSo) {
  std::vector<double> x = second_order(30, 0);
  const auto whole = fit_linear_horizon(x, {}, 1, {.lags = 2, .seasons = {}});
  x[9] = nothing;
  const auto holed = fit_linear_horizon(x, {}, 1, {.lags = 2, .seasons = {}});
  ASSERT_TRUE(whole && holed);
  EXPECT_NEAR(weight_of(*holed, 0), 0.6, 1e-4);
  EXPECT_TRUE(std::isnan(forecast_linear(*holed, std::span(x).first(10))));
  EXPECT_TRUE(std::isnan(forecast_linear(*holed, std::span(x).first(11))));
  EXPECT_TRUE(std::isfinite(forecast_linear(*holed, std::span(x).first(12))));
  EXPECT_TRUE(std::isnan(forecast_linear(*holed, std::span(x).first(1))));
  EXPECT_TRUE(std::isnan(forecast_linear(*holed, {})));
  x[9] = -1;
  EXPECT_FALSE(fit_linear_horizon(x, {}, 1, {.lags = 2, .seasons = {}, .log = true}));
  EXPECT_FALSE(fit_linear_horizon(std::span(x).first(3), {}, 1, {.lags = 2, .seasons = {}}));
}

TEST(LinearForecast, MembersAreAveragedAndThoseWithoutAnAnswerLeftOut) {
  std::vector<double> x = second_order(60, 1);
  const auto near = fit_linear_horizon(x, {}, 1, {.lags = 1, .seasons = {}});
  const auto far = fit_linear_horizon(x, {}, 1, {.lags = 20, .seasons = {}});
  ASSERT_TRUE(near && far);
  const LinearForecast both({LinearMean{{*near, *far}}});
  double out = 0;
  both.forecast({&out, 1}, x);
  EXPECT_DOUBLE_EQ(out, (forecast_linear(*near, x) + forecast_linear(*far, x)) / 2);
  x[50] = nothing;
  both.forecast({&out, 1}, x);
  EXPECT_DOUBLE_EQ(out, forecast_linear(*near, x));
  both.forecast({&out, 1}, {});
  EXPECT_TRUE(std::isnan(out));
}

TEST(LinearChoice, FindsWhatMadeTheSeries) {
  const LinearInputs second = choose_linear_inputs(second_order(1500, 2), {hour_ns / 60, 0}, 1, {}).at(1);
  EXPECT_GE(second.lags, 2u);
  EXPECT_LE(second.lags, 5u);

  RandomStream random(8, 1);
  std::vector<double> day(24), daily;
  for (double& v : day) v = 50 + 100 * random.unit();
  for (std::size_t i = 0; i < 24 * 40; ++i) daily.push_back(day[i % 24] + random.unit());
  const LinearInputs seasonal = choose_linear_inputs(daily, {hour_ns, 0}, 6, calendar_seasons(hour_ns)).at(1);
  EXPECT_FALSE(seasonal.seasons.empty()) << seasonal.words();  // a week before tells as much as a day before
}

TEST(LinearChoice, ErrorIsTheGeometricMeanOfFourMeans) {
  // With all of the ridge the forecast is the value before. From 10 to 10 (1 + d) and back: relative errors d
  // / (1 + d) and d.
  std::vector<double> x(60, 10);
  double product = 1;
  for (const double d : {1.0, 0.5, 0.25, 0.1}) {
    for (int i = 0; i < 5; ++i) x.insert(x.end(), {10 * (1 + d), 10});
    product *= (d / (1 + d) + d) / 2;
  }
  EXPECT_NEAR(chained_error(x, {}, 1, {.lags = 1, .seasons = {}, .ridge = 1e12}), std::pow(product, 0.25),
              1e-6);
}

TEST(LinearChoice, NegativeValuesAndShortSeriesAreNoTrouble) {
  std::vector<double> x = second_order(300, 2);
  for (double& v : x) v -= 10;
  for (const LinearInputs& inputs : choose_linear_inputs(x, {}, 1, {24})) EXPECT_FALSE(inputs.log);
  EXPECT_TRUE(std::isinf(chained_error(std::span(x).first(4), {}, 1, {.lags = 1, .seasons = {}})));
  EXPECT_GE(choose_linear_inputs(std::span(x).first(4), {}, 1, {24}).front().lags, 1u);
}

TEST(LinearChoice, SeasonsAreWholeNumbersOfIntervals) {
  using Seasons = std::vector<std::size_t>;
  EXPECT_EQ(calendar_seasons(hour_ns), (Seasons{24, 168}));
  EXPECT_EQ(calendar_seasons(24 * hour_ns), (Seasons{7}));
  EXPECT_EQ(calendar_seasons(7 * hour_ns), (Seasons{24}));  // a week is 24 of 7 h, a day is not whole
}

}  // namespace
}  // namespace tidegauge
