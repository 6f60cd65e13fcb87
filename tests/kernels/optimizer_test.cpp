// The optimizers against PyTorch's Adam, Keras's RMSprop rule, and hand-made cases.
#include "kernels/optimizer/optimizer.hpp"

#include <cmath>
#include <sstream>

#include "tests/golden/formula.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

/// Both sides compute in float in slightly different order; a step moves a value by about the rate, and five
/// steps may each differ in the last bit of a value below 1.
constexpr double kTolerance = 5e-7;

TEST(Optimizer, FollowsTheGoldenTrajectories) {
  std::istringstream file(
      test::read_text(test::fs::path(TIDEGAUGE_TEST_DATA) / "golden" / "optimizer_golden.txt"));
  std::size_t compared = 0;
  std::vector<float> w;
  OptimizerState state;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("#")) continue;
    std::istringstream words(line);
    std::string kind;
    double rate = 0;
    std::uint64_t step = 0;
    words >> kind >> rate >> step;
    if (step == 1) {
      w = test::golden_formula(4, 11);
      state = {};
    }
    OptimizerSettings settings = optimizer_defaults(*optimizer_by_name(kind));
    settings.learning_rate = rate;
    std::vector<float> gradient = test::golden_formula(4 + step, 11);
    optimizer_step(w, gradient, state, settings);
    EXPECT_EQ(state.steps, step);
    for (const float value : w) {
      double expected = NAN;
      words >> expected;
      EXPECT_NEAR(static_cast<double>(value), expected, kTolerance) << kind << " step " << step;
      ++compared;
    }
  }
  EXPECT_EQ(compared, 3u * 5 * 11);
}

TEST(Optimizer, FirstStepsByHand) {
  struct Row {
    OptimizerKind kind;
    float gradient;
    double expected;  // of a parameter that was 1, rate 0.5
  };
  const Row rows[] = {
      {OptimizerKind::adam, 3, 0.5},  // m / (1 - b1) = g, sqrt(v / (1 - b2)) = |g|
      {OptimizerKind::adam, -1e-3f, 1.5},
      {OptimizerKind::adam, 0, 1},
      {OptimizerKind::rmsprop, 3, 1 - 0.5 / std::sqrt(0.1)},  // v = 0.1 g^2
      {OptimizerKind::rmsprop, -3, 1 + 0.5 / std::sqrt(0.1)},
      {OptimizerKind::rmsprop, 1e-3f, 1 - 0.5e-3 / std::sqrt(0.1e-6 + 1e-7)},  // epsilon is inside the root
      {OptimizerKind::rmsprop, 0, 1},
  };
  for (const Row& row : rows) {
    OptimizerSettings settings = optimizer_defaults(row.kind);
    settings.learning_rate = 0.5;
    OptimizerState state;
    float w = 1, gradient = row.gradient;
    optimizer_step({&w, 1}, {&gradient, 1}, state, settings);
    EXPECT_NEAR(static_cast<double>(w), row.expected, 1e-5) << "gradient " << row.gradient;
  }
}

TEST(Optimizer, ClipsTheGlobalNorm) {
  struct Row {
    double clip;
    float first, second;  // of the gradient (3, 4), norm 5
  };
  for (const Row& row : {Row{0, 3, 4}, Row{10, 3, 4}, Row{5, 3, 4}, Row{2.5, 1.5f, 2}, Row{1, 0.6f, 0.8f}}) {
    OptimizerSettings settings = optimizer_defaults(OptimizerKind::rmsprop);
    settings.clip_norm = row.clip;
    std::vector<float> w(19, 0.0f), gradient(19, 0.0f);
    gradient[1] = 3;
    gradient[18] = 4;
    OptimizerState state;
    optimizer_step(w, gradient, state, settings);
    EXPECT_FLOAT_EQ(gradient[1], row.first) << "clip " << row.clip;
    EXPECT_FLOAT_EQ(gradient[18], row.second) << "clip " << row.clip;
    EXPECT_FLOAT_EQ(state.second_moment[1], 0.1f * row.first * row.first);
  }
}

TEST(Optimizer, KeepsOnlyTheStateThatTheKindNeeds) {
  std::vector<float> w(7, 1.0f), gradient(7, 0.5f);
  OptimizerState adam, rmsprop;
  optimizer_step(w, gradient, adam, optimizer_defaults(OptimizerKind::adam));
  optimizer_step(w, gradient, rmsprop, optimizer_defaults(OptimizerKind::rmsprop));
  EXPECT_EQ(adam.first_moment.size(), 7u);
  EXPECT_EQ(adam.second_moment.size(), 7u);
  EXPECT_TRUE(rmsprop.first_moment.empty());
  EXPECT_EQ(rmsprop.second_moment.size(), 7u);
}

TEST(Optimizer, NamesAndDefaults) {
  EXPECT_EQ(*optimizer_by_name("adam"), OptimizerKind::adam);
  EXPECT_EQ(*optimizer_by_name("rmsprop"), OptimizerKind::rmsprop);
  EXPECT_EQ(optimizer_defaults(OptimizerKind::adam).epsilon, 1e-8);
  EXPECT_EQ(optimizer_defaults(OptimizerKind::rmsprop).epsilon, 1e-7);
  const auto wrong = optimizer_by_name("sgd");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind, ErrorKind::usage);
}

}  // namespace
}  // namespace tidegauge
