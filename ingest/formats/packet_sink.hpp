// What a walker hands its packets to. Walkers are templates over the sink, so that the hot path (walk, decode, count)
// is one inlined loop; formats, tunnels and sinks never multiply by hand.
#pragma once

#include <concepts>
#include <cstdint>

#include "kernels/data/packet_view.hpp"
#include "kernels/data/partial_series.hpp"

namespace tidegauge {

template <class S>
concept PacketSink = requires(S sink, const PacketView& packet, Refusal why, std::uint64_t n) {
  /// One whole record of a link type that is decoded, in the capture's order. Always inlined.
  sink.packet(packet);
  /// `n` records (0 where their number cannot be known) and `n` bytes passed over, at this place in the order.
  sink.refuse(why, n, n);
  /// Packets that the capture itself reports as lost, at this place in the order.
  sink.lost(n);
};

}  // namespace tidegauge
