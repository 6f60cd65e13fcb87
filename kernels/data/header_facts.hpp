// What the decoder learns from one packet's headers; all that any counter needs.
#pragma once

#include <cstdint>

#include "kernels/core/host_device.hpp"

namespace tidegauge {

/// The innermost transport reached (design: a packet counts once). ICMP covers ICMPv6, and whatever an ICMP error
/// quotes. Non-first fragments are `other`.
enum class Transport : std::uint8_t { other = 0, tcp = 1, udp = 2, icmp = 3 };

/// The outermost IP family.
enum class IpFamily : std::uint8_t { none = 0, v4 = 1, v6 = 2 };

namespace tcp_flag {
inline constexpr std::uint8_t fin = 0x01, syn = 0x02, rst = 0x04, psh = 0x08, ack = 0x10, urg = 0x20;
}

struct HeaderFacts {
  Transport transport = Transport::other;
  IpFamily family = IpFamily::none;
  std::uint8_t tcp_flags = 0;     ///< 0 where the flags byte was not captured or there is no TCP
  bool fragment = false;          ///< any fragment (first ones too) at the outermost IP
  bool cut = false;               ///< a header that was to be read lies beyond the captured bytes
  std::uint32_t ip_bytes = 0;     ///< total length of the outermost IP packet, 0 without IP
  /// Frame check sequence in PacketView::wire_bytes, no longer than that, of which the packet's own headers tell (802.11
  /// with radiotap or PPI). Whoever counts bytes leaves it out.
  std::uint8_t fcs_bytes = 0;
};

/// The same in three words, as the hot path hands it on: counters look at the first two apart, and what is put together
/// and taken apart again costs several instructions a packet.
struct PackedFacts {
  std::uint32_t kind;       ///< bits 0-1 transport, 2-3 family, 4 fragment, 5 cut
  std::uint32_t tcp_flags;  ///< less than 256
  std::uint32_t ip_bytes;
  /// As in PackedPacket.
  TG_HD TG_INLINE std::uint32_t bits() const { return kind | tcp_flags << 8; }
};

TG_HD TG_INLINE PackedFacts pack_facts(const HeaderFacts& facts) {
  return {static_cast<std::uint32_t>(facts.transport) | static_cast<std::uint32_t>(facts.family) << 2 |
              static_cast<std::uint32_t>(facts.fragment) << 4 | static_cast<std::uint32_t>(facts.cut) << 5,
          facts.tcp_flags, facts.ip_bytes};
}
TG_HD TG_INLINE HeaderFacts unpack_facts(const PackedFacts& packed) {
  return {static_cast<Transport>(packed.kind & 3),
          static_cast<IpFamily>(packed.kind >> 2 & 3),
          static_cast<std::uint8_t>(packed.tcp_flags),
          (packed.kind >> 4 & 1) != 0,
          (packed.kind >> 5 & 1) != 0,
          packed.ip_bytes};
}

}  // namespace tidegauge
