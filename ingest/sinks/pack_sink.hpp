// Decodes packets and packs them into the batches of a device's counter, under the same ordering rules as CountSink; the
// rows of both are equal. Few packets (those that their neighbours decide, and those too long for a batch) are counted
// here instead.
// Cost: 6 bytes written a packet, straight into the memory that the device copies from. Not thread-safe.
// Tested by tests/ingest/count_sink_test.cpp and counter_pool_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "ingest/sinks/counter_pool.hpp"
#include "ingest/sinks/row_portions.hpp"
#include "ingest/sinks/tally_sink.hpp"
#include "kernels/binning/batch_writer.hpp"

namespace tidegauge {

class PackTally {
 public:
  PackTally(CounterPool& pool, RowPortions& portions) : loan_(pool.lend()), writer_(*loan_), portions_(portions) {
    if (const auto failure = pool.failure()) portions.fail(*failure);
  }

  TG_INLINE void count_in_order(std::uint32_t wire_bytes, PackedFacts facts) {
    writer_.count(wire_bytes, facts.ip_bytes, facts.bits());
  }
  TG_INLINE void count(const PackedPacket& packet) { writer_.count(packet.wire_bytes, packet.ip_bytes, packet.bits); }
  std::uint64_t counted() const { return writer_.counted(); }
  void enter(std::int64_t k) { writer_.enter(k); }

  void take_portion(PartialSeries& partial) {
    if (!portions_.full(writer_.rows() + partial.rows_held())) return;
    portions_.hand_over(take_rows());
    portions_.hand_over(partial.take_rows());
  }

  IntervalRows take_rows() {
    auto counted = writer_.take();
    if (counted) return std::move(counted->rows);
    loan_.fail(counted.error());
    portions_.fail(counted.error());
    return {};
  }

 private:
  CounterPool::Loan loan_;
  BatchWriter writer_;
  RowPortions& portions_;
};

/// Made of the interval, the pool that lends its counter, and the portions that take its rows.
using PackSink = TallySink<PackTally>;
static_assert(PacketSink<PackSink>);

}  // namespace tidegauge
