#include "host/coverage.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <map>

#include "kernels/core/random.hpp"
#include "tests/oracle/series_oracle.hpp"

namespace tidegauge {
namespace {

constexpr std::int64_t ms = 1'000'000, s = 1'000 * ms;

struct Joint {
  const char* name;
  std::vector<Span> in, out;
  std::int64_t tolerance_ns = 10 * ms;
};

TEST(Coverage, JointsBelowTheToleranceClose) {
  const Joint table[] = {
      {"none", {}, {}},
      {"one", {{0, 5 * s}}, {{0, 5 * s}}},
      {"a single packet", {{7, 7}}, {{7, 7}}},
      {"gap of exactly the tolerance closes", {{0, s}, {s + 10 * ms, 2 * s}}, {{0, 2 * s}}},
      {"one nanosecond more does not", {{0, s}, {s + 10 * ms + 1, 2 * s}}, {{0, s}, {s + 10 * ms + 1, 2 * s}}},
      {"order does not matter", {{s + 1, 2 * s}, {0, s}}, {{0, 2 * s}}},
      {"overlap", {{0, 3 * s}, {s, 2 * s}}, {{0, 3 * s}}},
      {"the same twice", {{0, s}, {0, s}}, {{0, s}}},
      {"one inside, then a joint to the outer end", {{0, 9 * s}, {1 * s, 2 * s}, {9 * s + ms, 12 * s}}, {{0, 12 * s}}},
      {"before the epoch", {{-2 * s, -s}, {-s + 5 * ms, 0}}, {{-2 * s, 0}}},
      {"tolerance 0 joins touching ones only", {{0, 1}, {1, 2}, {3, 4}}, {{0, 2}, {3, 4}}, 0},
  };
  for (const Joint& row : table) EXPECT_EQ(close_joints(row.in, row.tolerance_ns), row.out) << row.name;
}

TEST(Coverage, ToleranceIsAHundredthAndAtLeastTenMilliseconds) {
  EXPECT_EQ(default_joint_tolerance_ns(ms), 10 * ms);
  EXPECT_EQ(default_joint_tolerance_ns(s), 10 * ms);
  EXPECT_EQ(default_joint_tolerance_ns(10 * s), 100 * ms);
  EXPECT_EQ(default_joint_tolerance_ns(3600 * s), 36 * s);
}

TEST(Coverage, CompleteMeansCoveredWithinTheTolerance) {
  struct Row { std::int64_t covered, interval; bool complete; };
  const Row table[] = {
      {s, s, true}, {s - 10 * ms, s, true}, {s - 10 * ms - 1, s, false}, {0, s, false},
      {10 * s - 100 * ms, 10 * s, true}, {10 * s - 100 * ms - 1, 10 * s, false},
      {90 * ms, 100 * ms, true}, {90 * ms - 1, 100 * ms, false},  // from here down a tenth is what may be missing
      {9 * ms, 10 * ms, true}, {9 * ms - 1, 10 * ms, false},
      {900'000, ms, true}, {899'999, ms, false}, {1, ms, false},
  };
  for (const Row& row : table)
    EXPECT_EQ(is_complete(row.covered, row.interval, default_joint_tolerance_ns(row.interval)), row.complete)
        << row.covered << " of " << row.interval;
}

std::map<std::int64_t, std::int64_t> walk(std::span<const Span> spans, std::int64_t interval_ns,
                                          std::optional<std::int64_t> first = {}, std::optional<std::int64_t> last = {}) {
  std::map<std::int64_t, std::int64_t> covered;
  for (CoveredIntervals at(spans, interval_ns, first, last); at.valid(); at.next()) {
    EXPECT_TRUE(covered.empty() || at.k() > covered.rbegin()->first) << "intervals ascend";
    covered[at.k()] = at.covered_ns();
  }
  EXPECT_EQ(count_covered_intervals(spans, interval_ns, first, last), covered.size());
  return covered;
}

using Covered = std::map<std::int64_t, std::int64_t>;

TEST(Coverage, WalksCoveredIntervals) {
  EXPECT_EQ(walk({}, s), Covered{});
  const Span one[] = {{s / 2, 2 * s + s / 4 - 1}};
  EXPECT_EQ(walk(one, s), (Covered{{0, s / 2}, {1, s}, {2, s / 4}}));
  EXPECT_EQ(walk(one, s, 1), (Covered{{1, s}, {2, s / 4}}));
  EXPECT_EQ(walk(one, s, 0, 1), (Covered{{0, s / 2}, {1, s}}));
  EXPECT_EQ(walk(one, s, 3, 9), Covered{});
  EXPECT_EQ(walk(one, s, -5, -1), Covered{});
  const Span boundary[] = {{s, s}};  // a packet exactly on a boundary belongs to the interval that begins there
  EXPECT_EQ(walk(boundary, s), (Covered{{1, 1}}));
  const Span shared[] = {{0, s / 4 - 1}, {s / 2, s - 1}, {3 * s, 4 * s - 1}};  // two spans in one interval, then a gap
  EXPECT_EQ(walk(shared, s), (Covered{{0, 3 * s / 4}, {3, s}}));
  const Span negative[] = {{-s - 1, -1}};
  EXPECT_EQ(walk(negative, s), (Covered{{-2, 1}, {-1, s}}));
}

TEST(Coverage, TheEndsOfTheClockDoNotOverflow) {
  constexpr auto lowest = std::numeric_limits<std::int64_t>::min(), highest = std::numeric_limits<std::int64_t>::max();
  const Span ends[] = {{lowest, lowest + 1}, {highest - 1, highest}};
  const auto covered = walk(ends, 86'400 * s);
  ASSERT_EQ(covered.size(), 2u);
  EXPECT_EQ(covered.begin()->second, 2);
  EXPECT_EQ(covered.rbegin()->second, 2);
  EXPECT_EQ(close_joints({ends[1], ends[0]}, s).size(), 2u);
}

TEST(Coverage, AgreesWithTheNaiveUnion) {
  constexpr std::uint64_t seed = 20260123;
  SCOPED_TRACE("seed " + std::to_string(seed));
  for (std::uint64_t round = 0; round < 300; ++round) {
    RandomStream random(seed, round);
    const std::int64_t interval = std::int64_t{1} << random.below(8), tolerance = static_cast<std::int64_t>(random.below(20));
    std::vector<Span> spans;
    std::vector<test::OracleSpan> naive;
    for (std::uint64_t i = random.below(12); i-- > 0;) {
      const auto first = static_cast<std::int64_t>(random.below(2000));
      const auto last = first + static_cast<std::int64_t>(random.below(200));
      spans.push_back({first, last});
      naive.push_back({first, last});
    }
    const auto joined = close_joints(spans, tolerance);
    EXPECT_EQ(walk(joined, interval), test::naive_coverage(naive, interval, tolerance)) << "round " << round;
  }
}

}  // namespace
}  // namespace tidegauge
