// The usual headers: Ethernet with at most one VLAN tag, or raw IP, then whole IPv4 or IPv6, then TCP, UDP, ICMP or a
// protocol that is not entered.
// decode_usual either knows everything or refuses; decode_any (decode_any_rule.hpp) gives the same facts for every
// packet that it accepts, and a test holds the two together.
//
// Backbone traffic mixes families and protocols at random, and a mispredicted branch costs as much as ten to twenty
// instructions. So what differs between families and between protocols is looked up in two small tables and masked, not
// compared and chosen (gcc 12 turns `?:` back into branches). Measured in memory on 25 % IPv6 and 70/20/5/5 % TCP, UDP,
// ICMP and others at random, walk and decode, where the walk alone takes 3.0 ns a packet: branches on family and protocol
// 7.9 ns, arithmetic selects 6.0, a branch on the family and a table of protocols 5.4, two tables 4.9 to 5.2.
// Host and device: plain pointers and lengths; the device computes what the host looks up.
#pragma once

#include <array>
#include <cstdint>

#include "kernels/core/host_device.hpp"
#include "kernels/data/header_facts.hpp"
#include "kernels/data/header_places.hpp"
#include "kernels/data/packet_view.hpp"

namespace tidegauge::decoding {

namespace ip_protocol {
inline constexpr std::uint32_t hop_by_hop = 0, icmp = 1, ipv4 = 4, tcp = 6, udp = 17, ipv6 = 41, routing = 43,
                               fragment = 44, gre = 47, ah = 51, icmp6 = 58, destination = 60, ether_ip = 97,
                               mobility = 135, mpls = 137, hip = 139, shim6 = 140;
}
namespace ether_type {
inline constexpr std::uint32_t ipv4 = 0x0800, ipv6 = 0x86dd, vlan = 0x8100, vlan_stag = 0x88a8,
                               vlan_9100 = 0x9100, vlan_9200 = 0x9200, mpls = 0x8847, mpls_upstream = 0x8848,
                               pppoe = 0x8864, pbb = 0x88e7, nsh = 0x894f, transparent = 0x6558,
                               erspan = 0x88be, erspan_iii = 0x22eb, ppp = 0x880b;
}
namespace udp_port {
inline constexpr std::uint32_t l2tp = 1701, gtp_u = 2152, teredo = 3544, vxlan = 4789, vxlan_gpe = 4790, geneve = 6081;
}

TG_HD TG_INLINE std::uint32_t load16(const std::uint8_t* p) {
  return static_cast<std::uint32_t>(p[0]) << 8 | p[1];
}
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

/// Whether another packet or frame lies behind this IP protocol, of all that are entered.
TG_HD constexpr bool is_tunnel(std::uint32_t protocol) {
  return protocol == ip_protocol::ipv4 || protocol == ip_protocol::ipv6 || protocol == ip_protocol::gre ||
         protocol == ip_protocol::ether_ip || protocol == ip_protocol::mpls;
}

/// All that the usual path asks of a protocol, ready to be used without a comparison.
struct ProtocolTraits {
  std::uint32_t
      header_bytes;  ///< that must be there; for a protocol that is entered, more than any packet has
  std::uint32_t transport;
  std::uint32_t tcp_mask, udp_mask;  ///< all ones or 0
};
TG_HD constexpr ProtocolTraits traits_of_protocol(std::uint32_t protocol) {
  const Transport transport = transport_of(protocol);
  return {is_entered(protocol) ? 0x1ffffu : header_bytes(transport), static_cast<std::uint32_t>(transport),
          transport == Transport::tcp ? ~0u : 0u, transport == Transport::udp ? ~0u : 0u};
}

/// What differs between the families on the usual path.
struct FamilyTraits {
  std::uint32_t ether_type;
  std::uint32_t first_mask, first_byte;  ///< version, for IPv4 with the header length of no options
  std::uint32_t fragment_mask;           ///< of the 16-bit word at 6
  std::uint32_t header_bytes, protocol_at;
  std::uint32_t length_at, length_more;  ///< the length field, and what it leaves out
};
/// @param v6 0 or 1
TG_HD constexpr FamilyTraits traits_of_family(std::uint32_t v6) {
  return v6 ? FamilyTraits{ether_type::ipv6, 0xf0, 0x60, 0, 40, 6, 4, 40}
            : FamilyTraits{ether_type::ipv4, 0xff, 0x45, 0x3fff, 20, 9, 2, 0};
}

#ifndef __CUDA_ARCH__
inline constexpr std::array<FamilyTraits, 2> family_traits{traits_of_family(0), traits_of_family(1)};
inline constexpr std::array<ProtocolTraits, 256> protocol_traits = [] {
  std::array<ProtocolTraits, 256> traits{};
  for (std::uint32_t protocol = 0; protocol < traits.size(); ++protocol)
    traits[protocol] = traits_of_protocol(protocol);
  return traits;
}();
#endif

/// True for the ports whose datagrams decode_any looks into.
TG_HD TG_INLINE bool is_tunnel_port(std::uint32_t port) {
  return static_cast<bool>((port == udp_port::vxlan) | (port == udp_port::vxlan_gpe) | (port == udp_port::gtp_u) |
                           (port == udp_port::geneve) | (port == udp_port::teredo) |
                           (port == udp_port::l2tp));
}

/// A cheap sieve for is_tunnel_port, which few datagrams pass.
TG_HD TG_INLINE bool near_tunnel_port(std::uint32_t port) {
  return port - udp_port::l2tp <= udp_port::geneve - udp_port::l2tp;
}

/// Bit 5 of the first byte tells 6 from 4; whether it is either is for the caller to check.
TG_HD TG_INLINE std::uint32_t guess_v6(const std::uint8_t* ip) { return ip[0] >> 5 & 1; }

/// Unfragmented IPv4 without options or IPv6 without extension headers, under its own EtherType.
/// @param ip first byte of the IP header, of which `captured` bytes may be read
TG_HD TG_INLINE bool decode_usual_ip(HeaderFacts& facts, const std::uint8_t* ip, std::uint32_t captured,
                                     std::uint32_t type) {
  if (captured < 40) [[unlikely]]
    return false;
  const std::uint32_t v6 = guess_v6(ip);
#ifdef __CUDA_ARCH__
  const FamilyTraits family = traits_of_family(v6);
  const ProtocolTraits protocol = traits_of_protocol(ip[family.protocol_at]);
#else  // by reference: gcc 12 copies the table's entry to the stack otherwise, which takes 1 ns
  const FamilyTraits& family = family_traits[v6];
  const ProtocolTraits& protocol = protocol_traits[ip[family.protocol_at]];
#endif
  const std::uint32_t header = family.header_bytes, end = header + protocol.header_bytes;
  const std::uint32_t total = load16(ip + family.length_at) + family.length_more;
  const std::uint32_t strange = ((ip[0] & family.first_mask) ^ family.first_byte) |
                                (load16(ip + 6) & family.fragment_mask) | (type ^ family.ether_type);
  if (strange != 0 || end > captured || end > total) [[unlikely]]
    return false;
  // What has no ports and no flags reads the IP header's own bytes instead, which are there, and masks them
  // off.
  const std::uint32_t ports = load32(ip + (header & protocol.udp_mask)) & protocol.udp_mask;
  if (near_tunnel_port(ports >> 16) || near_tunnel_port(ports & 0xffff)) [[unlikely]] {
    if (is_tunnel_port(ports >> 16) || is_tunnel_port(ports & 0xffff)) return false;
  }
  facts.transport = static_cast<Transport>(protocol.transport);
  facts.family = static_cast<IpFamily>(1 + v6);
  facts.tcp_flags = static_cast<std::uint8_t>(ip[(header + 13) & protocol.tcp_mask] & protocol.tcp_mask);
  facts.fragment = false;
  facts.cut = false;
  facts.ip_bytes = total;
  return true;
}
static_assert(static_cast<int>(IpFamily::v4) == 1 && static_cast<int>(IpFamily::v6) == 2);

/// @returns false, with `facts` untouched, where decode_any has to look.
TG_HD TG_INLINE bool decode_usual(HeaderFacts& facts, const PacketView& packet) {
  const std::uint8_t* ip = packet.bytes;
  std::uint32_t captured = packet.captured_bytes;
  if (packet.link == LinkType::ethernet) [[likely]] {
    if (captured < 18) [[unlikely]]
      return false;
    std::uint32_t type = load16(ip + 12), at = 14;
    if (type == ether_type::vlan) type = load16(ip + 16), at = 18;  // a link has tags or not: well predicted
    return decode_usual_ip(facts, ip + at, captured - at, type);
  }
  if (packet.link != LinkType::raw_ip || captured == 0) return false;
  return decode_usual_ip(facts, ip, captured, guess_v6(ip) ? ether_type::ipv6 : ether_type::ipv4);
}

/// Where the headers of a packet lie that decode_usual accepted with these facts. Its IP header has no options and no
/// extension headers, hence the arithmetic.
TG_HD TG_INLINE HeaderPlaces places_of_usual(const PacketView& packet, const HeaderFacts& facts) {
  HeaderPlaces places;
  places.ip = 0;
  if (packet.link == LinkType::ethernet) [[likely]] {
    places.ethernet = 0;
    places.ip = 14;
    if (load16(packet.bytes + 12) == ether_type::vlan) {
      places.vlan = load16(packet.bytes + 14) & 0xfff;
      places.ip = 18;
    }
  }
  const std::uint32_t v6 = facts.family == IpFamily::v6;
  places.protocol = packet.bytes[places.ip + 9 - 3 * v6];
  if (facts.transport == Transport::tcp || facts.transport == Transport::udp)
    places.transport = places.ip + 20 + 20 * v6;
  return places;
}

}  // namespace tidegauge::decoding
