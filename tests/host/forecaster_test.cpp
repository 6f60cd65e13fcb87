#include "host/forecaster.hpp"

#include <cmath>

#include "host/evaluation.hpp"
#include "host/trainer.hpp"
#include "tests/host/series_fixtures.hpp"

namespace tidegauge {
namespace {

TrainSettings small() {
  TrainSettings s;
  s.column = "value";
  s.look_back = 5;
  s.horizon = 3;
  s.hidden = 4;
  s.epochs = 1;
  s.season = 6;
  return s;
}

Model must_train(const IntervalSeries& series, const TrainSettings& settings) {
  const auto backend = make_cpu_backend(1);
  auto outcome = train_model(series, settings, *backend, {});
  EXPECT_TRUE(outcome) << outcome.error().message();
  return outcome ? std::move(outcome->model) : Model{};
}

ForecastSet must_forecast(const Model& model, const IntervalSeries& series, std::int64_t from_k) {
  const auto backend = make_cpu_backend(1);
  auto set = forecast_series(model, series, *backend, from_k);
  EXPECT_TRUE(set) << set.error().message();
  return set ? std::move(*set) : ForecastSet{};
}

TEST(Forecaster, IndexesEachForecastByTheIntervalThatItSpeaksOf) {
  const IntervalSeries series = test::waves(100);
  const Model model = must_train(series, small());
  ASSERT_EQ(model.training_end_k, 70);
  const ForecastSet set = must_forecast(model, series, model.training_end_k);
  for (std::size_t o = 0; o < 3; ++o) {
    const auto step = static_cast<std::int64_t>(o) + 1;
    const Forecast& p = set.persistence[o];
    ASSERT_EQ(p.k.size(), 31u);  // first speaks of 70 (its look-back is training), the last window speaks of what follows
    EXPECT_EQ(p.k.front(), 69 + step);
    EXPECT_EQ(p.k.back(), 99 + step);
    for (std::size_t i = 0; i < p.k.size(); ++i) {
      const auto k = static_cast<std::size_t>(p.k[i]);
      EXPECT_EQ(p.predicted[i], series.values[k - o - 1]);
      if (k < 100) {
        EXPECT_EQ(p.actual[i], series.values[k]);
        EXPECT_EQ(set.lstm[o].actual[i], series.values[k]);
        EXPECT_EQ(set.seasonal[o].predicted[i], series.values[k - 6]);
      } else {
        EXPECT_TRUE(std::isnan(p.actual[i]));
      }
      EXPECT_EQ(set.lstm[o].k[i], p.k[i]);
      EXPECT_EQ(set.linear[o].k[i], p.k[i]);
      EXPECT_TRUE(std::isfinite(set.lstm[o].predicted[i]));
    }
  }
}

// The same intervals must get the same forecast whatever else is asked for.
TEST(Forecaster, TheTestPartIsTheEndOfEverything) {
  const IntervalSeries series = test::waves(100);
  const Model model = must_train(series, small());
  const ForecastSet all = must_forecast(model, series, 0), part = must_forecast(model, series, 70);
  EXPECT_EQ(all.lstm[0].k.front(), 5);
  const std::size_t offset = all.lstm[0].k.size() - part.lstm[0].k.size();
  for (std::size_t i = 0; i < part.lstm[0].k.size(); ++i)
    EXPECT_EQ(part.lstm[0].predicted[i], all.lstm[0].predicted[offset + i]);
}

TEST(Forecaster, NoWindowReachesOverAGap) {
  IntervalSeries series = test::waves(100);
  const Model model = must_train(series, small());
  for (std::size_t i = 80; i < 100; ++i) series.k[i] += 10;
  series.complete[95] = 0;
  const ForecastSet set = must_forecast(model, series, 70);
  const Forecast& f = set.lstm[0];
  std::vector<std::int64_t> expected;
  for (std::int64_t k = 70; k <= 80; ++k) expected.push_back(k);    // 80 follows the last interval before the gap
  for (std::int64_t k = 95; k <= 105; ++k) expected.push_back(k);   // five intervals after it; row 95 is interval 105
  EXPECT_EQ(f.k, expected);
  EXPECT_TRUE(std::isnan(f.actual[10]));     // nothing came
  EXPECT_TRUE(std::isnan(f.actual.back()));  // incomplete
}

TEST(Forecaster, UndoesTheScale) {
  const IntervalSeries series = test::waves(100);
  for (bool log : {false, true}) {
    TrainSettings settings = small();
    settings.log1p = log;
    settings.scaler = ScalerKind::standard;
    const ForecastSet set = must_forecast(must_train(series, settings), series, 70);
    for (std::size_t i = 0; i < 30; ++i) EXPECT_NEAR(set.lstm[0].predicted[i], set.lstm[0].actual[i], 200);
  }
}

TEST(Forecaster, SaysWhyThereIsNoForecast) {
  IntervalSeries series = test::waves(100);
  const Model model = must_train(series, small());
  const auto backend = make_cpu_backend(1);
  EXPECT_FALSE(first_unseen(model, test::waves(70)));
  EXPECT_EQ(first_unseen(model, series), 70);
  IntervalSeries coarse = series;
  coarse.interval_ns *= 2;
  const auto refused = forecast_series(model, coarse, *backend, 0);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("interval"), std::string::npos);
  std::fill(series.complete.begin(), series.complete.end(), std::uint8_t{0});
  EXPECT_FALSE(forecast_series(model, series, *backend, 0));
  IntervalSeries other = test::waves(100);
  other.columns = {"bytes"};
  const auto column = forecast_series(model, other, *backend, 0);
  ASSERT_FALSE(column);
  EXPECT_NE(column.error().message().find("one of: bytes"), std::string::npos);
}

TEST(Evaluation, PrintsEveryModelOnTheSamePoints) {
  const IntervalSeries series = test::waves(100);
  const Model model = must_train(series, small());
  const Evaluation e = evaluate(must_forecast(model, series, 70), model);
  ASSERT_EQ(e.rows.size(), 16u);  // four models, all steps together and three steps
  for (const MetricsRow& row : e.rows) {
    const std::size_t points = row.step == 0 ? 30 + 29 + 28 : 31 - row.step;
    EXPECT_EQ(row.metrics.points, points) << row.name << " " << row.step;
  }
  const std::string table = metrics_table(e);
  for (const char* name : {"LSTM(4) + linear", "AR(5)", "persistence", "seasonal (6)"})
    EXPECT_NE(table.find(name), std::string::npos) << table;
  EXPECT_NE(table.find(e.verdict), std::string::npos);
}

TEST(Evaluation, SaysWhetherTheLstmHelped) {
  const IntervalSeries series = test::waves(100);
  const Model model = must_train(series, small());
  ForecastSet set = must_forecast(model, series, 70);
  set.lstm = set.linear;
  for (Forecast& f : set.lstm) f.model = "lstm";
  Evaluation e = evaluate(set, model);
  EXPECT_FALSE(e.lstm_helped);
  EXPECT_NE(e.verdict.find("did not help: AR(5) is as good"), std::string::npos) << e.verdict;
  for (Forecast& f : set.lstm)
    for (double& p : f.predicted) p += 1000;
  e = evaluate(set, model);
  EXPECT_NE(e.verdict.find("did not help: AR(5) is better"), std::string::npos) << e.verdict;
  for (Forecast& f : set.lstm) f.predicted = f.actual;
  for (Forecast& f : set.lstm)
    for (double& p : f.predicted) p += 1e-3;
  e = evaluate(set, model);
  EXPECT_TRUE(e.lstm_helped);
  EXPECT_NE(e.verdict.find("helped"), std::string::npos) << e.verdict;
}

TEST(Evaluation, LeavesOutASeasonThatIsMostlyMissingAndSaysSo) {
  const IntervalSeries series = test::waves(100);
  TrainSettings settings = small();
  settings.season = 95;
  const Model model = must_train(series, settings);
  Evaluation e = evaluate(must_forecast(model, series, 70), model);
  EXPECT_EQ(e.rows.size(), 12u);
  EXPECT_NE(e.notes.at(0).find("seasonal (95): n/a"), std::string::npos) << e.notes.at(0);
  settings.season = 80;  // missing for the first ten: those points are left out for everyone
  const Model nearer = must_train(series, settings);
  e = evaluate(must_forecast(nearer, series, 70), nearer);
  EXPECT_EQ(e.rows.size(), 16u);
  EXPECT_EQ(e.rows[0].metrics.points, 20u + 20u + 20u);
  EXPECT_NE(e.notes.at(0).find("left out"), std::string::npos) << e.notes.at(0);
}

}  // namespace
}  // namespace tidegauge
