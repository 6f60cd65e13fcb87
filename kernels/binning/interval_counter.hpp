// Counts packets into interval rows on one core, one interval at a time.
//
// Problem: 32 columns a packet are too many to touch, and a search for the row too long. Model: packets of
// the current interval are counted by kind with size class and by flag byte, two additions in 10 KiB of which
// a link uses few lines (binning_rule.hpp says why these three determine every column); only leaving an
// interval folds them into its row. Cost: about 17 instructions a packet, and some two thousand when the
// interval changes. Rows stay where they are until taken. Not thread-safe. Tested by
// tests/kernels/binning_test.cpp.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <map>
#include <utility>

#include "kernels/binning/binning_rule.hpp"
#include "kernels/core/host_device.hpp"
#include "kernels/data/interval_columns.hpp"

namespace tidegauge {

/// Adds one packet to a row; for the few that cannot wait for their interval.
inline void count_packet(IntervalRow& row, const PackedPacket& packet) {
  binning::add_packet(packet, [&row](Column column, std::uint64_t amount) { row[column] += amount; });
}

class IntervalCounter {
 public:
  /// What is counted from now on belongs to interval `k`.
  void enter(std::int64_t k) {
    if (row_ != nullptr && k == k_) return;
    fold();
    row_ = &rows_.try_emplace(rows_.end(), k)->second;
    k_ = k;
  }

  /// Counts one packet into the interval entered.
  TG_INLINE void count(const PackedPacket& packet) {
    count_in_order(packet.wire_bytes, {packet.bits & binning::kind_mask,
                                       packet.bits >> binning::flags_shift & 0xff, packet.ip_bytes});
    late_ += packet.bits / binning::late_bit & 1;
    backward_ += packet.bits / binning::backward_bit & 1;
  }
  /// The same for a packet that is known to be neither late nor backward.
  TG_INLINE void count_in_order(std::uint32_t wire_bytes, PackedFacts facts) {
    if (wire_bytes >= large_bytes || facts.ip_bytes >= large_bytes) [[unlikely]]
      return count_large(wire_bytes, facts.ip_bytes, facts.bits());
    add(kinds_[facts.kind * classes + class_of_size[wire_bytes / 64]], wire_bytes);
    add(flags_[facts.tcp_flags], facts.ip_bytes);
  }

  /// Packets counted since the beginning.
  std::uint64_t counted() const {
    std::uint64_t packets = folded_;
    for (const Cell cell : flags_) packets += packets_of(cell);
    return packets;
  }
  std::size_t rows() const { return rows_.size(); }

  /// Moves out what was counted since the last take.
  std::map<std::int64_t, IntervalRow> take() {
    fold();
    row_ = nullptr;
    return std::exchange(rows_, {});
  }

 private:
  // Packets and bytes in one word, so that one addition counts both: 2^22 packets of less than 2^20 bytes
  // fit. The addition that would exceed them carries out of the word, which says for nothing that it is time
  // to fold.
  using Cell = std::uint64_t;
  static constexpr std::uint32_t packets_shift = 42, lowest_class = 5, classes = 8;
  static constexpr std::uint32_t large_bytes =
      1u << 20;  ///< a segment of offload has 64 KiB, a jumbogram may have more
  static_assert(packets_shift - 20 == 64 - packets_shift);
  // The histogram's columns, one below 64 bytes and one from 2048 on. Looked up, of which a link uses one cache line:
  // the position of the highest bit is a microcoded instruction on many processors of the baseline (8 operations).
  static constexpr auto class_of_size = [] {
    std::array<std::uint8_t, large_bytes / 64> table{};
    for (std::uint32_t i = 0; i < table.size(); ++i)
      table[i] = static_cast<std::uint8_t>(std::min<std::uint32_t>(std::bit_width(i), 6));
    return table;
  }();
  static constexpr std::uint64_t packets_of(Cell cell) { return cell >> packets_shift; }
  static constexpr std::uint64_t bytes_of(Cell cell) { return cell & ((Cell{1} << packets_shift) - 1); }

  TG_INLINE void add(Cell& cell, std::uint32_t bytes) {
    const Cell one = Cell{1} << packets_shift | bytes;
    if (__builtin_add_overflow(cell, one, &cell)) [[unlikely]]
      carry(cell, bytes);
  }

  TG_COLD void carry(Cell& cell, std::uint32_t bytes) {
    const Cell one = Cell{1} << packets_shift | bytes;
    cell -= one;
    fold();
    cell += one;
  }

  TG_COLD void count_large(std::uint32_t wire_bytes, std::uint32_t ip_bytes, std::uint32_t bits) {
    count_packet(*row_, {wire_bytes, ip_bytes, bits});
    folded_ += 1;
  }

  TG_COLD void fold() {
    if (row_ == nullptr) return;
    const auto add_to_row = [row = row_](Column column, std::uint64_t amount) { (*row)[column] += amount; };
    for (std::uint32_t kind = 0; kind < binning::kinds; ++kind) fold_kind(kind, add_to_row);
    for (std::uint32_t flags = 0; flags < binning::flag_values; ++flags) {
      const Cell cell = std::exchange(flags_[flags], 0);
      if (cell == 0) continue;
      folded_ += packets_of(cell);
      binning::add_flags(flags, packets_of(cell), add_to_row);
      add_to_row(Column::ip_bytes, bytes_of(cell));
    }
    add_to_row(Column::late, std::exchange(late_, 0));
    add_to_row(Column::backward, std::exchange(backward_, 0));
  }

  template <class Add>
  void fold_kind(std::uint32_t kind, const Add& add_to_row) {
    Cell* const cells = &kinds_[kind * classes];
    Cell any = 0;
    for (std::uint32_t size = 0; size < classes; ++size) any |= cells[size];
    if (any == 0) return;
    std::uint64_t packets = 0, bytes = 0;
    for (std::uint32_t size = 0; size < classes; ++size) {
      const Cell cell = std::exchange(cells[size], 0);
      packets += packets_of(cell);
      bytes += bytes_of(cell);
      if (cell != 0) binning::add_size(lowest_class + size, packets_of(cell), add_to_row);
    }
    binning::add_kind(kind, packets, bytes, add_to_row);
  }

  std::array<Cell, binning::kinds * classes> kinds_{};  ///< by kind and size class: packets and wire bytes
  std::array<Cell, binning::flag_values> flags_{};      ///< by TCP flags: packets and IP bytes
  std::uint64_t late_ = 0, backward_ = 0, folded_ = 0;
  IntervalRow* row_ = nullptr;  ///< of the current interval
  std::int64_t k_ = 0;
  std::map<std::int64_t, IntervalRow> rows_;
};

}  // namespace tidegauge
