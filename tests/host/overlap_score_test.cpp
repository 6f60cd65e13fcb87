// Range precision and recall against the definition, place by place, and on cases worked out by hand.
#include "host/overlap_score.hpp"

#include <algorithm>
#include <vector>

#include "kernels/core/random.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

using Ranges = std::vector<IntervalRange>;

double weight_at(std::int64_t place, std::int64_t length, OverlapBias bias) {  // places from 1
  if (bias == OverlapBias::front) return static_cast<double>(length - place + 1);
  if (bias == OverlapBias::back) return static_cast<double>(place);
  if (bias == OverlapBias::middle) return static_cast<double>(place <= length / 2 ? place : length - place + 1);
  return 1;
}

double plain_mean(const Ranges& ranges, const Ranges& others, double alpha, OverlapBias bias) {
  double sum = 0;
  for (const IntervalRange& r : ranges) {
    double covered = 0, whole = 0;
    for (std::int64_t k = r.first_k; k <= r.last_k; ++k) {
      const double weight = weight_at(k - r.first_k + 1, r.last_k - r.first_k + 1, bias);
      whole += weight;
      if (std::any_of(others.begin(), others.end(), [&](const IntervalRange& o) { return o.first_k <= k && k <= o.last_k; }))
        covered += weight;
    }
    const auto touched = std::count_if(others.begin(), others.end(), [&](const IntervalRange& o) { return o.overlaps(r); });
    if (touched > 0) sum += alpha + (1 - alpha) * covered / whole / static_cast<double>(touched);
  }
  return ranges.empty() ? 0 : sum / static_cast<double>(ranges.size());
}

TEST(OverlapScore, EqualsTheDefinitionPlaceByPlace) {
  RandomStream random(5, 0);
  const auto some = [&](std::size_t most) {
    Ranges ranges;
    for (std::size_t i = random.below(most + 1); i > 0; --i) {
      const auto first = static_cast<std::int64_t>(random.below(60)) - 20;
      ranges.push_back({first, first + static_cast<std::int64_t>(random.below(12))});
    }
    return ranges;
  };
  for (int round = 0; round < 400; ++round) {
    const Ranges truth = some(6), detected = some(6);
    for (const OverlapBias bias : {OverlapBias::flat, OverlapBias::front, OverlapBias::middle, OverlapBias::back}) {
      const OverlapScore score = score_overlap(truth, detected, {.alpha = 0.25, .bias = bias});
      EXPECT_NEAR(score.recall, plain_mean(truth, detected, 0.25, bias), 1e-12) << round;
      EXPECT_NEAR(score.precision, plain_mean(detected, truth, 0, OverlapBias::flat), 1e-12) << round;
    }
  }
}

TEST(OverlapScore, ByHand) {
  // Half of a range of ten, found by one: 0.5; found by two pieces: half of that again.
  EXPECT_DOUBLE_EQ(score_overlap(Ranges{{0, 9}}, Ranges{{5, 14}}, {}).recall, 0.5);
  EXPECT_DOUBLE_EQ(score_overlap(Ranges{{0, 9}}, Ranges{{0, 2}, {8, 9}}, {}).recall, 0.25);
  EXPECT_DOUBLE_EQ(score_overlap(Ranges{{0, 9}}, Ranges{{5, 14}}, {.alpha = 1}).recall, 1);
  EXPECT_DOUBLE_EQ(score_overlap(Ranges{{0, 9}}, Ranges{{5, 14}}, {}).precision, 0.5);
  EXPECT_DOUBLE_EQ(score_overlap(Ranges{{0, 3}}, Ranges{{0, 0}}, {.bias = OverlapBias::front}).recall, 0.4);
  EXPECT_EQ(score_overlap({}, Ranges{{0, 1}}, {}).f1, 0);
}

}  // namespace
}  // namespace tidegauge
