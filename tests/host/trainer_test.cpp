#include "host/trainer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "host/evaluation.hpp"
#include "host/training_data.hpp"
#include "tests/host/series_fixtures.hpp"

namespace tidegauge {
namespace {

namespace fs = std::filesystem;

TrainSettings small() {
  TrainSettings s;
  s.column = "value";
  s.look_back = 6;
  s.horizon = 2;
  s.hidden = 5;
  s.layers = 2;
  s.batch = 16;
  s.epochs = 4;
  s.patience = 0;
  s.loss.dropout = 0.2;
  s.optimizer.learning_rate = 3e-3;
  s.optimizer.clip_norm = 1;
  return s;
}

Model must_train(const IntervalSeries& series, const TrainSettings& settings, const TrainHooks& hooks = {},
                 std::size_t threads = 1) {
  const auto backend = make_cpu_backend(threads);
  auto outcome = train_model(series, settings, *backend, hooks);
  EXPECT_TRUE(outcome) << outcome.error().message();
  return outcome ? std::move(outcome->model) : Model{};
}

void expect_same(const Model& a, const Model& b, const std::string& what) {
  EXPECT_EQ(a.parameters, b.parameters) << what;
  EXPECT_EQ(a.progress.parameters, b.progress.parameters) << what;
  EXPECT_EQ(a.progress.optimizer.first_moment, b.progress.optimizer.first_moment) << what;
  EXPECT_EQ(a.progress.optimizer.second_moment, b.progress.optimizer.second_moment) << what;
  EXPECT_EQ(a.progress.optimizer.steps, b.progress.optimizer.steps) << what;
  ASSERT_EQ(a.progress.history.size(), b.progress.history.size()) << what;
  for (std::size_t i = 1; i < a.progress.history.size(); ++i) {
    EXPECT_EQ(a.progress.history[i].training, b.progress.history[i].training) << what;
    EXPECT_EQ(a.progress.history[i].validation, b.progress.history[i].validation) << what;
  }
}

// 20 steps altogether: stopped after every one of them, written to disk, and gone on.
TEST(Trainer, StoppingAtAnyStepAndGoingOnEqualsNotStopping) {
  const IntervalSeries series = test::waves(120);
  for (const OptimizerKind kind : {OptimizerKind::adam, OptimizerKind::rmsprop}) {
    TrainSettings settings = small();
    settings.optimizer = optimizer_defaults(kind);
    const Model whole = must_train(series, settings);
    const std::size_t steps = whole.progress.optimizer.steps;
    ASSERT_GE(steps, 16u);
    for (std::size_t piece : {std::size_t{1}, std::size_t{3}, steps - 1}) {
      test::ScratchFolder scratch;
      TrainHooks hooks;
      hooks.checkpoint = scratch / "c";
      hooks.max_steps = piece;
      const auto backend = make_cpu_backend(1);
      std::size_t runs = 0;
      while (true) {
        auto outcome = train_model(series, settings, *backend, hooks);
        ASSERT_TRUE(outcome) << outcome.error().message();
        ++runs;
        if (outcome->end != TrainEnd::stopped) {
          expect_same(outcome->model, whole, fmt::format("pieces of {}", piece));
          break;
        }
        ASSERT_LE(runs, steps + 1);
      }
      EXPECT_GE(runs, steps / piece);
    }
  }
}

TEST(Trainer, AnsweringStopKeepsACheckpointThatGoesOn) {
  const IntervalSeries series = test::waves(120);
  const Model whole = must_train(series, small());
  test::ScratchFolder scratch;
  TrainHooks hooks;
  hooks.checkpoint = scratch / "c";
  int asked = 0;
  hooks.stop = [&] { return ++asked > 3; };
  const auto backend = make_cpu_backend(1);
  auto stopped = train_model(series, small(), *backend, hooks);
  ASSERT_TRUE(stopped);
  EXPECT_EQ(stopped->end, TrainEnd::stopped);
  hooks.stop = nullptr;
  expect_same(must_train(series, small(), hooks), whole, "after stop");
}

TEST(Trainer, AFinishedModelGoesOnToMoreEpochsExactly) {
  const IntervalSeries series = test::waves(120);
  TrainSettings longer = small();
  longer.epochs = 7;
  const Model whole = must_train(series, longer);
  test::ScratchFolder scratch;
  ASSERT_TRUE(save_model(scratch / "m", must_train(series, small())));
  auto loaded = load_model(scratch / "m");
  ASSERT_TRUE(loaded);
  const auto backend = make_cpu_backend(1);
  auto outcome = continue_training(std::move(*loaded), series, longer, *backend, {});
  ASSERT_TRUE(outcome);
  expect_same(outcome->model, whole, "7 epochs");
}

TEST(Trainer, RefusesToGoOnWithOtherSettingsOrData) {
  const IntervalSeries series = test::waves(120);
  test::ScratchFolder scratch;
  TrainHooks hooks;
  hooks.checkpoint = scratch / "c";
  hooks.max_steps = 2;
  const auto backend = make_cpu_backend(1);
  ASSERT_TRUE(train_model(series, small(), *backend, hooks));
  TrainSettings other = small();
  other.hidden = 6;
  auto refused = train_model(series, other, *backend, hooks);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("--restart"), std::string::npos);
  IntervalSeries changed = series;
  changed.values[3] += 1;
  EXPECT_FALSE(train_model(changed, small(), *backend, hooks));
  changed = series;
  changed.values.back() += 1;  // the test part may change
  EXPECT_TRUE(train_model(changed, small(), *backend, hooks));
}

TEST(ThreadsTrainer, ASeedGivesTheSameModelForAnyNumberOfThreads) {
  const IntervalSeries series = test::waves(400);
  TrainSettings settings = small();
  settings.batch = 128;
  settings.epochs = 2;
  const Model one = must_train(series, settings, {}, 1);
  for (std::size_t threads : {2u, 3u, 7u}) expect_same(must_train(series, settings, {}, threads), one, fmt::format("{} threads", threads));
  settings.seed = 2;
  EXPECT_NE(must_train(series, settings).parameters, one.parameters);
}

TEST(Trainer, StartsExactlyAtTheLinearSolution) {
  const IntervalSeries series = test::waves(300);
  TrainSettings settings = small();
  settings.epochs = 0;
  settings.validation = PartSize::of_rows(0);
  const Model model = must_train(series, settings);
  const auto backend = make_cpu_backend(1);
  const auto forecasts = forecast_series(model, series, *backend, model.training_end_k);
  ASSERT_TRUE(forecasts);
  for (std::size_t o = 0; o < 2; ++o)
    for (std::size_t i = 0; i < forecasts->lstm[o].k.size(); ++i)  // weights are rounded to float: 1e-5 of the range
      EXPECT_NEAR(forecasts->lstm[o].predicted[i], forecasts->linear[o].predicted[i], 0.01) << o << " " << i;
}

TEST(Trainer, EarlyStoppingKeepsTheBestAndCountsTheStart) {
  const IntervalSeries series = test::waves(200);
  TrainSettings settings = small();
  settings.epochs = 60;
  settings.patience = 3;
  settings.optimizer.learning_rate = 0.3;  // far too high: every epoch is worse than the linear start
  const auto backend = make_cpu_backend(1);
  const auto outcome = train_model(series, settings, *backend, {});
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->end, TrainEnd::patience_ended);
  const TrainProgress& p = outcome->model.progress;
  EXPECT_EQ(p.epoch, p.best_epoch + 3);
  EXPECT_EQ(p.history.size(), p.epoch + 1);
  for (const EpochLoss& e : p.history) EXPECT_GE(e.validation, p.best_loss);
  EXPECT_EQ(p.history[p.best_epoch].validation, p.best_loss);
  EXPECT_NE(outcome->model.parameters, p.parameters);
  EXPECT_TRUE(p.finished);
}

TEST(Trainer, ALossThatIsNoNumberIsAnErrorThatSaysWhatToTry) {
  const IntervalSeries series = test::waves(120);
  TrainSettings settings = small();
  settings.optimizer.learning_rate = 1e30;
  settings.optimizer.clip_norm = 0;
  settings.epochs = 50;
  const auto backend = make_cpu_backend(1);
  const auto outcome = train_model(series, settings, *backend, {});
  ASSERT_FALSE(outcome);
  EXPECT_NE(outcome.error().message().find("lower --learning-rate"), std::string::npos) << outcome.error().message();
}

TEST(Trainer, FineTuningKeepsTheScaleUnlessToldOtherwise) {
  const IntervalSeries january = test::waves(200, 1);
  IntervalSeries february = test::waves(200, 2);
  for (double& v : february.values) v *= 3;
  TrainSettings settings = small();
  const Model base = must_train(january, settings);
  const auto backend = make_cpu_backend(1);
  auto frozen = fine_tune(base, february, settings, {}, *backend, {});
  ASSERT_TRUE(frozen);
  EXPECT_EQ(frozen->model.scalers, base.scalers);
  EXPECT_EQ(frozen->model.progress.optimizer.steps, frozen->model.progress.epoch * frozen->training_windows / 16 + frozen->model.progress.epoch * (frozen->training_windows % 16 != 0));
  auto refitted = fine_tune(base, february, settings, {true}, *backend, {});
  ASSERT_TRUE(refitted);
  EXPECT_GT(refitted->model.scalers[0].scale, 2 * base.scalers[0].scale);
  // Without an epoch the weights are the model's.
  settings.epochs = 0;
  EXPECT_EQ(fine_tune(base, february, settings, {}, *backend, {})->model.parameters, base.parameters);
  settings.hidden = 9;
  EXPECT_FALSE(fine_tune(base, february, settings, {}, *backend, {}));
}

TEST(Trainer, FineTuningRefusesAnotherScaleAndAnotherModelsCheckpoint) {
  const IntervalSeries series = test::waves(200);
  const Model base = must_train(series, small());
  const auto backend = make_cpu_backend(1);
  TrainSettings logarithmic = small();
  logarithmic.log1p = true;
  const auto refused = fine_tune(base, series, logarithmic, {}, *backend, {});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("--refit-scaler"), std::string::npos);
  EXPECT_TRUE(fine_tune(base, series, logarithmic, {true}, *backend, {}));

  test::ScratchFolder scratch;
  TrainHooks hooks;
  hooks.checkpoint = scratch / "c";
  hooks.max_steps = 2;
  ASSERT_TRUE(fine_tune(base, series, small(), {}, *backend, hooks));
  Model other = base;
  other.parameters[0] += 1;
  EXPECT_FALSE(fine_tune(other, series, small(), {}, *backend, hooks));
  EXPECT_FALSE(fine_tune(base, series, small(), {true}, *backend, hooks));
  EXPECT_FALSE(train_model(series, small(), *backend, hooks));
  EXPECT_TRUE(fine_tune(base, series, small(), {}, *backend, hooks));
}

TEST(Trainer, WindowsNeverCrossAGapOrAnIncompleteInterval) {
  IntervalSeries series = test::waves(60);
  for (std::size_t i = 20; i < 60; ++i) series.k[i] += 5;  // a gap after row 19
  series.complete[40] = 0;
  TrainSettings settings = small();
  settings.training_part = PartSize::of_rows(50);
  settings.validation = PartSize::of_rows(0);
  const std::vector<Scaler> scalers = {{ScalerKind::none, false, 0, 1}};
  const auto data = make_training_data(series, settings, *split_rows(60, settings.training_part, settings.validation), scalers);
  ASSERT_TRUE(data);
  // Runs of 20, 20 and 9 rows (41 to 49) with windows of 6 + 2.
  EXPECT_EQ(data->training.size(), 13u + 13u + 2u);
  settings.look_back = 40;
  const auto none = make_training_data(series, settings, *split_rows(60, settings.training_part, settings.validation), scalers);
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message().find("shorter --look-back"), std::string::npos);
}

TEST(Trainer, BatchSizeFollowsTheNumberOfWindows) {
  TrainSettings settings;
  struct Row { std::size_t windows, batch; };
  for (const Row& row : {Row{10, 32}, Row{3199, 32}, Row{6400, 64}, Row{100'000, 512}, Row{10'000'000, 1024}})
    EXPECT_EQ(batch_size(settings, row.windows), row.batch) << row.windows;
  settings.batch = 7;
  EXPECT_EQ(batch_size(settings, 1000), 7u);
}

}  // namespace
}  // namespace tidegauge
