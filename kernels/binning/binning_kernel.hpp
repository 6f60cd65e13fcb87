// The binning kernel's body, one text for the GPU and for the host's emulation of it (kernel_context.hpp).
//
// Problem: a packet adds to about ten of an interval's columns; an atomic addition for each would be ten a packet, all
// to the same few addresses, because neighbouring packets belong to the same interval. And at 6 bytes a packet a card
// reads 400 G packets a second: there is time for some 70 instructions of a thread each.
// Idea: a packet is a word, "touches column c" a bit each, put together from two tables in shared memory, which the block
// fills from the rule, so that no lane branches where its neighbours do not. A lane adds its words up in bit-sliced counters: eight words,
// of which the p-th holds the bit of value 2^p of each of 32 counters, so that one carry-save addition counts all columns
// of a packet. The six columns that sum lengths are registers of their own. Only when the interval changes, or the
// counters could overflow, the warp puts its lanes together: a bit plane, transposed across the warp (5 shuffles), shows
// lane c which lanes hold that bit of column c, and a population count adds them up. Lane c then holds the sum of column
// c in 64 bits until the interval changes, and adds it to the batch's row, the warp one coalesced row at a time.
// Cost: 6 bytes read a packet; one atomic addition a column, warp and run; one barrier.
// Exact: integers modulo 2^64 throughout, equal to the CPU for every batch.
// Tested by tests/kernels/binning_kernel_test.cpp (control flow, on the host) and binning_cuda_test.cpp (on a card).
#pragma once

#include <cstdint>

#include "kernels/binning/batch_stretches.hpp"
#include "kernels/binning/binning_rule.hpp"
#include "kernels/device/kernel_context.hpp"

namespace tidegauge::binning {

inline constexpr std::uint32_t row_cells = static_cast<std::uint32_t>(column_count);
static_assert(row_cells <= warp_size, "a column is a bit of a word and a lane of a warp");

/// A lane's part of a step, as it is loaded.
struct alignas(16) FourLengths {
  std::uint32_t of[4];
};
struct alignas(8) FourBits {
  std::uint16_t of[4];
};

struct CountWork {
  const FourLengths* lengths;  ///< readable to the end of the last step of step_packets
  const FourBits* bits;        ///< likewise
  Stretches batch;
  AtomicCount* rows;           ///< [rows][row_cells], added to
};

TG_DEVICE constexpr std::uint32_t bit_of(Column column) { return 1u << static_cast<std::uint32_t>(column); }

/// Columns of the bytes of a transport.
inline constexpr std::uint32_t transports = 4;
TG_DEVICE constexpr Column bytes_column(std::uint32_t transport) {
  constexpr Column columns[transports] = {Column::tcp_bytes, Column::udp_bytes, Column::icmp_bytes, Column::other_bytes};
  return columns[transport];
}
/// The columns that sum lengths; a packet adds 1 to every other one that it touches.
TG_DEVICE constexpr std::uint32_t length_bits() {
  std::uint32_t bits = bit_of(Column::bytes) | bit_of(Column::ip_bytes);
  for (std::uint32_t t = 0; t < transports; ++t) bits |= bit_of(bytes_column(t));
  return bits;
}

/// Which columns a packet touches besides its size's and `bytes` and `ip_bytes`, which all do; in shared memory.
struct TouchedColumns {
  std::uint32_t of_low[256];    ///< by the low byte of a packet's bits: kind and order
  std::uint32_t of_flags[256];  ///< by the high one: TCP flags

  template <class Context>
  TG_DEVICE void fill(Context& context) {
    for (std::uint32_t byte = context.thread(); byte < 256; byte += context.block_threads()) {
      std::uint32_t low = 0, flags = 0;
      const auto into = [](std::uint32_t& touched) {
        return [&touched](Column column, std::uint64_t) { touched |= bit_of(column); };
      };
      add_kind(byte & kind_mask, 1, 0, into(low));
      add_order(byte, 1, into(low));
      add_flags(byte, 1, into(flags));
      of_low[byte] = low;
      of_flags[byte] = flags;
    }
    context.sync();
  }
  TG_DEVICE std::uint32_t of(std::uint32_t bits, std::uint32_t wire_bytes) const {
    return of_low[bits & 0xffu] | of_flags[bits >> flags_shift] | bit_of(size_column(size_class_of(wire_bytes)));
  }
};

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

/// What one lane has counted since the warp last put its lanes together.
class LaneCounts {
 public:
  /// Steps of four packets that the counters hold. The largest sum of lengths of a warp is then 2^29, so 32 bits do.
  static constexpr std::uint32_t most_steps = 63;

  /// Packets `at` to `at` + 3 as far as they lie in [first, end).
  TG_DEVICE void add(const TouchedColumns& columns, const FourLengths& lengths, const FourBits& bits, std::uint32_t at,
                     std::uint32_t first, std::uint32_t end) {
    std::uint32_t touched[4];
    for (std::uint32_t i = 0; i < 4; ++i) {
      const bool valid = at + i - first < end - first;  // also where it is before the first: then it wraps round
      const std::uint32_t length = valid ? lengths.of[i] : 0, wire_bytes = length & 0xffffu;
      touched[i] = valid ? columns.of(bits.of[i], wire_bytes) : 0;
      bytes_ += wire_bytes;
      ip_bytes_ += length >> 16;
      for (std::uint32_t t = 0; t < transports; ++t)
        if (touched[i] & bit_of(bytes_column(t))) bytes_of_[t] += wire_bytes;
      touched[i] &= ~length_bits();
    }
    const std::uint32_t two = carry_save(planes_[0], touched[0], touched[1]);
    const std::uint32_t more = carry_save(planes_[0], touched[2], touched[3]);
    std::uint32_t carry = carry_save(planes_[1], two, more);
    for (std::uint32_t p = 2; p < plane_count; ++p) {
      const std::uint32_t next = planes_[p] & carry;
      planes_[p] ^= carry;
      carry = next;
    }
  }

  /// This lane's column over the warp; begins again. All lanes of the warp come.
  template <class Context>
  TG_DEVICE std::uint64_t put_together(Context& context) {
    std::uint64_t sum = 0;
    for (std::uint32_t p = 0; p < plane_count; ++p) {
      if (context.ballot(planes_[p] != 0) == 0) continue;
      sum += std::uint64_t{bits_set(transpose(context, planes_[p]))} << p;
      planes_[p] = 0;
    }
    add_lengths(context, sum, Column::bytes, bytes_);
    add_lengths(context, sum, Column::ip_bytes, ip_bytes_);
    for (std::uint32_t t = 0; t < transports; ++t) add_lengths(context, sum, bytes_column(t), bytes_of_[t]);
    return sum;
  }

 private:
  static constexpr std::uint32_t plane_count = 8;
  static_assert(4 * most_steps < 1u << plane_count);
  static_assert(std::uint64_t{4 * most_steps} * warp_size * 0xffff < std::uint64_t{1} << 32);

  /// sum += a + b in every column, modulo 2; what is carried.
  TG_DEVICE static std::uint32_t carry_save(std::uint32_t& sum, std::uint32_t a, std::uint32_t b) {
    const std::uint32_t carry = (a & b) | ((a ^ b) & sum);
    sum ^= a ^ b;
    return carry;
  }

  template <class Context>
  TG_DEVICE static void add_lengths(Context& context, std::uint64_t& sum, Column column, std::uint32_t& lengths) {
    const std::uint32_t total = context.sum(lengths);
    if (context.lane() == static_cast<std::uint32_t>(column)) sum = total;
    lengths = 0;
  }

  std::uint32_t planes_[plane_count] = {};
  std::uint32_t bytes_ = 0, ip_bytes_ = 0, bytes_of_[transports] = {};
};

/// Adds packets [first, end) of one run to their row. All lanes of the warp come.
template <class Context>
TG_DEVICE inline void count_run(Context& context, const TouchedColumns& columns, const CountWork& work,
                                std::uint32_t row, std::uint32_t first, std::uint32_t end) {
  LaneCounts counts;
  std::uint64_t sum = 0;
  std::uint32_t steps = 0;
  for (std::uint32_t step = first / step_packets; step * step_packets < end; ++step) {
    const std::uint32_t quarter = step * warp_size + context.lane();
    counts.add(columns, work.lengths[quarter], work.bits[quarter], 4 * quarter, first, end);
    if (++steps < LaneCounts::most_steps) continue;
    sum += counts.put_together(context);
    steps = 0;
  }
  if (steps != 0) sum += counts.put_together(context);
  if (sum != 0) context.add(work.rows + std::uint64_t{row} * row_cells + context.lane(), sum);
}

template <class Context>
TG_DEVICE inline void binning_kernel(Context& context, const CountWork& work) {
  TouchedColumns& columns = *context.template shared<TouchedColumns>();
  columns.fill(context);
  for_each_run(context, work.batch, [&](std::uint32_t row, std::uint32_t first, std::uint32_t end) {
    count_run(context, columns, work, row, first, end);
  });
}

}  // namespace tidegauge::binning
