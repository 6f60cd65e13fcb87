// The usual headers: Ethernet with at most one VLAN tag, or raw IP, then whole IPv4 or IPv6, then TCP, UDP, ICMP or a
// protocol that is not entered.
// decode_usual either knows everything or refuses; decode_any (decode_any_rule.hpp) gives the same facts for every
// packet that it accepts, and a test holds the two together.
//
// Backbone traffic mixes protocols at random, and a mispredicted branch costs as much as ten to twenty instructions. So
// the protocol is looked up, not compared, and what follows is arithmetic on 0 and 1 (gcc 12 turns `?:` back into
// branches). The family is the one branch left to chance: selecting between the two was measured a little slower (6.0
// against 5.8 ns a packet with 25 % IPv6 at random, the walk's 3.3 included), branches on the protocol as well 7.9 ns.
// Host and device: plain pointers and lengths; the device computes what the host looks up.
#pragma once

#include <array>
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

/// Transport of an IP protocol. ICMP and ICMPv6 are both ICMP in either family.
TG_HD constexpr Transport transport_of(std::uint32_t protocol) {
  switch (protocol) {
    case ip_protocol::tcp: return Transport::tcp;
    case ip_protocol::udp: return Transport::udp;
    case ip_protocol::icmp:
    case ip_protocol::icmp6: return Transport::icmp;
    default: return Transport::other;
  }
}

/// The fixed part of a transport's header: what must be captured for the packet not to be cut.
TG_HD constexpr std::uint32_t header_bytes(Transport transport) {
  return transport == Transport::tcp ? 20 : transport == Transport::other ? 0 : 8;
}

/// Whether something behind this IP protocol is entered: for decode_any.
TG_HD constexpr bool is_entered(std::uint32_t protocol) {
  switch (protocol) {
    case ip_protocol::hop_by_hop:
    case ip_protocol::ipv4:
    case ip_protocol::ipv6:
    case ip_protocol::routing:
    case ip_protocol::fragment:
    case ip_protocol::gre:
    case ip_protocol::ah:
    case ip_protocol::destination:
    case ip_protocol::ether_ip:
    case ip_protocol::mobility:
    case ip_protocol::mpls:
    case ip_protocol::hip:
    case ip_protocol::shim6: return true;
    default: return false;
  }
}

/// All that the usual path asks of a protocol in one word: the transport in bits 0 and 1, from bit 8 the header bytes
/// that must be there, more than any packet has for a protocol that is entered.
TG_HD constexpr std::uint32_t traits_of(std::uint32_t protocol) {
  const Transport transport = transport_of(protocol);
  return static_cast<std::uint32_t>(transport) | (is_entered(protocol) ? 0x1ffffu : header_bytes(transport)) << 8;
}
#ifndef __CUDA_ARCH__
inline constexpr std::array<std::uint32_t, 256> protocol_traits = [] {
  std::array<std::uint32_t, 256> traits{};
  for (std::uint32_t protocol = 0; protocol < traits.size(); ++protocol) traits[protocol] = traits_of(protocol);
  return traits;
}();
#endif
TG_HD TG_INLINE std::uint32_t look_up_traits(std::uint8_t protocol) {
#ifdef __CUDA_ARCH__
  return traits_of(protocol);
#else
  return protocol_traits[protocol];
#endif
}

/// True for the ports whose datagrams decode_any looks into.
TG_HD TG_INLINE bool is_tunnel_port(std::uint32_t port) {
  return static_cast<bool>((port == udp_port::vxlan) | (port == udp_port::gtp_u) | (port == udp_port::geneve) |
                           (port == udp_port::teredo) | (port == udp_port::l2tp));
}

/// A cheap sieve for is_tunnel_port, which few datagrams pass.
TG_HD TG_INLINE bool near_tunnel_port(std::uint32_t port) {
  return port - udp_port::l2tp <= udp_port::geneve - udp_port::l2tp;
}

/// What follows a whole IP header of `header` bytes.
/// @param ip first byte of the IP header, of which `captured` bytes may be read, at least 40
TG_HD TG_INLINE bool decode_usual_transport(HeaderFacts& facts, const std::uint8_t* ip, std::uint32_t captured,
                                            std::uint32_t total, std::uint32_t header, IpFamily family,
                                            std::uint8_t protocol) {
  const std::uint32_t traits = look_up_traits(protocol), end = header + (traits >> 8);
  if (end > captured || end > total) [[unlikely]]
    return false;
  const std::uint32_t transport = traits & 3, tcp = transport == 1, udp = transport == 2;
  // What has no ports and no flags reads the IP header's own bytes instead, which are there, and forgets them.
  const std::uint32_t ports = load32(ip + header * udp), from = ports >> 16, to = ports & 0xffff;
  if (udp & (near_tunnel_port(from) | near_tunnel_port(to))) [[unlikely]] {
    if (is_tunnel_port(from) || is_tunnel_port(to)) return false;
  }
  facts.transport = static_cast<Transport>(transport);
  facts.family = family;
  facts.tcp_flags = static_cast<std::uint8_t>(ip[(header + 13) * tcp] & (0 - tcp));
  facts.fragment = false;
  facts.cut = false;
  facts.ip_bytes = total;
  return true;
}
static_assert(static_cast<int>(Transport::tcp) == 1 && static_cast<int>(Transport::udp) == 2);

/// Unfragmented IPv4 without options.
TG_HD TG_INLINE bool decode_usual_ipv4(HeaderFacts& facts, const std::uint8_t* ip, std::uint32_t captured) {
  if (captured < 40 || ((ip[0] ^ 0x45) | (load16(ip + 6) & 0x3fff)) != 0) [[unlikely]]
    return false;
  return decode_usual_transport(facts, ip, captured, load16(ip + 2), 20, IpFamily::v4, ip[9]);
}

/// IPv6 without extension headers.
TG_HD TG_INLINE bool decode_usual_ipv6(HeaderFacts& facts, const std::uint8_t* ip, std::uint32_t captured) {
  if (captured < 40 || ip[0] >> 4 != 6) [[unlikely]]
    return false;
  return decode_usual_transport(facts, ip, captured, load16(ip + 4) + 40, 40, IpFamily::v6, ip[6]);
}

/// @returns false, with `facts` untouched, where decode_any has to look.
TG_HD TG_INLINE bool decode_usual(HeaderFacts& facts, const PacketView& packet) {
  const std::uint8_t* ip = packet.bytes;
  std::uint32_t captured = packet.captured_bytes;
  if (packet.link == LinkType::ethernet) [[likely]] {
    if (captured < 18) [[unlikely]]
      return false;
    std::uint32_t type = load16(ip + 12), at = 14;
    if (type == ether_type::vlan) type = load16(ip + 16), at = 18;  // a link has tags or not: well predicted
    ip += at, captured -= at;
    if (type == ether_type::ipv4) return decode_usual_ipv4(facts, ip, captured);
    return type == ether_type::ipv6 && decode_usual_ipv6(facts, ip, captured);
  }
  if (packet.link != LinkType::raw_ip || captured == 0) return false;
  return ip[0] >> 4 == 4 ? decode_usual_ipv4(facts, ip, captured) : decode_usual_ipv6(facts, ip, captured);
}

}  // namespace tidegauge::decoding
