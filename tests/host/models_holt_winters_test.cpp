#include "host/models/holt_winters.hpp"

#include <cmath>
#include <limits>
#include <numbers>

#include "kernels/core/random.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

double ahead(const HoltWintersForecast& model, std::span<const double> known) {
  double out = 0;
  model.forecast({&out, 1}, known);
  return out;
}

TEST(HoltWinters, DampedTrendByHand) {
  // alpha 1/2, beta 1/2, phi 1/2. Start: l = 8, b = 0.
  // 8: l = 8, b = 0.  12: l = 6 + 4 = 10, b = 1.  11: expected 10.5, l = 10.75, b = 0.375 + 0.25 = 0.625.
  const std::vector<double> x{8, 12, 11};
  const auto model = [](std::size_t horizon) {
    return HoltWintersForecast({{horizon, 0, {0.5, 0.5, 0, 0.5}}}, false);
  };
  EXPECT_DOUBLE_EQ(ahead(model(1), x), 10.75 + 0.5 * 0.625);
  EXPECT_DOUBLE_EQ(ahead(model(2), x), 10.75 + 0.75 * 0.625);
  EXPECT_DOUBLE_EQ(ahead(model(1), std::span(x).first(1)), 8);
  EXPECT_TRUE(std::isnan(ahead(model(1), {})));
  // A gap: the forecast 11.0625 stands in, so the level is that, and the trend only damps: 0.3125.
  const std::vector<double> holed{8, 12, 11, std::numeric_limits<double>::quiet_NaN()};
  EXPECT_DOUBLE_EQ(ahead(model(1), holed), 11.0625 + 0.5 * 0.3125);
  // No damping: the trend counts whole at every step.
  EXPECT_DOUBLE_EQ(ahead(HoltWintersForecast({{3, 0, {0.5, 0.5, 0, 1}}}, false), std::span(x).first(2)),
                   10 + 3);
}

TEST(HoltWinters, SeasonByHand) {
  // Season 2, first season 1, 3: l = 2, s = -1, 1; shown again they change nothing. alpha 1/2, beta 0, gamma
  // 1/2. 2: l = (2 + 1) / 2 + 2 / 2 = 2.5, s0 = (2 - 2) / 2 - 1 / 2 = -0.5.
  const std::vector<double> x{1, 3, 2};
  const auto model = [](std::size_t horizon) {
    return HoltWintersForecast({{horizon, 2, {0.5, 0, 0.5, 0.5}}}, false);
  };
  EXPECT_DOUBLE_EQ(ahead(model(1), std::span(x).first(2)), 1);
  EXPECT_DOUBLE_EQ(ahead(model(1), x), 3.5);
  EXPECT_DOUBLE_EQ(ahead(model(2), x), 2);
  EXPECT_DOUBLE_EQ(ahead(model(4), x), 2);
  EXPECT_TRUE(std::isnan(ahead(model(1), std::span(x).first(1))));
}

TEST(HoltWinters, SearchFindsALevelAndASeason) {
  // A level alone in noise: what is best hardly moves. A season without noise: nothing is left to err.
  RandomStream random(9, 9);
  std::vector<double> noise, season;
  for (int i = 0; i < 400; ++i) noise.push_back(-5 + random.unit());
  for (int i = 0; i < 240; ++i) season.push_back(10 + 3 * std::sin(2 * std::numbers::pi * i / 12));
  const auto level = HoltWintersForecast::fit(noise, 0, {1});
  ASSERT_TRUE(level);
  EXPECT_LT(level->horizons()[0].weights.alpha, 0.1);
  EXPECT_NEAR(ahead(*level, noise), -4.5, 0.1);
  const auto yearly = HoltWintersForecast::fit(season, 12, {5});
  ASSERT_TRUE(yearly);
  EXPECT_EQ(yearly->horizons()[0].season, 12u);
  EXPECT_NEAR(ahead(*yearly, season), 10 + 3 * std::sin(2 * std::numbers::pi * 4 / 12), 0.05);
  EXPECT_FALSE(HoltWintersForecast::fit(std::span(season).first(23), 12, {1}));
  EXPECT_FALSE(HoltWintersForecast::fit(std::span(season).first(2), 0, {1}));
}

}  // namespace
}  // namespace tidegauge
