#include "host/features.hpp"

#include <cmath>
#include <numbers>

#include "host/models/baselines.hpp"
#include "tests/host/series_fixtures.hpp"

namespace tidegauge {
namespace {

constexpr std::int64_t hour = 3'600'000'000'000;

IntervalSeries two_columns() {
  IntervalSeries s;
  s.interval_ns = 6 * hour;
  s.columns = {"a", "b"};
  for (std::int64_t i = 0; i < 8; ++i) {
    s.k.push_back(i - 2);  // before the epoch too
    s.values.insert(s.values.end(), {static_cast<double>(i), 100.0 - static_cast<double>(i)});
    s.complete.push_back(1);
  }
  return s;
}

TEST(Features, HoldColumnsThenTimesOfDayAndWeek) {
  TrainSettings settings;
  settings.column = std::string("b");
  settings.extra_columns = {"a"};
  settings.time_of_day = settings.time_of_week = true;
  const IntervalSeries s = two_columns();
  const std::vector<Scaler> scalers = {{ScalerKind::none, false, 90, 10}, {ScalerKind::none, false, 0, 1}};
  const auto matrix = make_features(s, settings, scalers);
  ASSERT_TRUE(matrix);
  ASSERT_EQ(matrix->feature_count, 6u);
  for (std::size_t row = 0; row < s.size(); ++row) {
    const float* f = &matrix->features[row * 6];
    EXPECT_FLOAT_EQ(f[0], static_cast<float>((100.0 - static_cast<double>(row) - 90) / 10));
    EXPECT_EQ(f[0], matrix->targets[row]);
    EXPECT_FLOAT_EQ(f[1], static_cast<float>(row));
    const double day = 2 * std::numbers::pi * static_cast<double>(s.k[row]) / 4, week = day / 7;
    EXPECT_NEAR(f[2], std::sin(day), 1e-6);
    EXPECT_NEAR(f[3], std::cos(day), 1e-6);
    EXPECT_NEAR(f[4], std::sin(week), 1e-6);
    EXPECT_NEAR(f[5], std::cos(week), 1e-6);
  }
}

TEST(Features, ScalersSeeOnlyCompleteRowsOfTheTrainingPart) {
  TrainSettings settings;
  settings.column = std::string("a");
  IntervalSeries s = two_columns();
  s.complete[3] = 0;
  s.values[3 * 2] = 1e9;
  s.values[7 * 2] = -1e9;
  const auto scalers = fit_scalers(s, settings, {0, 6});
  ASSERT_TRUE(scalers);
  EXPECT_EQ(scalers->at(0).offset, 0);
  EXPECT_EQ(scalers->at(0).scale, 5);
}

TEST(Baselines, SeasonIsAWeekOrADayIfTheTrainingPartHoldsTwo) {
  struct Row { std::int64_t interval; std::size_t rows, given, season; };
  for (const Row& row : {Row{hour, 24 * 14, 0, 168}, Row{hour, 24 * 14 - 1, 0, 24}, Row{hour, 47, 0, 0},
                         Row{hour, 47, 5, 5}, Row{24 * hour, 100, 0, 7}, Row{24 * hour, 13, 0, 0},
                         Row{7 * hour, 1000, 0, 24}, Row{11 * hour, 1000, 0, 0}})
    EXPECT_EQ(choose_season(row.interval, row.rows, row.given), row.season) << row.interval / hour << " " << row.rows;
}

TEST(Baselines, SeasonalValueUsesOnlyWhatWasKnown) {
  IntervalSeries s = test::series_of({0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  EXPECT_EQ(seasonal_value(s, 0, 9, 1, 4), 5);
  EXPECT_EQ(seasonal_value(s, 0, 9, 4, 4), 5);
  EXPECT_EQ(seasonal_value(s, 0, 9, 5, 4), 1);  // interval 5 was not yet there
  EXPECT_TRUE(std::isnan(seasonal_value(s, 0, 3, 1, 4)));
  s.complete[5] = 0;
  EXPECT_TRUE(std::isnan(seasonal_value(s, 0, 9, 1, 4)));
}

TEST(Baselines, OneStepChangeStaysInsideSegmentsAndThePart) {
  IntervalSeries s = test::series_of({0, 1, 100, 103, 200, 900});
  s.k[2] += 5, s.k[3] += 5, s.k[4] += 5, s.k[5] += 5;
  EXPECT_DOUBLE_EQ(mean_one_step_change(s, 0, {0, 4}), (1 + 3) / 2.0);
  EXPECT_DOUBLE_EQ(mean_one_step_change(s, 0, {0, 1}), 0);
}

}  // namespace
}  // namespace tidegauge
