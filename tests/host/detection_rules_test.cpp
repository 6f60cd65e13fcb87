// Alarm rules on cases worked out by hand, and with the future changed.
#include "host/detection/alarm_rules.hpp"

#include <cmath>
#include <limits>

#include "tests/host/detection_causality.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();
using Scores = std::vector<double>;

TEST(Refractory, OnlyAWorsePointSpeaksWithinTheQuietTime) {
  EXPECT_EQ(refractory(Scores{1, 3, 2, -3, -4, 2}, 2), (Scores{1, 3, 0, 0, -4, 0}));
}

TEST(Refractory, EndsAfterTheQuietTime) {
  EXPECT_EQ(refractory(Scores{5, 1, 1, 4, 1}, 2), (Scores{5, 0, 0, 4, 0}));
  EXPECT_EQ(refractory(Scores{5, 1, 4, 1}, 2), (Scores{5, 0, 0, 0}));  // 4 lies within it, and so does 1 behind 4
}

TEST(Refractory, AtAnyThresholdTheFirstPointAboveItSpeaks) {
  RandomStream random(3, 1);
  Scores scores(300);
  for (double& s : scores) s = random.unit();
  const Scores kept = refractory(scores, 20);
  for (const double threshold : {0.5, 0.9, 0.99})
    for (std::size_t i = 0, last = SIZE_MAX; i < scores.size(); ++i) {
      if (scores[i] < threshold) continue;
      if (last == SIZE_MAX || i - last > 20) { EXPECT_EQ(kept[i], scores[i]) << threshold << " at " << i; }
      last = i;
    }
}

TEST(Lasting, IsWhatAllOfTheNewestReach) {
  EXPECT_EQ(lasting(Scores{3, 2, 4, -5, -6, 1}, 2), (Scores{0, 2, 2, 0, -5, 0}));
  EXPECT_EQ(lasting(Scores{3, -2}, 1), (Scores{3, -2}));
}

TEST(Lasting, DoesNotReachOverAMissingPoint) {
  const Scores held = lasting(Scores{3, none, 4, 5}, 2);
  EXPECT_TRUE(std::isnan(held[1]));
  EXPECT_EQ(held[2], 0);
  EXPECT_EQ(held[3], 4);
}

TEST(Stronger, ComparesSizesAndFillsWhatIsMissing) {
  const Scores s = stronger(Scores{1, -3, none, 2, none}, Scores{-2, 2, 1, none, none});
  EXPECT_EQ(Scores(s.begin(), s.begin() + 4), (Scores{-2, -3, 1, 2}));
  EXPECT_TRUE(std::isnan(s[4]));
}

TEST(AlarmRules, KnowNothingOfTheFuture) {
  expect_causal([](std::span<const double> x) { return refractory(x, 25); });
  expect_causal([](std::span<const double> x) { return lasting(x, 3); });
}

}  // namespace
}  // namespace tidegauge
