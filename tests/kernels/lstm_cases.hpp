// Networks, series and windows that the LSTM's tests on every device share, and what holds on each of them.
#pragma once

#include <algorithm>
#include <cmath>
#include <ostream>
#include <vector>

#include "kernels/core/random.hpp"
#include "kernels/lstm/lstm.hpp"
#include "tests/kernels/sure_network.hpp"
#include "tests/oracle/lstm_oracle.hpp"
#include "tests/support.hpp"

namespace tidegauge::test {

/// A made-up series and windows over it; owns what a WindowBatch points at.
struct Series {
  std::vector<float> features, targets;
  std::vector<std::uint32_t> starts;
  LstmShape shape;

  Series(const LstmShape& of, std::size_t windows, std::uint64_t seed) : shape(of) {
    RandomStream random(seed, 1);
    const std::size_t points = shape.look_back + shape.horizon + windows + 7;
    for (std::size_t i = 0; i < points * shape.features; ++i) features.push_back(uniform(random));
    for (std::size_t i = 0; i < points; ++i) targets.push_back(uniform(random));
    for (std::size_t w = 0; w < windows; ++w)
      starts.push_back(static_cast<std::uint32_t>(random.below(windows + 7)));
  }
  static float uniform(RandomStream& random) { return static_cast<float>(2 * random.unit() - 1); }
  WindowBatch batch() const {
    return {.features = features,
            .feature_count = shape.features,
            .targets = targets,
            .look_back = shape.look_back,
            .horizon = shape.horizon,
            .starts = starts};
  }
};

/// Weights of about 1 / sqrt(sources), biases too, so that no gate saturates and every term counts.
inline std::vector<float> random_parameters(const LstmShape& shape, std::uint64_t seed) {
  RandomStream random(seed, 2);
  std::vector<float> flat(lstm_parameter_count(shape));
  const float scale = 1.5f / std::sqrt(static_cast<float>(shape.hidden + shape.features));
  for (float& value : flat) value = scale * Series::uniform(random);
  return flat;
}

/// Largest difference, relative to the largest expected value.
template <class A, class B>
double distance(const A& found, const B& expected) {
  double worst = 0, scale = 1e-30;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double difference = std::abs(static_cast<double>(found[i]) - static_cast<double>(expected[i]));
    worst = std::isnan(difference) ? difference : std::max(worst, difference);
    scale = std::max(scale, std::abs(static_cast<double>(expected[i])));
  }
  return worst / scale;
}

struct LstmCase {
  LstmShape shape;
  std::size_t windows;
  LossSettings loss;
};

inline std::ostream& operator<<(std::ostream& out, const LstmCase& c) {
  return out << "I" << c.shape.features << " H" << c.shape.hidden << " L" << c.shape.layers << " T"
             << c.shape.look_back << " O" << c.shape.horizon << (c.shape.skip ? " skip" : " plain") << " N"
             << c.windows << " loss " << int(c.loss.kind) << " dropout " << c.loss.dropout;
}

inline LstmShape shape_of(std::size_t features, std::size_t hidden, std::size_t layers, std::size_t steps,
                          std::size_t horizon = 1, bool skip = true) {
  return {features, hidden, layers, steps, horizon, skip};
}

inline const LossSettings kMse{}, kHuber{.kind = Loss::huber, .huber_delta = 0.4}, kAbsolute{.kind = Loss::absolute},
    kDropout{.dropout = 0.3, .dropout_seed = 11},
    kHeavyDropout{.kind = Loss::huber, .dropout = 0.8, .dropout_seed = 5};

/// Each branch that a kernel can take: unit counts around every lane count, row groups of every size, one
/// step (no recurrence), a chunk of steps and one more, several layers, tiles of one window and one more than
/// full.
inline const LstmCase lstm_cases[] = {
    {shape_of(1, 1, 1, 1), 1, kMse},
    {shape_of(1, 1, 1, 2, 1, false), 2, kMse},
    {shape_of(4, 7, 1, 3), 3, kHuber},
    {shape_of(5, 8, 1, 2, 3), 5, kAbsolute},
    {shape_of(1, 10, 1, 2, 1, false), 32, kMse},
    {shape_of(4, 15, 2, 5), 31, kDropout},
    {shape_of(4, 16, 1, 32), 33, kMse},
    {shape_of(5, 17, 3, 4, 3), 23, kHuber},
    {shape_of(16, 16, 2, 3), 24, kMse},  // inputs of the first layer as wide as the hidden ones
    {shape_of(1, 31, 2, 9, 1, false), 25, kHeavyDropout},
    {shape_of(4, 32, 1, 6, 3, false), 47, kAbsolute},
    {shape_of(1, 33, 3, 2), 48, kDropout},
    {shape_of(4, 64, 1, 32), 49, kMse},
    {shape_of(4, 65, 2, 3, 3), 7, kHuber},
    {shape_of(1, 128, 1, 5, 1, false), 26, kMse},
    {shape_of(3, 48, 1, 4), 12, kMse},
    {shape_of(2, 9, 1, 1), 400, kMse},  // more tiles than groups
};

// ---- against the oracle in double ----

/// Sums of up to K + N * T float products: relative error about 2^-24 * sqrt(K + N * T), and the activations' 1e-7
/// absolute error travels through up to 32 steps. 1e-5 of a tensor's largest entry is four times what is seen.
inline constexpr double lstm_tolerance = 1e-5;
inline constexpr std::uint64_t answered_step = 6;  ///< names the dropout masks

/// What a device says about a case, with the case's own series and parameters.
struct LstmAnswers {
  std::vector<float> predictions, gradient;
  double loss = 0;
};
inline Series series_of(const LstmCase& c) { return Series(c.shape, c.windows, 3); }
inline std::vector<float> parameters_of(const LstmCase& c) { return random_parameters(c.shape, 4); }

inline LstmAnswers answers_of(SureNetwork& network, const LstmCase& c) {
  const Series series = series_of(c);
  network.set_parameters(parameters_of(c));
  LstmAnswers answers{std::vector<float>(c.windows * c.shape.horizon), std::vector<float>(lstm_parameter_count(c.shape), 99.0f)};
  network.predict(answers.predictions, series.batch());
  answers.loss = network.loss_and_gradient(answers.gradient, series.batch(), c.loss, answered_step);
  return answers;
}

inline void expect_oracles_answers(const LstmAnswers& answers, const LstmCase& c, double tolerance = lstm_tolerance) {
  const Series series = series_of(c);
  const oracle::Lstm<double> oracle(c.shape, parameters_of(c));
  EXPECT_LT(distance(answers.predictions, oracle.predict(series.batch())), tolerance);
  const double loss = oracle.loss(series.batch(), c.loss, answered_step);
  EXPECT_NEAR(answers.loss, loss, tolerance * std::max(1.0, loss));
  const std::vector<double> gradient = oracle.gradient(series.batch(), c.loss, answered_step);
  for (const LstmTensor& tensor : lstm_tensors(c.shape)) {
    const auto part = [&](const auto& values) { return std::span(values).subspan(tensor.offset, tensor.size); };
    EXPECT_LT(distance(part(answers.gradient), part(gradient)), tolerance) << tensor.name;
  }
}

// ---- training ----

inline OptimizerSettings fast_adam() {
  OptimizerSettings settings = optimizer_defaults(OptimizerKind::adam);
  settings.learning_rate = 0.01;
  settings.clip_norm = 1;
  return settings;
}

/// Four steps in one go, and two and two by two networks of which the second knows only parameters and optimizer state.
/// @param make of shape and seed, a SureNetwork
template <class Make>
void expect_stopping_and_going_on_equals_not_stopping(Make make) {
  const Series series(shape_of(2, 12, 2, 5), 100, 4);
  const LossSettings loss{.dropout = 0.2, .dropout_seed = 9};
  const auto whole = make(series.shape, 3), halves = make(series.shape, 3), resumed = make(series.shape, 99);
  OptimizerState whole_state, state;
  const auto losses = whole->train(series.batch(), 32, 0, 4, loss, fast_adam(), whole_state);
  auto parts = halves->train(series.batch(), 32, 0, 2, loss, fast_adam(), state);
  std::vector<float> out(series.starts.size());
  halves->predict(out, series.batch());  // other sizes and no dropout in between
  resumed->set_parameters(halves->parameters());
  const auto second = resumed->train(series.batch(), 32, 2, 4, loss, fast_adam(), state);
  parts.insert(parts.end(), second.begin(), second.end());
  EXPECT_EQ(parts, losses);
  EXPECT_EQ(resumed->parameters(), whole->parameters());
  EXPECT_EQ(state.first_moment, whole_state.first_moment);
  EXPECT_EQ(state.second_moment, whole_state.second_moment);
  EXPECT_EQ(state.steps, 4u);
}

}  // namespace tidegauge::test
