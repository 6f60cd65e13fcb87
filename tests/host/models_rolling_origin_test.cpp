#include "host/models/rolling_origin.hpp"

#include <cmath>
#include <limits>

#include "host/models/linear_choice.hpp"
#include "host/models/naive_models.hpp"
#include "kernels/core/random.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

using Fitted = Expected<std::unique_ptr<ForecastModel>>;

template <class Model, class... Arguments>
FitForecastModel always(const Arguments&... arguments) {
  return [=](std::span<const double>) -> Fitted {
    return std::unique_ptr<ForecastModel>(new Model(arguments...));
  };
}

std::vector<double> noisy_walk(std::size_t rows) {
  RandomStream random(4, 4);
  std::vector<double> x{100};
  while (x.size() < rows) x.push_back(0.9 * x.back() + 10 + 5 * random.unit());
  return x;
}

TEST(RollingOrigin, EveryTargetIsForecastFromItsOwnOrigin) {
  const std::vector<double> x{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  const auto rolled = roll_forecasts("persistence", x, {{1, 3}, 6}, always<PersistenceForecast>());
  ASSERT_TRUE(rolled);
  EXPECT_EQ(rolled->predicted[0], (std::vector<double>{5, 6, 7, 8}));
  EXPECT_EQ(rolled->predicted[1], (std::vector<double>{3, 4, 5, 6}));
  const std::vector<std::size_t> horizons{1, 3};
  const auto seasonal =
      roll_forecasts("seasonal", x, {horizons, 6}, always<SeasonalForecast>(std::size_t{2}, horizons));
  ASSERT_TRUE(seasonal);
  EXPECT_EQ(seasonal->predicted[0], (std::vector<double>{4, 5, 6, 7}));
  EXPECT_EQ(seasonal->predicted[1],
            (std::vector<double>{2, 3, 4, 5}));  // two seasons back: one is not known yet
}

TEST(RollingOrigin, FitsOnWhatLiesBeforeTheTestPartOrAnewAsAsked) {
  const std::vector<double> x(20, 1);
  std::vector<std::size_t> fits;
  const FitForecastModel noting = [&](std::span<const double> known) -> Fitted {
    fits.push_back(known.size());
    return std::unique_ptr<ForecastModel>(new PersistenceForecast);
  };
  ASSERT_TRUE(roll_forecasts("once", x, {{1, 2}, 10}, noting));
  EXPECT_EQ(fits, (std::vector<std::size_t>{10}));
  fits.clear();
  ASSERT_TRUE(roll_forecasts("anew", x, {{1, 2}, 10, 4}, noting));
  EXPECT_EQ(fits, (std::vector<std::size_t>{10, 14, 18}));
  const FitForecastModel failing = [](std::span<const double>) -> Fitted { return Error{"cannot", "", ""}; };
  EXPECT_FALSE(roll_forecasts("fails", x, {{1}, 10}, failing));
}

/// Forecasts of targets that lie before `changed` must not know what comes from there on.
void expect_no_look_ahead(const FitForecastModel& fit) {
  std::vector<double> x = noisy_walk(400);
  const RollingPlan plan{{1, 6}, 300};
  const auto before = roll_forecasts("model", x, plan, fit);
  const std::size_t changed = 350;
  for (std::size_t i = changed; i < x.size(); ++i) x[i] = i % 2 ? 1e6 : missing;
  const auto after = roll_forecasts("model", x, plan, fit);
  ASSERT_TRUE(before && after);
  for (std::size_t h = 0; h < 2; ++h) {
    // The origin lies `horizon` before the target: everything up to that origin is as it was.
    for (std::size_t target = 300; target < changed + plan.horizons[h]; ++target)
      EXPECT_EQ(before->predicted[h][target - 300], after->predicted[h][target - 300]) << h << " " << target;
    EXPECT_NE(before->predicted[h][changed + plan.horizons[h] + 1 - 300],
              after->predicted[h][changed + plan.horizons[h] + 1 - 300]);
  }
}

TEST(RollingOrigin, ChangingTheFutureChangesNothingBefore) {
  expect_no_look_ahead(always<PersistenceForecast>());
  expect_no_look_ahead([](std::span<const double> known) -> Fitted {
    auto fitted = fit_chosen_linear(known, {3'600'000'000'000, 0}, {1, 6});
    if (!fitted) return std::move(fitted).error();
    return std::unique_ptr<ForecastModel>(new LinearForecast(std::move(*fitted)));
  });
}

TEST(RollingOrigin, ErrorsAreMeasuredWhereEveryModelHasAValue) {
  const std::vector<double> series{9, 9, 10, missing, 20, 0, 40};
  const RolledForecasts a{"a", {1}, 2, {{11, 1, 18, 3, missing}}}, b{"b", {1}, 2, {{10, 1, 25, 0, 40}}};
  const RolledForecasts both[] = {a, b};
  const RolledErrors errors = rolled_errors(series, both, 0, 2);
  EXPECT_EQ(errors.targets, (std::vector<std::size_t>{2, 4, 5}));
  EXPECT_EQ(errors.relative[0], (std::vector<double>{10, 10, 0}));
  EXPECT_DOUBLE_EQ(*errors.metrics[0].mape, 10);
  EXPECT_DOUBLE_EQ(errors.metrics[0].mae, 2);
  EXPECT_DOUBLE_EQ(*errors.metrics[0].mase, 1);
  EXPECT_DOUBLE_EQ(errors.pinball[0], 1);
  EXPECT_DOUBLE_EQ(*errors.metrics[1].mape, 12.5);
}

TEST(RollingOrigin, PinballLossLeansTowardsItsQuantile) {
  const std::vector<double> predicted{10, 10}, actual{14, 8};
  EXPECT_DOUBLE_EQ(pinball_loss(predicted, actual, 0.9), (0.9 * 4 + 0.1 * 2) / 2);
  EXPECT_DOUBLE_EQ(pinball_loss(predicted, actual, 0.5), 1.5);
  EXPECT_EQ(pinball_loss({}, {}, 0.5), 0);
}

TEST(BootstrapDifference, OfAConstantIsThatConstantAndOfNoiseHoldsNothing) {
  const std::vector<double> a(100, 3), b(100, 1);
  const BootstrapDifference sure = bootstrap_difference(a, b, 10, 1);
  EXPECT_NEAR(sure.mean, 2, 1e-12);
  EXPECT_NEAR(sure.low, 2, 1e-12);
  EXPECT_NEAR(sure.high, 2, 1e-12);
  EXPECT_TRUE(sure.is_clear());
  EXPECT_FALSE(bootstrap_difference({}, {}, 10, 1).is_clear());
}

TEST(BootstrapDifference, IntervalIsTheStandardErrorOfBlocks) {
  // Independent uniform values of variance 1/12: 1.96 standard errors of the mean of 4,000 are 0.00895; the
  // interval is that within a tenth. With every value eight times the standard error is sqrt(8) times as
  // large, which only blocks can see; a block cuts two of its ten eights, which leaves 0.98 of that, and 50
  // blocks are sure to a tenth.
  RandomStream random(6, 1);
  std::vector<double> single, repeated;
  for (int i = 0; i < 4000; ++i) single.push_back(random.unit());
  for (int i = 0; i < 4000; ++i) repeated.push_back(single[static_cast<std::size_t>(i / 8)]);
  const std::vector<double> zero(4000, 0);
  const auto half_width = [&](const std::vector<double>& a, std::size_t block) {
    const BootstrapDifference d = bootstrap_difference(a, zero, block, 7);
    EXPECT_LT(d.low, d.mean);
    EXPECT_GT(d.high, d.mean);
    return (d.high - d.low) / 2;
  };
  EXPECT_NEAR(half_width(single, 1) / 0.00895, 1, 0.1);
  EXPECT_NEAR(half_width(repeated, 80) / half_width(repeated, 1), std::sqrt(8), 0.4);
  EXPECT_EQ(half_width(single, 5), half_width(single, 5));
}

}  // namespace
}  // namespace tidegauge
