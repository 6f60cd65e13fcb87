// The kernel that trains many models, on the host: against the CPU's version, alone against among others, in
// pieces against in one go.
#include "kernels/lstm/lstm_many_kernel.hpp"

#include <cmath>
#include <list>

#include "tests/kernel_on_host/fiber_block.hpp"
#include "tests/kernel_on_host/thread_block.hpp"
#include "tests/kernels/lstm_fleet.hpp"

namespace tidegauge {
namespace {

using test::Fleet;

/// What lstm_many_cuda.cu does with device memory, with vectors.
struct OnHost {
  explicit OnHost(const LstmShape& shape) : plan(shape) {}

  tile::TilePlan plan;
  std::list<std::vector<float>> floats;
  std::list<std::vector<std::uint32_t>> orders;
  std::list<std::vector<EpochLoss>> histories;
  std::vector<tile::OfMany> models;

  float* vector_of(const std::vector<float>& values) {
    floats.push_back(values);
    floats.back().resize(plan.parameters(), 0);
    return floats.back().data();
  }
  static tile::Batch batch_of(const WindowBatch& b) {
    return {b.features.data(), b.targets.data(), b.starts.data(), static_cast<std::uint32_t>(b.size())};
  }

  void add(const ManyState& s, const ManyTask& task, std::size_t epochs) {
    tile::OfMany m{};
    m.training = batch_of(task.training);
    m.validation = batch_of(task.validation);
    m.order = orders.emplace_back(task.training.size()).data();
    m.now = {vector_of(s.parameters), vector_of(s.optimizer.first_moment),
             vector_of(s.optimizer.second_moment)};
    m.kept = {vector_of({}), vector_of({}), vector_of({})};
    m.best = vector_of(s.best_parameters);
    m.gradient = vector_of({});
    m.history = histories.emplace_back(epochs + 1).data();
    m.seed = task.seed;
    m.dropout_seed = task.dropout_seed;
    m.optimizer_steps = s.optimizer.steps;
    m.batch_size = static_cast<std::uint32_t>(task.batch_size);
    m.epochs_done = static_cast<std::uint32_t>(s.epochs_done());
    m.best_epoch = static_cast<std::uint32_t>(s.best_epoch);
    m.fresh = s.history.empty();
    m.best_loss = s.best_loss;
    m.end = s.end;
    models.push_back(m);
  }
  std::vector<float> read(const float* values) const { return {values, values + plan.parameters()}; }
  void take(ManyState& s, const tile::OfMany& m) const {
    const std::size_t lines = m.epochs_done + (s.history.empty() ? 1 : 0) - s.epochs_done();
    s.history.insert(s.history.end(), m.history, m.history + lines);
    s.parameters = read(m.now.parameters);
    s.best_parameters = read(m.best);
    s.optimizer = {read(m.now.first_moment), read(m.now.second_moment), m.optimizer_steps};
    s.best_epoch = m.best_epoch;
    s.best_loss = m.best_loss;
    s.end = m.end;
  }
};

template <class Run>
std::vector<ManyState> train(const Fleet& fleet, std::size_t piece, std::uint32_t blocks, Run&& run) {
  std::vector<ManyState> states = fleet.start;
  for (bool more = true; more;) {
    OnHost host(fleet.settings.shape);
    for (std::size_t m = 0; m < states.size(); ++m) host.add(states[m], fleet.tasks[m], piece);
    std::vector<tile::FourRows> scratch(blocks * host.plan.scratch_floats() / 4, {{NAN, NAN, NAN, NAN}});
    run(blocks, host.plan.threads(), host.plan.shared_bytes(true), [&](auto& context) {
      tile::many_kernel(context, host.models.data(), static_cast<std::uint32_t>(states.size()), scratch[0].v,
                        host.plan, fleet.settings, static_cast<std::uint32_t>(piece));
    });
    for (std::size_t m = 0; m < states.size(); ++m) host.take(states[m], host.models[m]);
    more = std::ranges::any_of(states, [](const ManyState& s) { return s.end == ManyEnd::none; });
  }
  return states;
}

auto fibers(test::Schedule schedule) {
  return [schedule](std::uint32_t blocks, std::uint32_t threads, std::size_t shared, auto&& body) {
    test::run_on_fibers(blocks, threads, shared, schedule, 1, body);
  };
}

Fleet fleet_of(const LstmShape& shape, std::size_t models, OptimizerKind kind = OptimizerKind::adam) {
  Fleet fleet(shape, models);
  fleet.settings.optimizer = optimizer_defaults(kind);
  fleet.settings.optimizer.learning_rate = 5e-3;
  fleet.settings.optimizer.clip_norm = 0.5;
  return fleet;
}

/// Trajectories of some dozen steps from the same start: rounding errors of 1e-7 a step, grown by Adam's
/// division where a gradient is small. 1e-3 of the largest is a hundred times what is seen; a wrong order,
/// mask or step is beyond it.
constexpr double kTrajectory = 1e-3;

TEST(LstmManyKernel, FollowsTheCpu) {
  for (const OptimizerKind kind : {OptimizerKind::adam, OptimizerKind::rmsprop})
    for (const LstmShape& shape : {test::shape_of(1, 5, 1, 4), test::shape_of(3, 17, 2, 3, 2, false)}) {
      Fleet fleet = fleet_of(shape, 3, kind);
      fleet.tasks[1].batch_size = 40;  // a batch of more than a tile
      fleet.settings.patience = 0;
      fleet.settings.epochs = 3;
      const auto found = train(fleet, 100, 2, fibers(test::Schedule::greedy)), expected = fleet.run(1);
      for (std::size_t m = 0; m < found.size(); ++m) {
        SCOPED_TRACE(testing::Message() << "model " << m << " of H" << shape.hidden);
        EXPECT_LT(test::distance(found[m].parameters, expected[m].parameters), kTrajectory);
        EXPECT_LT(test::distance(found[m].best_parameters, expected[m].best_parameters), kTrajectory);
        EXPECT_EQ(found[m].optimizer.steps, expected[m].optimizer.steps);
        EXPECT_EQ(found[m].best_epoch, expected[m].best_epoch);
        EXPECT_EQ(found[m].end, expected[m].end);
        ASSERT_EQ(found[m].history.size(), expected[m].history.size());
        for (std::size_t e = 0; e < found[m].history.size(); ++e) {
          EXPECT_NEAR(found[m].history[e].validation, expected[m].history[e].validation, kTrajectory);
          const double training = e == 0 ? 0 : found[m].history[e].training - expected[m].history[e].training;
          EXPECT_NEAR(training, 0, kTrajectory);
        }
      }
    }
}

TEST(LstmManyKernel, StopsEachModelByItself) {
  Fleet fleet(test::shape_of(1, 5, 1, 4), 6);
  const auto states = train(fleet, 100, 2, fibers(test::Schedule::forward));
  std::size_t impatient = 0;
  for (const ManyState& s : states) {
    impatient += s.end == ManyEnd::patience_ended;
    EXPECT_EQ(s.epochs_done(), s.end == ManyEnd::patience_ended ? s.best_epoch + fleet.settings.patience
                                                                : fleet.settings.epochs);
    for (const EpochLoss& loss : s.history) EXPECT_GE(loss.validation, s.best_loss);
    EXPECT_EQ(s.history[s.best_epoch].validation, s.best_loss);
  }
  EXPECT_GT(impatient, 0u);
  EXPECT_LT(impatient, 6u);
}

TEST(LstmManyKernel, AModelAloneEqualsItselfAmongOthersUnderEverySchedule) {
  const Fleet fleet(test::shape_of(2, 17, 2, 3), 5);
  const auto together = train(fleet, 100, 2, fibers(test::Schedule::forward));
  for (const test::Schedule schedule : test::all_schedules) {
    const auto again = train(fleet, 2, 3, fibers(schedule));
    for (std::size_t m = 0; m < again.size(); ++m)
      test::expect_same(again[m], together[m],
                        "pieces, schedule " + std::to_string(static_cast<int>(schedule)));
  }
  for (const std::size_t m : {0u, 3u}) {
    Fleet one = fleet;
    one.tasks = {fleet.tasks[m]};
    one.start = {fleet.start[m]};
    test::expect_same(train(one, 100, 1, fibers(test::Schedule::greedy)).at(0), together[m],
                      "alone " + std::to_string(m));
  }
}

TEST(LstmManyKernel, AModelThatDivergesKeepsItsLastGoodEpoch) {
  Fleet fleet(test::shape_of(1, 4, 1, 3), 2);
  const std::vector<float> targets(fleet.series[1].targets.size(), NAN);
  fleet.tasks[1].training.targets = targets;
  const auto states = train(fleet, 100, 2, fibers(test::Schedule::forward));
  EXPECT_EQ(states[1].end, ManyEnd::diverged);
  EXPECT_EQ(states[1].epochs_done(), 0u);
  EXPECT_EQ(states[1].parameters, fleet.start[1].parameters);
  EXPECT_EQ(states[1].optimizer.steps, 0u);
  EXPECT_NE(states[0].end, ManyEnd::diverged);
}

TEST(LstmManyKernel, AModelThatStartsWithoutANumberIsNotTrained) {
  Fleet fleet(test::shape_of(1, 4, 1, 3), 2);
  const std::vector<float> targets(fleet.series[1].targets.size(), NAN);
  fleet.tasks[1].validation.targets = targets;
  const auto expected = fleet.run(1);
  fleet.tasks[1].training.targets = targets;  // of both, where they lie on a card
  const auto states = train(fleet, 100, 2, fibers(test::Schedule::forward));
  EXPECT_EQ(states[1].end, ManyEnd::diverged);
  EXPECT_EQ(states[1].history.size(), 1u);
  EXPECT_EQ(states[1].best_loss, expected[1].best_loss);
  EXPECT_EQ(states[1].optimizer.steps, 0u);
  EXPECT_NE(states[0].end, ManyEnd::diverged);
}

TEST(ThreadsLstmManyKernel, EqualsTheFibers) {
  Fleet fleet(test::shape_of(1, 17, 2, 2), 2);
  fleet.settings.epochs = 1;
  const auto expected = train(fleet, 100, 2, fibers(test::Schedule::forward));
  const auto found =
      train(fleet, 100, 2, [](std::uint32_t blocks, std::uint32_t threads, std::size_t shared, auto&& body) {
        test::run_on_threads(blocks, threads, shared, body);
      });
  for (std::size_t m = 0; m < found.size(); ++m)
    test::expect_same(found[m], expected[m], "model " + std::to_string(m));
}

}  // namespace
}  // namespace tidegauge
