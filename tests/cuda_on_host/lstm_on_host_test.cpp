// What only stand-ins for CUDA and cuDNN can show of the LSTM's host code: that steps are replayed, that nothing is freed
// under work that is still to be done, what happens where recording or an algorithm is refused, and how large the calls
// are. Its arithmetic: tests/kernels/lstm_cuda_test.cpp,
// which is part of this program too.
#include <utility>

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
template <class T>
class Switched {
 public:
  Switched(T& place, T value) : place_(place), before_(std::exchange(place, std::move(value))) {}
  ~Switched() { place_ = before_; }

 private:
  T& place_;
  T before_;
};

using test::cudnn_refusal;
using test::CudnnCall;
using test::CudnnRefusal;
using test::Recording;

std::unique_ptr<test::SureNetwork> sure_lstm(const LstmShape& shape, const LstmOptions& options = {}) {
  auto network = make_lstm_cuda(shape, 1, 0, options);
  TG_REQUIRE(network.has_value(), network.error().message());
  return std::make_unique<test::SureNetwork>(*std::move(network));
}

struct Trained {
  std::vector<double> losses;
  std::vector<float> parameters;
  friend bool operator==(const Trained&, const Trained&) = default;
};

constexpr std::size_t batch_size = 16, batches = 5, ragged = 5;

/// The last batch has `ragged` windows, an odd number, for which the stand-in wants more working memory.
Series short_series() { return Series(shape_of(2, 7, 2, 3), (batches - 1) * batch_size + ragged, 4); }

Trained train(const LstmOptions& options, double dropout = 0) {
  const Series series = short_series();
  const auto network = sure_lstm(series.shape, options);
  OptimizerState state;
  Trained trained;
  for (int epoch = 0; epoch < 3; ++epoch)
    trained.losses = network->train(series.batch(), batch_size, 0, batches, {.dropout = dropout}, {}, state);
  trained.parameters = network->parameters();
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
    const auto network = sure_lstm(series.shape);
    OptimizerState state;
    network->train(few, 16, 0, 4, {}, {}, state);
    OptimizerSettings standstill;
    standstill.learning_rate = 0;
    OptimizerState unused;
    if (between) network->train(series.batch(), 16, 0, 1, {}, standstill, unused);
    losses[between] = network->train(few, 16, 0, 4, {}, {}, state);
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

/// A card works on while the host goes on: what a larger batch needs is taken when nothing uses the smaller, and what the
/// caller or a function's local variables gave has been read before they go. Needs the address sanitizer to be sure.
TEST(LstmOnHost, NothingIsFreedUnderRunningWork) {
  const Series series = short_series();
  const auto calls = [&] {
    const auto network = sure_lstm(series.shape);
    OptimizerState state;
    std::vector<double> all;
    std::vector<float> gradient(lstm_parameter_count(series.shape)), out(series.starts.size());
    for (const double dropout : {0.0, 0.3}) {  // which arranges the layers anew
      const auto losses = network->train(series.batch(), batch_size, 0, batches, {.dropout = dropout}, {}, state);
      all.insert(all.end(), losses.begin(), losses.end());
      all.push_back(network->loss_and_gradient(gradient, series.batch(), {.dropout = dropout}, 6));
      network->predict(out, series.batch());
      all.insert(all.end(), out.begin(), out.end());
    }
    return all;
  };
  const std::vector<double> at_once = calls();
  const Switched waits(test::work_waits, true);
  EXPECT_EQ(calls(), at_once);
}

TEST(LstmOnHost, NothingIsFreedUnderWorkOfAnAlgorithmThatIsLeft) {
  const Trained standard = train({LstmAlgorithm::standard});
  const Switched waits(test::work_waits, true);
  const Switched refused(cudnn_refusal, CudnnRefusal{CudnnCall::backward});
  EXPECT_EQ(train({}), standard);
}

/// The caller's arrays go when a call has failed, with work of it still to be done.
TEST(LstmOnHost, AFailedCallHasReadWhatItWasGiven) {
  const Switched waits(test::work_waits, true);
  const auto network = make_lstm_cuda(short_series().shape, 1, 0, {}).value();
  OptimizerState state;
  ASSERT_TRUE(network->train(short_series().batch(), batch_size, 0, batches, {}, {}, state));
  const Switched lost(test::launches_fail, true);
  EXPECT_FALSE(network->train(short_series().batch(), batch_size, 0, batches, {}, {}, state));
  EXPECT_TRUE(network->parameters()) << "waits for what is left";
}

/// Whatever a call prepared must still be there when it runs, also the other of its two sizes, however many came before.
TEST(LstmOnHost, ManySizesTakeTurns) {
  const Series series(shape_of(1, 1, 1, 1), 79, 4);
  const Switched small_card(test::device_bytes, 2 * 40 * lstm::window_bytes(series.shape));
  std::vector<float> out(series.starts.size());
  const auto some = [&](std::size_t windows) {
    WindowBatch batch = series.batch();
    batch.starts = batch.starts.first(windows);
    return batch;
  };
  const auto predict = [&](test::SureNetwork& network, std::size_t windows) {
    network.predict(std::span(out).first(windows), some(windows));
  };
  for (std::size_t others = 1; others <= 20; ++others) {
    const auto network = sure_lstm(series.shape);
    predict(*network, 40);
    for (std::size_t windows = 1; windows <= others; ++windows) predict(*network, windows);
    predict(*network, 79);  // 40 and 39
  }
  const auto network = sure_lstm(series.shape);
  OptimizerState state;
  predict(*network, 79);
  network->train(some(64), 32, 0, 1, {}, {}, state);  // run, not yet recorded
  for (std::size_t windows = 1; windows <= 20; ++windows) predict(*network, windows);
  const int launched = test::graphs_launched;
  network->train(some(64), 32, 0, 2, {}, {}, state);
  EXPECT_EQ(test::graphs_launched - launched, 2) << "nothing moved: the steps are still good";
}

TEST(LstmOnHost, WhereRecordingFailsTheSameIsDoneWithout) {
  const Trained replayed = train({}, 0.3);
  for (const Recording how : {Recording::cannot_begin, Recording::cannot_end}) {
    const Switched fails(test::recording, how);
    const int launched = test::graphs_launched;
    EXPECT_EQ(train({}, 0.3), replayed) << "how " << static_cast<int>(how);
    EXPECT_EQ(test::graphs_launched, launched);
  }
}

/// Wherever cuDNN says so, and whichever of its words it takes for it: a shape, too few multiprocessors.
TEST(LstmOnHost, AutomaticGoesOnWithStandardWhereSmallHIsRefused) {
  const Trained standard = train({LstmAlgorithm::standard});
  ASSERT_EQ(train({}), standard) << "the stand-in's algorithms do not differ";
  for (const CudnnRefusal& refusal : {CudnnRefusal{CudnnCall::describe},
                                      {CudnnCall::ask_sizes},
                                      {CudnnCall::ask_sizes, CUDNN_STATUS_NOT_SUPPORTED, ragged},
                                      {CudnnCall::forward},
                                      {CudnnCall::forward, CUDNN_STATUS_NOT_SUPPORTED, ragged},
                                      {CudnnCall::forward, CUDNN_STATUS_EXECUTION_FAILED},
                                      {CudnnCall::forward, CUDNN_STATUS_INTERNAL_ERROR},
                                      {CudnnCall::backward, CUDNN_STATUS_EXECUTION_FAILED, ragged}}) {
    SCOPED_TRACE(testing::Message() << "call " << static_cast<int>(refusal.call) << " status " << refusal.status
                                    << " windows " << refusal.windows);
    const Switched refused(cudnn_refusal, refusal);
    EXPECT_EQ(train({}), standard);
  }
}

/// Too little memory is no refusal: otherwise a run would take another way because of what else uses the card.
TEST(LstmOnHost, TooLittleMemoryChangesNoAlgorithm) {
  const Series series = short_series();
  const Switched refused(cudnn_refusal,
                         CudnnRefusal{CudnnCall::forward, CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED});
  auto network = make_lstm_cuda(series.shape, 1, 0, {});
  ASSERT_TRUE(network);
  std::vector<float> out(series.starts.size());
  const Status predicted = (*network)->predict(out, series.batch());
  ASSERT_FALSE(predicted);
  EXPECT_NE(predicted.error().remedy.find("--batch"), std::string::npos) << predicted.error().message();
  EXPECT_EQ((*network)->algorithm(), LstmAlgorithm::small_h);
}

/// Epochs as the trainer runs them, in calls of `piece` batches; after `stop` batches another network goes on with what a
/// model file keeps. @return the algorithm after each batch, as far as calls tell.
std::vector<LstmAlgorithm> run_epochs(std::size_t piece, std::size_t stop) {
  const Series series = short_series();
  auto network = make_lstm_cuda(series.shape, 1, 0, {}).value();
  OptimizerState state;
  std::vector<LstmAlgorithm> ran;
  for (std::size_t done = 0; done < 2 * batches;) {
    if (done == stop) {
      const std::vector<float> kept = network->parameters().value();
      network = make_lstm_cuda(series.shape, 1, 0, {.begun_with = network->algorithm()}).value();
      EXPECT_TRUE(network->set_parameters(kept));
    }
    const std::size_t first = done % batches, last = std::min(first + piece, batches);
    EXPECT_TRUE(network->train(series.batch(), batch_size, first, last, {}, {}, state));
    done += last - first;
    ran.insert(ran.end(), last - first, network->algorithm());
  }
  return ran;
}

/// small_h is refused by the ragged batch alone. Asked beforehand, all batches go the other way, in whatever pieces an
/// epoch is run; found out by running it, those before it do not. A run that goes on does as the one that was not stopped.
TEST(LstmOnHost, WhatARaggedBatchRefusesHoldsForTheRestAndAfterAStop) {
  const auto small_h = [](std::size_t count) { return std::vector(count, LstmAlgorithm::small_h); };
  EXPECT_EQ(run_epochs(1, 3), small_h(2 * batches)) << "nothing is refused";
  for (const CudnnCall call : {CudnnCall::ask_sizes, CudnnCall::forward, CudnnCall::backward}) {
    SCOPED_TRACE(testing::Message() << "call " << static_cast<int>(call));
    const Switched refused(cudnn_refusal, CudnnRefusal{call, CUDNN_STATUS_NOT_SUPPORTED, ragged});
    const std::size_t before = call == CudnnCall::ask_sizes ? 0 : batches - 1;
    std::vector<LstmAlgorithm> expected = small_h(before);
    expected.resize(2 * batches, LstmAlgorithm::standard);
    for (const std::size_t stop : {std::size_t{0}, std::size_t{3}, batches - 1, batches, batches + 2})
      EXPECT_EQ(run_epochs(1, stop), expected) << "stopped after " << stop;
    if (before == 0) {
      EXPECT_EQ(run_epochs(2, batches), expected);
    }
  }
}

TEST(LstmOnHost, AnAlgorithmThatWasAskedForIsNotReplaced) {
  const Switched refused(cudnn_refusal, CudnnRefusal{CudnnCall::forward});
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
  const Switched broken(test::cudnn_does_not_start, true);
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

TEST(LstmOnHost, WhatToTryFollowsFromTheKindOfFailure) {
  const Series series(shape_of(2, 7, 1, 3), 20, 4);
  std::vector<float> out(20);
  for (const auto& [status, word] :
       {std::pair{CUDNN_STATUS_NOT_INITIALIZED, "doctor"}, std::pair{CUDNN_STATUS_SUBLIBRARY_LOADING_FAILED, "install"},
        std::pair{CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED, "--batch"}}) {
    const Switched refused(cudnn_refusal, CudnnRefusal{CudnnCall::forward, status});
    auto network = make_lstm_cuda(series.shape, 1, 0, {LstmAlgorithm::small_h});
    ASSERT_TRUE(network);
    const Status predicted = (*network)->predict(out, series.batch());
    ASSERT_FALSE(predicted);
    EXPECT_NE(predicted.error().remedy.find(word), std::string::npos) << predicted.error().message();
  }
}

TEST(LstmOnHost, WhoOnlyPredictsIsNotAskedForTrainingsMemory) {
  const Series series(shape_of(2, 7, 2, 3), 20, 4);
  const auto network = sure_lstm(series.shape);
  std::vector<float> out(20);
  const int before = test::cudnn_training_questions;
  network->predict(out, series.batch());
  EXPECT_EQ(test::cudnn_training_questions, before);
}

/// Parameters that do not lie row by row would be read in a wrong order, and nobody would see it.
TEST(LstmOnHost, AnotherLayoutOfParametersIsRefused) {
  const Series series(shape_of(2, 7, 1, 3), 20, 4);
  std::vector<float> out(20);
  for (const test::CudnnLayout layout : {test::CudnnLayout::columns_first, test::CudnnLayout::off_by_a_byte}) {
    const Switched other(test::cudnn_layout, layout);
    auto network = make_lstm_cuda(series.shape, 1, 0, {});
    ASSERT_TRUE(network);
    const Status predicted = (*network)->predict(out, series.batch());
    ASSERT_FALSE(predicted);
    EXPECT_NE(predicted.error().what.find("unexpected way"), std::string::npos) << predicted.error().message();
  }
}

/// By the card's memory, or cuDNN's own limit; the results stay those of one call.
TEST(LstmOnHost, CallsAreNotLargerThanTheLimit) {
  const Series series(shape_of(1, 1, 1, 2), 2 * 4096 + 3, 4);
  std::vector<float> whole(series.starts.size()), pieces(whole.size());
  struct Row {
    std::size_t device_bytes;
    int calls, most_windows;
  };
  for (const Row& row : {Row{test::device_bytes, 3, 4096}, Row{2 * 1000 * lstm::window_bytes(series.shape), 9, 1000}}) {
    const Switched card(test::device_bytes, row.device_bytes);
    const auto network = sure_lstm(series.shape);
    test::cudnn_most_windows = 0;
    const int calls = test::cudnn_forward_calls;
    network->predict(row.calls == 3 ? whole : pieces, series.batch());
    EXPECT_EQ(test::cudnn_forward_calls - calls, row.calls);
    EXPECT_LE(test::cudnn_most_windows, row.most_windows);
  }
  EXPECT_EQ(pieces, whole);
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
