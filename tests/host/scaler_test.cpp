#include "host/scaler.hpp"

#include <limits>
#include <vector>

#include "tests/support.hpp"

namespace tidegauge {
namespace {

TEST(Scaler, BringsTheTrainingPartWhereItSays) {
  const std::vector<double> values = {2, 4, 6, 8};
  struct Row { ScalerKind kind; bool log; double x, scaled; };
  const Row rows[] = {
      {ScalerKind::none, false, 6, 6},
      {ScalerKind::none, true, 6, std::log(7)},
      {ScalerKind::minmax, false, 2, 0},
      {ScalerKind::minmax, false, 8, 1},
      {ScalerKind::minmax, false, 14, 2},
      {ScalerKind::minmax, true, 8, 1},
      {ScalerKind::standard, false, 5, 0},
      {ScalerKind::standard, false, 8, 3 / std::sqrt(5)},
  };
  for (const Row& row : rows) {
    const auto scaler = fit_scaler(row.kind, row.log, values);
    ASSERT_TRUE(scaler);
    EXPECT_NEAR(scaler->forward(row.x), row.scaled, 1e-12);
    EXPECT_NEAR(scaler->inverse(scaler->forward(row.x)), row.x, 1e-9);
  }
}

TEST(Scaler, ConstantColumnsKeepScaleOne) {
  for (double c : {0.0, 5.0, 0.1, 1e12})
    for (ScalerKind kind : {ScalerKind::minmax, ScalerKind::standard}) {
      const auto scaler = fit_scaler(kind, false, std::vector<double>(7, c));
      ASSERT_TRUE(scaler);
      EXPECT_EQ(scaler->scale, 1) << c;
      EXPECT_NEAR(scaler->inverse(scaler->forward(c)), c, 1e-3);
    }
}

TEST(Scaler, RefusesWhatCannotBeScaled) {
  EXPECT_FALSE(fit_scaler(ScalerKind::minmax, false, {}));
  EXPECT_FALSE(fit_scaler(ScalerKind::minmax, true, std::vector<double>{1, -1}));
  EXPECT_FALSE(fit_scaler(ScalerKind::minmax, false, std::vector<double>{1, std::numeric_limits<double>::quiet_NaN()}));
  EXPECT_FALSE(fit_scaler(ScalerKind::none, false, std::vector<double>{std::numeric_limits<double>::infinity()}));
  EXPECT_FALSE(scaler_by_name("maxmin"));
}

}  // namespace
}  // namespace tidegauge
