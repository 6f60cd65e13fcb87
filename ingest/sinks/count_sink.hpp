// Counts packets on the core that walks them. Cost: bench/ingest_bench.cpp. Tested by tests/ingest/count_sink_test.cpp and
// count_capture_test.cpp.
#pragma once

#include <cstdint>

#include "ingest/sinks/row_portions.hpp"
#include "ingest/sinks/tally_sink.hpp"
#include "kernels/binning/interval_counter.hpp"

namespace tidegauge {

struct CountTally {
  explicit CountTally(RowPortions& to) : portions(to) {}
  TG_INLINE void count_in_order(std::uint32_t wire_bytes, PackedFacts facts) {
    counter.count_in_order(wire_bytes, facts);
  }
  void count(const PackedPacket& packet) { counter.count(packet); }
  void enter(std::int64_t k) { counter.enter(k); }
  IntervalRows take_rows() { return counter.take(); }
  std::uint64_t counted() const { return counter.counted(); }
  void take_portion(PartialSeries& partial) {
    if (!portions.full(counter.rows() + partial.rows_held())) return;
    portions.hand_over(take_rows());
    portions.hand_over(partial.take_rows());
  }

  IntervalCounter counter;
  RowPortions& portions;
};

/// Made of the interval and the portions that take its rows.
using CountSink = TallySink<CountTally>;
static_assert(PacketSink<CountSink>);

}  // namespace tidegauge
