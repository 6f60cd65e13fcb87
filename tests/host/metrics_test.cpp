#include "host/metrics.hpp"

#include <cmath>
#include <vector>

#include "tests/support.hpp"

namespace tidegauge {
namespace {

TEST(Metrics, MatchTheirDefinitionsByHand) {
  const std::vector<double> actual = {2, 4, 0, 10}, predicted = {3, 3, 1, 10};
  const Metrics m = measure(predicted, actual, 2.0);
  EXPECT_EQ(m.points, 4u);
  EXPECT_DOUBLE_EQ(m.mae, 0.75);
  EXPECT_DOUBLE_EQ(m.rmse, std::sqrt(0.75));
  EXPECT_EQ(m.mape_left_out, 1u);
  EXPECT_NEAR(*m.mape, 100 * (0.5 + 0.25 + 0) / 3, 1e-12);
  EXPECT_NEAR(*m.smape, 100 * (2.0 / 5 + 2.0 / 7 + 2.0 / 1 + 0) / 4, 1e-12);
  EXPECT_DOUBLE_EQ(*m.mase, 0.375);
  EXPECT_NEAR(*m.r2, 1 - 3.0 / (4 + 0 + 16 + 36), 1e-12);
}

TEST(Metrics, LeaveOutWhatIsNotDefined) {
  const Metrics nothing = measure({}, {}, 1);
  EXPECT_EQ(nothing.points, 0u);
  EXPECT_FALSE(nothing.mape || nothing.smape || nothing.mase || nothing.r2);
  const std::vector<double> zeros = {0, 0};
  const Metrics m = measure(zeros, zeros, 0);
  EXPECT_FALSE(m.mape);
  EXPECT_EQ(m.mape_left_out, 2u);
  EXPECT_DOUBLE_EQ(*m.smape, 0);
  EXPECT_FALSE(m.mase);
  EXPECT_FALSE(m.r2);  // constant actual values
}

}  // namespace
}  // namespace tidegauge
