// Fills the batches of a PacketBatchCounter, packet by packet; a full one is submitted. The packets that do not fit a
// batch's columns (64 KiB and more) are counted here.
// Cost: a comparison and 6 bytes written a packet; a look-up in a map where the interval changes. An error of the counter
// is remembered, and what comes after it is dropped. Not thread-safe.
// Tested by tests/kernels/binning_test.cpp, tests/ingest/count_sink_test.cpp and keyed_sink_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>

#include "kernels/binning/binning.hpp"
#include "kernels/binning/binning_rule.hpp"
#include "kernels/core/host_device.hpp"

namespace tidegauge {

class BatchWriter {
 public:
  explicit BatchWriter(PacketBatchCounter& counter) : counter_(counter) { begin_batch(); }

  /// What is written from now on belongs to interval `k`.
  TG_COLD void enter(std::int64_t k) {
    k_ = k;
    begin_run();
  }

  /// A packet of the interval entered; false if it does not fit and was not written.
  TG_INLINE bool write(std::uint32_t wire_bytes, std::uint32_t ip_bytes, std::uint32_t bits) {
    if ((wire_bytes | ip_bytes) >> 16 != 0) [[unlikely]] return false;
    if (fill_ == room_) [[unlikely]] next_batch();
    lengths_[fill_] = wire_bytes | ip_bytes << 16;
    bits_[fill_] = static_cast<std::uint16_t>(bits);
    ++fill_;
    return true;
  }
  /// The same, without keys or addresses, whatever its size.
  TG_INLINE void count(std::uint32_t wire_bytes, std::uint32_t ip_bytes, std::uint32_t bits) {
    if (!write(wire_bytes, ip_bytes, bits)) [[unlikely]] count_large({wire_bytes, ip_bytes, bits});
  }
  /// Of the packet that was written last.
  void key(std::uint32_t dimension, std::uint32_t code) {
    batch_->keys_of(dimension)[fill_ - 1] = code;
    batch_->key_bits[dimension] |= code;
  }
  void addresses(std::uint64_t entries) { batch_->addresses[fill_ - 1] = entries; }

  /// One that did not fit.
  TG_COLD void count_large(const PackedPacket& packet) {
    large_count_ += 1;
    IntervalRow& row = large_.rows[k_];
    binning::add_packet(packet, [&row](Column column, std::uint64_t amount) { row[column] += amount; });
  }
  KeyedRow& large_keys() { return large_.keyed[k_]; }

  /// Packets since the beginning.
  std::uint64_t counted() const { return submitted_ + fill_ + large_count_; }
  /// Rows that take() would move out, at most.
  std::size_t rows() const { return rows_ + batch_->row_k.size() + large_.rows.size(); }
  std::size_t keyed_bytes() const { return counter_.keyed_bytes(); }

  /// Moves out what was counted since the last call; enter() follows before anything is written.
  Expected<CountedRows> take() {
    submit();
    rows_ = 0;
    CountedRows large = std::exchange(large_, {});
    if (!status_) return status_.error();
    auto counted = counter_.take();
    if (!counted) {
      status_ = counted.error();
      return counted;
    }
    for (const auto& [k, row] : large.rows) counted->rows[k] += row;
    add_rows(counted->keyed, std::move(large.keyed));
    return counted;
  }

 private:
  void begin_batch() {
    batch_ = &counter_.batch();
    batch_->clear();
    row_of_.clear();
    lengths_ = batch_->lengths;
    bits_ = batch_->bits;
    room_ = batch_->room.packets;
    fill_ = 0;
  }

  /// Where packets of k_ begin.
  void begin_run() {
    const bool empty = batch_->run_count != 0 && batch_->runs[batch_->run_count - 1].first == fill_;
    if (empty) batch_->run_count -= 1;  // of an interval that was entered and left
    const bool full = batch_->run_count == batch_->room.runs ||
                      (batch_->row_k.size() == batch_->room.rows && !row_of_.contains(k_));
    if (full) submit();
    const auto [at, added] = row_of_.try_emplace(k_, static_cast<std::uint32_t>(batch_->row_k.size()));
    if (added) batch_->row_k.push_back(k_);
    batch_->runs[batch_->run_count++] = {fill_, at->second};
  }

  TG_COLD void next_batch() {
    submit();
    begin_run();
  }

  void submit() {
    batch_->packets = fill_;
    submitted_ += fill_;
    rows_ += batch_->row_k.size();
    if (fill_ != 0 && status_) status_ = counter_.submit();
    begin_batch();
  }

  PacketBatchCounter& counter_;
  PacketBatch* batch_;
  std::uint32_t* lengths_;
  std::uint16_t* bits_;
  std::uint32_t fill_, room_;
  std::int64_t k_ = 0;
  std::unordered_map<std::int64_t, std::uint32_t> row_of_;  ///< of the batch's intervals
  std::uint64_t submitted_ = 0, large_count_ = 0;
  std::size_t rows_ = 0;  ///< of batches submitted since the last take
  CountedRows large_;
  Status status_;
};

}  // namespace tidegauge
