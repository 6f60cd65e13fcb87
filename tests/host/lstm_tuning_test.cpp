// The choice among a device's algorithms, with a device that is fast, slow or unwilling as told.
#include "host/lstm_tuning.hpp"

#include <chrono>
#include <thread>

#include "host/forecaster.hpp"
#include "host/trainer.hpp"
#include "tests/host/series_fixtures.hpp"
#include "tests/lstm_only_backend.hpp"

namespace tidegauge {
namespace {

/// The CPU's network, slowed down, that says to run an algorithm.
class SlowNetwork final : public LstmNetwork {
 public:
  SlowNetwork(std::unique_ptr<LstmNetwork> network, int pause_ms, LstmAlgorithm algorithm)
      : network_(std::move(network)), pause_ms_(pause_ms), algorithm_(algorithm) {}
  LstmAlgorithm algorithm() const override { return algorithm_; }
  const LstmShape& shape() const override { return network_->shape(); }
  Status set_parameters(std::span<const float> flat) override { return network_->set_parameters(flat); }
  Expected<std::vector<float>> parameters() const override { return network_->parameters(); }
  Expected<double> loss_and_gradient(std::span<float> gradient, const WindowBatch& windows, const LossSettings& loss,
                                     std::uint64_t step) override {
    return network_->loss_and_gradient(gradient, windows, loss, step);
  }
  Expected<std::vector<double>> train(const WindowBatch& windows, std::size_t batch_size, std::size_t first_batch,
                                      std::size_t last_batch, const LossSettings& loss,
                                      const OptimizerSettings& optimizer, OptimizerState& state) override {
    std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms_));
    return network_->train(windows, batch_size, first_batch, last_batch, loss, optimizer, state);
  }
  Status predict(std::span<float> out, const WindowBatch& windows) override { return network_->predict(out, windows); }

 private:
  std::unique_ptr<LstmNetwork> network_;
  int pause_ms_;
  LstmAlgorithm algorithm_;
};

/// Standard pauses `standard_ms`, small_h `small_h_ms`; a negative pause is a refusal. persist_static is always refused.
class Device final : public test::LstmOnlyBackend {
 public:
  Device(int standard_ms, int small_h_ms) : standard_ms_(standard_ms), small_h_ms_(small_h_ms) {}
  Expected<std::unique_ptr<LstmNetwork>> lstm(const LstmShape& shape, std::uint64_t seed,
                                              const LstmOptions& options) override {
    used.push_back(options.algorithm);
    begun_with.push_back(options.begun_with);
    const int pause = options.algorithm == LstmAlgorithm::automatic  ? 0
                      : options.algorithm == LstmAlgorithm::standard ? standard_ms_
                      : options.algorithm == LstmAlgorithm::small_h  ? small_h_ms_
                                                                     : -1;
    if (pause < 0) return Error{"not supported", "", ""};
    return std::unique_ptr<LstmNetwork>(std::make_unique<SlowNetwork>(make_lstm_cpu(shape, seed, 1), pause, runs));
  }
  std::vector<LstmAlgorithm> lstm_algorithms(const LstmShape&) const override {
    return {LstmAlgorithm::standard, LstmAlgorithm::persist_static, LstmAlgorithm::small_h};
  }
  std::vector<LstmAlgorithm> used, begun_with;
  LstmAlgorithm runs = LstmAlgorithm::automatic;  ///< what its networks say

 private:
  int standard_ms_, small_h_ms_;
};

TrainSettings small() {
  TrainSettings s;
  s.column = "value";
  s.look_back = 6;
  s.hidden = 4;
  s.epochs = 1;
  s.patience = 0;
  return s;
}

Expected<TrainOutcome> tuned(Backend& backend, TrainHooks hooks = {}) {
  hooks.tune_cudnn = true;
  return train_model(test::waves(120), small(), backend, hooks);
}

TEST(LstmTuning, TheFastestGoesIntoTheModelAndIsUsed) {
  struct Row {
    int standard_ms, small_h_ms;
    LstmAlgorithm expected;
  };
  for (const Row& row : {Row{50, 0, LstmAlgorithm::small_h}, Row{0, 50, LstmAlgorithm::standard},
                         Row{50, -1, LstmAlgorithm::standard}}) {
    Device device(row.standard_ms, row.small_h_ms);
    std::vector<std::string> remarks;
    TrainHooks hooks;
    hooks.remark = [&](const std::string& text) { remarks.push_back(text); };
    const auto outcome = tuned(device, hooks);
    ASSERT_TRUE(outcome) << outcome.error().message();
    EXPECT_EQ(outcome->model.settings.cudnn, row.expected);
    EXPECT_EQ(device.used.back(), row.expected) << "the run itself";
    ASSERT_EQ(remarks.size(), 3u);
    EXPECT_NE(remarks[1].find("persist-static: refused"), std::string::npos) << remarks[1];
  }
}

TEST(LstmTuning, WhatWasBegunKeepsItsAlgorithm) {
  Device device(50, 0);
  auto outcome = tuned(device);
  ASSERT_TRUE(outcome);
  TrainSettings more = small();
  more.epochs = 2;
  TrainHooks hooks;
  hooks.tune_cudnn = true;
  Device reversed(0, 50);
  const auto resumed = continue_training(outcome->model, test::waves(120), more, reversed, hooks);
  ASSERT_TRUE(resumed) << resumed.error().message();
  EXPECT_EQ(resumed->model.settings.cudnn, LstmAlgorithm::small_h);
  EXPECT_EQ(reversed.used, std::vector{LstmAlgorithm::small_h}) << "nothing was measured again";
}

/// A device's own choice is kept beside the settings: a run that goes on, and a forecast, start with it, and may still
/// leave it as the run before might have.
TEST(LstmTuning, WhatAnAutomaticChoiceCameToIsKept) {
  Device device(0, 0);
  device.runs = LstmAlgorithm::small_h;
  const IntervalSeries series = test::waves(120);
  test::ScratchFolder scratch;
  TrainHooks hooks;
  hooks.checkpoint = scratch / "c";
  hooks.max_steps = 1;
  ASSERT_TRUE(train_model(series, small(), device, hooks));
  const auto begun = load_model(hooks.checkpoint);
  ASSERT_TRUE(begun) << begun.error().message();
  EXPECT_EQ(begun->settings.cudnn, LstmAlgorithm::automatic);
  EXPECT_EQ(begun->progress.algorithm, LstmAlgorithm::small_h);

  device.runs = LstmAlgorithm::standard;  // small_h was refused on the way
  hooks.max_steps = 0;
  std::vector<std::string> remarks;
  hooks.remark = [&](const std::string& text) { remarks.push_back(text); };
  const auto outcome = train_model(series, small(), device, hooks);
  ASSERT_TRUE(outcome) << outcome.error().message();
  ASSERT_EQ(remarks.size(), 2u) << "where it goes on, and once by what";
  EXPECT_NE(remarks[1].find("standard"), std::string::npos) << remarks[1];
  EXPECT_EQ(outcome->model.progress.algorithm, LstmAlgorithm::standard);
  ASSERT_TRUE(forecast_series(outcome->model, series, device, 0));
  EXPECT_EQ(device.used, std::vector(3, LstmAlgorithm::automatic));
  EXPECT_EQ(device.begun_with, (std::vector{LstmAlgorithm::automatic, LstmAlgorithm::small_h, LstmAlgorithm::standard}));
}

TEST(LstmTuning, NothingToChooseFromIsAnError) {
  const auto cpu = make_cpu_backend(1);
  const auto without = tuned(*cpu);
  ASSERT_FALSE(without);
  EXPECT_EQ(without.error().kind, ErrorKind::usage);
  EXPECT_EQ(without.error().where, "--tune-cudnn");
  Device unwilling(-1, -1);
  const auto refused = tuned(unwilling);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().what.find("not supported"), std::string::npos) << refused.error().message();
}

}  // namespace
}  // namespace tidegauge
