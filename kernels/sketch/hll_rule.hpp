// Where an address falls in a HyperLogLog sketch: hash, register and rank. Part of the series file's format: sketches of
// different files, machines and devices merge only because every one of them uses this very hash.
//
// p = 12: 4096 registers. The top 12 bits of the hash choose the register, its rank is one more than the leading zeros of
// the other 52 (Flajolet, Fusy, Gandouet, Meunier, "HyperLogLog", AofA 2007), so ranks are 1 to 53 and 0 says untouched.
// The hash is SplitMix64's finaliser (mix64), a bijection of 64 bits: no two IPv4 addresses collide. An IPv6 address is
// its two halves chained, under another start, so that the families do not meet.
// Host and device, no state. Tested by tests/kernels/sketch_test.cpp.
#pragma once

#include <cstdint>

#include "kernels/core/host_device.hpp"
#include "kernels/core/random.hpp"

namespace tidegauge::sketch {

inline constexpr std::uint32_t index_bits = 12, registers = 1u << index_bits;
inline constexpr std::uint32_t rank_bits = 64 - index_bits, highest_rank = rank_bits + 1;

/// @param address the four bytes as a big-endian number
TG_HD TG_INLINE std::uint64_t hash_ipv4(std::uint32_t address) { return mix64(0x0400000000000000ull | address); }

/// @param high, low the sixteen bytes as two big-endian numbers
TG_HD TG_INLINE std::uint64_t hash_ipv6(std::uint64_t high, std::uint64_t low) {
  return mix64(mix64(mix64(0x0600000000000000ull) ^ high) ^ low);
}

TG_HD TG_INLINE std::uint32_t register_of(std::uint64_t hash) {
  return static_cast<std::uint32_t>(hash >> rank_bits);
}

TG_HD TG_INLINE std::uint32_t rank_of(std::uint64_t hash) {
  // The bit below the 52 ends the count where all of them are zero.
  const std::uint64_t rest = hash << index_bits | 1ull << (index_bits - 1);
#ifdef __CUDA_ARCH__
  return static_cast<std::uint32_t>(__clzll(static_cast<long long>(rest))) + 1;
#else
  return static_cast<std::uint32_t>(__builtin_clzll(rest)) + 1;
#endif
}

}  // namespace tidegauge::sketch
