#include "host/models/lstm_correction.hpp"

#include <cmath>
#include <limits>

#include "kernels/core/random.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

constexpr TimeBase seconds{1'000'000'000, 0};

/// What no line can tell: the next value is a fold of this one (the tent map), so AR's best answer is the
/// mean.
std::vector<double> tent_map(std::size_t rows) {
  RandomStream random(3, 3);
  std::vector<double> x{0.3};
  while (x.size() < rows) x.push_back(std::min(x.back(), 1 - x.back()) * 1.99 + 0.005 * random.unit());
  for (double& v : x) v += 1;
  return x;
}

double mean_error_of(const ForecastModel& model, std::span<const double> x, std::size_t first) {
  double sum = 0, out = 0;
  for (std::size_t target = first; target < x.size(); ++target) {
    model.forecast({&out, 1}, x.first(target));
    sum += std::abs(out - x[target]);
  }
  return sum / static_cast<double>(x.size() - first);
}

CorrectionSettings small(std::size_t epochs) {
  return {.look_back = 4, .hidden = 8, .batch = 32, .epochs = epochs, .patience = 10, .learning_rate = 1e-2};
}

TEST(LstmCorrection, LearnsWhatTheLinearModelCannot) {
  const std::vector<double> x = tent_map(900);
  const auto training = std::span(x).first(700);
  const auto linear = fit_linear_forecast(training, seconds, {1}, {.lags = 2, .seasons = {}});
  ASSERT_TRUE(linear);
  const auto backend = make_cpu_backend(1);
  const auto corrected = LstmCorrection::fit(training, *linear, small(20), *backend);
  ASSERT_TRUE(corrected);
  EXPECT_GT((*corrected)->best_epochs().front(), 0u);
  EXPECT_LT(mean_error_of(**corrected, x, 700), 0.4 * mean_error_of(*linear, x, 700));
}

TEST(LstmCorrection, IsTheLinearForecastWhereNothingWasLearned) {
  const std::vector<double> x = tent_map(300);
  const auto linear = fit_linear_forecast(x, seconds, {1, 3}, {.lags = 2, .seasons = {}});
  ASSERT_TRUE(linear);
  const auto backend = make_cpu_backend(1);
  const auto corrected = LstmCorrection::fit(x, *linear, small(0), *backend);
  ASSERT_TRUE(corrected);
  EXPECT_EQ((*corrected)->best_epochs(), (std::vector<std::size_t>{0, 0}));
  double plain[2], with[2];
  linear->forecast(plain, x);
  (*corrected)->forecast(with, x);
  EXPECT_EQ(plain[0], with[0]);
  EXPECT_EQ(plain[1], with[1]);
  (*corrected)->forecast(with, std::span(x).first(1));  // no two lags
  EXPECT_TRUE(std::isnan(with[0]));
}

TEST(LstmCorrection, NeitherLearnsFromNorAnswersAcrossAGap) {
  std::vector<double> x = tent_map(300);
  x[150] = x[290] = std::numeric_limits<double>::quiet_NaN();
  const auto linear = fit_linear_forecast(x, seconds, {1}, {.lags = 2, .seasons = {}});
  ASSERT_TRUE(linear);
  const auto backend = make_cpu_backend(1);
  const auto corrected = LstmCorrection::fit(x, *linear, small(3), *backend);
  ASSERT_TRUE(corrected);
  ASSERT_GT((*corrected)->best_epochs().front(), 0u);
  double plain = 0, with = 0;
  for (const auto& [known, corrects] : {std::pair{291u, false}, {293u, false}, {294u, false}, {295u, true}}) {
    linear->forecast({&plain, 1}, std::span(x).first(known));
    (*corrected)->forecast({&with, 1}, std::span(x).first(known));
    EXPECT_EQ(std::isnan(plain), std::isnan(with)) << known;
    EXPECT_EQ(std::isfinite(with) && plain != with, corrects) << known;
  }
}

}  // namespace
}  // namespace tidegauge
