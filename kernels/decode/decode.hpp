// Decoding: what a packet's headers say that any counter needs.
//
// Meanings. The IP family, its length and whether it is a fragment are those of the outermost IP header, the transport
// is the innermost that is reached: TCP in a tunnel is TCP, TCP quoted by an ICMP error is ICMP, a non-first fragment
// has no transport. The protocol field decides: a TCP header that the snaplen cut off is still TCP, with its flags as
// long as byte 13 was captured. `cut` says that a header which the packet has lies beyond the captured bytes; a packet
// that is simply too short for its headers is malformed, not cut.
// This is tshark's `tcp && !icmp && !icmpv6` with IP reassembly off; tests/ingest/count_capture_test.cpp lists where the
// two differ and why.
//
// Cost: about 65 instructions (2 ns) without an unpredictable branch for Ethernet with at most one VLAN tag, or raw IP,
// and unfragmented IPv4 or IPv6 without options; everything else is one call of decode_any (some tens of nanoseconds).
// decode_located() also says where the headers lie, for counting by keys: the same facts, a few instructions more.
// Reads nothing beyond captured_bytes. No state, any number of threads.
// Tested by tests/kernels/decode_test.cpp against tests/oracle/naive_decoder.hpp.
#pragma once

#include "kernels/core/host_device.hpp"
#include "kernels/data/header_facts.hpp"
#include "kernels/data/header_places.hpp"
#include "kernels/data/packet_view.hpp"
#include "kernels/decode/decode_rule.hpp"

namespace tidegauge {

/// Every link type, encapsulation and oddity, out of line. By value: the packet must not have an address in the hot loop.
TG_COLD HeaderFacts decode_any(const std::uint8_t* bytes, std::uint32_t captured_bytes,
                               std::uint32_t wire_bytes, LinkType link);

/// The facts of one packet, the usual ones without a call.
TG_INLINE HeaderFacts decode(const PacketView& packet) {
  HeaderFacts facts;
  if (decoding::decode_usual(facts, packet)) [[likely]]
    return facts;
  return decode_any(packet.bytes, packet.captured_bytes, packet.wire_bytes, packet.link);
}

/// As decode_any, with the places.
TG_COLD LocatedFacts decode_located_any(const std::uint8_t* bytes, std::uint32_t captured_bytes,
                                        std::uint32_t wire_bytes, LinkType link, DecodeOptions options);

/// The facts of one packet and where its headers lie. Without `outer` the facts are those of decode().
TG_INLINE LocatedFacts decode_located(const PacketView& packet, DecodeOptions options = {}) {
  LocatedFacts located;
  if (decoding::decode_usual(located.facts, packet)) [[likely]] {  // never a tunnel, so `outer` changes nothing
    located.places = decoding::places_of_usual(packet, located.facts);
    return located;
  }
  return decode_located_any(packet.bytes, packet.captured_bytes, packet.wire_bytes, packet.link, options);
}

}  // namespace tidegauge
