#include <bit>
#include <cmath>
#include <numbers>

#include "host/statistics/spectrum.hpp"
#include "kernels/core/contract.hpp"

namespace tidegauge {
namespace {

using Complex = std::complex<double>;

/// Written out: operator* of std::complex also looks for infinities.
Complex times(Complex a, Complex b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

void reverse_bits(std::vector<Complex>& x) {
  const std::size_t n = x.size();
  for (std::size_t i = 1, j = 0; i < n; ++i) {
    std::size_t bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) std::swap(x[i], x[j]);
  }
}

/// exp(-i pi t^2 / n); t^2 modulo 2n keeps the angle exact for long series.
Complex chirp(std::size_t t, std::size_t n) {
  const double angle = -std::numbers::pi * static_cast<double>((t * t) % (2 * n)) / static_cast<double>(n);
  return std::polar(1.0, angle);
}

}  // namespace

void fft_power_of_two(std::vector<Complex>& x) {
  const std::size_t n = x.size();
  TG_REQUIRE(std::has_single_bit(n), "a length that is no power of two");
  reverse_bits(x);
  std::vector<Complex> root(n / 2);
  for (std::size_t i = 0; i < root.size(); ++i)
    root[i] = std::polar(1.0, -2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(n));
  for (std::size_t half = 1; half < n; half *= 2) {
    const std::size_t stride = n / (2 * half);
    for (std::size_t first = 0; first < n; first += 2 * half)
      for (std::size_t i = 0; i < half; ++i) {
        const Complex odd = times(x[first + half + i], root[i * stride]);
        x[first + half + i] = x[first + i] - odd;
        x[first + i] += odd;
      }
  }
}

std::vector<Complex> dft(std::span<const Complex> x) {
  const std::size_t n = x.size();
  if (n == 0) return {};
  TG_REQUIRE(n < (std::size_t{1} << 31), "a transform of more than 2^31 values");
  const std::size_t length = std::bit_ceil(2 * n - 1);
  std::vector<Complex> a(length), b(length), w(n);
  for (std::size_t t = 0; t < n; ++t) {
    w[t] = chirp(t, n);
    a[t] = times(x[t], w[t]);
    b[t] = std::conj(w[t]);
    if (t > 0) b[length - t] = b[t];
  }
  fft_power_of_two(a), fft_power_of_two(b);
  // The inverse transform is the transform of the conjugate, conjugated.
  for (std::size_t i = 0; i < length; ++i) a[i] = std::conj(times(a[i], b[i]));
  fft_power_of_two(a);
  for (std::size_t t = 0; t < n; ++t) w[t] = times(w[t], std::conj(a[t]) / static_cast<double>(length));
  return w;
}

}  // namespace tidegauge
