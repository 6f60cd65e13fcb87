// Kernel bodies for what is counted beside the default columns: sketches of addresses, and the pairs that are sorted to
// count by key. One text for the GPU and for the host's emulation of it (kernel_context.hpp).
//
// Sketches: the two entries of a packet raise registers of its interval by atomic maximum; 4 KiB a sketch come back.
// Keys: a packet becomes (row and key, one packet and its bytes), sorted and added up by CUB (keyed_cuda.cu): exact, and
// as large as what occurs, however large the domain of the keys.
// Tested by tests/kernels/keyed_kernel_test.cpp (on the host) and binning_cuda_test.cpp (on a card).
#pragma once

#include <cstdint>

#include "kernels/binning/batch_stretches.hpp"
#include "kernels/device/kernel_context.hpp"
#include "kernels/sketch/hll.hpp"

namespace tidegauge::binning {

/// Sources and destinations.
inline constexpr std::uint32_t sketches_of_row = 2;

struct SketchWork {
  const std::uint64_t* addresses;  ///< as in PacketBatch
  Stretches batch;
  std::uint32_t* ranks;            ///< [rows][sketches_of_row][sketch::registers], raised
};

template <class Context>
TG_DEVICE inline void sketch_kernel(Context& context, const SketchWork& work) {
  for_each_run(context, work.batch, [&](std::uint32_t row, std::uint32_t first, std::uint32_t end) {
    std::uint32_t* const ranks = work.ranks + std::uint64_t{row} * sketches_of_row * sketch::registers;
    for (std::uint32_t i = first + context.lane(); i < end; i += warp_size)
      for (std::uint32_t which = 0; which < sketches_of_row; ++which) {
        const auto entry = static_cast<Hll::Entry>(work.addresses[i] >> 32 * which);
        const std::uint32_t rank = Hll::rank_of(entry);
        if (rank != 0) context.raise(ranks + which * sketch::registers + Hll::place_of(entry), rank);
      }
  });
}

/// Ranks as the bytes that go back, four a word.
template <class Context>
TG_DEVICE inline void narrow_kernel(Context& context, std::uint32_t* narrow, const std::uint32_t* ranks,
                                    std::uint32_t words) {
  const std::uint32_t stride = context.block_threads() * context.blocks();
  for (std::uint32_t i = context.block() * context.block_threads() + context.thread(); i < words; i += stride) {
    const std::uint32_t* const four = ranks + 4 * std::uint64_t{i};
    narrow[i] = four[0] | four[1] << 8 | four[2] << 16 | four[3] << 24;
  }
}

/// Packets and bytes of a key in one word, so that one addition counts both: a batch has fewer than 2^24 packets, each
/// of less than 2^16 bytes. Neither half overflows.
inline constexpr std::uint32_t key_packets_shift = 40;
static_assert(std::uint64_t{BatchShape::longest_batch} * 0xffff < std::uint64_t{1} << key_packets_shift);
static_assert(BatchShape::longest_batch < std::uint64_t{1} << (64 - key_packets_shift));
TG_DEVICE constexpr std::uint64_t key_count(std::uint32_t wire_bytes) {
  return std::uint64_t{1} << key_packets_shift | wire_bytes;
}

struct KeyWork {
  const std::uint32_t* lengths;  ///< as in PacketBatch
  const std::uint32_t* keys;     ///< of one dimension
  std::uint32_t key_bits;        ///< every key is below 2^key_bits
  Stretches batch;
  std::uint64_t* row_keys;       ///< [packets]: row << key_bits | key
  std::uint64_t* counts;         ///< [packets]: key_count()
};

template <class Context>
TG_DEVICE inline void key_kernel(Context& context, const KeyWork& work) {
  for_each_run(context, work.batch, [&](std::uint32_t row, std::uint32_t first, std::uint32_t end) {
    for (std::uint32_t i = first + context.lane(); i < end; i += warp_size) {
      work.row_keys[i] = std::uint64_t{row} << work.key_bits | work.keys[i];
      work.counts[i] = key_count(work.lengths[i] & 0xffffu);
    }
  });
}

}  // namespace tidegauge::binning
