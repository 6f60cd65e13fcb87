// The usual headers: Ethernet with at most one VLAN tag, or raw IP, then whole IPv4 or IPv6, then TCP, UDP, ICMP or a
// protocol that is not entered.
// decode_usual either knows everything or refuses; decode_any (decode_any_rule.hpp) gives the same facts for every
// packet that it accepts, and a test holds the two together.
//
// Backbone traffic mixes families and protocols at random, and a mispredicted branch costs as much as ten to twenty
// instructions. So what differs between families and between protocols is looked up in two small tables, computed or
// masked, not compared and chosen (gcc 12 turns `?:` back into branches). Branches on family and protocol took 1.6 times
// as long as tables for both. Compiled for AVX2 and BMI2 the same code was no faster, so there is one version.
// Host and device: plain pointers and lengths; the device computes what the host looks up.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

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

/// All that the usual path asks of a protocol in one family, ready to be used without a comparison. Offsets
/// are from the IP header's first byte; those of what a protocol has not are 0, a byte that is there, and
/// masked off.
struct alignas(8) ProtocolTraits {
  /// Byte that must be there; -1, which is beyond any packet as an unsigned number, for a protocol that is entered.
  std::int8_t last;
  std::uint8_t kind;  ///< as in PackedFacts
  std::uint8_t flags_at, flags_mask;
  std::uint8_t ports_at, ports_mask;
};
TG_HD constexpr ProtocolTraits traits_of_protocol(std::uint32_t protocol, bool v6) {
  const Transport transport = transport_of(protocol);
  const std::uint32_t header = v6 ? 40 : 20;
  const bool tcp = transport == Transport::tcp, udp = transport == Transport::udp;
  ProtocolTraits traits{};
  traits.last = static_cast<std::int8_t>(
      is_entered(protocol) ? -1 : static_cast<int>(header + header_bytes(transport)) - 1);
  traits.kind = static_cast<std::uint8_t>(static_cast<int>(transport) | (v6 ? 2 : 1) << 2);
  traits.flags_at = static_cast<std::uint8_t>(tcp ? header + 13 : 0);
  traits.flags_mask = tcp ? 0xff : 0;
  traits.ports_at = static_cast<std::uint8_t>(udp ? header : 0);
  traits.ports_mask = udp ? 0xff : 0;
  return traits;
}

/// What differs between the families on the usual path besides lengths, as it lies in memory.
struct alignas(32) FamilyTraits {
  std::uint64_t mask, value;  ///< of the first eight bytes: version, for IPv4 no options and no fragment
  std::uint16_t ether_type;
};
static_assert(std::endian::native == std::endian::little, "FamilyTraits");
TG_HD constexpr FamilyTraits traits_of_family(bool v6) {
  return v6 ? FamilyTraits{0xf0, 0x60, 0xdd86} : FamilyTraits{0xff3f'0000'0000'00ff, 0x45, 0x0008};
}

/// True for the ports whose datagrams decode_any looks into.
TG_HD TG_INLINE bool is_tunnel_port(std::uint32_t port) {
  return static_cast<bool>((port == udp_port::vxlan) | (port == udp_port::vxlan_gpe) | (port == udp_port::gtp_u) |
                           (port == udp_port::geneve) | (port == udp_port::teredo) |
                           (port == udp_port::l2tp));
}

#ifndef __CUDA_ARCH__
/// By family and protocol; and, by a port's high byte, whether the port may be a tunnel's: few datagrams
/// pass.
struct UsualTables {
  std::array<FamilyTraits, 2> families{traits_of_family(false), traits_of_family(true)};
  std::array<ProtocolTraits, 512> protocols{};  ///< those in IPv6 behind those in IPv4
  std::array<std::uint8_t, 256> port_sieve{};
  constexpr UsualTables() {
    for (std::uint32_t protocol = 0; protocol < 256; ++protocol)
      for (std::uint32_t v6 = 0; v6 < 2; ++v6)
        protocols[v6 << 8 | protocol] = traits_of_protocol(protocol, v6 != 0);
    using namespace udp_port;
    for (const std::uint32_t port : {l2tp, gtp_u, teredo, vxlan, vxlan_gpe, geneve}) port_sieve[port >> 8] = 0xff;
  }
};
inline constexpr UsualTables usual_tables;
#endif

template <class T>
TG_HD TG_INLINE T as_in_memory(const std::uint8_t* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

inline constexpr std::uint32_t least_usual_ip = 20;  ///< bytes that decode_usual_ip reads before it asks

/// Unfragmented IPv4 without options or IPv6 without extension headers.
/// @param ip first byte of the IP header, of which `captured` bytes, at least least_usual_ip, may be read
/// @param typed whether the two bytes before are an EtherType, which has to be that of the version
TG_HD TG_INLINE bool decode_usual_ip(PackedFacts& facts, const std::uint8_t* ip, std::uint32_t captured,
                                     bool typed) {
  const auto first = as_in_memory<std::uint64_t>(ip);
  const std::uint64_t v6 = first >> 5 & 1;  // what tells 6 from 4; whether it is either is asked below
  // Computed where a table would lengthen the chain of loads that each packet is: 9 or 6, 2 or 4, 0 or 40.
  const std::uint32_t number = ip[9 - 3 * v6];
  const std::uint32_t total = load16(ip + 2 + 2 * v6) + 40 * static_cast<std::uint32_t>(v6);
#ifdef __CUDA_ARCH__
  const FamilyTraits family = traits_of_family(v6);
  const ProtocolTraits protocol = traits_of_protocol(number, v6);
#else  // by reference: gcc 12 copies the table's entry to the stack otherwise, which takes 1 ns
  const FamilyTraits& family = usual_tables.families[v6];
  const ProtocolTraits& protocol = usual_tables.protocols[v6 << 8 | number];
#endif
  if ((first & family.mask) != family.value) [[unlikely]]
    return false;
  if (typed && as_in_memory<std::uint16_t>(ip - 2) != family.ether_type) [[unlikely]]
    return false;
  const auto last = static_cast<std::uint32_t>(std::int32_t{protocol.last});
  if (last >= captured || last >= total) [[unlikely]]
    return false;
  const std::uint8_t* const ports = ip + protocol.ports_at;
#ifdef __CUDA_ARCH__
  const std::uint32_t near_tunnel = protocol.ports_mask;
#else
  const std::uint32_t near_tunnel =
      (usual_tables.port_sieve[ports[0]] | usual_tables.port_sieve[ports[2]]) & protocol.ports_mask;
#endif
  if (near_tunnel) [[unlikely]] {
    if (is_tunnel_port(load16(ports)) || is_tunnel_port(load16(ports + 2))) return false;
  }
  facts.kind = protocol.kind;
  facts.tcp_flags = ip[protocol.flags_at] & protocol.flags_mask;
  facts.ip_bytes = total;
  return true;
}
static_assert(static_cast<int>(IpFamily::v4) == 1 && static_cast<int>(IpFamily::v6) == 2);

/// Without a VLAN tag; false, with `facts` untouched, where decode_tagged or decode_any has to look.
TG_HD TG_INLINE bool decode_untagged(PackedFacts& facts, const PacketView& packet) {
  if (packet.link == LinkType::ethernet) [[likely]]
    return packet.captured_bytes >= 14 + least_usual_ip &&
           decode_usual_ip(facts, packet.bytes + 14, packet.captured_bytes - 14, true);
  return packet.link == LinkType::raw_ip && packet.captured_bytes >= least_usual_ip &&
         decode_usual_ip(facts, packet.bytes, packet.captured_bytes, false);
}
/// With one.
TG_HD TG_INLINE bool decode_tagged(PackedFacts& facts, const PacketView& packet) {
  return packet.link == LinkType::ethernet && packet.captured_bytes >= 18 + least_usual_ip &&
         load16(packet.bytes + 12) == ether_type::vlan &&
         decode_usual_ip(facts, packet.bytes + 18, packet.captured_bytes - 18, true);
}
/// @returns false, with `facts` untouched, where decode_any has to look.
TG_HD TG_INLINE bool decode_usual(PackedFacts& facts, const PacketView& packet) {
  if (decode_untagged(facts, packet)) [[likely]]
    return true;
  return decode_tagged(facts, packet);
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
