// Random series whose statistics are known: white noise, autoregressions, walks and fractional Gaussian noise.
#pragma once

#include <bit>
#include <cmath>
#include <complex>
#include <numbers>
#include <vector>

#include "host/statistics/spectrum.hpp"
#include "kernels/core/random.hpp"

namespace tidegauge::test {

/// Standard normal values (Box and Muller).
inline std::vector<double> white_noise(std::size_t n, std::uint64_t seed) {
  RandomStream random(seed, 4711);
  std::vector<double> x(n);
  for (double& v : x) {
    const double radius = std::sqrt(-2 * std::log(1 - random.unit()));
    v = radius * std::cos(2 * std::numbers::pi * random.unit());
  }
  return x;
}

/// x[t] = phi x[t-1] + noise, from its stationary distribution; phi 1 is a random walk from 0.
inline std::vector<double> autoregression(std::size_t n, double phi, std::uint64_t seed) {
  std::vector<double> x = white_noise(n, seed);
  if (phi < 1) x[0] /= std::sqrt(1 - phi * phi);
  for (std::size_t t = 1; t < n; ++t) x[t] += phi * x[t - 1];
  return x;
}

/// Fractional Gaussian noise of variance 1 and Hurst exponent h, n a power of two: Davies and Harte (1987).
inline std::vector<double> fractional_noise(std::size_t n, double h, std::uint64_t seed) {
  const auto covariance = [&](double k) {
    return (std::pow(std::fabs(k + 1), 2 * h) - 2 * std::pow(std::fabs(k), 2 * h) + std::pow(std::fabs(k - 1), 2 * h)) / 2;
  };
  std::vector<std::complex<double>> circle(2 * n);
  for (std::size_t i = 0; i < 2 * n; ++i) circle[i] = covariance(static_cast<double>(i <= n ? i : 2 * n - i));
  fft_power_of_two(circle);
  const std::vector<double> a = white_noise(2 * n, seed), b = white_noise(2 * n, seed + 1'000'003);
  for (std::size_t i = 0; i < 2 * n; ++i)
    circle[i] = std::sqrt(std::max(0.0, circle[i].real()) / static_cast<double>(2 * n)) * std::complex(a[i], b[i]);
  fft_power_of_two(circle);
  std::vector<double> x(n);
  for (std::size_t t = 0; t < n; ++t) x[t] = circle[t].real();
  return x;
}

}  // namespace tidegauge::test
