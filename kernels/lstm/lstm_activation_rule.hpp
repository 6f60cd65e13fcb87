// Sigmoid and hyperbolic tangent of one float, for the GPU kernel and its tests on the host: the formulas of
// the CPU's vectors (lstm_tile_code.hpp). Both keep a relative error below 7e-7 (five units in the last
// place), tanh also near 0, where (exp(2x) - 1) / (exp(2x) + 1) with a rounded exponential would lose it. NaN
// stays NaN; the ends are saturated, never infinite. Cost on a GPU: about 20 instructions, one of them on the
// special-function unit. Tested by tests/kernels/lstm_activation_test.cpp over the whole range.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "kernels/core/host_device.hpp"

namespace tidegauge {

/// exp(x) = scale + scale * rest, with scale a power of two.
struct SplitExp {
  float scale, rest;
};

TG_HD inline float float_of_bits(std::uint32_t bits) {
#ifdef __CUDA_ARCH__
  return __uint_as_float(bits);
#else
  return std::bit_cast<float>(bits);
#endif
}

TG_HD inline std::uint32_t bits_of_float(float x) {
#ifdef __CUDA_ARCH__
  return __float_as_uint(x);
#else
  return std::bit_cast<std::uint32_t>(x);
#endif
}

/// 1 / x for x from 1 to 2^126.
TG_HD inline float reciprocal(float x) {
#ifdef __CUDA_ARCH__
  const float y = __fdividef(1.0f, x);  // two units in the last place; the Newton step brings it to one
  return std::fma(y, std::fma(-x, y, 1.0f), y);
#else
  return 1.0f / x;
#endif
}

/// Taylor's polynomial of degree 6 for exp(r) - 1 on |r| <= ln(2) / 2; what it leaves out is below 2^-22 of
/// r.
TG_HD inline SplitExp split_exp(float x) {
  x = x > 87.0f ? 87.0f : x < -87.0f ? -87.0f : x;  // comparisons let NaN through
  const float shift = 12582912.0f;  // 1.5 * 2^23: the low bits of x + shift are the rounded integer
  const float shifted = std::fma(x, 1.44269504088896341f, shift);
  const float n = shifted - shift;
  float r = std::fma(n, -0.693145751953125f, x);  // ln 2 in two parts, the first with zeros behind
  r = std::fma(n, -1.42860682030941723e-6f, r);
  float p = 1.0f / 720;
  p = std::fma(p, r, 1.0f / 120);
  p = std::fma(p, r, 1.0f / 24);
  p = std::fma(p, r, 1.0f / 6);
  p = std::fma(p, r, 0.5f);
  p = std::fma(p, r, 1.0f);
  return {float_of_bits((bits_of_float(shifted) << 23) + 0x3f800000u), p * r};
}

TG_HD inline float sigmoid(float x) {
  const SplitExp e = split_exp(-x);
  return reciprocal(1.0f + std::fma(e.scale, e.rest, e.scale));
}

TG_HD inline float hyperbolic_tangent(float x) {
  const SplitExp e = split_exp(x + x);
  const float less_one = std::fma(e.scale, e.rest, e.scale - 1.0f);
  return less_one * reciprocal(less_one + 2.0f);
}

}  // namespace tidegauge
