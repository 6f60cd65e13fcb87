#include "host/models/conformal.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/core/random.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

TEST(Conformal, TakesTheRankThatThePromiseNeeds) {
  // Errors 1, 2, 3, 4 in a series around 0: absolute. ceil(5 * 0.8) = 4, ceil(5 * 0.6) = 3; 0.9 asks for a
  // fifth.
  const std::vector<double> predicted{0, 0, unknown, 0, 0, 0}, actual{-3, 1, 50, 4, -2, unknown};
  const ConformalBand wide(predicted, actual, 0.8), narrow(predicted, actual, 0.6),
      unsure(predicted, actual, 0.9);
  EXPECT_FALSE(wide.is_relative());
  EXPECT_EQ(wide.around(10).low, 6);
  EXPECT_EQ(wide.around(10).high, 14);
  EXPECT_EQ(narrow.width(), 3);
  EXPECT_TRUE(std::isinf(unsure.width()));
  EXPECT_DOUBLE_EQ(conformal_coverage(narrow, predicted, actual), 0.75);
  EXPECT_TRUE(std::isinf(ConformalBand({}, {}, 0.5).around(1).high));
  EXPECT_EQ(conformal_coverage(wide, {}, {}), 0);
}

TEST(Conformal, WidensWithTheTrafficWhereEverythingIsPositive) {
  const std::vector<double> predicted{10, 20, 40}, actual{11, 18, 52};  // 10 %, 10 %, 30 %
  const ConformalBand band(predicted, actual, 0.5);
  EXPECT_TRUE(band.is_relative());
  EXPECT_NEAR(band.around(200).low, 180, 1e-9);
  EXPECT_NEAR(band.around(200).high, 220, 1e-9);
}

TEST(Conformal, HoldsTheShareThatItPromises) {
  // 1,000 calibration errors: the coverage of new ones is Beta distributed with a deviation of 0.0095, theirs
  // over 4,000 has 0.0047; four times both together is 0.043.
  RandomStream random(1, 5);
  std::vector<double> predicted(5000, 100), actual;
  for (int i = 0; i < 5000; ++i)
    actual.push_back(100 * (1 + 0.3 * std::pow(random.unit(), 3) - 0.1 * random.unit()));
  const ConformalBand band{std::span(predicted).first(1000), std::span(actual).first(1000), 0.9};
  EXPECT_NEAR(conformal_coverage(band, std::span(predicted).subspan(1000), std::span(actual).subspan(1000)),
              0.9, 0.043);
}

}  // namespace
}  // namespace tidegauge
