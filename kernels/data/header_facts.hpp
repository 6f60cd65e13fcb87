// What the decoder learns from one packet's headers; all that any counter needs.
#pragma once

#include <cstdint>

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
  /// Frame check sequence that the packet's own headers say is counted in PacketView::wire_bytes (802.11 with radiotap or
  /// PPI); no more than that. Whoever counts bytes leaves it out.
  std::uint8_t fcs_bytes = 0;
};

}  // namespace tidegauge
