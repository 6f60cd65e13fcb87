#include "kernels/slope/slope.hpp"

#include <cmath>

#include "tests/kernels/slope_cases.hpp"
#include "tests/oracle/naive_slopes.hpp"

namespace tidegauge {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();
constexpr double infinite = std::numeric_limits<double>::infinity();
constexpr SlopeKind kinds[] = {SlopeKind::ratio, SlopeKind::absolute, SlopeKind::robust};

std::vector<double> slopes_of(const SlopeInput& input, SlopeKind kind) {
  std::vector<double> out(input.values.size(), -77.0);
  slopes_cpu(out, input, {kind});
  return out;
}

TEST(Slope, StepsByTheTable) {
  struct Row {
    const char* what;
    double before, now, ratio, absolute;
  };
  const Row rows[] = {
      {"doubles", 2, 4, 2, 1},
      {"same", 3, 3, 1, 0},
      {"falls to zero", 5, 0, 0, -2.5},
      {"rises from zero", 0, 5, infinite, 2.5},
      {"rises from negative zero", -0.0, 5, infinite, 2.5},
      {"falls from zero", 0, -5, -infinite, -2.5},
      {"zero to zero", 0, 0, none, 0},
      {"zero to negative zero", 0, -0.0, none, 0},
      {"negative", -2, 4, -2, 3},
      {"unknown before", none, 4, none, none},
      {"unknown now", 4, none, none, none},
      {"zero to unknown", 0, none, none, none},
      {"infinite now", 4, infinite, infinite, infinite},
      {"infinite before and now", infinite, infinite, none, none},
  };
  for (const Row& row : rows) {
    const std::vector<double> values{row.before, row.now};
    const std::vector<std::int64_t> k{-1, 0};
    const SlopeInput input{values, k, {}, 2'000'000'000};
    test::expect_same_bits(slopes_of(input, SlopeKind::ratio), {none, row.ratio},
                           std::string("ratio: ") + row.what);
    const auto absolute = slopes_of(input, SlopeKind::absolute);
    EXPECT_TRUE(absolute[1] == row.absolute || (std::isnan(absolute[1]) && std::isnan(row.absolute)))
        << row.what;
  }
}

TEST(Slope, NoneAcrossGapsAndIncompleteIntervals) {
  const std::vector<double> values{1, 2, 4, 8, 16, 32};
  const std::vector<std::int64_t> k{10, 11, 13, 14, 15, 16};
  const std::vector<std::uint8_t> complete{1, 1, 1, 1, 0, 1};
  const SlopeInput input{values, k, complete, 1'000'000'000};
  test::expect_same_bits(slopes_of(input, SlopeKind::ratio), {none, 2, none, 2, none, none}, "ratio");
  test::expect_same_bits(slopes_of(input, SlopeKind::absolute), {none, 1, none, 4, none, none}, "absolute");
}

TEST(Slope, GapsAtTheEndsOfTheNumberLine) {
  constexpr auto lowest = std::numeric_limits<std::int64_t>::min(),
                 highest = std::numeric_limits<std::int64_t>::max();
  const std::vector<double> values{1, 2, 4, 8};
  const std::vector<std::int64_t> k{lowest, lowest + 1, highest - 1, highest};
  test::expect_same_bits(slopes_of({values, k, {}, 1'000'000'000}, SlopeKind::ratio), {none, 2, none, 2},
                         "ratio");
}

TEST(Slope, RobustScoresCountDistancesFromTheMedian) {
  // Absolute slopes 1 2 3 4 5 (and one infinite): median 3, deviations 2 1 0 1 2, MAD 1.
  const std::vector<double> values{0, 1, 3, 6, 10, 15, infinite};
  const std::vector<std::int64_t> k{0, 1, 2, 3, 4, 5, 6};
  const double unit = 1.4826;
  test::expect_same_bits(slopes_of({values, k, {}, 1'000'000'000}, SlopeKind::robust),
                         {none, -2 / unit, -1 / unit, 0, 1 / unit, 2 / unit, infinite}, "robust");
}

TEST(Slope, RobustScoresWhereMostStepsAreTheSame) {
  const std::vector<double> values{1, 1, 1, 1, 4, 4, 3};
  const std::vector<std::int64_t> k{0, 1, 2, 3, 4, 5, 6};
  test::expect_same_bits(slopes_of({values, k, {}, 1'000'000'000}, SlopeKind::robust),
                         {none, 0, 0, 0, infinite, 0, -infinite}, "robust");
}

TEST(Slope, RobustScoresWithoutAnySlope) {
  const std::vector<double> values{1, 2};
  const std::vector<std::int64_t> k{0, 5};
  test::expect_same_bits(slopes_of({values, k, {}, 1}, SlopeKind::robust), {none, none}, "only gaps");
  EXPECT_TRUE(slopes_of({{}, {}, {}, 1}, SlopeKind::robust).empty());
}

TEST(Slope, EqualsTheOracle) {
  for (const std::size_t size : {0u, 1u, 2u, 3u, 31u, 32u, 33u, 1000u})
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      const test::SlopeCase made = test::random_slope_case(size, seed);
      for (const SlopeKind kind : kinds)
        test::expect_same_bits(slopes_of(made.input(), kind), oracle::slopes(made.input(), kind),
                               "size " + std::to_string(size) + ", seed " + std::to_string(seed) + ", kind " +
                                   std::to_string(static_cast<int>(kind)));
    }
}

TEST(Slope, KindsByName) {
  EXPECT_EQ(*slope_kind_by_name("ratio"), SlopeKind::ratio);
  EXPECT_EQ(*slope_kind_by_name("absolute"), SlopeKind::absolute);
  EXPECT_EQ(*slope_kind_by_name("robust"), SlopeKind::robust);
  for (const char* name : {"", "Ratio", "ratio ", "slope"}) {
    const auto kind = slope_kind_by_name(name);
    ASSERT_FALSE(kind) << name;
    EXPECT_EQ(kind.error().kind, ErrorKind::usage);
    EXPECT_NE(kind.error().message().find("ratio, absolute or robust"), std::string::npos)
        << kind.error().message();
  }
}

TEST(SlopeDeathTest, BrokenPromisesStopTheProgram) {
  const std::vector<double> values{1, 2};
  const std::vector<std::int64_t> k{0, 1};
  const std::vector<std::uint8_t> complete{1};
  std::vector<double> out(2), small(1);
  EXPECT_DEATH(slopes_cpu(small, {values, k, {}, 1}, {}), "one slope per value");
  EXPECT_DEATH(slopes_cpu(out, {values, {}, {}, 1}, {}), "one interval number per value");
  EXPECT_DEATH(slopes_cpu(out, {values, k, complete, 1}, {}), "one mark per value");
  EXPECT_DEATH(slopes_cpu(out, {values, k, {}, 0}, {}), "an interval has a length");
}

}  // namespace
}  // namespace tidegauge
