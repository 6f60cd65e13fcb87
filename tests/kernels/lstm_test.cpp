// The CPU LSTM against the oracle in double, finite differences, PyTorch's values and itself.
#include "kernels/lstm/lstm.hpp"

#include <fstream>
#include <map>
#include <sstream>

#include "tests/golden/formula.hpp"
#include "tests/kernels/lstm_cases.hpp"
#include "tests/kernels/sure_network.hpp"
#include "tests/oracle/lstm_oracle.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

using test::distance;
using test::fast_adam;
using test::kMse;
using test::random_parameters;
using test::Series;
using test::shape_of;

std::vector<std::string> instruction_sets() {  // those that this machine has, each once
  std::vector<std::string> names{"portable"};
  const std::string best(lstm_cpu_instruction_set());
  if (best != "portable") names.push_back("avx2");
  if (best == "avx512") names.push_back("avx512");
  return names;
}

TEST(Lstm, AgreesWithTheOracleOnEveryInstructionSet) {
  for (const std::string& isa : instruction_sets())
    for (const test::LstmCase& c : test::lstm_cases) {
      SCOPED_TRACE(testing::Message() << isa << " " << c);
      test::expect_oracles_answers(test::answers_of(*test::sure_lstm_cpu(c.shape, 1, 1, isa), c), c);
    }
}

/// In double a central difference of 1e-5 is exact to about 1e-10, plus the loss's own rounding / 1e-5 =
/// 1e-11.
TEST(LstmOracle, GradientIsTheFiniteDifference) {
  for (const test::LstmCase& c : test::lstm_cases) {
    if (c.windows > 33 || c.shape.hidden > 33) continue;
    SCOPED_TRACE(testing::Message() << c);
    const Series series(c.shape, c.windows, 3);
    oracle::Lstm<double> oracle(c.shape, random_parameters(c.shape, 4));
    const std::vector<double> gradient = oracle.gradient(series.batch(), c.loss, 6);
    RandomStream random(17, 0);
    for (int draw = 0; draw < 6; ++draw) {
      for (const LstmTensor& tensor : lstm_tensors(c.shape)) {
        const std::size_t i = tensor.offset + random.below(tensor.size);
        const double before = oracle.flat()[i], step = 1e-5;
        oracle.flat()[i] = before + step;
        const double above = oracle.loss(series.batch(), c.loss, 6);
        oracle.flat()[i] = before - step;
        const double below = oracle.loss(series.batch(), c.loss, 6);
        oracle.flat()[i] = before;
        EXPECT_NEAR(gradient[i], (above - below) / (2 * step), 1e-8) << tensor.name;
      }
    }
  }
}

TEST(Lstm, NoWindowsGiveNoLossAndNoGradient) {
  const Series series(shape_of(2, 5, 2, 3), 0, 1);
  const auto network = test::sure_lstm_cpu(series.shape, 1, 1);
  std::vector<float> gradient(lstm_parameter_count(series.shape), 5.0f);
  EXPECT_EQ(network->loss_and_gradient(gradient, series.batch(), kMse, 0), 0.0);
  EXPECT_EQ(gradient, std::vector<float>(gradient.size(), 0.0f));
  network->predict({}, series.batch());
}

TEST(Lstm, APredictionDoesNotDependOnTheOtherWindows) {
  for (const std::string& isa : instruction_sets()) {
    const Series series(shape_of(4, 33, 2, 7, 2), 50, 8);
    const auto network = test::sure_lstm_cpu(series.shape, 1, 1, isa);
    std::vector<float> together(100), alone(2);
    network->predict(together, series.batch());
    for (std::size_t w = 0; w < 50; ++w) {
      WindowBatch one = series.batch();
      one.starts = one.starts.subspan(w, 1);
      network->predict(alone, one);
      EXPECT_EQ(alone[0], together[2 * w]) << isa << " window " << w;
      EXPECT_EQ(alone[1], together[2 * w + 1]) << isa << " window " << w;
    }
  }
}

TEST(Lstm, SaturatedGatesAndNotANumberPassThrough) {
  for (const std::string& isa : instruction_sets()) {
    const LstmShape shape = shape_of(1, 16, 1, 2, 1, false);
    Series series(shape, 1, 1);
    std::vector<float> flat(lstm_parameter_count(shape), 300.0f);  // gates at 1, c = 2 after two steps
    const auto network = test::sure_lstm_cpu(shape, 1, 1, isa);
    std::fill(series.features.begin(), series.features.end(), 1.0f);
    network->set_parameters(flat);
    float out = 0;
    network->predict({&out, 1}, series.batch());
    EXPECT_NEAR(out, 300 + 16 * 300 * std::tanh(2.0), 0.01) << isa;
    std::fill(series.features.begin(), series.features.end(), -1e30f);
    network->predict({&out, 1}, series.batch());
    EXPECT_NEAR(out, 300, 1e-6) << isa;
    std::fill(series.features.begin(), series.features.end(), NAN);
    network->predict({&out, 1}, series.batch());
    EXPECT_TRUE(std::isnan(out)) << isa;
  }
}

TEST(Lstm, SmallActivationsKeepTheirRelativePrecision) {
  // g = tanh(1e-5), i = o = 1/2: the output is a quarter of it. Absolute errors of 1e-7 would show as one
  // percent.
  for (const std::string& isa : instruction_sets()) {
    const LstmShape shape = shape_of(1, 1, 1, 1, 1, false);
    Series series(shape, 1, 1);
    std::fill(series.features.begin(), series.features.end(), 1e-5f);
    const auto network = test::sure_lstm_cpu(shape, 1, 1, isa);
    network->set_parameters(std::vector<float>{0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0});
    float out = 0;
    network->predict({&out, 1}, series.batch());
    EXPECT_NEAR(out / 2.5e-6f, 1.0, 1e-6) << isa;
  }
}

// ---- PyTorch ----

struct GoldenCase {
  LstmShape shape;
  std::size_t windows = 0;
  LossSettings loss{.huber_delta = 0.25};
  std::map<std::string, std::vector<double>> values;
};

std::vector<GoldenCase> golden_cases() {
  std::istringstream file(
      test::read_text(test::fs::path(TIDEGAUGE_TEST_DATA) / "golden" / "lstm_golden.txt"));
  std::vector<GoldenCase> cases;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string key, loss;
    words >> key;
    if (key == "#") continue;
    if (key == "case") {
      LstmShape& s = cases.emplace_back().shape;
      words >> s.features >> s.hidden >> s.layers >> s.look_back >> s.horizon >> s.skip >>
          cases.back().windows >> loss;
      cases.back().loss.kind = *loss_by_name(loss);
      continue;
    }
    for (double value; words >> value;) cases.back().values[key].push_back(value);
  }
  return cases;
}

TEST(LstmGolden, AgreesWithPyTorch) {
  const auto cases = golden_cases();
  ASSERT_EQ(cases.size(), 4u);
  for (const std::string& isa : instruction_sets()) {
    for (GoldenCase c : cases) {
      SCOPED_TRACE(testing::Message() << isa << " hidden " << c.shape.hidden);
      Series series(c.shape, c.windows, 1);
      const std::size_t points = 3 * c.windows + c.shape.look_back + c.shape.horizon;
      series.features = test::golden_formula(1, points * c.shape.features);
      series.targets = test::golden_formula(2, points);
      for (std::size_t w = 0; w < c.windows; ++w) series.starts[w] = static_cast<std::uint32_t>(3 * w);
      const std::size_t count = lstm_parameter_count(c.shape);
      const auto network = test::sure_lstm_cpu(c.shape, 1, 1, isa);
      network->set_parameters(test::golden_formula(3, count));
      const auto chosen = [&](const std::vector<float>& flat) {
        std::vector<float> part;
        for (std::size_t i = 0; i < count; i += std::max<std::size_t>(1, count / 60)) part.push_back(flat[i]);
        return part;
      };

      std::vector<float> outputs(c.windows * c.shape.horizon), gradient(count);
      network->predict(outputs, series.batch());
      ASSERT_EQ(outputs.size(), c.values["outputs"].size());
      EXPECT_LT(distance(outputs, c.values["outputs"]), test::lstm_tolerance);
      const double loss = network->loss_and_gradient(gradient, series.batch(), c.loss, 0);
      EXPECT_NEAR(loss, c.values["loss"].at(0), test::lstm_tolerance);
      ASSERT_EQ(chosen(gradient).size(), c.values["gradient"].size());
      EXPECT_LT(distance(chosen(gradient), c.values["gradient"]), test::lstm_tolerance);

      OptimizerSettings adam = optimizer_defaults(OptimizerKind::adam);
      adam.learning_rate = 1e-2;
      adam.clip_norm = 0.05;
      OptimizerState state;
      std::vector<double> losses;
      for (int step = 0; step < 8; ++step) {
        losses.push_back(network->train(series.batch(), c.windows, 0, 1, c.loss, adam, state).at(0));
      }
      // Adam divides by the gradient's own size, so a gradient near zero would let its rounding error move a
      // parameter by up to 1e-2 a step; none of these is so near.
      EXPECT_LT(distance(losses, c.values["adam_losses"]), test::lstm_tolerance);
      EXPECT_LT(distance(chosen(network->parameters()), c.values["adam_parameters"]), test::lstm_tolerance);
    }
  }
}

// ---- dropout ----

TEST(LstmDropout, MasksAreReproducibleAndChangeWithStepAndSeed) {
  const Series series(shape_of(2, 24, 2, 4), 40, 2);
  const auto network = test::sure_lstm_cpu(series.shape, 7, 1);
  const std::size_t count = lstm_parameter_count(series.shape);
  auto gradient_of = [&](std::uint64_t step, std::uint64_t seed) {
    // The head's weights start at zero with a skip connection, which would hide the masks.
    network->set_parameters(random_parameters(series.shape, 3));
    std::vector<float> gradient(count);
    network->loss_and_gradient(gradient, series.batch(), {.dropout = 0.5, .dropout_seed = seed}, step);
    return gradient;
  };
  EXPECT_EQ(gradient_of(3, 1), gradient_of(3, 1));
  EXPECT_NE(gradient_of(3, 1), gradient_of(4, 1));
  EXPECT_NE(gradient_of(3, 1), gradient_of(3, 2));
}

TEST(LstmDropout, KeepsTheMean) {
  // One layer above sums its inputs through a gate in its linear range, so the output's mean over many masks
  // must be the output without dropout; 4,000 windows * 2 units at p = 0.5 give a standard error of about 1 /
  // sqrt(8000).
  const LstmShape shape = shape_of(1, 2, 2, 1, 1, false);
  Series series(shape, 4000, 2);
  std::fill(series.features.begin(), series.features.end(), 1.0f);
  std::fill(series.targets.begin(), series.targets.end(), 1e3f);  // far away: the gradient is the sum of h
  std::vector<float> flat(lstm_parameter_count(shape), 1e-2f);
  const auto network = test::sure_lstm_cpu(shape, 1, 1);
  network->set_parameters(flat);
  const auto tensors = lstm_tensors(shape);
  const auto input_gradient =
      [&](double dropout) {  // of layer 1's input weights: proportional to its inputs' mean
        std::vector<float> gradient(flat.size());
        network->loss_and_gradient(gradient, series.batch(), {.kind = Loss::absolute, .dropout = dropout}, 0);
        return static_cast<double>(gradient[tensors[3].offset]);
      };
  EXPECT_NEAR(input_gradient(0.5) / input_gradient(0), 1.0, 0.06);
  EXPECT_NE(input_gradient(0.5), input_gradient(0));
  EXPECT_NEAR(input_gradient(0.9) / input_gradient(0), 1.0, 0.2);
  EXPECT_EQ(input_gradient(1.0), 0.0);
}

// ---- training ----

TEST(LstmTraining, StoppingAndGoingOnEqualsNotStopping) {
  test::expect_stopping_and_going_on_equals_not_stopping(
      [](const LstmShape& shape, std::uint64_t seed) { return test::sure_lstm_cpu(shape, seed, 1); });
}

TEST(LstmTraining, DropoutMasksFollowTheOptimizerStep) {
  const Series series(shape_of(2, 12, 2, 5), 64, 4);
  const auto network = test::sure_lstm_cpu(series.shape, 3, 1);
  network->set_parameters(random_parameters(series.shape, 3));
  OptimizerSettings standstill = fast_adam();
  standstill.learning_rate = 0;
  OptimizerState state;
  const LossSettings loss{.dropout = 0.4, .dropout_seed = 9};
  const auto first = network->train(series.batch(), 32, 0, 2, loss, standstill, state);
  const auto second = network->train(series.batch(), 32, 0, 2, loss, standstill, state);
  EXPECT_NE(first, second);
  state.steps = 0;
  EXPECT_EQ(network->train(series.batch(), 32, 0, 2, loss, standstill, state), first);
}

TEST(LstmTraining, LearnsToRepeatTheLastValue) {
  LstmShape shape = shape_of(1, 10, 1, 3, 1, false);
  Series series(shape, 256, 4);
  for (std::size_t i = 1; i < series.targets.size(); ++i) series.targets[i] = series.features[i - 1];
  const auto network = test::sure_lstm_cpu(shape, 3, 1);
  OptimizerState state;
  double first = 0, last = 0;
  for (int epoch = 0; epoch < 60; ++epoch) {
    const auto losses = network->train(series.batch(), 32, 0, 8, kMse, fast_adam(), state);
    if (epoch == 0) first = losses.front();
    last = losses.back();
  }
  EXPECT_LT(last, 0.02 * first) << "from " << first << " to " << last;
}

TEST(ThreadsLstm, BitsDoNotDependOnTheNumberOfThreads) {
  const Series series(shape_of(4, 48, 2, 12, 2), 420, 4);
  const LossSettings loss{.kind = Loss::huber, .dropout = 0.1};
  std::vector<float> expected, predicted;
  std::vector<double> losses;
  for (const std::size_t threads : {1, 2, 3, 4}) {
    const auto network = test::sure_lstm_cpu(series.shape, 5, threads);
    OptimizerState state;
    const auto found = network->train(series.batch(), 200, 0, 3, loss, fast_adam(), state);
    std::vector<float> out(840);
    network->predict(out, series.batch());
    if (threads == 1) {
      expected = network->parameters();
      predicted = out;
      losses = found;
    }
    EXPECT_EQ(network->parameters(), expected) << threads << " threads";
    EXPECT_EQ(out, predicted) << threads << " threads";
    EXPECT_EQ(found, losses) << threads << " threads";
  }
}

// ---- parameters ----

TEST(LstmParameters, TensorsFollowEachOther) {
  const LstmShape shape = shape_of(4, 10, 2, 5, 3);
  std::size_t offset = 0;
  std::string names;
  for (const LstmTensor& tensor : lstm_tensors(shape)) {
    EXPECT_EQ(tensor.offset, offset);
    offset += tensor.size;
    names += tensor.name + " ";
  }
  EXPECT_EQ(offset, lstm_parameter_count(shape));
  EXPECT_EQ(offset, 40u * (4 + 10 + 1) + 40u * (10 + 10 + 1) + 3 * 11 + 3 * 20);
  EXPECT_EQ(names,
            "weight_ih_l0 weight_hh_l0 bias_ih_l0 weight_ih_l1 weight_hh_l1 bias_ih_l1 head.weight head.bias "
            "skip.weight ");
}

TEST(LstmParameters, InitialValues) {
  const LstmShape shape = shape_of(3, 37, 2, 4, 2, false);
  const std::vector<float> flat = lstm_initial_parameters(shape, 12);
  EXPECT_EQ(flat, lstm_initial_parameters(shape, 12));
  EXPECT_NE(flat, lstm_initial_parameters(shape, 13));
  const auto tensors = lstm_tensors(shape);
  const auto values = [&](std::size_t t) {
    return std::span(flat).subspan(tensors[t].offset, tensors[t].size);
  };
  for (const std::size_t layer : {0u, 1u}) {
    const float inputs = layer == 0 ? 3.0f : 37.0f, limit = std::sqrt(6.0f / (inputs + 148.0f));
    const auto [low, high] = std::ranges::minmax(values(3 * layer));
    EXPECT_GE(low, -limit);
    EXPECT_LE(high, limit);
    EXPECT_GT(high - low, 1.9f * limit);
    const auto recurrent = values(3 * layer + 1);
    for (std::size_t a = 0; a < 37; ++a) {
      for (std::size_t b = 0; b <= a; ++b) {
        double product = 0;
        for (std::size_t r = 0; r < 148; ++r)
          product += double{recurrent[r * 37 + a]} * double{recurrent[r * 37 + b]};
        EXPECT_NEAR(product, a == b ? 1.0 : 0.0, 1e-6) << "columns " << a << " and " << b;
      }
    }
    for (std::size_t unit = 0; unit < 148; ++unit) {
      EXPECT_EQ(values(3 * layer + 2)[unit], unit / 37 == 1 ? 1.0f : 0.0f);
    }
  }
  const auto [low, high] = std::ranges::minmax(values(6));
  EXPECT_GT(high - low, 1.5f * std::sqrt(6.0f / 39.0f));
  const auto with_skip = lstm_initial_parameters(shape_of(3, 37, 2, 4, 2), 12);
  for (std::size_t i = tensors[6].offset; i < with_skip.size(); ++i) EXPECT_EQ(with_skip[i], 0.0f);
}

TEST(LstmParameters, NamesOfLosses) {
  EXPECT_EQ(*loss_by_name("mse"), Loss::mse);
  EXPECT_EQ(*loss_by_name("huber"), Loss::huber);
  EXPECT_EQ(*loss_by_name("absolute"), Loss::absolute);
  const auto wrong = loss_by_name("l3");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind, ErrorKind::usage);
}

}  // namespace
}  // namespace tidegauge
