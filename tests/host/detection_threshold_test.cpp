// The dynamic threshold on small windows whose mean, deviation and pruning can be followed by hand.
#include "host/detection/dynamic_threshold.hpp"

#include <cmath>

#include "tests/host/detection_causality.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

std::vector<double> quiet_errors(std::size_t rows) {
  std::vector<double> errors(rows);
  for (std::size_t i = 0; i < rows; ++i) errors[i] = i % 2 ? 1.1 : 0.9;
  return errors;
}

TEST(DynamicThreshold, APeakStandsOutAndIsMeasuredFromItsThreshold) {
  std::vector<double> errors = quiet_errors(101);
  errors[100] = 21;
  const std::vector<double> scores = dynamic_threshold(errors, {.window = 101, .least = 50});
  EXPECT_TRUE(std::isnan(scores[48]));
  EXPECT_EQ(scores[99], 0);
  // Mean (100 * 1 + 21) / 101; every z leaves the same rest, so the first of the ladder, 2.5, is taken.
  const double mean = 121.0 / 101, square = (100 * 1.01 + 441) / 101, deviation = std::sqrt(square - mean * mean);
  EXPECT_NEAR(scores[100], (21 - mean - 2.5 * deviation) / (mean + deviation), 1e-9);
}

TEST(DynamicThreshold, EqualErrorsAreNeverUnusual) {
  for (const double score : dynamic_threshold(std::vector<double>(60, 2.0), {.window = 30, .least = 10}))
    EXPECT_FALSE(score > 0);
}

TEST(DynamicThreshold, APeakThatFallsToTheOrdinaryByLessThanTheShareIsPruned) {
  std::vector<double> errors = quiet_errors(101);
  for (double& e : errors) e += 9;
  errors[100] = 21;  // the ordinary reaches 10.1: a fall by 51.9 %
  EXPECT_GT(dynamic_threshold(errors, {.window = 101, .least = 50, .prune = 0.51})[100], 0);
  EXPECT_EQ(dynamic_threshold(errors, {.window = 101, .least = 50, .prune = 0.53})[100], 0);
}

TEST(DynamicThreshold, EveryPointOfARunCountsWhereItsPeakIsLeft) {
  std::vector<double> errors = quiet_errors(102);
  errors[100] = 21;
  errors[101] = 20;
  EXPECT_GT(dynamic_threshold(errors, {.window = 102, .least = 50})[101], 0);
}

TEST(DynamicThreshold, KnowsNothingOfTheFuture) {
  expect_causal([](std::span<const double> x) {
    std::vector<double> sizes(x.begin(), x.end());
    for (double& e : sizes) e = std::abs(e);
    return dynamic_threshold(sizes, {.window = 60, .least = 20});
  });
}

}  // namespace
}  // namespace tidegauge
