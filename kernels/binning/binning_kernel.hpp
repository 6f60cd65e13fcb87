// The binning kernel's body, one text for the GPU and for the host's emulation of it (kernel_context.hpp).
//
// Problem: a packet adds to about ten of an interval's columns; an atomic addition for each would be ten a packet, all
// to the same few addresses, because neighbouring packets belong to the same interval.
// Idea: a lane of the warp owns a column. 32 packets, one a lane, are 32 words of "touches column c" bits; transposed
// across the warp (5 shuffles) lane c holds which packets touch its column, and counting them is one population count.
// The six columns that sum lengths take a warp sum each. The sums stay in registers as long as the interval does not
// change and then go, one coalesced row at a time, to the block's rows in shared memory (where the batch has few
// intervals) or straight to the batch's rows in global memory. Packets of different intervals in one warp are taken
// interval by interval; each turn serves every packet of that interval.
// Cost: 16 bytes read a packet; atomic additions per interval and warp, not per packet.
// Exact: integers modulo 2^64 throughout, equal to the CPU for any input whose offsets are below `intervals`.
// Tested by tests/kernels/binning_kernel_test.cpp (control flow, on the host) and binning_cuda_test.cpp (on a card).
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/binning/binning_rule.hpp"
#include "kernels/device/kernel_context.hpp"

namespace tidegauge::binning {

inline constexpr std::uint32_t block_threads = 256;
/// Rows that a block keeps in shared memory: 24 KiB, so that eight blocks fit on a multiprocessor of 2048 threads.
inline constexpr std::uint32_t shared_rows = 96;
inline constexpr std::uint32_t row_cells = static_cast<std::uint32_t>(column_count);
/// Columns per lane; one today.
inline constexpr std::uint32_t row_words = (row_cells + warp_size - 1) / warp_size;

struct KernelWork {
  const PackedPacket* packets;
  std::uint64_t count;
  std::uint64_t packets_per_block;
  AtomicCount* rows;        ///< [intervals][row_cells], added to
  std::uint32_t intervals;  ///< every interval_offset is below this
  bool partial_rows;        ///< keep [intervals][row_cells] in shared memory first
};

struct KernelGrid {
  std::uint32_t blocks;             ///< 0 for no packets
  std::uint64_t packets_per_block;  ///< a multiple of the block's threads
  bool partial_rows;
  std::uint32_t shared_bytes;
};

/// A block takes a contiguous stretch, so that it sees few intervals.
/// @param most_blocks how many the device runs at once
inline KernelGrid kernel_grid(std::uint64_t packets, std::uint32_t intervals, std::uint32_t most_blocks,
                              std::uint32_t threads = block_threads) {
  const std::uint64_t rounds = (packets + threads - 1) / threads;
  const std::uint64_t per_block = std::max<std::uint64_t>(1, (rounds + most_blocks - 1) / most_blocks);
  const bool partial = intervals <= shared_rows;
  return {static_cast<std::uint32_t>((rounds + per_block - 1) / per_block), per_block * threads, partial,
          partial ? intervals * row_cells * static_cast<std::uint32_t>(sizeof(AtomicCount)) : 0};
}

/// The word and the bit (also the lane) of a column; the word is a constant while one is enough, so that arrays of
/// words stay in registers.
TG_DEVICE constexpr std::uint32_t word_of(std::uint32_t column) {
  return row_words == 1 ? 0 : column / warp_size;
}
TG_DEVICE constexpr std::uint32_t bit_of(std::uint32_t column) { return column % warp_size; }

/// Which columns a packet touches, a bit each.
struct TouchedColumns {
  std::uint32_t word[row_words] = {};
};

TG_DEVICE inline TouchedColumns touched_columns(const PackedPacket& packet) {
  TouchedColumns touched;
  add_packet(packet, [&touched](Column column, std::uint64_t) {
    const auto c = static_cast<std::uint32_t>(column);
    touched.word[word_of(c)] |= 1u << bit_of(c);
  });
  return touched;
}

/// Bit c of lane r becomes bit r of lane c: in five steps, squares of 16, 8, 4, 2 and 1 change places across the
/// diagonal (Hacker's Delight 7-3, a row a lane).
template <class Context>
TG_DEVICE inline std::uint32_t transpose(Context& context, std::uint32_t row) {
  std::uint32_t low_columns = 0x0000ffffu;
  for (std::uint32_t side = warp_size / 2; side != 0; side /= 2, low_columns ^= low_columns << side) {
    const std::uint32_t other = context.shuffle(row, context.lane() ^ side);
    const bool lower_row = (context.lane() & side) != 0;
    row = lower_row ? (row & ~low_columns) | ((other >> side) & low_columns)
                    : (row & low_columns) | ((other & low_columns) << side);
  }
  return row;
}

/// Exact sum over the warp. 32 lengths below 2^27 cannot overflow 32 bits; larger ones go in two halves.
template <class Context>
TG_DEVICE inline std::uint64_t wide_sum(Context& context, std::uint32_t value) {
  if (context.ballot(value >> 27 != 0) == 0) return context.sum(value);
  const std::uint64_t low = context.sum(value & 0xffffu);
  const std::uint64_t high = context.sum(value >> 16);
  return low + (high << 16);
}

/// The sums of a warp for one interval, lane l holding columns l, l + 32, ...; they leave when the interval changes.
template <class Context>
class WarpRow {
 public:
  /// @param rows where sums go: the block's if `partial`, otherwise the batch's
  TG_DEVICE WarpRow(Context& context, AtomicCount* rows, bool partial)
      : context_(context), rows_(rows), partial_(partial) {}

  /// One packet a lane, `valid` where there is one. All lanes of the warp come.
  TG_DEVICE void add(const PackedPacket& packet, bool valid) {
    const TouchedColumns touched = touched_columns(packet);
    std::uint32_t touching[row_words];  // lanes whose packets touch this lane's column
    for (std::uint32_t w = 0; w < row_words; ++w) touching[w] = transpose(context_, touched.word[w]);

    std::uint32_t waiting = context_.ballot(valid);
    while (waiting != 0) {
      const std::uint32_t interval = context_.shuffle(packet.interval_offset, lowest_bit(waiting));
      const bool mine = valid && packet.interval_offset == interval;
      const std::uint32_t peers = context_.ballot(mine);
      enter(interval);
      for (std::uint32_t w = 0; w < row_words; ++w) sums_[w] += counted(touching[w] & peers, w);
      add_lengths(packet, touched, mine);
      waiting &= ~peers;
    }
  }

  /// Adds what is held to the rows.
  TG_DEVICE void leave() {
    for (std::uint32_t w = 0; w < row_words; ++w) {
      const std::uint32_t column = w * warp_size + context_.lane();
      if (sums_[w] != 0) add_to(rows_ + std::uint64_t{interval_} * row_cells + column, sums_[w]);
      sums_[w] = 0;
    }
  }

 private:
  TG_DEVICE void enter(std::uint32_t interval) {
    if (interval == interval_) return;
    leave();
    interval_ = interval;
  }

  TG_DEVICE void add_to(AtomicCount* place, AtomicCount amount) {
    if (partial_)
      context_.add_shared(place, amount);
    else
      context_.add(place, amount);
  }

  /// Packets that add 1 to this lane's column; none where the column sums lengths.
  TG_DEVICE std::uint64_t counted(std::uint32_t packets, std::uint32_t w) const {
    return sums_lengths(static_cast<Column>(w * warp_size + context_.lane())) ? 0 : bits_set(packets);
  }

  TG_DEVICE static bool sums_lengths(Column column) {
    return column == Column::bytes || column == Column::tcp_bytes || column == Column::udp_bytes ||
           column == Column::icmp_bytes || column == Column::other_bytes || column == Column::ip_bytes;
  }

  TG_DEVICE void add_lengths(const PackedPacket& packet, const TouchedColumns& touched, bool mine) {
    add_length(Column::bytes, packet.wire_bytes, touched, mine);
    add_length(Column::tcp_bytes, packet.wire_bytes, touched, mine);
    add_length(Column::udp_bytes, packet.wire_bytes, touched, mine);
    add_length(Column::icmp_bytes, packet.wire_bytes, touched, mine);
    add_length(Column::other_bytes, packet.wire_bytes, touched, mine);
    add_length(Column::ip_bytes, packet.ip_bytes, touched, mine);
  }

  TG_DEVICE void add_length(Column column, std::uint32_t length, const TouchedColumns& touched, bool mine) {
    const auto c = static_cast<std::uint32_t>(column);
    const bool counts = mine && (touched.word[word_of(c)] >> bit_of(c) & 1u) != 0;
    const std::uint64_t total = wide_sum(context_, counts ? length : 0);
    if (context_.lane() == bit_of(c)) sums_[word_of(c)] += total;
  }

  /// No offset: those are below a 32-bit number of intervals.
  static constexpr std::uint32_t no_interval = 0xffffffffu;
  Context& context_;
  AtomicCount* rows_;
  bool partial_;
  std::uint32_t interval_ = no_interval;
  std::uint64_t sums_[row_words] = {};
};

template <class Context>
TG_DEVICE inline void binning_kernel(Context& context, const KernelWork& work) {
  const std::uint32_t cells = work.partial_rows ? work.intervals * row_cells : 0;
  AtomicCount* partial = context.template shared<AtomicCount>();
  for (std::uint32_t i = context.thread(); i < cells; i += context.block_threads()) partial[i] = 0;
  context.sync();

  const std::uint64_t first = std::uint64_t{context.block()} * work.packets_per_block;
  const std::uint64_t end =
      first + work.packets_per_block < work.count ? first + work.packets_per_block : work.count;
  WarpRow<Context> row(context, work.partial_rows ? partial : work.rows, work.partial_rows);
  // Counted by the warp's first lane, so that all of its lanes make the same rounds: the collectives need them.
  for (std::uint64_t base = first + (context.thread() - context.lane()); base < end;
       base += context.block_threads()) {
    const std::uint64_t i = base + context.lane();
    const bool valid = i < end;
    row.add(valid ? work.packets[i] : PackedPacket{}, valid);
  }
  row.leave();

  context.sync();
  for (std::uint32_t i = context.thread(); i < cells; i += context.block_threads())
    if (partial[i] != 0) context.add(work.rows + i, partial[i]);
}

}  // namespace tidegauge::binning
