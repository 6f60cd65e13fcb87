// What only stand-ins for CUDA and cuDNN can show of the LSTM's host code: that steps are replayed, what happens where
// recording or an algorithm is refused, and how large the calls are. Its arithmetic: tests/kernels/lstm_cuda_test.cpp,
// which is part of this program too.
#include "tests/cuda_on_host/host_backend.hpp"
#include "tests/cuda_on_host/host_cudnn.hpp"
#include "tests/cuda_on_host/host_stream.hpp"
#include "tests/kernels/lstm_cases.hpp"
#include "tests/kernels/lstm_fleet.hpp"
#include "tests/kernels/sure_network.hpp"

namespace tidegauge {
namespace {

using test::Series;
using test::shape_of;

/// Sets a switch of the stand-ins while it lives.
class Switched {
 public:
  explicit Switched(bool& place) : place_(place) { place_ = true; }
  ~Switched() { place_ = false; }

 private:
  bool& place_;
};

struct Trained {
  std::vector<double> losses;
  std::vector<float> parameters;
};

Trained train(const LstmOptions& options, double dropout = 0) {
  const Series series(shape_of(2, 7, 2, 3), 70, 4);
  auto network = make_lstm_cuda(series.shape, 1, 0, options);
  TG_REQUIRE(network.has_value(), network.error().message());
  test::SureNetwork sure(*std::move(network));
  OptimizerState state;
  Trained trained;
  for (int epoch = 0; epoch < 3; ++epoch)
    trained.losses = sure.train(series.batch(), 16, 0, 5, {.dropout = dropout}, {}, state);
  trained.parameters = sure.parameters();
  return trained;
}

TEST(LstmOnHost, StepsAreRecordedOnceAndReplayed) {
  for (const double dropout : {0.0, 0.3}) {
    const int launched = test::graphs_launched, calls = test::cudnn_forward_calls;
    train({}, dropout);
    // Two kinds of batches, full and ragged: the first of each runs by itself, the second is recorded.
    EXPECT_EQ(test::graphs_launched - launched, 15 - 2);
    EXPECT_EQ(test::cudnn_forward_calls - calls, 2 * 2 * (dropout > 0 ? 2 : 1)) << "one call a layer with dropout";
  }
}

/// A recorded step has pointers built in; a call with more windows moves what they point at.
TEST(LstmOnHost, WhatWasRecordedIsForgottenWhereMemoryMoves) {
  const Series series(shape_of(2, 7, 1, 3), 2000, 4);
  WindowBatch few = series.batch();
  few.starts = few.starts.subspan(0, 64);
  std::vector<double> losses[2];
  for (const bool between : {false, true}) {
    auto network = make_lstm_cuda(series.shape, 1, 0, {});
    ASSERT_TRUE(network);
    test::SureNetwork sure(*std::move(network));
    OptimizerState state;
    sure.train(few, 16, 0, 4, {}, {}, state);
    OptimizerSettings standstill;
    standstill.learning_rate = 0;
    OptimizerState unused;
    if (between) sure.train(series.batch(), 16, 0, 1, {}, standstill, unused);
    losses[between] = sure.train(few, 16, 0, 4, {}, {}, state);
  }
  EXPECT_EQ(losses[1], losses[0]);
}

/// Too little memory at any of its allocations fails a call; with its parameters set again the network goes on as if
/// nothing had been.
void expect_usable_after_failures(LstmAlgorithm algorithm, int least_failures) {
  const Series series(shape_of(2, 7, 2, 3), 300, 4);
  WindowBatch few = series.batch();
  few.starts = few.starts.subspan(0, 64);
  std::vector<double> untroubled;
  int failures = 0;
  for (int allocations = 12; allocations >= 0; --allocations) {
    auto network = make_lstm_cuda(series.shape, 1, 0, {algorithm});
    ASSERT_TRUE(network);
    OptimizerState state;
    ASSERT_TRUE((*network)->train(few, 16, 0, 4, {}, {}, state));
    const std::vector<float> kept = (*network)->parameters().value();
    std::vector<float> out(series.starts.size());
    test::allocations_left = allocations;
    const Status predicted = (*network)->predict(out, series.batch());
    test::allocations_left = -1;
    failures += !predicted;
    ASSERT_TRUE((*network)->set_parameters(kept));
    const auto losses = (*network)->train(few, 16, 0, 4, {}, {}, state);
    ASSERT_TRUE(losses) << losses.error().message();
    if (allocations == 12) untroubled = *losses;
    EXPECT_EQ(*losses, untroubled) << "after " << allocations << " allocations";
  }
  EXPECT_GE(failures, least_failures);
}
TEST(LstmOnHost, ACallThatFailsForMemoryLeavesAUsableNetwork) {
  expect_usable_after_failures(LstmAlgorithm::automatic, 4);  // the cells' memory is among them
  expect_usable_after_failures(LstmAlgorithm::tile, 3);       // scratch, outputs and starts
}

TEST(LstmOnHost, WhereRecordingFailsTheSameIsDoneWithout) {
  const Trained replayed = train({}, 0.3);
  const Switched fails(test::recording_fails);
  const int launched = test::graphs_launched;
  const Trained plain = train({}, 0.3);
  EXPECT_EQ(test::graphs_launched, launched);
  EXPECT_EQ(plain.losses, replayed.losses);
  EXPECT_EQ(plain.parameters, replayed.parameters);
}

TEST(LstmOnHost, AutomaticGoesOnWithStandardWhereSmallHIsRefused) {
  const Trained standard = train({LstmAlgorithm::standard});
  const Switched refused(test::small_h_is_refused);
  const Trained automatic = train({});
  EXPECT_EQ(automatic.losses, standard.losses);
  EXPECT_EQ(automatic.parameters, standard.parameters);
}

TEST(LstmOnHost, AnAlgorithmThatWasAskedForIsNotReplaced) {
  const Switched refused(test::small_h_is_refused);
  const Series series(shape_of(2, 7, 2, 3), 20, 4);
  auto network = make_lstm_cuda(series.shape, 1, 0, {LstmAlgorithm::small_h});
  ASSERT_TRUE(network);
  std::vector<float> out(20);
  const Status predicted = (*network)->predict(out, series.batch());
  ASSERT_FALSE(predicted);
  EXPECT_NE(predicted.error().remedy.find("--cudnn"), std::string::npos) << predicted.error().message();
}

TEST(LstmOnHost, WithoutCudnnASmallNetworkIsOurOwn) {
  const Trained own = train({LstmAlgorithm::tile});
  EXPECT_NE(train({}).parameters, own.parameters) << "with cuDNN nothing but asking for it takes it";
  const Switched broken(test::cudnn_does_not_start);
  const Trained automatic = train({});
  EXPECT_EQ(automatic.losses, own.losses);
  EXPECT_EQ(automatic.parameters, own.parameters);
  const auto asked = make_lstm_cuda(shape_of(2, 7, 2, 3), 1, 0, {LstmAlgorithm::standard});
  EXPECT_FALSE(asked) << "what was asked for is not replaced";
  const auto large = make_lstm_cuda(shape_of(2, 65, 1, 3), 1, 0, {});
  ASSERT_FALSE(large);
  EXPECT_NE(large.error().what.find("cuDNN"), std::string::npos) << large.error().message();
  EXPECT_NE(large.error().what.find("64 units are the most"), std::string::npos) << large.error().message();
}

TEST(LstmOnHost, ANetworkTooLargeForABlockSaysWhatItTakesAndWhatThereIs) {
  test::shared_bytes_of_a_block = 64 * 1024;
  const auto refused = make_lstm_cuda(shape_of(4, 64, 1, 32), 1, 0, {LstmAlgorithm::tile});
  test::shared_bytes_of_a_block = 227 * 1024;
  EXPECT_TRUE(make_lstm_cuda(shape_of(4, 64, 1, 32), 1, 0, {LstmAlgorithm::tile}));
  ASSERT_FALSE(refused);
  const std::string takes = std::to_string(tile::TilePlan(shape_of(4, 64, 1, 32)).shared_bytes(true));
  for (const std::string& words : {std::string("64 units in 1 layers"), takes + " bytes", std::string("there are 65536")})
    EXPECT_NE(refused.error().what.find(words), std::string::npos) << refused.error().message();
}

TEST(LstmOnHost, CallsAreNotLargerThanTheLimit) {
  const Series series(shape_of(1, 1, 1, 2), 2 * lstm::most_windows_at_once + 3, 4);
  auto network = make_lstm_cuda(series.shape, 1, 0, {});
  ASSERT_TRUE(network);
  std::vector<float> out(series.starts.size());
  test::cudnn_most_windows = 0;
  const int calls = test::cudnn_forward_calls;
  ASSERT_TRUE((*network)->predict(out, series.batch()));
  EXPECT_EQ(test::cudnn_forward_calls - calls, 3);
  EXPECT_LE(test::cudnn_most_windows, static_cast<int>(lstm::most_windows_at_once));
}

std::unique_ptr<ManyNetworks> many(const test::Fleet& fleet, std::size_t free_bytes) {
  test::free_bytes = free_bytes;
  auto networks = make_many_cuda(fleet.start, fleet.tasks, fleet.settings, 0);
  test::free_bytes = std::size_t{1} << 30;
  TG_REQUIRE(networks.has_value(), networks.error().message());
  return *std::move(networks);
}

TEST(ManyOnHost, WhatTheyHoldCrossesTheLinkOnceAndBackWhenAskedFor) {
  const test::Fleet fleet(shape_of(1, 9, 1, 4), 3);
  const auto networks = many(fleet, std::size_t{1} << 30);
  ASSERT_TRUE(networks->train(1));
  const std::size_t in = test::bytes_copied_in, out = test::bytes_copied_out;
  const std::size_t held = 4 * sizeof(float) * lstm_parameter_count(fleet.settings.shape) * 3;
  ASSERT_TRUE(networks->train(1));
  EXPECT_LT(test::bytes_copied_in - in + test::bytes_copied_out - out, held / 4) << "only where they stand";
  ASSERT_TRUE(networks->fetch());
  EXPECT_GE(test::bytes_copied_out - out, held);
}

TEST(ManyOnHost, GroupsThatTakeTurnsOnASmallCardComeToTheSame) {
  const test::Fleet fleet(shape_of(1, 9, 2, 4), 5);
  const auto large = many(fleet, std::size_t{1} << 30), small = many(fleet, 150'000);
  std::size_t in = test::bytes_copied_in;
  for (int call = 0; call < 6; ++call) ASSERT_TRUE(large->train(1));
  const std::size_t once = std::exchange(in, test::bytes_copied_in);
  for (int call = 0; call < 6; ++call) ASSERT_TRUE(small->train(1));
  EXPECT_GT(test::bytes_copied_in - in, 2 * (in - once)) << "they took turns";
  ASSERT_TRUE(large->fetch());
  ASSERT_TRUE(small->fetch());
  for (std::size_t m = 0; m < fleet.start.size(); ++m)
    test::expect_same(small->states()[m], large->states()[m], "model " + std::to_string(m));
}

TEST(ManyOnHost, AFailedCallLeavesWhatWasFetched) {
  const test::Fleet fleet(shape_of(1, 9, 1, 4), 3);
  const auto networks = many(fleet, std::size_t{1} << 30);
  ASSERT_TRUE(networks->train(1));
  ASSERT_TRUE(networks->fetch());
  const std::vector<ManyState> before(networks->states().begin(), networks->states().end());
  ASSERT_TRUE(networks->train(1));
  test::allocations_left = 0;
  const Status failed = networks->train(50);  // more lines of history than there is room for
  test::allocations_left = -1;
  EXPECT_FALSE(failed);
  for (std::size_t m = 0; m < before.size(); ++m)
    test::expect_same(networks->states()[m], before[m], "model " + std::to_string(m));
}

}  // namespace
}  // namespace tidegauge
