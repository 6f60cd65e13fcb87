// The default detector: what each of its rules finds, when, and that it looks back only.
#include "host/detection/detector.hpp"

#include <cmath>
#include <limits>
#include <numbers>

#include "tests/host/detection_causality.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

constexpr std::int64_t hour = 3'600'000'000'000, day = 24 * hour;

std::vector<std::int64_t> hours(std::size_t rows) {
  std::vector<std::int64_t> times(rows);
  for (std::size_t i = 0; i < rows; ++i) times[i] = static_cast<std::int64_t>(i) * hour;
  return times;
}

/// Days between 0 and 100 with a little noise, by the hour.
std::vector<double> daily(std::size_t rows) {
  RandomStream random(5, 2);
  std::vector<double> values(rows);
  for (std::size_t i = 0; i < rows; ++i)
    values[i] = 50 - 50 * std::cos(static_cast<double>(i) * std::numbers::pi / 12) + random.unit();
  return values;
}

std::vector<std::size_t> alarms(const std::vector<double>& scores) {
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < scores.size(); ++i)
    if (std::abs(scores[i]) >= 1) rows.push_back(i);
  return rows;
}

TEST(ChangesSince, CompareWithTheNewestValueThatIsOldEnough) {
  const std::vector<std::int64_t> times{0, hour, day + hour / 2, day + hour, 3 * day};
  const std::vector<double> changes = changes_since({times, std::vector<double>{1, 3, 10, 20, 5}}, day);
  EXPECT_TRUE(std::isnan(changes[0]) && std::isnan(changes[1]));
  EXPECT_EQ(changes[2], 9);   // against row 0
  EXPECT_EQ(changes[3], 17);  // against row 1
  EXPECT_TRUE(std::isnan(changes[4]));  // the newest old enough is most of a day older
}

TEST(Detector, ADayThatDoesNotRiseIsFoundThoughNoValueAndNoSlopeIsNew) {
  std::vector<double> values = daily(400);
  for (std::size_t i = 288; i < 312; ++i) values[i] = values[i % 2 + 264];  // midnight all day
  const std::vector<std::int64_t> times = hours(400);
  const std::vector<double> scores = detector_scores({times, values}, {}, {});
  ASSERT_FALSE(alarms(scores).empty());
  const std::size_t first = alarms(scores).front();
  EXPECT_GE(first, 289u);
  EXPECT_LE(first, 291u);
  EXPECT_LT(scores[first], -1);  // a fall
  EXPECT_TRUE(alarms(detector_scores({times, values}, {}, {.season_ns = 0})).empty());
}

TEST(Detector, WhatLiesOutsideEverythingSeenIsFoundThoughErrorsAreNot) {
  std::vector<double> values = daily(400);
  values[300] = 110;
  const std::vector<double> errors(400, 0.0);
  const std::vector<std::int64_t> times = hours(400);
  EXPECT_EQ(alarms(detector_scores({times, values}, errors, {})), (std::vector<std::size_t>{300}));
  EXPECT_TRUE(alarms(detector_scores({times, values}, errors, {.range_margin = 0})).empty());
}

TEST(Detector, TakesTheErrorsOfAModelWhereThereAreSome) {
  const std::vector<double> values = daily(400);
  std::vector<double> errors(400);
  RandomStream random(2, 9);
  for (double& e : errors) e = random.unit();
  errors[300] = 20;
  EXPECT_EQ(alarms(detector_scores({hours(400), values}, errors, {})), (std::vector<std::size_t>{300}));
}

TEST(Detector, WaitsAsLongAsAnAlarmMustLast) {
  const std::vector<std::int64_t> times = hours(400);
  std::vector<double> values = daily(400);
  values[250] = 150;
  for (std::size_t i = 300; i < 303; ++i) values[i] = 200 + 60 * static_cast<double>(i - 300);
  EXPECT_EQ(alarms(detector_scores({times, values}, {}, {.lasting = 3})), (std::vector<std::size_t>{302}));
}

TEST(Detector, KnowsNothingOfTheFuture) {
  expect_causal([](std::span<const double> x) {
    return detector_scores({hours(x.size()), x}, {}, {.z = {.window = 60, .least = 20}, .lasting = 2});
  });
  expect_causal([](std::span<const double> x) { return detector_scores({hours(x.size()), x}, x, {}); });
}

}  // namespace
}  // namespace tidegauge
