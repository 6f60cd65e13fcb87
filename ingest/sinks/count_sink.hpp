// Decodes and counts packets on the core that walks them: walk, decode, order and count become one inlined
// loop. Cost: bench/ingest_bench.cpp. Not thread-safe; one sink a stretch. Tested by
// tests/ingest/count_capture_test.cpp.
#pragma once

#include <cstdint>
#include <utility>

#include "ingest/formats/packet_sink.hpp"
#include "ingest/sinks/ordered_stretch.hpp"
#include "ingest/sinks/row_portions.hpp"
#include "kernels/binning/interval_counter.hpp"
#include "kernels/decode/decode.hpp"

namespace tidegauge {

class CountSink {
 public:
  CountSink(std::int64_t interval_ns, RowPortions& portions)
      : stretch_(interval_ns, portions) {}

  /// The hot path: takes a packet with usual headers that is in order; false, with nothing done, for any other. A tail for
  /// each kind of frame: where two ways of decoding join, the hot one would be put together for both.
  TG_INLINE bool usual(const PacketView& packet) {
    PackedFacts facts;
    if (decoding::decode_untagged(facts, packet)) [[likely]]
      return stretch_.packet_in_order(packet.ts_ns, packet.wire_bytes, facts);
    if (decoding::decode_tagged(facts, packet)) return stretch_.packet_in_order(packet.ts_ns, packet.wire_bytes, facts);
    return false;
  }
  /// Any packet. By value: in the hot loop it must not have an address.
  TG_COLD void packet(PacketView packet) {
    const HeaderFacts facts = decode(packet);
    stretch_.packet(packet.ts_ns, packet.wire_bytes - facts.fcs_bytes, pack_facts(facts));
  }
  void captured(std::uint64_t bytes) { stretch_.captured(bytes); }
  void refuse(Refusal why, std::uint64_t records, std::uint64_t bytes) {
    stretch_.refuse(why, records, bytes);
  }
  void lost(std::uint64_t packets) { stretch_.lost(packets); }
  std::optional<StretchMark> mark(bool at_end) { return stretch_.mark(at_end); }

  /// The stretch with all rows not handed over yet, open at both ends. The end of this sink's use.
  PartialSeries finish() {
    PartialSeries partial = stretch_.finish();
    partial.add_rows(stretch_.tally().counter.take());
    return partial;
  }

 private:
  struct Tally {
    explicit Tally(RowPortions& to) : portions(to) {}
    TG_INLINE void count_in_order(std::uint32_t wire_bytes, PackedFacts facts) {
      counter.count_in_order(wire_bytes, facts);
    }
    void count(const PackedPacket& packet) { counter.count(packet); }
    void enter(std::int64_t k) { counter.enter(k); }
    std::uint64_t counted() const { return counter.counted(); }
    void take_portion(PartialSeries& partial) {
      if (!portions.full(counter.rows() + partial.rows_held())) return;
      portions.hand_over(counter.take());
      portions.hand_over(partial.take_rows());
    }

    IntervalCounter counter;
    RowPortions& portions;
  };

  OrderedStretch<Tally> stretch_;
};
static_assert(PacketSink<CountSink>);

}  // namespace tidegauge
