// Counts packets into interval rows on one core, one interval at a time.
//
// Problem: 32 columns a packet are too many to touch, and a search for the row too long. Model: packets of the current
// interval are counted by kind, flag byte and size class, five additions in 4 KiB of first-level cache (binning_rule.hpp
// says why these three determine every column); only leaving an interval folds them into its row.
// Cost: about 20 instructions a packet (1.5 ns beside walk and decode in memory), and a few hundred when the interval
// changes.
// Rows stay where they are until taken. Not thread-safe. Tested by tests/kernels/binning_test.cpp.
#pragma once

#include <array>
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

  /// Counts one packet into the interval entered; its own interval_offset is not looked at.
  TG_INLINE void count(const PackedPacket& packet) {
    count_in_order(packet);
    late_ += packet.bits / binning::late_bit & 1;
    backward_ += packet.bits / binning::backward_bit & 1;
  }
  /// The same for a packet that is known to be neither late nor backward.
  TG_INLINE void count_in_order(const PackedPacket& packet) {
    const std::uint32_t kind = packet.bits & binning::kind_mask;
    packets_[kind] += 1;
    bytes_[kind] += packet.wire_bytes;
    flags_[packet.bits >> binning::flags_shift & 0xff] += 1;
    sizes_[binning::size_class_of(packet.wire_bytes)] += 1;
    ip_bytes_ += packet.ip_bytes;
  }

  /// Packets counted since the beginning.
  std::uint64_t counted() const {
    std::uint64_t packets = folded_;
    for (const std::uint64_t kind : packets_) packets += kind;
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
  TG_COLD void fold() {
    if (row_ == nullptr) return;
    const auto add = [row = row_](Column column, std::uint64_t amount) { (*row)[column] += amount; };
    for (std::uint32_t kind = 0; kind < binning::kinds; ++kind) {
      if (packets_[kind] == 0) continue;
      folded_ += packets_[kind];
      binning::add_kind(kind, std::exchange(packets_[kind], 0), std::exchange(bytes_[kind], 0), add);
    }
    for (std::uint32_t flags = 0; flags < binning::flag_values; ++flags)
      if (flags_[flags] != 0) binning::add_flags(flags, std::exchange(flags_[flags], 0), add);
    for (std::uint32_t size = 0; size < binning::size_classes; ++size)
      if (sizes_[size] != 0) binning::add_size(size, std::exchange(sizes_[size], 0), add);
    add(Column::ip_bytes, std::exchange(ip_bytes_, 0));
    add(Column::late, std::exchange(late_, 0));
    add(Column::backward, std::exchange(backward_, 0));
  }

  std::array<std::uint64_t, binning::kinds> packets_{}, bytes_{};
  std::array<std::uint64_t, binning::flag_values> flags_{};
  std::array<std::uint64_t, binning::size_classes> sizes_{};
  std::uint64_t ip_bytes_ = 0, late_ = 0, backward_ = 0, folded_ = 0;
  IntervalRow* row_ = nullptr;  ///< of the current interval
  std::int64_t k_ = 0;
  std::map<std::int64_t, IntervalRow> rows_;
};

}  // namespace tidegauge
