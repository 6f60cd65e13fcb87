// Every header that is entered, in one loop over layers: what a link type puts in front (link_rule.hpp), VLAN, MPLS and
// PBB stacks, PPPoE, NSH, IPv4 and IPv6 with extension headers and fragments, IP in IP, GRE with ERSPAN and PPTP,
// EtherIP, and over UDP VXLAN, VXLAN-GPE, Geneve, GTP-U, Teredo and L2TP. Depth is bounded; a packet nested deeper counts
// by what was reached.
//
// A tunnel is entered only where its own header is beyond doubt: the port alone is not, since any program may use it.
// L2TPv3 directly over IP is not entered: the length of its cookie is known to the tunnel's ends only.
// Host and device: no recursion, no tables.
#pragma once

#include <cstdint>

#include "kernels/decode/link_rule.hpp"

namespace tidegauge::decoding {

/// All layers of one packet.
struct HeaderWalk : LinkWalk {
  using LinkWalk::LinkWalk;

  TG_HD Layer ethernet() {
    if (!have(14)) return Layer::stop;
    if (above_ip() && places.ethernet == HeaderPlaces::none) places.ethernet = at;
    const std::uint32_t type = u16(12);
    return type >= 0x600 ? go(14, Layer::ether_type, type) : go(14, Layer::llc);
  }

  // Below IP -----

  TG_HD Layer by_ether_type() {
    switch (value) {
      case ether_type::ipv4:
      case ether_type::ipv6: return ip_of_version(value == ether_type::ipv4 ? 4 : 6);
      case ether_type::vlan:
      case ether_type::vlan_stag:
      case ether_type::vlan_9100:
      case ether_type::vlan_9200: return vlan();
      case ether_type::mpls:
      case ether_type::mpls_upstream: return Layer::mpls;
      case ether_type::pppoe: return have(6) ? go(6, Layer::ppp) : Layer::stop;
      case ether_type::ppp: return Layer::ppp;
      case ether_type::pbb: return have(4) ? go(4, Layer::ethernet) : Layer::stop;
      case ether_type::transparent: return Layer::ethernet;
      case ether_type::nsh: return nsh();
      default: return Layer::stop;
    }
  }

  TG_HD Layer ip_of_version(std::uint32_t version) {
    if (!have(1)) return Layer::stop;
    return u8(0) >> 4 == version ? Layer::ip : Layer::stop;
  }

  TG_HD Layer vlan() {
    if (!have(4)) return Layer::stop;
    if (above_ip() && places.vlan == 0xffff) places.vlan = u16(0) & 0xfff;
    const std::uint32_t type = u16(2);
    return type >= 0x600 ? go(4, Layer::ether_type, type) : go(4, Layer::llc);
  }

  /// One label of the stack; below the last one IP by its first nibble, or Ethernet (RFC 4448) where that is beyond
  /// doubt.
  TG_HD Layer mpls() {
    if (!have(4)) return Layer::stop;
    const bool bottom = u8(2) & 1;
    at += 4;
    if (!bottom) return Layer::mpls;
    if (!have(1)) return Layer::stop;
    const std::uint32_t nibble = u8(0) >> 4;
    if (nibble == 4 || nibble == 6) return Layer::ip;
    // In this order: behind the first four bytes of a tagged frame lies what reads as an untagged one.
    if (holds_ethernet(0)) return Layer::ethernet;
    return nibble == 0 && holds_ethernet(4) ? go(4, Layer::ethernet) : Layer::stop;  // behind a control word
  }

  /// Whether an Ethernet header at `offset` leads to a matching IP version, at most one VLAN tag between.
  TG_HD bool holds_ethernet(std::uint32_t offset) {
    if (!have(15, offset)) return false;
    std::uint32_t type = u16(offset + 12), next = offset + 14;
    if (type == ether_type::vlan) {
      if (!have(5, next)) return false;
      type = u16(next + 2), next += 4;
    }
    const std::uint32_t nibble = u8(next) >> 4;
    return (type == ether_type::ipv4 && nibble == 4) || (type == ether_type::ipv6 && nibble == 6);
  }

  /// PPP with or without its address and control bytes, its protocol in one byte or two (RFC 1661).
  TG_HD Layer ppp() {
    if (!have(2)) return Layer::stop;
    if (u16(0) == 0xff03) {
      at += 2;
      if (!have(2)) return Layer::stop;
    }
    const bool one = u8(0) & 1;
    const std::uint32_t protocol = one ? u8(0) : u16(0);
    at += one ? 1 : 2;
    if (protocol == 0x0021) return ip_of_version(4);
    if (protocol == 0x0057) return ip_of_version(6);
    return protocol == 0x0281 ? Layer::mpls : Layer::stop;
  }

  /// Network service header (RFC 8300).
  TG_HD Layer nsh() {
    if (!have(4)) return Layer::stop;
    const std::uint32_t n = (u16(0) & 0x3f) * 4, next = u8(3);
    if (n < 8 || !have(n)) return Layer::stop;
    switch (next) {
      case 1: return go(n, Layer::ether_type, ether_type::ipv4);
      case 2: return go(n, Layer::ether_type, ether_type::ipv6);
      case 3: return go(n, Layer::ethernet);
      case 5: return go(n, Layer::mpls);
      default: return Layer::stop;
    }
  }

  // IP -----

  TG_HD Layer ip() {
    if (!have(1)) return Layer::stop;
    const std::uint32_t version = u8(0) >> 4;
    return version == 4 ? ipv4() : version == 6 ? ipv6() : Layer::stop;
  }

  /// Notes the family of the first IP header.
  TG_HD void enter(IpFamily family) {
    outermost = facts.family == IpFamily::none;
    inside_ipv6 = family == IpFamily::v6;
    if (outermost) facts.family = family;
  }

  /// Notes where the first IP header lies and the protocol of each.
  TG_HD void locate(std::uint32_t protocol) {
    if (outermost) places.ip = at;
    places.protocol = static_cast<std::uint8_t>(protocol);
  }

  TG_HD void end_at(std::uint32_t ip_bytes) {
    if (ip_bytes < end - at) end = at + ip_bytes;
  }

  TG_HD Layer ipv4() {
    enter(IpFamily::v4);
    if (!have(4)) return Layer::stop;
    const std::uint32_t header = (u8(0) & 15) * 4;
    // No length: segmentation offload handed the packet to the capture before the length was filled in.
    const std::uint32_t total = u16(2) == 0 ? end - at : u16(2);
    if (outermost) facts.ip_bytes = total;
    if (!have(20)) return Layer::stop;
    const std::uint32_t fragment = u16(6) & 0x3fff, protocol = u8(9);
    locate(protocol);
    if (header < 20 || total < header)
      return Layer::stop;  // as tshark: a header that cannot be ends the packet
    if (outermost) facts.fragment = fragment != 0;
    end_at(total);
    if (fragment & 0x1fff) return Layer::stop;
    return go(header, Layer::protocol, protocol);
  }

  TG_HD Layer ipv6() {
    enter(IpFamily::v6);
    if (!have(6)) return Layer::stop;
    std::uint32_t total = 40 + u16(4);
    if (outermost) facts.ip_bytes = total;
    if (!have(40)) return Layer::stop;
    const std::uint32_t next = u8(6);
    locate(next);
    if (total == 40) total = unstated_length(next);
    if (outermost) facts.ip_bytes = total;
    end_at(total);
    return go(40, Layer::protocol, next);
  }

  /// Payload length 0: a jumbogram (RFC 2675, the option first as everyone writes it), or segmentation offload, or
  /// truly nothing.
  TG_HD std::uint32_t unstated_length(std::uint32_t next) {
    if (next == ip_protocol::hop_by_hop && have(8, 40) && u16(42) == 0xc204) {
      const std::uint32_t payload = load32(bytes + at + 44);
      return payload > 0xffffffffu - 40 ? 0xffffffffu : payload + 40;
    }
    const bool offload = next == ip_protocol::tcp || next == ip_protocol::udp;
    return offload ? end - at : 40;
  }

  TG_HD Layer by_protocol() {
    if (const Transport transport = transport_of(value); transport != Transport::other)
      return reach(transport);
    if (outer && is_tunnel(value)) return Layer::stop;
    switch (value) {
      case ip_protocol::ipv4:
      case ip_protocol::ipv6: return ip_of_version(value == ip_protocol::ipv4 ? 4 : 6);
      case ip_protocol::gre: return gre();
      case ip_protocol::ether_ip: return have(2) && u8(0) == 0x30 ? go(2, Layer::ethernet) : Layer::stop;
      case ip_protocol::mpls: return Layer::mpls;
      case ip_protocol::ah: return authentication();
      case ip_protocol::hop_by_hop:
      case ip_protocol::routing:
      case ip_protocol::destination:
      case ip_protocol::mobility:
      case ip_protocol::hip:
      case ip_protocol::shim6: return inside_ipv6 ? extension() : Layer::stop;
      case ip_protocol::fragment: return inside_ipv6 ? ipv6_fragment() : Layer::stop;
      default: return Layer::stop;
    }
  }

  /// Passes an extension header of `n` bytes.
  TG_HD Layer past(std::uint32_t next, std::uint32_t n) {
    places.protocol = static_cast<std::uint8_t>(next);
    return go(n, Layer::protocol, next);
  }

  TG_HD Layer extension() {
    if (!have(8)) return Layer::stop;
    return past(u8(0), (u8(1) + 1) * 8);
  }

  TG_HD Layer authentication() {
    if (!have(12)) return Layer::stop;
    return past(u8(0), (u8(1) + 2) * 4);
  }

  TG_HD Layer ipv6_fragment() {
    if (!have(8)) return Layer::stop;
    const std::uint32_t next = u8(0), offset = u16(2) >> 3, more = u16(2) & 1;
    if (outermost) facts.fragment |= offset != 0 || more != 0;  // neither: an atomic fragment (RFC 6946)
    const Layer layer = past(next, 8);
    return offset != 0 ? Layer::stop : layer;
  }

  // Transports and what hides behind them -----

  TG_HD Layer reach(Transport transport) {
    facts.transport = transport;
    facts.tcp_flags = 0;
    places.transport = transport != Transport::icmp && there(4) ? at : HeaderPlaces::none;
    if (transport == Transport::tcp && have(14)) facts.tcp_flags = static_cast<std::uint8_t>(u8(13));
    const bool whole = have(header_bytes(transport));
    return whole && transport == Transport::udp && !outer ? udp_tunnel() : Layer::stop;
  }

  TG_HD Layer udp_tunnel() {
    const std::uint32_t from = u16(0), to = u16(2);
    at += 8;
    if (to == udp_port::vxlan || from == udp_port::vxlan) return vxlan();
    if (to == udp_port::vxlan_gpe || from == udp_port::vxlan_gpe) return vxlan_gpe();
    if (to == udp_port::geneve || from == udp_port::geneve) return geneve();
    if (to == udp_port::gtp_u || from == udp_port::gtp_u) return gtp_u();
    if (to == udp_port::teredo || from == udp_port::teredo) return teredo();
    if (to == udp_port::l2tp || from == udp_port::l2tp) return l2tp();
    return Layer::stop;
  }

  /// RFC 7348: the identifier flag set, the reserved last byte zero.
  TG_HD Layer vxlan() {
    if (!have(8) || !(u8(0) & 0x08) || u8(7) != 0) return Layer::stop;
    return go(8, Layer::ethernet);
  }

  /// draft-ietf-nvo3-vxlan-gpe-13: version 0, no management packet, the next protocol given.
  TG_HD Layer vxlan_gpe() {
    if (!have(8) || (u8(0) & 0x35) != 0x04 || u8(7) != 0) return Layer::stop;
    switch (u8(3)) {
      case 1: return go(8, Layer::ether_type, ether_type::ipv4);
      case 2: return go(8, Layer::ether_type, ether_type::ipv6);
      case 3: return go(8, Layer::ethernet);
      case 4: return go(8, Layer::ether_type, ether_type::nsh);
      default: return Layer::stop;
    }
  }

  /// RFC 8926, version 0.
  TG_HD Layer geneve() {
    if (!have(8) || u8(0) >> 6 != 0) return Layer::stop;
    const std::uint32_t n = 8 + (u8(0) & 0x3f) * 4, type = u16(2);
    return have(n) ? go(n, Layer::ether_type, type) : Layer::stop;
  }

  /// 3GPP TS 29.281: version 1, GTP, a user packet (255); four optional bytes, then extension headers.
  TG_HD Layer gtp_u() {
    if (!have(8) || (u8(0) & 0xf0) != 0x30 || u8(1) != 255) return Layer::stop;
    const std::uint32_t options = u8(0) & 7;
    std::uint32_t n = 8;
    if (options) {
      if (!have(12)) return Layer::stop;
      n = 12;
      for (std::uint32_t next = options & 4 ? u8(11) : 0, count = 0; next != 0; ++count) {
        if (count == max_depth || !have(1, n)) return Layer::stop;
        const std::uint32_t length = u8(n) * 4;
        if (length == 0 || !have(length, n)) return Layer::stop;
        n += length;
        next = u8(n - 1);
      }
    }
    return go(n, Layer::ip);
  }

  /// RFC 4380: an authentication header (0, 1) and an origin indication (0, 0) may precede the IPv6 packet.
  TG_HD Layer teredo() {
    if (!have(4)) return Layer::stop;
    if (u16(0) == 1 && go(13 + u8(2) + u8(3), Layer::ip) == Layer::stop) return Layer::stop;
    if (!have(2)) return Layer::stop;
    if (u16(0) == 0 && go(8, Layer::ip) == Layer::stop) return Layer::stop;
    return ip_of_version(6);
  }

  /// RFC 2661, data messages of version 2.
  TG_HD Layer l2tp() {
    if (!have(6)) return Layer::stop;
    const std::uint32_t flags = u16(0);
    if ((flags & 0x8000) || (flags & 15) != 2) return Layer::stop;
    std::uint32_t n = 6 + (flags & 0x4000 ? 2 : 0) + (flags & 0x0800 ? 4 : 0);
    if (flags & 0x0200) {
      if (!have(2, n)) return Layer::stop;
      n += 2 + u16(n);
    }
    return go(n, Layer::ppp);
  }

  /// RFC 2784 and 2890, and version 1 of RFC 2637 (PPTP). Routed GRE (RFC 1701) is not followed.
  TG_HD Layer gre() {
    if (!have(4)) return Layer::stop;
    const std::uint32_t flags = u16(0), type = u16(2), version = flags & 7;
    if ((flags & 0x4000) || version > 1) return Layer::stop;
    const std::uint32_t n = 4 + (flags & 0x8000 ? 4 : 0) + (flags & 0x2000 ? 4 : 0) +
                            (flags & 0x1000 ? 4 : 0) + (version == 1 && (flags & 0x0080) ? 4 : 0);
    if (!have(n)) return Layer::stop;
    if (type != ether_type::erspan && type != ether_type::erspan_iii) return go(n, Layer::ether_type, type);
    at += n;
    return flags & 0x1000 ? erspan() : Layer::ethernet;  // type I has neither sequence number nor header
  }

  /// draft-foschiano-erspan-03, types II (version 1) and III (version 2, its last bit for 8 bytes more, its frame type
  /// Ethernet or IP).
  TG_HD Layer erspan() {
    if (!have(8)) return Layer::stop;
    const std::uint32_t version = u8(0) >> 4;
    if (version == 1) return go(8, Layer::ethernet);
    if (version != 2 || !have(12)) return Layer::stop;
    const std::uint32_t n = u8(11) & 1 ? 20 : 12, frame = u8(10) >> 2 & 31;
    if (frame == 2) return go(n, Layer::ip);
    return frame == 0 ? go(n, Layer::ethernet) : Layer::stop;
  }

  TG_HD Layer step(Layer layer) {
    switch (layer) {
      case Layer::stop: return Layer::stop;
      case Layer::link: return link(static_cast<LinkType>(value));
      case Layer::ethernet: return ethernet();
      case Layer::ether_type: return by_ether_type();
      case Layer::llc: return llc();
      case Layer::ppp: return ppp();
      case Layer::mpls: return mpls();
      case Layer::ieee80211: return ieee80211();
      case Layer::ip: return ip();
      case Layer::protocol: return by_protocol();
    }
    return Layer::stop;
  }
};

/// The facts of any packet of a decoded link type, and where its headers lie.
TG_HD inline LocatedFacts decode_located_any(const PacketView& packet, DecodeOptions options) {
  HeaderWalk walk(packet, options);
  Layer layer = walk.link(packet.link);
  for (std::uint32_t depth = 0; layer != Layer::stop && depth < HeaderWalk::max_depth; ++depth)
    layer = walk.step(layer);
  if (walk.facts.fcs_bytes > packet.wire_bytes) walk.facts.fcs_bytes = 0;  // a record that claims less than it holds
  return {walk.facts, walk.places};
}

TG_HD inline HeaderFacts decode_any(const PacketView& packet) { return decode_located_any(packet, {}).facts; }

}  // namespace tidegauge::decoding
