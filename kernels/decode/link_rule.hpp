// What precedes a packet by its link type, down to Ethernet, an EtherType, LLC, PPP or IP. Formats as the registry at
// tcpdump.org/linktypes.html describes them, unless another source is named. Host and device: no recursion, no tables.
#pragma once

#include <cstdint>

#include "kernels/decode/header_cursor.hpp"

namespace tidegauge::decoding {

struct LinkWalk : HeaderCursor {
  using HeaderCursor::HeaderCursor;

  TG_HD Layer link(LinkType type) {
    switch (type) {
      case LinkType::ethernet: return Layer::ethernet;
      case LinkType::raw_ip:
      case LinkType::raw_ip_12:
      case LinkType::raw_ip_14: return Layer::ip;
      case LinkType::ipv4: return go(0, Layer::ether_type, ether_type::ipv4);
      case LinkType::ipv6: return go(0, Layer::ether_type, ether_type::ipv6);
      case LinkType::null_loopback:
      case LinkType::loop: return have(4) ? ip_of_family(family_of_either_order(), 4) : Layer::stop;
      case LinkType::enc: return have(12) ? ip_of_family(family_of_either_order(), 12) : Layer::stop;
      case LinkType::pflog: return have(2) ? ip_of_family(u8(1), (u8(0) + 3) & ~3u) : Layer::stop;
      case LinkType::ipnet: return have(2) ? ip_of_family(u8(1), 24) : Layer::stop;
      case LinkType::nflog: return nflog();
      case LinkType::linux_sll: return have(16) ? cooked(16, u16(14), u16(2)) : Layer::stop;
      case LinkType::linux_sll2: return have(20) ? cooked(20, u16(0), u16(8)) : Layer::stop;
      case LinkType::ppp:
      case LinkType::ppp_hdlc: return ppp_in_hdlc();
      case LinkType::ppp_ether: return have(6) && u8(1) == 0 ? go(6, Layer::ppp) : Layer::stop;
      case LinkType::c_hdlc: return c_hdlc();
      case LinkType::frame_relay: return frame_relay();
      case LinkType::atm_rfc1483:
      case LinkType::atm_rfc1483_11: return Layer::llc;
      case LinkType::sunatm: return sunatm();
      case LinkType::token_ring: return token_ring();
      case LinkType::fddi: return have(13) && (u8(0) & 0x70) == 0x50 ? go(13, Layer::llc) : Layer::stop;
      case LinkType::ipoib: return have(44) ? go(44, Layer::ether_type, u16(40)) : Layer::stop;
      case LinkType::ieee802_11: return Layer::ieee80211;
      case LinkType::ieee802_11_radiotap: return radiotap();
      case LinkType::ieee802_11_prism: return prism();
      case LinkType::ieee802_11_avs: return avs();
      case LinkType::ppi: return ppi();
      case LinkType::pktap: return pktap();
    }
    return Layer::stop;
  }

  /// Passes `n` bytes that a packet of another link type follows.
  TG_HD Layer nested(std::uint32_t n, std::uint32_t type) {
    return type <= 0xffff ? go(n, Layer::link, type) : Layer::stop;
  }

  // Address families -----

  /// Four bytes in the writer's byte order. Families are small: the half that is not zero tells the order.
  TG_HD std::uint32_t family_of_either_order() const {
    return u16(0) == 0 ? u16(2) : u16(2) == 0 ? little16(0) : 0;
  }

  /// IPv4 is 2 everywhere, IPv6 24, 28 or 30 on the BSDs and macOS, 10 on Linux and 26 on Solaris.
  TG_HD Layer ip_of_family(std::uint32_t family, std::uint32_t n) {
    if (family == 2) return go(n, Layer::ether_type, ether_type::ipv4);
    const bool v6 = family == 24 || family == 28 || family == 30 || family == 10 || family == 26;
    return v6 ? go(n, Layer::ether_type, ether_type::ipv6) : Layer::stop;
  }

  /// Netfilter's log: family, version, resource; then attributes of length and type in the writer's byte order, which
  /// the type tells, being below 256. Attribute 9 is the packet (linux/netfilter/nfnetlink_log.h).
  TG_HD Layer nflog() {
    if (!have(4)) return Layer::stop;
    const std::uint32_t family = u8(0);
    std::uint32_t n = 4;
    for (std::uint32_t count = 0; count < max_depth; ++count) {
      if (!have(4, n)) return Layer::stop;
      const bool little = u8(n + 3) == 0;
      const std::uint32_t length = little ? little16(n) : u16(n), type = little ? u8(n + 2) : u16(n + 2);
      if (length < 4) return Layer::stop;
      if (type == 9) return ip_of_family(family, n + 4);
      n += (length + 3) & ~3u;
    }
    return Layer::stop;
  }

  /// Linux cooked capture. The protocol is an EtherType unless the interface is netlink (824), or 802.11 bare (801), with
  /// a Prism header (802) or with radiotap (803).
  TG_HD Layer cooked(std::uint32_t n, std::uint32_t protocol, std::uint32_t hardware) {
    switch (hardware) {
      case 801: return go(n, Layer::ieee80211);
      case 802: return nested(n, static_cast<std::uint32_t>(LinkType::ieee802_11_prism));
      case 803: return nested(n, static_cast<std::uint32_t>(LinkType::ieee802_11_radiotap));
      case 824: return Layer::stop;
      default: break;
    }
    if (protocol == 4) return go(n, Layer::llc);
    return protocol >= 0x600 ? go(n, Layer::ether_type, protocol) : Layer::stop;
  }

  // Serial lines, ATM, rings -----

  /// RFC 1662, or Cisco's framing, whose address byte PPP never has (RFC 1547, section 4.3.1).
  TG_HD Layer ppp_in_hdlc() {
    if (!have(1)) return Layer::stop;
    return u8(0) == 0x0f || u8(0) == 0x8f ? c_hdlc() : Layer::ppp;
  }

  TG_HD Layer c_hdlc() { return have(4) ? go(4, Layer::ether_type, u16(2)) : Layer::stop; }

  /// RFC 2427: a Q.922 address of two to four bytes, the control byte of an unnumbered frame, a pad perhaps, and the
  /// NLPID. Without that control byte an EtherType, as Cisco has it.
  TG_HD Layer frame_relay() {
    std::uint32_t n = 2;
    if (!have(n) || (u8(0) & 1)) return Layer::stop;
    for (; !(u8(n - 1) & 1); ++n) {
      if (n == 4 || !have(1, n)) return Layer::stop;
    }
    if (!have(2, n)) return Layer::stop;
    if (u8(n) != 3) return u16(n) >= 0x600 ? go(n + 2, Layer::ether_type, u16(n)) : Layer::stop;
    n += u8(n + 1) == 0 ? 2 : 1;
    if (!have(1, n)) return Layer::stop;
    const std::uint32_t nlpid = u8(n);
    at += n + 1;
    switch (nlpid) {
      case 0xcc: return go(0, Layer::ether_type, ether_type::ipv4);
      case 0x8e: return go(0, Layer::ether_type, ether_type::ipv6);
      case 0xcf: return Layer::ppp;  // RFC 1973
      case 0x80: return snap(0);
      default: return Layer::stop;
    }
  }

  /// Traffic type, VPI, VCI. Type 2 is LLC (RFC 2684), 1 is LAN emulation: Ethernet behind the client's number, which a
  /// control frame does not have.
  TG_HD Layer sunatm() {
    if (!have(4)) return Layer::stop;
    const std::uint32_t type = u8(0) & 15;
    if (type == 2) return go(4, Layer::llc);
    if (type != 1 || !have(2, 4)) return Layer::stop;
    return u16(4) != 0xff00 ? go(6, Layer::ethernet) : Layer::stop;
  }

  /// IEEE 802.5: access and frame control, two addresses, and a route where the source says so, its length in its first
  /// five bits. Frames other than MAC frames hold LLC.
  TG_HD Layer token_ring() {
    if (!have(14) || u8(1) >> 6 != 1) return Layer::stop;
    if (!(u8(8) & 0x80)) return go(14, Layer::llc);
    if (!have(1, 14)) return Layer::stop;
    const std::uint32_t route = u8(14) & 31;
    return route >= 2 ? go(14 + route, Layer::llc) : Layer::stop;
  }

  /// 802.2: IP directly, or SNAP.
  TG_HD Layer llc() {
    if (!have(3)) return Layer::stop;
    const std::uint32_t sap = u16(0);
    if (u8(2) != 3) return Layer::stop;
    at += 3;
    if (sap == 0x0606) return Layer::ip;
    return sap == 0xaaaa ? snap(2) : Layer::stop;
  }

  /// Organisation and type: an EtherType under 00-00-00 (RFC 1042) and 00-00-F8 (802.1H); a bridged Ethernet frame, with
  /// or without its FCS, under 00-80-C2.
  /// @param pad bytes before a bridged frame: two in RFC 2684 (section 5.2), none in RFC 2427
  TG_HD Layer snap(std::uint32_t pad) {
    if (!have(5)) return Layer::stop;
    const std::uint32_t organisation = u8(0) << 16 | u16(1), type = u16(3);
    if (organisation == 0 || organisation == 0x0000f8) return go(5, Layer::ether_type, type);
    const bool bridged = organisation == 0x0080c2 && (type == 1 || type == 7);
    return bridged ? go(5 + pad, Layer::ethernet) : Layer::stop;
  }

  // 802.11 -----

  /// Four bytes of frame check sequence end the frame behind a header of `n` bytes.
  TG_HD void leave_out_fcs(std::uint32_t n) {
    if (end - at < n + 4) return;
    end -= 4;
    facts.fcs_bytes = 4;
  }

  /// IEEE 802.11-2020, 9.2.3 and 9.3.2: data frames in the clear. An aggregate (A-MSDU) counts by its first frame, a
  /// fragment other than the first says nothing.
  TG_HD Layer ieee80211() {
    if (!have(2)) return Layer::stop;
    const std::uint32_t frame = u8(0), flags = u8(1);
    const bool data = (frame & 0x4f) == 0x08;  // version 0, type 2, not one of the null frames
    if (!data || (flags & 0x40)) return Layer::stop;
    std::uint32_t n = (flags & 3) == 3 ? 30 : 24;
    if (!have(n) || (u8(22) & 15) != 0) return Layer::stop;
    bool aggregate = false;
    if (frame & 0x80) {  // QoS, with HT control if the order bit is set
      if (!have(2, n)) return Layer::stop;
      aggregate = u8(n) & 0x80;
      n += flags & 0x80 ? 6 : 2;
    }
    if (padded) n = (n + 3) & ~3u;
    return go(aggregate ? n + 14 : n, Layer::llc);
  }

  /// radiotap.org: version, length, a word of present fields and more words while bit 31 is set. The fields that matter
  /// are the first two, the time (8 bytes, aligned) and the flags: 0x10 FCS at the end, 0x20 header padded.
  TG_HD Layer radiotap() {
    if (!have(8) || u8(0) != 0) return Layer::stop;
    const std::uint32_t n = little16(2), present = little32(4);
    std::uint32_t field = 8;
    if (n < field) return Layer::stop;
    for (std::uint32_t word = present; word >> 31; field += 4) {
      if (field + 4 > n || !have(4, field)) return Layer::stop;
      word = little32(field);
    }
    if (present & 1) field = ((field + 7) & ~7u) + 8;
    if ((present & 2) && field < n) {
      if (!have(1, field)) return Layer::stop;
      const std::uint32_t flags = u8(field);
      padded = flags & 0x20;
      if (flags & 0x10) leave_out_fcs(n);
    }
    return go(n, Layer::ieee80211);
  }

  /// 144 bytes, unless the driver wrote an AVS header under this link type.
  TG_HD Layer prism() {
    if (!have(4)) return Layer::stop;
    return u32(0) == 0x80211001 || u32(0) == 0x80211002 ? avs() : go(144, Layer::ieee80211);
  }

  TG_HD Layer avs() {
    if (!have(8)) return Layer::stop;
    return u32(4) >= 8 ? go(u32(4), Layer::ieee80211) : Layer::stop;
  }

  // Packets of another link type behind a header -----

  /// Per-packet information (CACE PPI 1.0.7): version, flags (1: fields are aligned), length, link type; then fields of
  /// type and length. Field 2 says of an 802.11 frame whether its FCS is there.
  TG_HD Layer ppi() {
    if (!have(8)) return Layer::stop;
    const std::uint32_t n = little16(2), type = little32(4), mask = u8(1) & 1 ? 3 : 0;
    if (n < 8) return Layer::stop;
    for (std::uint32_t field = 8, count = 0; field + 14 <= n && count < max_depth; ++count) {
      if (!have(14, field)) return Layer::stop;
      const std::uint32_t length = little16(field + 2);
      if (little16(field) == 2 && length >= 10) {
        if (u8(field + 12) & 1) leave_out_fcs(n);
        break;
      }
      field += (4 + length + mask) & ~mask;
    }
    return nested(n, type);
  }

  /// Length, type of record (1: a packet), link type, in the byte order of the machines that write it.
  TG_HD Layer pktap() {
    if (!have(12) || little32(4) != 1 || little32(0) < 12) return Layer::stop;
    return nested(little32(0), little32(8));
  }
};

}  // namespace tidegauge::decoding
