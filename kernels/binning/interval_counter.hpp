// Counts packets into interval rows on one core, one interval at a time.
//
// Problem: 31 columns a packet are too many to touch, and a search for the row too long. Model: packets of the current
// interval are counted by kind, flag byte and size class, three increments in 4 KiB of first-level cache (binning_rule.hpp
// says why these three determine every column); only leaving an interval folds them into its row.
// Cost: about 15 instructions a packet, 150 ns and one search for a row each time the interval changes.
// Rows stay where they are until taken. Not thread-safe. Tested by tests/kernels/binning_test.cpp.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <utility>

#include "kernels/binning/binning_rule.hpp"
#include "kernels/core/host_device.hpp"
#include "kernels/data/header_facts.hpp"
#include "kernels/data/interval_columns.hpp"

namespace tidegauge {

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
  TG_INLINE void count(std::uint32_t wire_bytes, const HeaderFacts& facts) {
    add(binning::kind_of(facts), facts.tcp_flags, wire_bytes, facts.ip_bytes);
  }
  /// The same with what the order of records says: late_bit, backward_bit.
  void count_out_of_order(std::uint32_t wire_bytes, const HeaderFacts& facts, std::uint32_t order) {
    count(wire_bytes, facts);
    late_ += (order & binning::late_bit) != 0;
    backward_ += (order & binning::backward_bit) != 0;
  }
  /// The same for a packed packet.
  TG_INLINE void count(const PackedPacket& packet) {
    add(packet.bits & binning::kind_mask, packet.bits >> binning::flags_shift & 0xff, packet.wire_bytes, packet.ip_bytes);
    late_ += packet.bits / binning::late_bit & 1;
    backward_ += packet.bits / binning::backward_bit & 1;
  }

  /// Packets counted since the beginning.
  std::uint64_t counted() const {
    std::uint64_t packets = folded_;
    for (const Sum& kind : kinds_) packets += kind.packets;
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
  struct Sum {
    std::uint64_t packets = 0, bytes = 0;
  };

  TG_INLINE void add(std::uint32_t kind, std::uint32_t flags, std::uint32_t wire_bytes, std::uint32_t ip_bytes) {
    kinds_[kind].packets += 1;
    kinds_[kind].bytes += wire_bytes;
    flags_[flags] += 1;
    sizes_[binning::size_class_of(wire_bytes)] += 1;
    ip_bytes_ += ip_bytes;
  }

  TG_COLD void fold() {
    if (row_ == nullptr) return;
    const auto add = [row = row_](Column column, std::uint64_t amount) { (*row)[column] += amount; };
    for (std::uint32_t kind = 0; kind < binning::kinds; ++kind) {
      if (kinds_[kind].packets == 0) continue;
      binning::add_kind(kind, kinds_[kind].packets, kinds_[kind].bytes, add);
      folded_ += kinds_[kind].packets;
      kinds_[kind] = {};
    }
    for (std::uint32_t flags = 0; flags < binning::flag_values; ++flags)
      if (flags_[flags] != 0) binning::add_flags(flags, std::exchange(flags_[flags], 0), add);
    for (std::uint32_t size = 0; size < binning::size_classes; ++size)
      if (sizes_[size] != 0) binning::add_size(size, std::exchange(sizes_[size], 0), add);
    add(Column::ip_bytes, std::exchange(ip_bytes_, 0));
    add(Column::late, std::exchange(late_, 0));
    add(Column::backward, std::exchange(backward_, 0));
  }

  std::array<Sum, binning::kinds> kinds_{};
  std::array<std::uint64_t, binning::flag_values> flags_{};
  std::array<std::uint64_t, binning::size_classes> sizes_{};
  std::uint64_t ip_bytes_ = 0, late_ = 0, backward_ = 0, folded_ = 0;
  IntervalRow* row_ = nullptr;  ///< of the current interval
  std::int64_t k_ = 0;
  std::map<std::int64_t, IntervalRow> rows_;
};

}  // namespace tidegauge
