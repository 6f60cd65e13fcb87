// The usual headers: Ethernet with at most one VLAN tag, or raw IP, then whole IPv4 or IPv6, then TCP, UDP or ICMP.
// decode_usual either knows everything or refuses; decode_any (decode_any_rule.hpp) gives the same facts for every
// packet that it accepts, and a test holds the two together.
//
// Backbone traffic mixes families and protocols at random, so a branch on either is mispredicted every few packets and
// costs more than the whole rest. Hence both families run through the same selects, the transport comes out of two bit
// masks, and all conditions end in one branch that is almost always taken.
// Host and device: plain pointers and lengths, no tables in memory.
#pragma once

#include <cstdint>

#include "kernels/core/host_device.hpp"
#include "kernels/data/header_facts.hpp"
#include "kernels/data/packet_view.hpp"

namespace tidegauge::decoding {

namespace ip_protocol {
inline constexpr std::uint32_t hop_by_hop = 0, icmp = 1, ipv4 = 4, tcp = 6, udp = 17, ipv6 = 41, routing = 43,
                               fragment = 44, gre = 47, ah = 51, icmp6 = 58, destination = 60, ether_ip = 97,
                               mobility = 135, mpls = 137, hip = 139, shim6 = 140;
}
namespace ether_type {
inline constexpr std::uint32_t ipv4 = 0x0800, ipv6 = 0x86dd, vlan = 0x8100, vlan_stag = 0x88a8, vlan_9100 = 0x9100,
                               vlan_9200 = 0x9200, mpls = 0x8847, mpls_upstream = 0x8848, pppoe = 0x8864,
                               pbb = 0x88e7, nsh = 0x894f, transparent = 0x6558, erspan = 0x88be, ppp = 0x880b;
}
namespace udp_port {
inline constexpr std::uint32_t l2tp = 1701, gtp_u = 2152, teredo = 3544, vxlan = 4789, geneve = 6081;
}

TG_HD TG_INLINE std::uint32_t load16(const std::uint8_t* p) { return static_cast<std::uint32_t>(p[0]) << 8 | p[1]; }
TG_HD TG_INLINE std::uint32_t load32(const std::uint8_t* p) { return load16(p) << 16 | load16(p + 2); }

/// Transport by IP protocol below 64: bit n of the two masks is bit 0 and bit 1 of the answer.
TG_HD TG_INLINE std::uint32_t transport_of(std::uint32_t protocol) {
  constexpr std::uint64_t one = 1;
  constexpr std::uint64_t icmp = one << ip_protocol::icmp | one << ip_protocol::icmp6;
  constexpr std::uint64_t low = one << ip_protocol::tcp | icmp, high = one << ip_protocol::udp | icmp;
  const std::uint32_t shift = protocol & 63, known = protocol < 64;
  return static_cast<std::uint32_t>((low >> shift & known) | (high >> shift & known) << 1);
}

/// The fixed part of a transport's header: what must be captured for the packet not to be cut.
TG_HD TG_INLINE std::uint32_t header_bytes(Transport transport) { return transport == Transport::tcp ? 20u : 8u; }

/// True for the ports whose datagrams decode_any looks into.
TG_HD TG_INLINE bool is_tunnel_port(std::uint32_t port) {
  return static_cast<bool>((port == udp_port::vxlan) | (port == udp_port::gtp_u) | (port == udp_port::geneve) |
                           (port == udp_port::teredo) | (port == udp_port::l2tp));
}

/// Unfragmented IPv4 or IPv6 without extension headers that carries a whole TCP, UDP or ICMP header and no tunnel.
/// @param ip first byte of the IP header, of which `captured` bytes may be read
TG_HD TG_INLINE bool decode_usual_ip(HeaderFacts& facts, const std::uint8_t* ip, std::uint32_t captured, bool v6) {
  if (captured < 40) [[unlikely]]
    return false;
  const std::uint32_t first = ip[0];
  const std::uint32_t header = v6 ? 40 : (first & 15) * 4;
  const std::uint32_t total = load16(ip + (v6 ? 4 : 2)) + (v6 ? 40 : 0);
  const std::uint32_t transport = transport_of(ip[v6 ? 6 : 9]);
  const bool tcp = transport == static_cast<std::uint32_t>(Transport::tcp);
  const bool udp = transport == static_cast<std::uint32_t>(Transport::udp);
  const std::uint32_t end = header + header_bytes(static_cast<Transport>(transport));
  const bool version = v6 ? first >> 4 == 6 : first - 0x45 <= 0x4f - 0x45;
  const bool fragment = !v6 & ((load16(ip + 6) & 0x3fff) != 0);
  const bool whole = (end <= captured) & (end <= total);
  if (!(version & !fragment & (transport != 0) & whole)) [[unlikely]]
    return false;
  const bool tunnel = udp & (is_tunnel_port(load16(ip + header)) | is_tunnel_port(load16(ip + header + 2)));
  if (tunnel) [[unlikely]]
    return false;
  facts.transport = static_cast<Transport>(transport);
  facts.family = v6 ? IpFamily::v6 : IpFamily::v4;
  facts.tcp_flags = tcp ? ip[header + (tcp ? 13u : 0u)] : std::uint8_t{0};
  facts.fragment = false;
  facts.cut = false;
  facts.ip_bytes = total;
  return true;
}

/// @returns false, with `facts` untouched, where decode_any has to look.
TG_HD TG_INLINE bool decode_usual(HeaderFacts& facts, const PacketView& packet) {
  const std::uint8_t* bytes = packet.bytes;
  const std::uint32_t captured = packet.captured_bytes;
  if (packet.link == LinkType::ethernet) [[likely]] {
    if (captured < 18) [[unlikely]]
      return false;
    std::uint32_t type = load16(bytes + 12), at = 14;
    if (type == ether_type::vlan) type = load16(bytes + 16), at = 18;  // a link has tags or not: well predicted
    const bool v6 = type == ether_type::ipv6;
    if (!(v6 | (type == ether_type::ipv4))) [[unlikely]]
      return false;
    return decode_usual_ip(facts, bytes + at, captured - at, v6);
  }
  if (packet.link == LinkType::raw_ip && captured != 0) {
    return decode_usual_ip(facts, bytes, captured, bytes[0] >> 4 == 6);
  }
  return false;
}

}  // namespace tidegauge::decoding
