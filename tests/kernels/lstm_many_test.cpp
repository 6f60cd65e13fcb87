// Many models at once on the CPU: against the network called epoch by epoch, alone against among others, in
// pieces against in one go.
#include "kernels/lstm/lstm_many.hpp"

#include <cmath>

#include "kernels/core/backend.hpp"
#include "kernels/linear/linear.hpp"
#include "kernels/windowing/windowing.hpp"
#include "tests/kernels/lstm_fleet.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

using test::expect_same;
using test::Fleet;

/// The plain way: one network, an epoch after the other.
ManyState by_hand(const Fleet& fleet, std::size_t m) {
  const ManyTask& task = fleet.tasks[m];
  ManyState s = fleet.start[m];
  const auto network = make_lstm_cpu(fleet.settings.shape, 1, 1);
  EXPECT_TRUE(network->set_parameters(s.parameters));
  const auto validate = [&] {
    std::vector<float> out(task.validation.size() * fleet.settings.shape.horizon);
    EXPECT_TRUE(network->predict(out, task.validation));
    return mean_loss(std::vector<double>(out.begin(), out.end()), task.validation, fleet.settings.loss);
  };
  s.history.push_back({NAN, validate()});
  s.best_loss = s.history[0].validation;
  s.best_parameters = s.parameters;
  s.end = ManyEnd::epochs_done;
  LossSettings loss = fleet.settings.loss;
  loss.dropout_seed = task.dropout_seed;
  for (std::size_t epoch = 0; epoch < fleet.settings.epochs; ++epoch) {
    std::vector<std::uint32_t> order(task.training.starts.begin(), task.training.starts.end());
    shuffle_starts(order, task.seed, epoch);
    WindowBatch windows = task.training;
    windows.starts = order;
    double sum = 0;
    for (std::size_t first = 0; first < order.size(); first += task.batch_size) {
      const std::size_t batch = first / task.batch_size;
      const auto mean = network->train(windows, task.batch_size, batch, batch + 1, loss,
                                       fleet.settings.optimizer, s.optimizer);
      sum += mean->at(0) * static_cast<double>(std::min(task.batch_size, order.size() - first));
    }
    s.parameters = *network->parameters();
    s.history.push_back({sum / static_cast<double>(order.size()), validate()});
    if (s.history.back().validation < s.best_loss) {
      s.best_loss = s.history.back().validation;
      s.best_epoch = epoch + 1;
      s.best_parameters = s.parameters;
    }
    if (epoch + 1 >= s.best_epoch + fleet.settings.patience) {
      if (epoch + 1 < fleet.settings.epochs) s.end = ManyEnd::patience_ended;
      break;
    }
  }
  return s;
}

const LstmShape kShapes[] = {test::shape_of(1, 5, 1, 4), test::shape_of(3, 17, 2, 6, 2, false)};

TEST(LstmMany, EqualsTheNetworkCalledEpochByEpoch) {
  std::size_t impatient = 0;
  for (const LstmShape& shape : kShapes) {
    const Fleet fleet(shape, 7);
    const auto states = fleet.run(1);
    for (std::size_t m = 0; m < states.size(); ++m) {
      expect_same(states[m], by_hand(fleet, m), "model " + std::to_string(m));
      impatient += states[m].end == ManyEnd::patience_ended;
    }
  }
  EXPECT_GT(impatient, 0u) << "early stopping is part of what is compared";
  EXPECT_LT(impatient, 14u);
}

TEST(ThreadsLstmMany, AModelAloneEqualsItselfAmongOthersOnAnyNumberOfThreads) {
  const Fleet fleet(kShapes[1], 9);
  const auto together = fleet.run(1);
  for (const std::size_t threads : {2u, 3u, 20u}) {
    const auto again = fleet.run(threads);
    for (std::size_t m = 0; m < again.size(); ++m)
      expect_same(again[m], together[m], std::to_string(threads) + " threads, model " + std::to_string(m));
  }
  for (const std::size_t m : {0u, 4u, 8u}) {
    Fleet one = fleet;
    one.tasks = {fleet.tasks[m]};
    one.start = {fleet.start[m]};
    expect_same(one.run(3).at(0), together[m], "alone, model " + std::to_string(m));
  }
}

TEST(LstmMany, PiecesOfEpochsEqualOneGo) {
  for (const LstmShape& shape : kShapes) {
    const Fleet fleet(shape, 4);
    const auto whole = fleet.run(1);
    for (const std::size_t piece : {1u, 2u, 5u}) {
      const auto pieces = fleet.run(2, piece);
      for (std::size_t m = 0; m < whole.size(); ++m)
        expect_same(pieces[m], whole[m], "pieces of " + std::to_string(piece));
    }
  }
}

TEST(LstmMany, GoesOnWhereMoreEpochsAreWanted) {
  Fleet fleet(kShapes[0], 3);
  fleet.settings.patience = 0;
  const auto whole = fleet.run(1);
  fleet.settings.epochs = 2;
  fleet.start = fleet.run(1);
  for (const ManyState& s : fleet.start) EXPECT_EQ(s.epochs_done(), 2u);
  EXPECT_EQ(fleet.start[0].end, ManyEnd::epochs_done);
  fleet.settings.epochs = 6;
  const auto longer = fleet.run(1);
  for (std::size_t m = 0; m < whole.size(); ++m)
    expect_same(longer[m], whole[m], "model " + std::to_string(m));
}

TEST(LstmMany, WithoutValidationTheNewestIsTheBest) {
  Fleet fleet(kShapes[0], 2);
  fleet.tasks[0].validation.starts = {};
  const auto states = fleet.run(1);
  EXPECT_EQ(states[0].epochs_done(), fleet.settings.epochs);
  EXPECT_EQ(states[0].best_parameters, states[0].parameters);
  EXPECT_TRUE(std::isnan(states[0].history.back().validation));
}

TEST(LstmMany, AModelThatDivergesKeepsItsLastGoodEpochAndHarmsNoOther) {
  const Fleet healthy(kShapes[0], 3);
  Fleet fleet = healthy;
  const std::vector<float> targets(fleet.series[1].targets.size(), NAN);
  fleet.tasks[1].training.targets = targets;
  const auto states = fleet.run(2), expected = healthy.run(1);
  EXPECT_EQ(states[1].end, ManyEnd::diverged);
  EXPECT_EQ(states[1].epochs_done(), 0u);
  EXPECT_EQ(states[1].parameters, fleet.start[1].parameters);
  EXPECT_EQ(states[1].optimizer.steps, 0u);
  expect_same(states[0], expected[0], "before it");
  expect_same(states[2], expected[2], "behind it");
}

/// The start counts as an epoch: where its loss is no number there is nothing to be better than.
TEST(LstmMany, AModelThatStartsWithoutANumberIsNotTrainedAndHarmsNoOther) {
  const Fleet healthy(kShapes[0], 3);
  Fleet fleet = healthy;
  const std::vector<float> targets(fleet.series[1].targets.size(), NAN);
  fleet.tasks[1].validation.targets = targets;
  const auto states = fleet.run(2), expected = healthy.run(1);
  EXPECT_EQ(states[1].end, ManyEnd::diverged);
  EXPECT_EQ(states[1].history.size(), 1u);
  EXPECT_EQ(states[1].best_loss, std::numeric_limits<double>::infinity()) << "as a file keeps it";
  EXPECT_EQ(states[1].best_parameters, fleet.start[1].parameters);
  EXPECT_EQ(states[1].optimizer.steps, 0u);
  expect_same(states[0], expected[0], "before it");
  expect_same(states[2], expected[2], "behind it");
}

TEST(LstmMany, TheBackendOffersIt) {
  const Fleet fleet(kShapes[0], 2);
  const auto backend = make_cpu_backend(2);
  const auto networks = backend->many(fleet.start, fleet.tasks, fleet.settings);
  ASSERT_TRUE(networks);
  ASSERT_TRUE((*networks)->train(100));
  ASSERT_TRUE((*networks)->fetch());
  expect_same((*networks)->states()[1], fleet.run(1)[1], "through the backend");
}

}  // namespace
}  // namespace tidegauge
