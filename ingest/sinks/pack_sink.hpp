// Decodes packets and packs them into batches for a device's PacketBatchCounter, under the same ordering rules as
// CountSink; the rows of both are equal. Few packets (those that their neighbours decide) are counted here instead.
// Cost: 16 bytes written a packet, and the batch read once more when it is handed over. Memory: one batch, and on the
// device at most `max_intervals` rows a batch. Not thread-safe. Tested by tests/ingest/count_capture_test.cpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "ingest/sinks/row_portions.hpp"
#include "ingest/sinks/tally_sink.hpp"
#include "kernels/binning/binning.hpp"
#include "kernels/binning/binning_rule.hpp"

namespace tidegauge {

struct PackOptions {
  std::size_t batch_packets = 1 << 20;
  std::int64_t max_intervals = 1 << 14;  ///< a batch spans fewer than this many intervals, at most 2^31
};

class PackTally {
 public:
  PackTally(PacketBatchCounter& counter, RowPortions& portions, const PackOptions& options)
      : counter_(counter), portions_(portions), options_(options) {
    packets_.resize(options.batch_packets);
  }

  TG_INLINE void count_in_order(std::uint32_t wire_bytes, PackedFacts facts) {
    count({0, wire_bytes, facts.ip_bytes, facts.bits()});
  }
  TG_INLINE void count(PackedPacket packet) {
    if (fill_ == packets_.size()) [[unlikely]]
      flush();
    // Offsets are modulo 2^32 of k here, because late packets may still lower the base; flush() takes the base off.
    packet.interval_offset = static_cast<std::uint32_t>(k_);
    packets_[fill_++] = packet;
  }
  std::uint64_t counted() const { return flushed_ + fill_; }

  void enter(std::int64_t k) {
    const bool first = fill_ == 0;
    if (!first && std::max(k, high_) - std::min(k, low_) >= options_.max_intervals) flush();
    if (fill_ == 0) low_ = high_ = k;
    low_ = std::min(low_, k);
    high_ = std::max(high_, k);
    k_ = k;
    intervals_since_take_ += 1;
  }

  void take_portion(PartialSeries& partial) {
    if (!portions_.full(intervals_since_take_ + partial.rows_held())) return;
    portions_.hand_over(take_rows());
    portions_.hand_over(partial.take_rows());
  }

  IntervalRows take_rows() {
    flush();
    intervals_since_take_ = 0;
    auto rows = counter_.take();
    if (rows) return *std::move(rows);
    portions_.fail(rows.error());
    return {};
  }

 private:
  TG_COLD void flush() {
    for (std::size_t i = 0; i < fill_; ++i) packets_[i].interval_offset -= static_cast<std::uint32_t>(low_);
    if (fill_ != 0) {
      const auto intervals = static_cast<std::uint32_t>(high_ - low_ + 1);
      if (Status status = counter_.add({low_, intervals, {packets_.data(), fill_}}); !status)
        portions_.fail(std::move(status).error());
    }
    flushed_ += fill_;
    fill_ = 0;
    low_ = high_ = k_;
  }

  std::vector<PackedPacket> packets_;
  std::size_t fill_ = 0;
  std::int64_t k_ = 0, low_ = 0, high_ = 0;  ///< current interval; range of the batch
  std::uint64_t flushed_ = 0;
  std::size_t intervals_since_take_ = 0;
  PacketBatchCounter& counter_;
  RowPortions& portions_;
  PackOptions options_;
};

/// Made of the interval, the counter, the portions that take its rows, and the options.
using PackSink = TallySink<PackTally>;
static_assert(PacketSink<PackSink>);

}  // namespace tidegauge
