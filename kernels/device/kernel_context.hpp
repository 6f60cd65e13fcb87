// What a kernel body may ask of the machine it runs on. A body is one function template over a Context, so the very
// same text is compiled for the GPU (cuda_context.hpp) and for the tests, which run it on the host under hostile
// schedules and under the thread sanitizer (tests/kernel_on_host/). The set is small on purpose: what is not here,
// the host cannot check.
//
//   thread(), block()              this thread's number in its block, this block's number in the grid
//   block_threads(), blocks()      sizes; block_threads() is a multiple of warp_size
//   lane()                         thread() % warp_size
//   sync()                         barrier of the block; every thread of it must come
//   shared<T>()                    the block's shared memory, with garbage in it
//   add_shared(T*, T), add(T*, T)  atomic additions to shared and to global memory, relaxed
//   raise(uint32_t*, uint32_t)     atomic maximum in global memory, relaxed
// Collectives of a warp; all of its lanes must come, in the same order:
//   ballot(bool)                   bit l is lane l's answer
//   shuffle(value, from)           the 32-bit value of lane `from`
//   sum(value)                     32-bit sum over the lanes, modulo 2^32
#pragma once

#include <bit>
#include <cstdint>

#ifdef __CUDACC__
#define TG_DEVICE __device__
#else
#define TG_DEVICE
#endif

namespace tidegauge {

inline constexpr std::uint32_t warp_size = 32;

/// The unit of atomic additions; CUDA knows it by this name only.
using AtomicCount = unsigned long long;

TG_DEVICE inline std::uint32_t bits_set(std::uint32_t word) {
#ifdef __CUDA_ARCH__
  return static_cast<std::uint32_t>(__popc(word));
#else
  return static_cast<std::uint32_t>(std::popcount(word));
#endif
}

/// Position of the lowest set bit; `word` has one.
TG_DEVICE inline std::uint32_t lowest_bit(std::uint32_t word) {
#ifdef __CUDA_ARCH__
  return static_cast<std::uint32_t>(__ffs(static_cast<int>(word))) - 1;
#else
  return static_cast<std::uint32_t>(std::countr_zero(word));
#endif
}

}  // namespace tidegauge
