// NAB's scorer on cases worked out by hand. S(y) = 2 / (1 + e^5y) - 1 = -tanh(2.5 y).
#include "host/nab_score.hpp"

#include <cmath>
#include <limits>

#include "tests/support.hpp"

namespace tidegauge {
namespace {

const NabProfile standard = nab_profiles[0], low_fp = nab_profiles[1], low_fn = nab_profiles[2];

/// 100 rows, so 15 of probation; detections at `rows`.
NabFile file_of(std::vector<NabWindow> windows, std::initializer_list<std::size_t> rows) {
  NabFile file{std::vector<double>(100, 0.0), std::move(windows)};
  for (const std::size_t row : rows) file.scores[row] = 1;
  return file;
}
NabScore score(const NabFile& file, const NabProfile& profile) { return nab_score({&file, 1}, 0.5, profile); }
double s(double y) { return -std::tanh(2.5 * y); }

TEST(NabScore, ProbationIsFifteenPercentAndAtMost750Rows) {
  EXPECT_EQ(nab_probation(100), 15u);
  EXPECT_EQ(nab_probation(99), 14u);
  EXPECT_EQ(nab_probation(5000), 750u);
  EXPECT_EQ(nab_probation(22695), 750u);
}

TEST(NabScore, AWindowFoundAtItsLeftEndIsPerfect) {
  for (const NabProfile& profile : nab_profiles) {
    const NabScore found = score(file_of({{50, 59}}, {50}), profile);
    EXPECT_NEAR(found.normalised, 100, 1e-12) << profile.name;
    EXPECT_EQ(found.found, 1u);
    EXPECT_EQ(found.false_positives, 0u);
  }
}

TEST(NabScore, NothingDetectedIsZero) {
  for (const NabProfile& profile : nab_profiles) {
    const NabScore none = score(file_of({{50, 59}, {80, 89}}, {}), profile);
    EXPECT_EQ(none.normalised, 0) << profile.name;
    EXPECT_EQ(none.raw, -2 * profile.false_negative);
  }
}

TEST(NabScore, OnlyTheBestOfSeveralDetectionsInAWindowCounts) {
  // Row 54 of [50, 59]: d = 6 of width 10.
  const double worth = s(-0.6) / s(-1);
  const NabScore two = score(file_of({{50, 59}}, {54, 58, 59}), standard);
  EXPECT_NEAR(two.raw, worth, 1e-12);
  EXPECT_NEAR(two.normalised, 100 * (worth + 1) / 2, 1e-12);
  EXPECT_NEAR(score(file_of({{50, 59}}, {54}), low_fn).normalised, 100 * (worth + 2) / 3, 1e-12);
}

TEST(NabScore, FalsePositivesCostMoreTheFartherBehindAWindow) {
  // Before any window the whole weight; 3 rows behind [50, 59] S(3 / 9); from 27 rows on the whole weight again.
  EXPECT_NEAR(score(file_of({{50, 59}}, {30, 50}), standard).raw, 1 - 0.11, 1e-12);
  EXPECT_NEAR(score(file_of({{50, 59}}, {50, 62}), standard).raw, 1 + 0.11 * s(3.0 / 9), 1e-12);
  EXPECT_NEAR(score(file_of({{50, 59}}, {50, 62}), low_fp).raw, 1 + 0.22 * s(3.0 / 9), 1e-12);
  EXPECT_NEAR(score(file_of({{50, 59}}, {50, 86}), standard).raw, 1 - 0.11, 1e-12);
  const NabScore many = score(file_of({{50, 59}}, {30, 31, 32, 50}), standard);
  EXPECT_EQ(many.false_positives, 3u);
  EXPECT_NEAR(many.normalised, 100 * (1 - 0.33 + 1) / 2, 1e-12);
}

TEST(NabScore, ProbationIsNotScored) {
  EXPECT_NEAR(score(file_of({{50, 59}}, {0, 14, 50}), standard).normalised, 100, 1e-12);
  EXPECT_NEAR(score(file_of({{50, 59}}, {15, 50}), standard).raw, 1 - 0.11, 1e-12);
  // A window that begins in the probation: what is left of it is worth what it was, no less.
  EXPECT_NEAR(score(file_of({{10, 19}}, {12, 16}), standard).raw, s(-0.4) / s(-1), 1e-12);
  // One that lies in it altogether is none.
  EXPECT_EQ(score(file_of({{2, 9}, {50, 59}}, {5, 50}), standard).windows, 1u);
}

TEST(NabScore, ARowCountsFromTheThresholdOn) {
  NabFile file = file_of({{50, 59}}, {});
  file.scores[52] = 0.5;
  file.scores[70] = std::nextafter(0.5, 0);
  file.scores[71] = std::nan("");
  const NabScore found = nab_score({&file, 1}, 0.5, standard);
  EXPECT_EQ(found.found, 1u);
  EXPECT_EQ(found.false_positives, 0u);
}

TEST(NabScore, TheOptimumIsOneThresholdForAllFiles) {
  NabFile files[2] = {file_of({{50, 59}}, {}), file_of({{40, 49}}, {})};
  files[0].scores[50] = 0.9;
  files[0].scores[30] = 0.6;
  files[1].scores[40] = 0.7;
  files[1].scores[90] = 0.8;
  const NabOptimum best = nab_optimum(files, standard);
  EXPECT_EQ(best.threshold, 0.7);  // the false positive at 0.8 costs 0.11, the second window is worth 2
  EXPECT_NEAR(best.score.raw, 1 + 1 - 0.11, 1e-12);
  EXPECT_NEAR(best.score.normalised, nab_score(files, best.threshold, standard).normalised, 1e-12);
  // Where every detection costs more than it finds, nothing is the best.
  NabFile noise = file_of({}, {});
  for (std::size_t row = 0; row < 100; ++row) noise.scores[row] = 1;
  EXPECT_EQ(nab_optimum({&noise, 1}, standard).threshold, std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(nab_optimum({&noise, 1}, standard).score.normalised));
}

}  // namespace
}  // namespace tidegauge
