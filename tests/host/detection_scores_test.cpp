// Scores of points on cases worked out by hand, against naive versions, and with the future changed.
#include "host/detection/point_scores.hpp"

#include <cmath>
#include <functional>
#include <limits>

#include "host/detection/window_moments.hpp"
#include "kernels/core/random.hpp"
#include "tests/host/detection_causality.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

TEST(WindowMoments, AgreeWithSumsOverTheWindowThroughLargeLevelShifts) {
  RandomStream random(1, 1);
  std::vector<double> all;
  WindowMoments moments(33);
  for (std::size_t i = 0; i < 500; ++i) {
    all.push_back((i > 200 && i < 260 ? 1e9 : 0) + random.unit());
    moments.push(all.back());
    const std::size_t n = std::min<std::size_t>(all.size(), 33);
    double mean = 0, squares = 0;
    for (std::size_t j = all.size() - n; j < all.size(); ++j) mean += all[j] / static_cast<double>(n);
    for (std::size_t j = all.size() - n; j < all.size(); ++j) squares += (all[j] - mean) * (all[j] - mean);
    if (i > 200 && i < 260 + 2 * 33) continue;  // sums of 1e18 leave no digits; they must be gone a window later
    ASSERT_NEAR(moments.mean(), mean, 1e-9) << i;
    ASSERT_NEAR(moments.deviation(), std::sqrt(squares / static_cast<double>(n)), 1e-9) << i;
  }
}

TEST(WindowMoments, EqualValuesDoNotDeviate) {
  WindowMoments moments(7);
  moments.push(5e8);
  for (int i = 0; i < 20; ++i) moments.push(0.1);
  EXPECT_EQ(moments.deviation(), 0);
}

TEST(RunningZ, HoldsAPointAgainstThoseBeforeItOnly) {
  const std::vector<double> z = running_z(std::vector<double>{1, 3, 1, 3, 6, 2}, {.window = 4, .least = 2});
  EXPECT_TRUE(std::isnan(z[1]));
  EXPECT_DOUBLE_EQ(z[2], -1);  // mean 2, deviation 1
  EXPECT_DOUBLE_EQ(z[4], 4);
  EXPECT_DOUBLE_EQ(z[5], (2 - 3.25) / std::sqrt(3.1875));  // 3 1 3 6
}

TEST(RunningZ, AMissingPointSaysNothingAndChangesNothing) {
  const std::vector<double> z = running_z(std::vector<double>{1, 3, none, 4}, {.window = 4, .least = 2});
  EXPECT_TRUE(std::isnan(z[2]));
  EXPECT_DOUBLE_EQ(z[3], 2);
}

TEST(RunningZ, AnythingNewAfterAConstantIsInfinitelyFar) {
  const std::vector<double> z = running_z(std::vector<double>{0.1, 0.1, 0.1, 0.1, -2}, {.window = 9, .least = 2});
  EXPECT_EQ(z[3], 0);
  EXPECT_EQ(z[4], -std::numeric_limits<double>::infinity());
}

TEST(WindowedGaussian, GivesTheTailOfTheNormalDistribution) {
  const std::vector<double> s = windowed_gaussian(std::vector<double>{1, 3, 4, 2, 2.5});
  EXPECT_EQ(s[0], 0);
  EXPECT_EQ(s[1], 1);                   // deviation 1e-6
  EXPECT_NEAR(s[2], 0.977249868, 1e-9); // two deviations above 2
  EXPECT_NEAR(s[3], 1 - 0.5 * std::erfc((8.0 / 3 - 2) / std::sqrt(14.0 / 9) / std::sqrt(2.0)), 1e-12);
  EXPECT_NEAR(s[4], 0.5, 1e-12);        // the mean
}

TEST(WindowedGaussian, SlidesByAHundredWhenTheWindowIsFull) {
  std::vector<double> values(6600);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = i < 6400 ? static_cast<double>(i % 2) : 100;
  const std::vector<double> s = windowed_gaussian(values);
  EXPECT_EQ(s[6400], s[6499]);  // still against the first 6400
  EXPECT_LT(s[6500], s[6499]);  // a hundred of the new level are known
  EXPECT_EQ(s[6500], s[6599]);
}

TEST(RangeExcess, MeasuresInUnitsOfTheRangeSeenSoFar) {
  const std::vector<double> s = range_excess(std::vector<double>{0, 10, 12, 5, -3, none, 12}, 2);
  EXPECT_TRUE(std::isnan(s[1]));
  EXPECT_DOUBLE_EQ(s[2], 0.2);
  EXPECT_EQ(s[3], 0);
  EXPECT_DOUBLE_EQ(s[4], -0.25);
  EXPECT_TRUE(std::isnan(s[5]));
  EXPECT_EQ(s[6], 0);
}

TEST(Smoothed, MovesByItsShare) {
  const std::vector<double> s = smoothed(std::vector<double>{8, 0, none, 4}, 0.25);
  EXPECT_EQ(s[0], 8);
  EXPECT_EQ(s[1], 6);
  EXPECT_TRUE(std::isnan(s[2]));
  EXPECT_EQ(s[3], 5.5);
}

TEST(TailLikelihood, IsTheTailOfTheRecentMeanOnALogScale) {
  const std::vector<double> errors{0, 2, 0, 2, 3, 100};
  const std::vector<double> s = tail_likelihood(errors, {.window = 4, .recent = 1, .least = 4});
  EXPECT_TRUE(std::isnan(s[3]));
  EXPECT_NEAR(s[4], -std::log10(0.0227501319) / 10, 1e-9);  // two deviations above 1
  EXPECT_DOUBLE_EQ(s[5], 1);
}

TEST(PointScores, KnowNothingOfTheFuture) {
  expect_causal([](std::span<const double> x) { return running_z(x, {.window = 40, .least = 5}); });
  expect_causal([](std::span<const double> x) { return windowed_gaussian(x); });
  expect_causal([](std::span<const double> x) { return range_excess(x, 10); });
  expect_causal([](std::span<const double> x) { return smoothed(x, 0.1); });
  expect_causal([](std::span<const double> x) { return tail_likelihood(x, {.window = 40, .recent = 4, .least = 20}); });
}

}  // namespace
}  // namespace tidegauge
