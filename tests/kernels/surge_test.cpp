#include "kernels/slope/surge.hpp"

#include "kernels/slope/surge_rule.hpp"
#include "tests/kernels/surge_cases.hpp"

namespace tidegauge {
namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

TEST(Surge, EqualsTheOracle) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    const test::SurgeCase made = test::random_surge_case(seed % 6, seed % 3 == 0 ? 3 : 60, seed);
    for (const SurgeRule& rule : test::every_surge_rule()) {
      Surges got;
      surges_cpu(got, made.input(), rule);
      test::expect_same_surges(got, oracle::surges(made.input(), rule),
                               "seed " + std::to_string(seed) + ", " + test::words_of(rule));
      if (HasFatalFailure()) return;
    }
  }
}

TEST(Surge, SeriesDoNotReachIntoEachOther) {
  const std::vector<double> values{1, 1, 9, 81, 1, 1};
  const std::vector<std::int64_t> k{0, 1, 2, 3, 4, 5};  // the second series goes on where the first ends
  const std::uint64_t begin[] = {0, 3, 3, 6};
  Surges got;
  surges_cpu(got, {{values, k, {}, 1'000'000'000}, begin}, {.threshold = 2.0, .error = 5});
  ASSERT_EQ(got.ranges.size(), 1u);
  EXPECT_EQ(got.ranges[0], (Surge{0, true, 0, 2, 2, 9, 1}));
  EXPECT_TRUE(std::isnan(got.slopes[3]));
}

TEST(Surge, MiddlesNeitherOverflowNorLoseSmallNumbers) {
  constexpr double large = 1.7e308, small = 5e-324;
  EXPECT_EQ(middle_of(1, 2), 1.5);
  EXPECT_EQ(middle_of(large, large), large);
  EXPECT_EQ(middle_of(-large, large), 0);
  EXPECT_EQ(middle_of(small, small), small);
  EXPECT_EQ(middle_of(0, small), 0);
}

TEST(Surge, OrderedBitsKeepTheOrder) {
  const double ascending[] = {-infinite, -1.7e308, -1, -5e-324, 0, 5e-324, 1, 1.7e308, infinite};
  for (std::size_t i = 0; i < std::size(ascending); ++i) {
    EXPECT_EQ(of_ordered_bits(ordered_bits(ascending[i])), ascending[i]);
    EXPECT_LT(ordered_bits(ascending[i]), no_order);
    EXPECT_TRUE(i == 0 || ordered_bits(ascending[i - 1]) < ordered_bits(ascending[i]));
  }
  EXPECT_EQ(ordered_bits(-0.0), ordered_bits(0.0));
}

TEST(SurgeDeathTest, BrokenPromisesStopTheProgram) {
  const std::vector<double> values{1, 2};
  const std::vector<std::int64_t> k{0, 1};
  const SlopeInput points{values, k, {}, 1};
  const std::uint64_t whole[] = {0, 2}, short_of_it[] = {0, 1}, back[] = {0, 2, 1, 2};
  Surges out;
  const SurgeRule rule{.threshold = 1.0};
  EXPECT_DEATH(surges_cpu(out, {points, {}}, rule), "take up all rows");
  EXPECT_DEATH(surges_cpu(out, {points, short_of_it}, rule), "take up all rows");
  EXPECT_DEATH(surges_cpu(out, {points, back}, rule), "follow each other");
  EXPECT_DEATH(surges_cpu(out, {points, whole}, {}), "a threshold, or a quantile");
}

}  // namespace
}  // namespace tidegauge
