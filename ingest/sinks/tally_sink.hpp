// A sink that decodes packets, puts them in order and gives them to a Tally (ordered_stretch.hpp says which): walk, decode,
// order and count become one inlined loop. A tally's take_rows() moves out the rows that it holds.
// Not thread-safe; one sink a stretch. Tested by tests/ingest/count_sink_test.cpp and count_capture_test.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "ingest/formats/packet_sink.hpp"
#include "ingest/sinks/ordered_stretch.hpp"
#include "kernels/decode/decode.hpp"

namespace tidegauge {

template <class Tally>
class TallySink {
 public:
  template <class... TallyArguments>
  explicit TallySink(std::int64_t interval_ns, TallyArguments&&... tally)
      : stretch_(interval_ns, std::forward<TallyArguments>(tally)...) {}

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
    partial.add_rows(stretch_.tally().take_rows());
    return partial;
  }

 private:
  OrderedStretch<Tally> stretch_;
};

}  // namespace tidegauge
