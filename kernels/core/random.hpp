// Reproducible random numbers addressed by (seed, stream, index), so that any thread, tile or device draws the same
// value for the same place. SplitMix64's finaliser (Steele, Lea, Flood 2014) over a mixed counter.
#pragma once

#include <cstdint>

#include "kernels/core/host_device.hpp"

namespace tidegauge {

__extension__ using uint128 = unsigned __int128;

TG_HD inline std::uint64_t mix64(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

/// The 64-bit value at `index` of stream `stream` under `seed`.
TG_HD inline std::uint64_t random_bits(std::uint64_t seed, std::uint64_t stream, std::uint64_t index) {
  return mix64(mix64(mix64(seed) ^ stream) ^ index);
}

/// Uniform in [0, 1) with 24 random bits, exactly representable as float.
TG_HD inline float random_unit(std::uint64_t seed, std::uint64_t stream, std::uint64_t index) {
  return static_cast<float>(random_bits(seed, stream, index) >> 40) * 0x1p-24f;
}

/// A sequential generator over one stream; satisfies UniformRandomBitGenerator.
class RandomStream {
 public:
  using result_type = std::uint64_t;
  TG_HD RandomStream(std::uint64_t seed, std::uint64_t stream, std::uint64_t index = 0)
      : seed_(seed), stream_(stream), index_(index) {}
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return ~0ull; }
  TG_HD result_type operator()() { return random_bits(seed_, stream_, index_++); }
  /// Uniform in [0, 1) with 53 random bits.
  double unit() { return static_cast<double>((*this)() >> 11) * 0x1p-53; }
  /// Uniform in [0, bound), by multiply-shift (bias below bound / 2^64).
  TG_HD std::uint64_t below(std::uint64_t bound) {
    return static_cast<std::uint64_t>((static_cast<uint128>((*this)()) * bound) >> 64);
  }
  /// How far the stream has advanced; with seed and stream it is the whole state.
  std::uint64_t index() const { return index_; }

 private:
  std::uint64_t seed_, stream_, index_;
};

}  // namespace tidegauge
