// Hurst exponents of fractional Gaussian noise, whose exponent is known, and of noise without memory.
#include "host/statistics/hurst.hpp"
#include "tests/host/random_series.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

TEST(Hurst, OfFractionalNoise) {
  constexpr std::uint64_t seeds = 10;
  for (const double h : {0.5, 0.7, 0.9}) {
    double wavelets = 0, dfa = 0, variance = 0;
    std::size_t inside = 0;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
      const Sample sample = sample_of(test::fractional_noise(1 << 13, h, seed));
      const auto w = hurst_by_wavelets(sample), d = hurst_by_dfa(sample), v = hurst_by_variance(scales_of(sample));
      ASSERT_TRUE(w && d && v);
      wavelets += w->h / seeds, dfa += d->h / seeds, variance += v->h / seeds;
      inside += w->low <= h && h <= w->high;
    }
    std::printf("H %.1f, seeds 1 to %d: wavelets %.3f, DFA %.3f, variance %.3f, %zu bands hold it\n", h, static_cast<int>(seeds), wavelets, dfa, variance, inside);
    // Means of ten estimates; each has a standard deviation of 0.02 to 0.05. The variance's known bias grows with H.
    EXPECT_NEAR(wavelets, h, 0.03);
    EXPECT_NEAR(dfa, h, 0.05);
    EXPECT_NEAR(variance, h, h > 0.8 ? 0.08 : 0.05);
    EXPECT_GE(inside, 7u);  // of ten at 95 %, a little less for the choice of the first octave
  }
}

TEST(Hurst, ShortSeriesHaveNone) {
  for (const std::size_t n : {0u, 1u, 3u, 20u}) {
    const Sample sample = sample_of(test::white_noise(n, 1));
    EXPECT_FALSE(hurst_by_wavelets(sample) || hurst_by_dfa(sample) || hurst_by_variance(scales_of(sample))) << n;
  }
}

TEST(Hurst, AWalkIsNotStationary) {
  const auto d = hurst_by_dfa(sample_of(test::autoregression(1 << 13, 1, 2)));
  ASSERT_TRUE(d);
  EXPECT_NEAR(d->h, 1.5, 0.1);
}

}  // namespace
}  // namespace tidegauge
