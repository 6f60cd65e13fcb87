#include "host/labeller.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "host/alert_budget.hpp"
#include "tests/host/series_fixtures.hpp"

namespace tidegauge {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double none = std::numeric_limits<double>::quiet_NaN();

LabelSettings with_threshold(double threshold, std::size_t error, const char* direction = "rising") {
  LabelSettings s;
  s.threshold = threshold;
  s.error = error;
  EXPECT_TRUE(set_direction(s, direction));
  return s;
}

LabelOutcome must_label(const IntervalSeries& series, const LabelSettings& settings) {
  const auto backend = make_cpu_backend(1);
  auto outcome = label_series(series, 0, settings, *backend);
  EXPECT_TRUE(outcome) << outcome.error().message();
  return outcome ? std::move(*outcome) : LabelOutcome{};
}

using Ranges = std::vector<LabelledRange>;

TEST(Labeller, DetectsStrictlyAboveTheThreshold) {
  //                                          1.3 exactly        2x      0->5  5->0
  const IntervalSeries s = test::series_of({10, 13, 13, 26, 26, 0, 0, 5, 0});
  EXPECT_EQ(must_label(s, with_threshold(1.3, 0)).labels.detections, (std::vector<std::int64_t>{3, 7}));
  EXPECT_EQ(must_label(s, with_threshold(1.3 - 1e-9, 0)).labels.detections, (std::vector<std::int64_t>{1, 3, 7}));
  // Falling is the mirror image: x[i-1] / x[i], infinite when something falls to nothing.
  EXPECT_EQ(must_label(s, with_threshold(1.3, 0, "falling")).labels.detections, (std::vector<std::int64_t>{5, 8}));
  const Labels both = must_label(s, with_threshold(1.3, 0, "both")).labels;
  EXPECT_EQ(both.detections, (std::vector<std::int64_t>{3, 5, 7, 8}));
  ASSERT_EQ(both.ranges.size(), 4u);
  EXPECT_EQ(both.ranges[2], (LabelledRange{7, 7, 7, Direction::rising, inf, 1}));
  EXPECT_EQ(both.ranges[3], (LabelledRange{8, 8, 8, Direction::falling, 0, 1}));
  EXPECT_EQ(both.source, "series");
  EXPECT_EQ(both.column, "value");
}

TEST(Labeller, AFallToAThirdIsAsStrongAsARiseToThreeTimes) {
  const std::vector<double> up = {10, 30}, down = {30, 10};
  for (double threshold : {2.9, 3.1}) {
    const auto rises = must_label(test::series_of(up), with_threshold(threshold, 0, "rising")).labels.detections.size();
    const auto falls = must_label(test::series_of(down), with_threshold(threshold, 0, "falling")).labels.detections.size();
    EXPECT_EQ(rises, falls);
    EXPECT_EQ(rises, threshold < 3 ? 1u : 0u);
  }
}

TEST(Labeller, MergesOverlappingRangesOfOneDirection) {
  std::vector<double> x(40, 10);
  x[10] = 20;             // rise at 10, fall at 11
  x[14] = 40;             // rise at 14 (the peak), fall at 15
  x[30] = 20;
  const Labels l = must_label(test::series_of(x), with_threshold(1.3, 2)).labels;
  EXPECT_EQ(l.ranges, (Ranges{{8, 16, 14, Direction::rising, 4, 2}, {28, 32, 30, Direction::rising, 2, 1}}));
  // Touching without a common interval stays apart: 8..12 and 13..17.
  x[14] = 10;
  x[15] = 20;
  EXPECT_EQ(must_label(test::series_of(x), with_threshold(1.3, 2)).labels.ranges.size(), 3u);
  // Directions never merge with each other.
  EXPECT_EQ(must_label(test::series_of(x), with_threshold(1.3, 2, "both")).labels.ranges.size(), 6u);
}

TEST(Labeller, ClipsAtGapsIncompleteIntervalsAndEnds) {
  std::vector<double> x(12, 10);
  x[1] = x[5] = 20;
  IntervalSeries s = test::series_of(x);
  for (std::size_t i = 7; i < 12; ++i) s.k[i] += 100;  // a gap after row 6
  EXPECT_EQ(must_label(s, with_threshold(1.3, 3)).labels.ranges,
            (Ranges{{0, 6, 1, Direction::rising, 2, 2}}));
  s = test::series_of(x);
  s.complete[3] = 0;
  EXPECT_EQ(must_label(s, with_threshold(1.3, 3)).labels.ranges,
            (Ranges{{0, 2, 1, Direction::rising, 2, 1}, {4, 8, 5, Direction::rising, 2, 1}}));
  // No slope across the gap, however steep.
  s = test::series_of({10, 100});
  s.k[1] = 5;
  EXPECT_TRUE(must_label(s, with_threshold(1.3, 3)).labels.detections.empty());
}

TEST(Labeller, SeedCompatibleNeitherMergesNorClips) {
  const IntervalSeries s = test::series_of({10, 20, 40, 40});
  LabelSettings settings = with_threshold(1.3, 5);
  settings.seed_compatible = true;
  EXPECT_EQ(must_label(s, settings).labels.ranges,
            (Ranges{{-4, 6, 1, Direction::rising, 2, 1}, {-3, 7, 2, Direction::rising, 2, 1}}));
}

TEST(Labeller, RangesEndWhereTimesEnd) {
  constexpr std::int64_t day = 86'400'000'000'000;
  LabelSettings settings = with_threshold(1.3, max_label_error);
  settings.seed_compatible = true;
  const auto ranges = must_label(test::series_of({10, 20}, day), settings).labels.ranges;
  ASSERT_EQ(ranges.size(), 1u);
  EXPECT_EQ(ranges[0].first_k, -106'750);  // 2^63 ns are 106,751 days
  EXPECT_EQ(ranges[0].last_k, 106'750);
}

TEST(Labeller, KnowsAbsoluteAndRobustSlopes) {
  IntervalSeries s = test::series_of({0, 1, 2, 13, 14, 4}, 2'000'000'000);
  LabelSettings settings = with_threshold(5, 0, "both");
  settings.kind = SlopeKind::absolute;  // 11 in 2 s is 5.5 a second; -10 is -5
  EXPECT_EQ(must_label(s, settings).labels.detections, (std::vector<std::int64_t>{3}));
  settings.threshold = 4.9;
  EXPECT_EQ(must_label(s, settings).labels.detections, (std::vector<std::int64_t>{3, 5}));
  settings = LabelSettings{};
  settings.kind = SlopeKind::robust;
  settings.error = 0;
  s = test::waves(200);
  s.values[100] += 100'000;
  EXPECT_EQ(must_label(s, settings).labels.detections, (std::vector<std::int64_t>{100}));
}

TEST(Labeller, RobustResidualsAndSlopesHaveOneRuleWhereMostAreTheSame) {
  // Steps and residuals (of a forecast of 0) are the same numbers; more than half are 0, so the MAD is 0.
  const std::vector<double> steps = {0, 0, 0, 7, 0, -7, 0, 0};
  std::vector<double> levels = {100};
  for (double step : steps) levels.push_back(levels.back() + step);
  LabelSettings settings;
  settings.kind = SlopeKind::robust;
  settings.rising = settings.falling = true;
  settings.error = 0;
  const Labels by_slope = must_label(test::series_of(levels), settings).labels;
  const Forecast forecast{"lstm", "value", 1'000'000'000, 1, {1, 2, 3, 4, 5, 6, 7, 8}, std::vector<double>(8, 0), steps};
  const auto backend = make_cpu_backend(1);
  const auto by_residual = label_forecast(forecast, DetectMethod::residual, settings, 2, *backend);
  ASSERT_TRUE(by_residual) << by_residual.error().message();
  EXPECT_EQ(by_slope.ranges, (Ranges{{4, 4, 4, Direction::rising, inf, 1}, {6, 6, 6, Direction::falling, -inf, 1}}));
  EXPECT_EQ(by_residual->labels.ranges, by_slope.ranges);
}

TEST(Labeller, LearnsAQuantile) {
  std::vector<double> x = {100};
  for (int i = 1; i <= 10; ++i) x.push_back(x.back() * (1 + 0.1 * i));  // slopes 1.1, 1.2, ..., 2.0
  LabelSettings settings;
  settings.error = 0;
  settings.quantile = 0.8;
  const LabelOutcome outcome = must_label(test::series_of(x), settings);
  EXPECT_NEAR(outcome.threshold, 1.8, 1e-12);
  EXPECT_EQ(outcome.labels.detections, (std::vector<std::int64_t>{9, 10}));
  settings.learn_before_k = 6;  // slopes 1.1 to 1.5
  EXPECT_NEAR(must_label(test::series_of(x), settings).threshold, 1.4, 1e-12);
}

TEST(Labeller, StaysWithinAnAlertBudget) {
  // Four weeks of minutes with noise: never more alerts than asked for, and one notch lower would be too many.
  IntervalSeries s = test::waves(28 * 24 * 60, 3, 60'000'000'000);
  for (const char* text : {"0/week", "1/month", "2/week", "1/day", "1/hour"}) {
    LabelSettings settings;
    settings.budget = *parse_budget(text);
    settings.error = 5;
    settings.falling = true;
    const LabelOutcome outcome = must_label(s, settings);
    const double most = settings.budget->alerts * 28 * 86400e9 / static_cast<double>(settings.budget->per_ns);
    EXPECT_LE(static_cast<double>(outcome.labels.ranges.size()), most) << text;
    settings.budget.reset();
    settings.threshold = std::nextafter(outcome.threshold, 0);
    EXPECT_GT(static_cast<double>(must_label(s, settings).labels.ranges.size()), most) << text;
  }
}

/// Ranges that a threshold leaves, counted anew.
std::size_t count_ranges(const std::vector<Candidate>& all, double threshold, std::int64_t reach, bool merge) {
  std::size_t ranges = 0;
  for (bool rising : {false, true}) {
    std::vector<std::pair<std::uint32_t, std::int64_t>> at;
    for (const Candidate& c : all)
      if (c.rising == rising && c.strength > threshold) at.emplace_back(c.segment, c.k);
    std::sort(at.begin(), at.end());
    for (std::size_t i = 0; i < at.size(); ++i)
      ranges += !merge || i == 0 || at[i].first != at[i - 1].first || at[i].second - at[i - 1].second > reach;
  }
  return ranges;
}

TEST(AlertBudget, IsTheLowestThresholdThatNoHigherOneBreaks) {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    RandomStream r(seed, 4);
    std::vector<Candidate> all;
    for (std::int64_t k = 0; k < 40; ++k)
      for (bool rising : {false, true})
        if (r.below(3) > 0)
          all.push_back({r.below(20) == 0 ? inf : static_cast<double>(r.below(15)), k, static_cast<std::uint32_t>(k / 13), rising});
    const auto reach = static_cast<std::int64_t>(r.below(6));
    const double most = static_cast<double>(r.below(12));
    const bool merge = r.below(4) > 0;
    const double threshold = threshold_for_budget(all, reach, merge, most);
    // Candidate thresholds from the top: the first that breaks the budget ends the allowed ones.
    double expected = inf;
    for (double t : {inf, 14., 13., 12., 11., 10., 9., 8., 7., 6., 5., 4., 3., 2., 1., 0., -1.}) {
      if (static_cast<double>(count_ranges(all, t, reach, merge)) > most) break;
      expected = t;
    }
    const auto same = [&](double t) { return count_ranges(all, t, 0, false); };  // thresholds that select the same
    EXPECT_EQ(same(threshold), same(expected)) << "seed " << seed;
  }
}

TEST(Labeller, ComparesAForecastWithWhatCame) {
  Forecast f;
  f.model = "lstm";
  f.column = "bytes";
  f.interval_ns = 1'000'000'000;
  f.k = {100, 101, 102, 103, 110, 111};
  f.predicted = {10, 10, 10, -3, 10, 10};
  f.actual = {10, 31, 2, 5, none, 0};
  const auto backend = make_cpu_backend(1);
  const auto found = [&](LabelSettings settings, DetectMethod method = DetectMethod::residual) {
    const auto outcome = label_forecast(f, method, settings, 2, *backend);
    EXPECT_TRUE(outcome);
    EXPECT_EQ(outcome->labels.source, "lstm");
    return outcome->labels.detections;
  };
  using Ks = std::vector<std::int64_t>;
  EXPECT_EQ(found(with_threshold(3, 0)), (Ks{101, 103}));            // 103: something came where nothing was forecast
  EXPECT_EQ(found(with_threshold(3, 0, "falling")), (Ks{102, 111}));
  LabelSettings absolute = with_threshold(7.9, 0, "both");
  absolute.kind = SlopeKind::absolute;
  EXPECT_EQ(found(absolute), (Ks{101, 102, 103, 111}));
  f.interval_ns = 2'000'000'000;  // per second, as the slope of the series: 21 in 2 s is 10.5
  EXPECT_EQ(found(absolute), (Ks{101}));
}

// The seed: prediction j against j + 1, a fall by more than 1.1, counted at j, where prediction j speaks of interval
// j + look_back.
TEST(Labeller, SlopeOfAForecastIsIndexedByWhatItSpeaksOf) {
  Forecast f;
  f.model = "lstm";
  f.interval_ns = 1'000'000'000;
  const std::size_t look_back = 2;
  for (std::int64_t j = 0; j < 10; ++j) {
    f.k.push_back(j + 2);
    f.predicted.push_back(j < 6 ? 100 : 50);  // prediction 5 against 6 falls
    f.actual.push_back(none);
  }
  const auto backend = make_cpu_backend(1);
  LabelSettings settings = with_threshold(1.1, 1, "falling");
  auto outcome = label_forecast(f, DetectMethod::slope, settings, look_back, *backend);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->labels.detections, (std::vector<std::int64_t>{8}));  // prediction 6 speaks of interval 8
  settings.seed_compatible = true;
  outcome = label_forecast(f, DetectMethod::slope, settings, look_back, *backend);
  EXPECT_EQ(outcome->labels.detections, (std::vector<std::int64_t>{5}));
}

/// Ten days by the hour with a little noise.
IntervalSeries ten_days() {
  RandomStream random(4, 1);
  std::vector<double> values;
  for (int hour = 0; hour < 240; ++hour) values.push_back(100 + 50 * std::sin(hour * 0.2617993878) + random.unit());
  return test::series_of(values, 3'600'000'000'000);
}

TEST(Labeller, ByTheRulesASeriesIsHeldAgainstTheDayBefore) {
  IntervalSeries s = ten_days();
  const auto backend = make_cpu_backend(1);
  s.values[210] += 30;  // in the trough, so inside the range
  LabelSettings settings;
  settings.error = 2;
  const auto found = label_series(s, 0, settings, *backend, DetectMethod::rules);
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->threshold, 1);
  ASSERT_EQ(found->labels.ranges.size(), 1u);
  EXPECT_EQ(found->labels.ranges[0].first_k, 208);
  EXPECT_EQ(found->labels.ranges[0].last_k, 212);
  settings.rules.z_limit = 0;
  EXPECT_TRUE(label_series(s, 0, settings, *backend, DetectMethod::rules)->labels.ranges.empty());
  // A row that is only partly covered is no value.
  settings.rules.z_limit = 5;
  s.complete[210] = 0;
  EXPECT_TRUE(label_series(s, 0, settings, *backend, DetectMethod::rules)->labels.ranges.empty());
}

TEST(Labeller, ByTheRulesAForecastIsHeldAgainstWhatCame) {
  const IntervalSeries s = ten_days();
  RandomStream random(9, 1);
  Forecast f{"ar", "value", s.interval_ns, 1, s.k, {}, s.values};
  for (const double value : s.values) f.predicted.push_back(value + random.unit());
  f.predicted[150] += 20;  // less came than was forecast
  const auto backend = make_cpu_backend(1);
  LabelSettings settings = with_threshold(1, 0, "falling");
  EXPECT_EQ(label_forecast(f, DetectMethod::rules, settings, 1, *backend)->labels.detections, (std::vector<std::int64_t>{150}));
  settings.rules.lasting = 2;
  EXPECT_TRUE(label_forecast(f, DetectMethod::rules, settings, 1, *backend)->labels.detections.empty());
}

TEST(Labeller, ReadsBudgetsAndRefusesMistakes) {
  EXPECT_DOUBLE_EQ(parse_budget("0.5/hour")->alerts, 0.5);
  EXPECT_EQ(parse_budget("2/week")->per_ns, 604'800'000'000'000);
  for (const char* text : {"", "2", "/week", "2/", "2/fortnight", "-1/day", "nan/day", "2 /week", "inf/day"})
    EXPECT_FALSE(parse_budget(text)) << text;
  LabelSettings bad;
  bad.threshold = 1;
  bad.quantile = 2;
  const auto status = check_label_settings(bad);
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().what.find("one of"), std::string::npos);
  EXPECT_NE(status.error().what.find("--quantile"), std::string::npos);
  LabelSettings far = with_threshold(1, max_label_error);
  EXPECT_TRUE(check_label_settings(far));
  ++far.error;
  EXPECT_FALSE(check_label_settings(far));
  LabelSettings absolute;
  absolute.kind = SlopeKind::absolute;
  EXPECT_FALSE(check_label_settings(absolute));
  EXPECT_FALSE(set_direction(bad, "up"));
}

}  // namespace
}  // namespace tidegauge
