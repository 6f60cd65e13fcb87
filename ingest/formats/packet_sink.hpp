// What a walker hands its packets to. Walkers are templates over the sink, so that the hot path (walk,
// decode, count) is one inlined loop; formats, tunnels and sinks never multiply by hand.
#pragma once

#include <concepts>
#include <cstdint>

#include "kernels/core/host_device.hpp"
#include "kernels/data/packet_view.hpp"
#include "kernels/data/partial_series.hpp"

namespace tidegauge {

template <class S>
concept PacketSink = requires(S sink, const PacketView& packet, Refusal why, std::uint64_t n) {
  /// One whole record of a link type that is decoded, in the capture's order. A sink may have a fast path for most of
  /// them: `bool usual(packet)`, always inlined, false with nothing done where packet() has to take it.
  sink.packet(packet);
  /// `n` records not delivered and the bytes passed over with them, at this place in the order. A damaged
  /// stretch counts as one record, because how many it held cannot be known; a whole record that is refused
  /// by name passes over 0 bytes.
  sink.refuse(why, n, n);
  /// Packets that the capture itself reports as lost, at this place in the order.
  sink.lost(n);
};

/// Captured bytes, as stored, of packets that were handed over, for a sink that keeps account of them.
template <PacketSink Sink>
TG_INLINE void tell_captured(Sink& sink, std::uint64_t bytes) {
  if constexpr (requires { sink.captured(bytes); }) sink.captured(bytes);
}

/// The hot way into a sink.
template <PacketSink Sink>
TG_INLINE void hand_over_hot(Sink& sink, const PacketView& packet) {
  if constexpr (requires { sink.usual(packet); }) {
    if (sink.usual(packet)) [[likely]] return;
  }
  sink.packet(packet);
}

/// Out of line, for places that are not hot: a sink's inlined code is not repeated there.
template <PacketSink Sink>
TG_COLD void hand_over(Sink& sink, const PacketView& packet) {
  sink.packet(packet);
}

}  // namespace tidegauge
