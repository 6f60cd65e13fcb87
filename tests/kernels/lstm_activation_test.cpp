// The activations of the GPU kernel, against the C library in double.
#include "kernels/lstm/lstm_activation_rule.hpp"

#include <cmath>
#include <limits>

#include "tests/support.hpp"

namespace tidegauge {
namespace {

constexpr double kTolerance = 7e-7;  // as the header says

TEST(LstmActivation, SigmoidAndTanhKeepTheirRelativeErrorOverTheWholeRange) {
  double worst_sigmoid = 0, worst_tanh = 0;
  // Every 911th float of either sign from 2^-30 to 64: about 300,000 of each.
  for (std::uint32_t bits = 0x30800000; bits < 0x42800000; bits += 911) {
    for (const float x : {float_of_bits(bits), -float_of_bits(bits)}) {
      const double exact = 1 / (1 + std::exp(-double{x})), tangent = std::tanh(double{x});
      worst_sigmoid = std::max(worst_sigmoid, std::abs(double{sigmoid(x)} - exact) / exact);
      worst_tanh =
          std::max(worst_tanh, std::abs(double{hyperbolic_tangent(x)} - tangent) / std::abs(tangent));
    }
  }
  EXPECT_LT(worst_sigmoid, kTolerance);
  EXPECT_LT(worst_tanh, kTolerance);
}

TEST(LstmActivation, EndsAreSaturatedAndNotANumberStays) {
  const float infinite = std::numeric_limits<float>::infinity();
  for (const float x : {90.0f, 1e30f, infinite}) {
    EXPECT_EQ(sigmoid(x), 1.0f) << x;
    EXPECT_NEAR(double{sigmoid(-x)}, 0.0, 1e-37) << x;
    EXPECT_EQ(hyperbolic_tangent(x), 1.0f) << x;
    EXPECT_EQ(hyperbolic_tangent(-x), -1.0f) << x;
  }
  EXPECT_EQ(sigmoid(0.0f), 0.5f);
  EXPECT_EQ(hyperbolic_tangent(0.0f), 0.0f);
  EXPECT_TRUE(std::isnan(sigmoid(NAN)));
  EXPECT_TRUE(std::isnan(hyperbolic_tangent(NAN)));
}

}  // namespace
}  // namespace tidegauge
