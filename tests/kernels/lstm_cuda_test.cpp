// The LSTM on a card against the oracle in double, the CPU, and itself. The same tests run on the host, with stand-ins for
// CUDA and cuDNN (tests/cuda_on_host/): then they test our code, not cuDNN's.
#ifdef TIDEGAUGE_CUDA_ON_HOST
#include "tests/cuda_on_host/host_backend.hpp"
#else
#include "tests/cuda_device.hpp"
#endif
#include "tests/kernels/lstm_cases.hpp"
#include "tests/kernels/sure_network.hpp"
#include "tests/oracle/lstm_oracle.hpp"

namespace tidegauge {
namespace {

using test::distance;
using test::fast_adam;
using test::lstm_tolerance;
using test::random_parameters;
using test::Series;
using test::shape_of;

/// Products of 10-bit mantissas: 2^-11 each, of random sign.
constexpr double kTf32Tolerance = 5e-3;

std::unique_ptr<test::SureNetwork> sure_lstm(Backend& backend, const LstmShape& shape, const LstmOptions& options = {},
                                             std::uint64_t seed = 1) {
  auto network = backend.lstm(shape, seed, options);
  TG_REQUIRE(network.has_value(), network.error().message());
  return std::make_unique<test::SureNetwork>(*std::move(network));
}

/// What holds of cuDNN and of our own kernel alike.
class LstmCuda : public testing::TestWithParam<LstmAlgorithm> {
 protected:
  static LstmOptions options() { return {GetParam()}; }
};
INSTANTIATE_TEST_SUITE_P(Ways, LstmCuda, testing::Values(LstmAlgorithm::automatic, LstmAlgorithm::tile),
                         [](const auto& way) { return std::string(algorithm_name(way.param)); });

void expect_oracle(Backend& backend, const test::LstmCase& c, const LstmOptions& options, double tolerance) {
  SCOPED_TRACE(testing::Message() << c << " algorithm " << algorithm_name(options.algorithm));
  const auto network = sure_lstm(backend, c.shape, options);
  const test::LstmAnswers answers = test::answers_of(*network, c);
  test::expect_oracles_answers(answers, c, tolerance);
  EXPECT_EQ(network->parameters(), test::parameters_of(c));
  const test::LstmAnswers again = test::answers_of(*network, c);  // predictions now come layer by layer after dropout
  EXPECT_EQ(again.gradient, answers.gradient) << "run twice";
  EXPECT_EQ(again.loss, answers.loss) << "run twice";
}

TEST(LstmCudaOracle, AgreesWithTheOracle) {
  TG_NEEDS_CUDA(cuda);
  for (const test::LstmCase& c : test::lstm_cases) expect_oracle(*cuda, c, {}, lstm_tolerance);
}

TEST(LstmCudaOracle, AgreesWithTheOracleAtSizesAroundAWarp) {
  TG_NEEDS_CUDA(cuda);
  for (const std::size_t windows : {1u, 31u, 32u, 33u})
    for (const std::size_t hidden : {31u, 32u, 33u, 129u})
      expect_oracle(*cuda, {shape_of(3, hidden, 2, 5, 3), windows, test::kDropout}, {}, lstm_tolerance);
}

/// The table takes small_h for most of the cases above; standard must be as right. persist_static may be refused, which
/// is an error and no other algorithm.
TEST(LstmCudaOracle, EveryAlgorithmAgreesWithTheOracle) {
  TG_NEEDS_CUDA(cuda);
  for (const test::LstmCase& c : test::lstm_cases) expect_oracle(*cuda, c, {LstmAlgorithm::standard}, lstm_tolerance);
  const test::LstmCase wide{shape_of(128, 128, 1, 8), 32, test::kMse};
  const Series series(wide.shape, wide.windows, 3);
  std::vector<float> out(wide.windows), gradient(lstm_parameter_count(wide.shape));
  auto network = cuda->lstm(wide.shape, 1, {LstmAlgorithm::persist_static});
  if (network && (*network)->predict(out, series.batch()) &&
      (*network)->loss_and_gradient(gradient, series.batch(), wide.loss, 0))
    expect_oracle(*cuda, wide, {LstmAlgorithm::persist_static}, lstm_tolerance);
}

/// Our own kernel takes the cases that fit; the others it refuses.
TEST(LstmCudaOracle, OurOwnKernelAgrees) {
  TG_NEEDS_CUDA(cuda);
  int agreed = 0;
  for (const test::LstmCase& c : test::lstm_cases) {
    if (c.shape.hidden > tile::most_hidden) {
      EXPECT_FALSE(cuda->lstm(c.shape, 1, {LstmAlgorithm::tile})) << c;
    } else if (cuda->lstm(c.shape, 1, {LstmAlgorithm::tile})) {
      expect_oracle(*cuda, c, {LstmAlgorithm::tile}, kTolerance);
      ++agreed;
    }
  }
  EXPECT_GE(agreed, 11) << "32 units fit any card";
}

TEST(LstmCudaOracle, TensorCoresAreCoarser) {
  TG_NEEDS_CUDA(cuda);
  expect_oracle(*cuda, {shape_of(4, 64, 1, 32), 49, test::kMse}, {LstmAlgorithm::standard, true}, kTf32Tolerance);
  expect_oracle(*cuda, {shape_of(4, 64, 2, 9), 49, test::kDropout}, {LstmAlgorithm::automatic, true}, kTf32Tolerance);
}

/// More windows than one cuDNN call takes: 4097 and 9000 go in two and three pieces, and dropout's masks go on counting.
TEST(LstmCudaOracle, LargeBatchesInPieces) {
  TG_NEEDS_CUDA(cuda);
  for (const std::size_t windows : {4096, 4097, 9000})
    expect_oracle(*cuda, {shape_of(2, 9, 2, 3, 2), windows, test::kDropout}, {}, lstm_tolerance);
}

TEST_P(LstmCuda, NoWindowsGiveNoLossAndNoGradient) {
  TG_NEEDS_CUDA(cuda);
  const Series series(shape_of(2, 5, 2, 3), 0, 1);
  const auto network = sure_lstm(*cuda, series.shape, options());
  std::vector<float> gradient(lstm_parameter_count(series.shape), 5.0f);
  EXPECT_EQ(network->loss_and_gradient(gradient, series.batch(), test::kMse, 0), 0.0);
  EXPECT_EQ(gradient, std::vector<float>(gradient.size(), 0.0f));
  network->predict({}, series.batch());
}

TEST_P(LstmCuda, NotANumberPassesThrough) {
  TG_NEEDS_CUDA(cuda);
  Series series(shape_of(1, 16, 1, 2), 40, 1);
  const auto network = sure_lstm(*cuda, series.shape, options());
  network->set_parameters(random_parameters(series.shape, 4));
  std::vector<float> out(40);
  network->predict(out, series.batch());
  for (const float value : out) EXPECT_TRUE(std::isfinite(value));
  std::fill(series.features.begin(), series.features.end(), NAN);  // the same place, without a series_id
  network->predict(out, series.batch());
  for (const float value : out) EXPECT_TRUE(std::isnan(value));
  OptimizerState state;
  EXPECT_TRUE(std::isnan(network->train(series.batch(), 40, 0, 1, test::kMse, {}, state).at(0)));
}

TEST_P(LstmCuda, ASeriesWithAnIdIsCopiedOnce) {
  TG_NEEDS_CUDA(cuda);
  Series series(shape_of(2, 8, 1, 3), 50, 1);
  const auto network = sure_lstm(*cuda, series.shape, options());
  network->set_parameters(random_parameters(series.shape, 4));
  WindowBatch batch = series.batch();
  batch.series_id = 1;
  std::vector<float> out(50), again(50);
  network->predict(out, batch);
  const std::vector<float> kept = series.features;
  std::fill(series.features.begin(), series.features.end(), NAN);  // a broken promise, to see that nobody looks
  network->predict(again, batch);
  EXPECT_EQ(again, out);
  batch.series_id = 2;
  network->predict(again, batch);
  EXPECT_TRUE(std::isnan(again[0]));
}

/// Steps recorded as a graph, full and ragged, against the CPU. Trajectories part slowly; these are 8 steps.
TEST_P(LstmCuda, TrainsAsTheCpu) {
  TG_NEEDS_CUDA(cuda);
  for (const OptimizerKind kind : {OptimizerKind::adam, OptimizerKind::rmsprop})
    for (const LossSettings& loss : {LossSettings{}, LossSettings{.kind = Loss::huber, .dropout = 0.2, .dropout_seed = 9}}) {
      const Series series(shape_of(2, 12, 2, 5, 2), 100, 4);
      OptimizerSettings settings = fast_adam();
      settings.kind = kind;
      const auto cpu = test::sure_lstm_cpu(series.shape, 3, 1);
      const auto gpu = sure_lstm(*cuda, series.shape, options(), 3);
      EXPECT_EQ(gpu->parameters(), cpu->parameters()) << "before anything was set";
      OptimizerState cpu_state, state;
      for (int epoch = 0; epoch < 2; ++epoch) {
        const auto expected = cpu->train(series.batch(), 32, 0, 4, loss, settings, cpu_state);
        const auto losses = gpu->train(series.batch(), 32, 0, 4, loss, settings, state);
        EXPECT_LT(distance(losses, expected), 1e-4) << "epoch " << epoch;
      }
      EXPECT_LT(distance(gpu->parameters(), cpu->parameters()), 1e-3);
      EXPECT_EQ(state.steps, cpu_state.steps);
      EXPECT_EQ(state.first_moment.size(), cpu_state.first_moment.size());
      EXPECT_EQ(state.second_moment.size(), cpu_state.second_moment.size());
    }
}

TEST_P(LstmCuda, RunTwiceSameBits) {
  TG_NEEDS_CUDA(cuda);
  const Series series(shape_of(4, 24, 2, 6, 2), 420, 4);
  for (const double dropout : {0.0, 0.1}) {
    const LossSettings loss{.kind = Loss::huber, .dropout = dropout};
    std::vector<float> parameters[2];
    std::vector<double> losses[2];
    for (int run = 0; run < 2; ++run) {
      const auto network = sure_lstm(*cuda, series.shape, options(), 5);
      OptimizerState state;
      for (int epoch = 0; epoch < 3; ++epoch)
        losses[run] = network->train(series.batch(), 100, 0, 5, loss, fast_adam(), state);
      parameters[run] = network->parameters();
    }
    EXPECT_EQ(parameters[0], parameters[1]) << "dropout " << dropout;
    EXPECT_EQ(losses[0], losses[1]) << "dropout " << dropout;
  }
}

TEST_P(LstmCuda, StoppingAndGoingOnEqualsNotStopping) {
  TG_NEEDS_CUDA(cuda);
  test::expect_stopping_and_going_on_equals_not_stopping(
      [&](const LstmShape& shape, std::uint64_t seed) { return sure_lstm(*cuda, shape, options(), seed); });
}

/// A step of the gradient alone, of training and of prediction take turns on one network, with dropout and without.
TEST_P(LstmCuda, CallsOfAllKindsTakeTurns) {
  TG_NEEDS_CUDA(cuda);
  const Series series(shape_of(2, 12, 2, 5), 100, 4);
  const auto network = sure_lstm(*cuda, series.shape, options());
  const std::vector<float> flat = random_parameters(series.shape, 4);
  network->set_parameters(flat);
  const oracle::Lstm<double> oracle(series.shape, flat);
  OptimizerSettings standstill = fast_adam();
  standstill.learning_rate = 0;
  OptimizerState state;
  std::vector<float> gradient(flat.size()), out(100);
  for (int turn = 0; turn < 2; ++turn)
    for (const LossSettings& loss : {test::kMse, test::kDropout}) {
      network->train(series.batch(), 32, 0, 4, loss, standstill, state);
      network->loss_and_gradient(gradient, series.batch(), loss, 6);
      EXPECT_LT(distance(gradient, oracle.gradient(series.batch(), loss, 6)), lstm_tolerance);
      network->predict(out, series.batch());
      EXPECT_LT(distance(out, oracle.predict(series.batch())), lstm_tolerance);
    }
  EXPECT_EQ(network->parameters(), flat);
  const std::vector<float> others = random_parameters(series.shape, 5);
  network->set_parameters(others);
  network->predict(out, series.batch());
  EXPECT_LT(distance(out, oracle::Lstm<double>(series.shape, others).predict(series.batch())), lstm_tolerance);
}

}  // namespace
}  // namespace tidegauge
