#include "kernels/linear/linear.hpp"

#include <cmath>
#include <numeric>

#include "kernels/core/random.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

struct Series {
  std::vector<float> values, targets;
  std::vector<std::uint32_t> starts;
  std::size_t features = 1, look_back = 2, horizon = 1;
  WindowBatch windows() const { return {values, features, targets, look_back, horizon, starts}; }
  void all_starts() {
    const std::size_t rows = targets.size();
    starts.resize(rows - look_back - horizon + 1);
    std::iota(starts.begin(), starts.end(), 0u);
  }
};

double normal(RandomStream& r) {
  double sum = -6;
  for (int i = 0; i < 12; ++i) sum += r.unit();
  return sum;
}

/// x[t] = 0.6 x[t-1] - 0.3 x[t-2] + 0.2 + noise
Series ar2(std::size_t rows, double noise, std::uint64_t seed) {
  RandomStream r(seed, 1);
  Series s;
  double a = 0.1, b = 0.3;
  for (std::size_t i = 0; i < rows; ++i) {
    const double x = 0.6 * b - 0.3 * a + 0.2 + noise * normal(r);
    a = b;
    b = x;
    s.targets.push_back(static_cast<float>(x));
  }
  s.values = s.targets;
  s.all_starts();
  return s;
}

LossSettings loss_of(Loss kind, double delta = 1) { return {kind, delta, 0, 0}; }

// Floats carry 24 bits, so a series without noise gives its coefficients back to about 1e-4.
TEST(FitLinear, FindsTheCoefficientsOfAnExactSeries) {
  Series s = ar2(12, 0, 3);
  s.horizon = 2;
  s.all_starts();
  const auto model = fit_linear(s.windows(), {});
  ASSERT_TRUE(model);
  EXPECT_NEAR(model->weight[1], 0.6, 1e-3);   // newest
  EXPECT_NEAR(model->weight[0], -0.3, 1e-3);
  EXPECT_NEAR(model->bias[0], 0.2, 1e-3);
  // Two steps ahead: substitute once.
  EXPECT_NEAR(model->weight[3], 0.6 * 0.6 - 0.3, 1e-3);
  EXPECT_NEAR(model->weight[2], 0.6 * -0.3, 1e-3);
  EXPECT_NEAR(model->bias[1], 0.2 * 1.6, 1e-3);
}

// The normal equations written out: the residuals of least squares are orthogonal to every input and to the constant.
TEST(FitLinear, LeavesResidualsOrthogonalToTheInputs) {
  for (std::size_t features : {1u, 3u})
    for (std::size_t look_back : {1u, 2u, 7u}) {
      RandomStream r(11, features * 100 + look_back);
      Series s;
      s.features = features;
      s.look_back = look_back;
      s.horizon = 2;
      for (std::size_t i = 0; i < 300; ++i) {
        for (std::size_t f = 0; f < features; ++f) s.values.push_back(static_cast<float>(r.unit()));
        s.targets.push_back(s.values[i * features]);
      }
      s.all_starts();
      const auto model = fit_linear(s.windows(), {});
      ASSERT_TRUE(model);
      std::vector<double> out(s.starts.size() * 2);
      predict_linear(out, *model, s.windows());
      const WindowBatch w = s.windows();
      for (std::size_t o = 0; o < 2; ++o)
        for (std::size_t i = 0; i <= model->inputs; ++i) {
          double product = 0;
          for (std::size_t n = 0; n < w.size(); ++n)
            product += (out[n * 2 + o] - double{w.target(n)[o]}) * (i < model->inputs ? double{w.input(n)[i]} : 1.0);
          EXPECT_NEAR(product, 0, 1e-5) << features << " " << look_back << " " << o << " " << i;
        }
    }
}

TEST(FitLinear, ASufficientRidgeIsPersistence) {
  Series s = ar2(200, 0.1, 5);
  const auto model = fit_linear(s.windows(), {{}, 1e12, 0});
  ASSERT_TRUE(model);
  EXPECT_NEAR(model->weight[1], 1, 1e-6);
  EXPECT_NEAR(model->weight[0], 0, 1e-6);
}

TEST(FitLinear, ConstantInputsFallBackToPersistence) {
  Series s;
  s.values = s.targets = std::vector<float>(20, 4.0f);
  s.all_starts();
  const auto model = fit_linear(s.windows(), {});
  ASSERT_TRUE(model);
  std::vector<double> out(s.starts.size());
  predict_linear(out, *model, s.windows());
  for (double v : out) EXPECT_NEAR(v, 4.0, 1e-9);
}

TEST(FitLinear, FewerWindowsThanWeightsIsFiniteAndTooFewIsAnError) {
  Series s = ar2(20, 0.1, 7);
  s.look_back = 15;
  s.all_starts();
  const auto model = fit_linear(s.windows(), {});
  ASSERT_TRUE(model);
  for (double w : model->weight) EXPECT_TRUE(std::isfinite(w));
  s.starts.resize(1);
  EXPECT_FALSE(fit_linear(s.windows(), {}));
}

// Perturbing any coefficient of the reweighted fit must not lower the loss that it claims to minimise by more than the
// stopping rule allows (1e-5 of it).
TEST(FitLinear, MinimisesAbsoluteAndHuberLoss) {
  Series s = ar2(400, 0.05, 9);
  RandomStream r(1, 2);
  for (std::size_t i = 0; i < 400; i += 17) s.targets[i] += static_cast<float>(2 * r.unit());  // outliers
  s.values = s.targets;
  for (const LossSettings& loss : {loss_of(Loss::absolute), loss_of(Loss::huber, 0.05), loss_of(Loss::huber, 10)}) {
    auto model = fit_linear(s.windows(), {loss});
    ASSERT_TRUE(model);
    std::vector<double> out(s.starts.size());
    predict_linear(out, *model, s.windows());
    const double at_fit = mean_loss(out, s.windows(), loss);
    for (std::size_t i = 0; i < 3; ++i)
      for (double step : {-0.02, 0.02}) {
        LinearModel moved = *model;
        (i < 2 ? moved.weight[i] : moved.bias[0]) += step;
        predict_linear(out, moved, s.windows());
        EXPECT_GE(mean_loss(out, s.windows(), loss), at_fit * (1 - 1e-5)) << i << " " << step;
      }
  }
  // Huber with a large delta is half of least squares.
  const auto squares = fit_linear(s.windows(), {}), huber = fit_linear(s.windows(), {loss_of(Loss::huber, 1e3)});
  EXPECT_NEAR(squares->weight[0], huber->weight[0], 1e-9);
}

TEST(MeanLoss, MatchesItsDefinition) {
  Series s;
  s.targets = s.values = {0, 0, 1, 2, 3};
  s.starts = {0, 1, 2};
  const std::vector<double> out = {1.5, 2.0, 0.0};  // errors 0.5, 0, -3
  EXPECT_NEAR(mean_loss(out, s.windows(), loss_of(Loss::mse)), (0.25 + 9) / 3, 1e-12);
  EXPECT_NEAR(mean_loss(out, s.windows(), loss_of(Loss::absolute)), 3.5 / 3, 1e-12);
  EXPECT_NEAR(mean_loss(out, s.windows(), loss_of(Loss::huber, 1)), (0.125 + 2.5) / 3, 1e-12);
}

TEST(FitLinearValidated, TakesTheRidgeThatValidatesBest) {
  // A random walk with few windows and many weights: persistence is the truth, plain least squares overfits.
  RandomStream r(21, 1);
  Series s;
  double x = 0;
  for (int i = 0; i < 80; ++i) s.targets.push_back(static_cast<float>(x += normal(r)));
  s.values = s.targets;
  s.look_back = 20;
  s.all_starts();
  const WindowBatch all = s.windows();
  WindowBatch training = all, validation = all;
  training.starts = all.starts.subspan(0, 40);
  validation.starts = all.starts.subspan(40);
  const auto chosen = fit_linear_validated(training, validation, {}), plain = fit_linear(training, {});
  std::vector<double> out(validation.size());
  predict_linear(out, *chosen, validation);
  const double chosen_loss = mean_loss(out, validation, {});
  predict_linear(out, *plain, validation);
  EXPECT_LT(chosen_loss, 0.7 * mean_loss(out, validation, {}));
  // Without a validation tail it is the plain fit.
  validation.starts = {};
  EXPECT_EQ(fit_linear_validated(training, validation, {})->weight, plain->weight);
}

}  // namespace
}  // namespace tidegauge
