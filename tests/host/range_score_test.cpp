#include "host/range_score.hpp"

#include <functional>

#include "kernels/core/random.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

// The one published result of the system that this one grew from.
TEST(RangeScore, PairCountGivesThePublishedFigures) {
  const std::vector<IntervalRange> ranges = {{12, 22}, {43, 53}, {54, 64}, {72, 82}, {78, 88}};
  const std::vector<std::int64_t> detections = {17, 22, 29, 44, 51, 62, 63, 78, 84, 85, 86};
  const RangeScore score = score_pairs(ranges, detections);
  EXPECT_EQ(score.true_positives, 9u);
  EXPECT_EQ(score.false_positives, 2u);
  EXPECT_EQ(score.false_negatives, 0u);
  EXPECT_NEAR(score.precision, 0.818, 0.0005);
  EXPECT_DOUBLE_EQ(score.recall, 1.0);
  EXPECT_NEAR(score.f1, 0.9, 1e-12);
  // One to one, the same detections as single intervals find each range once, and the rest are false alarms.
  std::vector<IntervalRange> points;
  for (std::int64_t d : detections) points.push_back({d, d});
  const RangeScore strict = score_one_to_one(ranges, points);
  EXPECT_EQ(strict.true_positives, 5u);
  EXPECT_EQ(strict.false_positives, 6u);
}

TEST(RangeScore, CountsPairsInOverlappingRangesOnceEach) {
  const std::vector<IntervalRange> ranges = {{0, 10}, {5, 15}, {20, 30}};
  const std::vector<std::int64_t> detections = {7, 10, 5, 40};
  const RangeScore score = score_pairs(ranges, detections);
  EXPECT_EQ(score.true_positives, 4u);   // 7 in both, 10 in the second, 5 in the first
  EXPECT_EQ(score.false_positives, 1u);  // 40
  EXPECT_EQ(score.false_negatives, 1u);  // 20..30
}

TEST(RangeScore, EmptySidesScoreZero) {
  const std::vector<IntervalRange> one = {{1, 2}};
  for (const RangeScore& s : {score_one_to_one({}, {}), score_one_to_one(one, {}), score_one_to_one({}, one),
                              score_pairs(one, {}), score_pairs({}, std::vector<std::int64_t>{1})}) {
    EXPECT_EQ(s.true_positives, 0u);
    EXPECT_EQ(s.precision, 0);
    EXPECT_EQ(s.recall, 0);
    EXPECT_EQ(s.f1, 0);
  }
}

/// Maximum matching by augmenting paths (Kuhn), over all pairs.
std::size_t brute_force(const std::vector<IntervalRange>& a, const std::vector<IntervalRange>& b) {
  std::vector<int> owner(b.size(), -1);
  std::vector<bool> tried;
  const std::function<bool(std::size_t)> augment = [&](std::size_t i) {
    for (std::size_t j = 0; j < b.size(); ++j) {
      const bool apart = a[i].last_k < b[j].first_k || b[j].last_k < a[i].first_k;
      if (apart || tried[j]) continue;
      tried[j] = true;
      if (owner[j] >= 0 && !augment(static_cast<std::size_t>(owner[j]))) continue;
      owner[j] = static_cast<int>(i);
      return true;
    }
    return false;
  };
  std::size_t size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    tried.assign(b.size(), false);
    size += augment(i);
  }
  return size;
}

TEST(RangeScore, GreedyMatchingIsMaximal) {
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    RandomStream r(seed, 1);
    const auto draw = [&](std::size_t count) {
      std::vector<IntervalRange> ranges;
      for (std::size_t i = 0; i < count; ++i) {
        const auto first = static_cast<std::int64_t>(r.below(30));
        ranges.push_back({first, first + static_cast<std::int64_t>(r.below(r.below(2) ? 4 : 15))});
      }
      return ranges;
    };
    const auto truth = draw(r.below(9)), detected = draw(r.below(9));
    const RangeScore score = score_one_to_one(truth, detected);
    ASSERT_EQ(score.true_positives, brute_force(truth, detected)) << "seed " << seed;
    std::vector<bool> used(detected.size());
    for (const RangeMatch& m : score.matches) {
      EXPECT_TRUE(truth[m.truth].overlaps(detected[m.detection])) << "seed " << seed;
      EXPECT_FALSE(used[m.detection]) << "seed " << seed;
      used[m.detection] = true;
    }
  }
}

}  // namespace
}  // namespace tidegauge
