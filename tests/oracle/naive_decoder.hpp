// What a packet's headers say, the plain way: a recursive descent that throws where bytes end. Written from the RFCs and
// the meanings in decode.hpp, not from the rule.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>

#include "kernels/data/header_facts.hpp"
#include "kernels/data/header_places.hpp"
#include "kernels/data/packet_view.hpp"

namespace tidegauge::oracle {

class NaiveDecoder {
 public:
  static HeaderFacts decode(const PacketView& packet) { return locate(packet, {}).facts; }

  static LocatedFacts locate(const PacketView& packet, DecodeOptions options) {
    NaiveDecoder decoder(packet, options.outer);
    try {
      decoder.link(packet.link, 0);
    } catch (const Cut&) {
      decoder.facts_.cut = true;
    } catch (const Stop&) {
    }
    if (packet.wire_bytes < decoder.facts_.fcs_bytes) decoder.facts_.fcs_bytes = 0;
    return {decoder.facts_, decoder.places_};
  }

 private:
  struct Cut {};   // the packet goes on where the capture ends
  struct Stop {};  // nothing more to learn
  using At = std::uint64_t;

  NaiveDecoder(const PacketView& packet, bool outer)
      : outer_only_(outer),
        bytes_(packet.bytes),
        captured_(packet.captured_bytes),
        end_(std::max(packet.captured_bytes, packet.wire_bytes)) {}

  void need(At at, At n) const {
    if (at + n > end_) throw Stop{};
    if (at + n > captured_) throw Cut{};
  }
  unsigned byte(At at) const { return bytes_[at]; }
  unsigned word(At at) const { return byte(at) * 256 + byte(at + 1); }
  void deeper() {
    if (++layers_ > 32) throw Stop{};
  }

  unsigned little(At at, int bytes) const {
    unsigned value = 0;
    while (bytes-- > 0) value = value * 256 + byte(at + static_cast<At>(bytes));
    return value;
  }
  unsigned big(At at, int bytes) const {
    unsigned value = 0;
    for (int i = 0; i < bytes; ++i) value = value * 256 + byte(at + static_cast<At>(i));
    return value;
  }

  void link(LinkType type, At at) {
    switch (type) {
      case LinkType::ethernet:
        return ethernet(at);
      case LinkType::raw_ip:
      case LinkType::raw_ip_12:
      case LinkType::raw_ip_14:
        return ip(at);
      case LinkType::ipv4:
        return by_type(0x0800, at);
      case LinkType::ipv6:
        return by_type(0x86dd, at);
      case LinkType::null_loopback:
      case LinkType::loop:
        need(at, 4);
        return family(std::min(big(at, 4), little(at, 4)), at + 4);
      case LinkType::enc:
        need(at, 12);
        return family(std::min(big(at, 4), little(at, 4)), at + 12);
      case LinkType::pflog:
        need(at, 2);
        return family(byte(at + 1), at + (byte(at) + 3) / 4 * 4);
      case LinkType::ipnet:
        need(at, 2);
        return family(byte(at + 1), at + 24);
      case LinkType::nflog:
        return nflog(at);
      case LinkType::linux_sll:
        need(at, 16);
        return cooked(word(at + 2), word(at + 14), at + 16);
      case LinkType::linux_sll2:
        need(at, 20);
        return cooked(word(at + 8), word(at), at + 20);
      case LinkType::ppp:
      case LinkType::ppp_hdlc:
        need(at, 1);
        return byte(at) == 0x0f || byte(at) == 0x8f ? cisco(at) : ppp(at);
      case LinkType::ppp_ether:
        need(at, 6);
        if (byte(at + 1)) throw Stop{};
        return ppp(at + 6);
      case LinkType::c_hdlc:
        return cisco(at);
      case LinkType::frame_relay:
        return frame_relay(at);
      case LinkType::atm_rfc1483:
      case LinkType::atm_rfc1483_11:
        return llc(at);
      case LinkType::sunatm:
        return sun_atm(at);
      case LinkType::token_ring:
        return token_ring(at);
      case LinkType::fddi:
        need(at, 13);
        if (byte(at) / 16 % 8 != 5) throw Stop{};
        return llc(at + 13);
      case LinkType::ipoib:
        need(at, 44);
        return by_type(word(at + 40), at + 44);
      case LinkType::ieee802_11:
        return wireless(at, 1);
      case LinkType::ieee802_11_radiotap:
        return radiotap(at);
      case LinkType::ieee802_11_prism:
        need(at, 4);
        return is_avs(at) ? avs(at) : wireless(at + 144, 1);
      case LinkType::ieee802_11_avs:
        return avs(at);
      case LinkType::ppi:
        return ppi(at);
      case LinkType::pktap:
        need(at, 12);
        if (little(at + 4, 4) != 1 || little(at, 4) < 12) throw Stop{};
        return nested(little(at + 8, 4), at + little(at, 4));
    }
  }

  void nested(unsigned number, At at) {
    deeper();
    if (at > end_ || number > 65535) throw Stop{};
    link(static_cast<LinkType>(number), at);
  }

  void family(unsigned number, At at) {
    if (number == 2) return by_type(0x0800, at);
    if (std::set<unsigned>{10, 24, 26, 28, 30}.count(number)) return by_type(0x86dd, at);
    throw Stop{};
  }

  void nflog(At start) {
    need(start, 4);
    At at = start + 4;
    for (int count = 0; count < 32; ++count) {
      need(at, 4);
      const bool little_endian = byte(at + 3) == 0;
      const unsigned length = little_endian ? little(at, 2) : big(at, 2);
      const unsigned type = little_endian ? little(at + 2, 2) : big(at + 2, 2);
      if (length < 4) throw Stop{};
      if (type == 9) return family(byte(start), at + 4);
      at += (length + 3) / 4 * 4;
    }
  }

  void cisco(At at) {
    need(at, 4);
    by_type(word(at + 2), at + 4);
  }

  void frame_relay(At at) {
    need(at, 2);
    int address = 1;
    for (; need(at, 1), byte(at) % 2 == 0; ++at) {
      if (++address > 4) throw Stop{};
    }
    ++at;
    if (address == 1) throw Stop{};
    need(at, 2);
    if (byte(at) != 3 && word(at) >= 1536) return by_type(word(at), at + 2);
    if (byte(at) != 3) throw Stop{};
    at += byte(at + 1) == 0 ? 2 : 1;
    need(at, 1);
    switch (byte(at)) {
      case 0xcc:
        return by_type(0x0800, at + 1);
      case 0x8e:
        return by_type(0x86dd, at + 1);
      case 0xcf:
        return ppp(at + 1);
      case 0x80:
        return snap(at + 1, 0);
      default:
        throw Stop{};
    }
  }

  void sun_atm(At at) {
    need(at, 4);
    if (byte(at) % 16 == 2) return llc(at + 4);
    if (byte(at) % 16 != 1) throw Stop{};
    need(at + 4, 2);
    if (word(at + 4) == 0xff00) throw Stop{};
    ethernet(at + 6);
  }

  void token_ring(At at) {
    need(at, 14);
    if (byte(at + 1) / 64 != 1) throw Stop{};
    if (byte(at + 8) < 128) return llc(at + 14);
    need(at + 14, 1);
    if (byte(at + 14) % 32 < 2) throw Stop{};
    llc(at + 14 + byte(at + 14) % 32);
  }

  void without_fcs(At frame) {
    if (end_ < frame + 4) return;
    end_ -= 4;
    facts_.fcs_bytes = 4;
  }

  void wireless(At at, unsigned alignment) {
    deeper();
    need(at, 2);
    const unsigned version = byte(at) % 4, type = byte(at) / 4 % 4, subtype = byte(at) / 16,
                   flags = byte(at + 1);
    const bool to_ds = flags & 1, from_ds = flags & 2, is_protected = flags & 0x40, order = flags & 0x80;
    const bool empty = subtype & 4, qos = subtype & 8;
    if (version != 0 || type != 2 || empty || is_protected) throw Stop{};
    At length = 24;
    if (to_ds && from_ds) length += 6;
    need(at, length);
    if (byte(at + 22) % 16) throw Stop{};
    bool several = false;
    if (qos) {
      need(at + length, 2);
      several = byte(at + length) >= 128;
      length += order ? 6 : 2;
    }
    while (length % alignment) ++length;
    if (several) length += 14;
    llc(at + length);
  }

  void radiotap(At at) {
    need(at, 8);
    if (byte(at)) throw Stop{};
    const At length = little(at + 2, 2);
    if (length < 8) throw Stop{};
    At words = 1;
    while (need(at + 4 * words, 4), byte(at + 4 * words + 3) >= 128) {
      if (++words * 4 + 4 > length) throw Stop{};
    }
    const bool time = byte(at + 4) & 1, flags = byte(at + 4) & 2;
    At field = 4 + 4 * words;
    if (time) {
      while (field % 8) ++field;
      field += 8;
    }
    unsigned value = 0;
    if (flags && field < length) {
      need(at + field, 1);
      value = byte(at + field);
    }
    if (value & 16) without_fcs(at + length);
    if (at + length > end_) throw Stop{};
    wireless(at + length, value & 32 ? 4 : 1);
  }

  bool is_avs(At at) const { return big(at, 4) == 0x80211001 || big(at, 4) == 0x80211002; }

  void avs(At at) {
    need(at, 8);
    if (big(at + 4, 4) < 8) throw Stop{};
    wireless(at + big(at + 4, 4), 1);
  }

  void ppi(At at) {
    need(at, 8);
    const At length = little(at + 2, 2);
    if (length < 8) throw Stop{};
    const unsigned type = little(at + 4, 4);
    const At alignment = byte(at + 1) % 2 ? 4 : 1;
    At field = 8;
    for (int count = 0; count < 32 && field + 14 <= length; ++count) {
      need(at + field, 14);
      const At size = little(at + field + 2, 2);
      if (little(at + field, 2) == 2 && size >= 10) {
        if (byte(at + field + 12) % 2) without_fcs(at + length);
        break;
      }
      field += 4 + size;
      while (field % alignment) ++field;
    }
    nested(type, at + length);
  }

  void cooked(unsigned hardware, unsigned type, At at) {
    if (hardware == 824) throw Stop{};
    if (hardware == 801) return wireless(at, 1);
    if (hardware == 802) return nested(119, at);
    if (hardware == 803) return nested(127, at);
    if (type == 4) return llc(at);
    if (type < 1536) throw Stop{};
    by_type(type, at);
  }

  void type_or_length(unsigned type, At at) { type >= 1536 ? by_type(type, at) : llc(at); }

  void ethernet(At at) {
    deeper();
    need(at, 14);
    if (facts_.family == IpFamily::none) places_.ethernet = std::min(places_.ethernet, place(at));
    type_or_length(word(at + 12), at + 14);
  }

  void by_type(unsigned type, At at) {
    deeper();
    if (at > end_) throw Stop{};
    switch (type) {
      case 0x0800: return ip_of(4, at);
      case 0x86dd: return ip_of(6, at);
      case 0x8100:
      case 0x88a8:
      case 0x9100:
      case 0x9200:
        need(at, 4);
        if (facts_.family == IpFamily::none && places_.vlan == 0xffff)
          places_.vlan = static_cast<std::uint16_t>(word(at) % 4096);
        return type_or_length(word(at + 2), at + 4);
      case 0x8847:
      case 0x8848: return mpls(at);
      case 0x8864: need(at, 6); return ppp(at + 6);
      case 0x880b: return ppp(at);
      case 0x88e7: need(at, 4); return ethernet(at + 4);
      case 0x6558: return ethernet(at);
      case 0x894f: return nsh(at);
      default: throw Stop{};
    }
  }

  void llc(At at) {
    deeper();
    need(at, 3);
    if (byte(at + 2) != 3) throw Stop{};
    if (byte(at) == 6 && byte(at + 1) == 6) return ip(at + 3);
    if (byte(at) != 0xaa || byte(at + 1) != 0xaa) throw Stop{};
    snap(at + 3, 2);
  }

  void snap(At at, At pad) {
    need(at, 5);
    const unsigned type = word(at + 3);
    switch (big(at, 3)) {
      case 0x000000:
      case 0x0000f8:
        return by_type(type, at + 5);
      case 0x0080c2:
        if (type == 1 || type == 7) return ethernet(at + 5 + pad);
        throw Stop{};
      default:
        throw Stop{};
    }
  }

  void ppp(At at) {
    deeper();
    need(at, 2);
    if (byte(at) == 0xff && byte(at + 1) == 3) need(at += 2, 2);
    const bool compressed = byte(at) % 2 == 1;
    const unsigned protocol = compressed ? byte(at) : word(at);
    at += compressed ? 1 : 2;
    if (protocol == 0x21) return ip_of(4, at);
    if (protocol == 0x57) return ip_of(6, at);
    if (protocol == 0x281) return mpls(at);
    throw Stop{};
  }

  void mpls(At at) {
    for (bool bottom = false; !bottom; at += 4) {
      deeper();
      need(at, 4);
      bottom = byte(at + 2) & 1;
    }
    need(at, 1);
    const unsigned version = byte(at) / 16;
    if (version == 4 || version == 6) return ip(at);
    bool inside = false;
    try {
      inside = ethernet_with_ip(at);
    } catch (const Stop&) {
    } catch (const Cut&) {
      facts_.cut = true;
    }
    if (inside) return ethernet(at);
    if (version == 0 && ethernet_with_ip(at + 4)) ethernet(at + 4);
  }

  bool ethernet_with_ip(At at) const {
    need(at, 15);
    unsigned type = word(at + 12);
    At next = at + 14;
    if (type == 0x8100) {
      need(next, 5);
      type = word(next + 2);
      next += 4;
    }
    return (type == 0x0800 && byte(next) / 16 == 4) || (type == 0x86dd && byte(next) / 16 == 6);
  }

  void nsh(At at) {
    need(at, 4);
    const unsigned length = byte(at + 1) % 64 * 4, next = byte(at + 3);
    if (length < 8) throw Stop{};
    need(at, length);
    at += length;
    if (next == 1) return by_type(0x0800, at);
    if (next == 2) return by_type(0x86dd, at);
    if (next == 3) return ethernet(at);
    if (next == 5) return mpls(at);
    throw Stop{};
  }

  void ip_of(unsigned version, At at) {
    need(at, 1);
    if (byte(at) / 16 != version) throw Stop{};
    ip(at);
  }

  void ip(At at) {
    deeper();
    need(at, 1);
    if (byte(at) / 16 == 4) return ipv4(at);
    if (byte(at) / 16 == 6) return ipv6(at);
    throw Stop{};
  }

  void ipv4(At at) {
    const bool outer = facts_.family == IpFamily::none;
    if (outer) facts_.family = IpFamily::v4;
    need(at, 4);
    const At header = byte(at) % 16 * 4;
    const At total = word(at + 2) == 0 ? end_ - at : word(at + 2);
    if (outer) facts_.ip_bytes = static_cast<std::uint32_t>(total);
    need(at, 20);
    if (outer) places_.ip = place(at);
    places_.protocol = bytes_[at + 9];
    if (header < 20 || total < header) throw Stop{};
    const bool more = byte(at + 6) & 0x20;
    const unsigned offset = word(at + 6) % 8192;
    if (outer) facts_.fragment = more || offset;
    end_ = std::min(end_, at + total);
    if (offset) throw Stop{};
    protocol(byte(at + 9), at + header, false, outer);
  }

  void ipv6(At at) {
    const bool outer = facts_.family == IpFamily::none;
    if (outer) facts_.family = IpFamily::v6;
    need(at, 6);
    At total = 40 + word(at + 4);
    if (outer) facts_.ip_bytes = static_cast<std::uint32_t>(total);
    need(at, 40);
    const unsigned next = byte(at + 6);
    if (outer) places_.ip = place(at);
    places_.protocol = bytes_[at + 6];
    if (total == 40 && next == 0 && at + 48 <= end_) {
      if (at + 48 > captured_) {
        facts_.cut = true;
      } else if (byte(at + 42) == 0xc2 && byte(at + 43) == 4) {
        total = std::min<At>(0xffffffff, 40 + At{word(at + 44)} * 65536 + word(at + 46));
      }
    } else if (total == 40 && (next == 6 || next == 17)) {
      total = end_ - at;
    }
    if (outer) facts_.ip_bytes = static_cast<std::uint32_t>(total);
    end_ = std::min(end_, at + total);
    protocol(next, at + 40, true, outer);
  }

  void protocol(unsigned number, At at, bool six, bool outer) {
    deeper();
    if (at > end_) throw Stop{};
    if (outer_only_ && std::set<unsigned>{4, 41, 47, 97, 137}.count(number)) throw Stop{};
    switch (number) {
      case 1:
      case 58:
        facts_.transport = Transport::icmp;
        facts_.tcp_flags = 0;
        places_.transport = HeaderPlaces::none;
        return need(at, 8);
      case 6: return tcp(at);
      case 17: return udp(at);
      case 4: return ip_of(4, at);
      case 41: return ip_of(6, at);
      case 47: return gre(at);
      case 51:
        need(at, 12);
        places_.protocol = bytes_[at];
        return protocol(byte(at), at + (byte(at + 1) + 2) * 4, six, outer);
      case 97:
        need(at, 2);
        if (byte(at) != 0x30) throw Stop{};
        return ethernet(at + 2);
      case 137: return mpls(at);
      case 0:
      case 43:
      case 60:
      case 135:
      case 139:
      case 140:
        if (!six) throw Stop{};
        need(at, 8);
        places_.protocol = bytes_[at];
        return protocol(byte(at), at + 8 + byte(at + 1) * 8, six, outer);
      case 44: {
        if (!six) throw Stop{};
        need(at, 8);
        places_.protocol = bytes_[at];
        const unsigned offset = word(at + 2) / 8, more = word(at + 2) % 2;
        if (outer && (offset || more)) facts_.fragment = true;
        if (offset) throw Stop{};
        return protocol(byte(at), at + 8, six, outer);
      }
      default: throw Stop{};
    }
  }

  static std::uint32_t place(At at) { return static_cast<std::uint32_t>(at); }

  void ports(At at) {
    const bool captured = at + 4 <= std::min(end_, captured_);
    places_.transport = captured ? place(at) : HeaderPlaces::none;
  }

  void tcp(At at) {
    facts_.transport = Transport::tcp;
    facts_.tcp_flags = 0;
    ports(at);
    need(at, 14);
    facts_.tcp_flags = bytes_[at + 13];
    need(at, 20);
  }

  void udp(At at) {
    facts_.transport = Transport::udp;
    facts_.tcp_flags = 0;
    ports(at);
    need(at, 8);
    if (outer_only_) return;
    const std::set<unsigned> ports{word(at), word(at + 2)};
    at += 8;
    if (ports.count(4789)) {
      need(at, 8);
      if (byte(at) / 8 % 2 == 0 || byte(at + 7)) throw Stop{};
      return ethernet(at + 8);
    }
    if (ports.count(4790)) {
      need(at, 8);
      const bool version_0 = (byte(at) & 0x30) == 0, typed = byte(at) & 4, management = byte(at) & 1;
      if (!version_0 || !typed || management || byte(at + 7)) throw Stop{};
      switch (byte(at + 3)) {
        case 1:
          return by_type(0x0800, at + 8);
        case 2:
          return by_type(0x86dd, at + 8);
        case 3:
          return ethernet(at + 8);
        case 4:
          return by_type(0x894f, at + 8);
        default:
          throw Stop{};
      }
    }
    if (ports.count(6081)) {
      need(at, 8);
      if (byte(at) >= 64) throw Stop{};
      need(at, 8 + byte(at) * 4);
      return by_type(word(at + 2), at + 8 + byte(at) * 4);
    }
    if (ports.count(2152)) return gtp(at);
    if (ports.count(3544)) return teredo(at);
    if (ports.count(1701)) return l2tp(at);
  }

  void gtp(At at) {
    need(at, 8);
    if (byte(at) / 16 != 3 || byte(at + 1) != 255) throw Stop{};
    if (byte(at) % 8 == 0) return ip(at + 8);
    need(at, 12);
    unsigned next = byte(at) & 4 ? byte(at + 11) : 0;
    At end = at + 12;
    for (int count = 0; next; ++count) {
      if (count == 32) throw Stop{};
      need(end, 1);
      if (byte(end) == 0) throw Stop{};
      const At length = byte(end) * 4;
      need(end, length);
      end += length;
      next = byte(end - 1);
    }
    ip(end);
  }

  void teredo(At at) {
    need(at, 4);
    if (word(at) == 1) at += 13 + byte(at + 2) + byte(at + 3);
    need(at, 2);
    if (word(at) == 0) at += 8;
    ip_of(6, at);
  }

  void l2tp(At at) {
    need(at, 6);
    const unsigned flags = word(at);
    if (flags >= 0x8000 || flags % 16 != 2) throw Stop{};
    At length = 6;
    if (flags & 0x4000) length += 2;
    if (flags & 0x0800) length += 4;
    if (flags & 0x0200) {
      need(at + length, 2);
      length += 2 + word(at + length);
    }
    ppp(at + length);
  }

  void gre(At at) {
    need(at, 4);
    const unsigned flags = word(at), type = word(at + 2);
    if ((flags & 0x4000) || flags % 8 > 1) throw Stop{};
    At length = 4;
    for (const unsigned optional : {0x8000u, 0x2000u, 0x1000u}) length += flags & optional ? 4 : 0;
    if (flags % 8 == 1 && (flags & 0x80)) length += 4;
    need(at, length);
    if (type == 0x88be || type == 0x22eb) return flags & 0x1000 ? erspan(at + length) : ethernet(at + length);
    by_type(type, at + length);
  }

  void erspan(At at) {
    need(at, 8);
    if (byte(at) / 16 == 1) return ethernet(at + 8);
    if (byte(at) / 16 != 2) throw Stop{};
    need(at, 12);
    const unsigned frame_type = byte(at + 10) % 128 / 4;
    const At length = byte(at + 11) % 2 ? 20 : 12;
    if (frame_type == 0) return ethernet(at + length);
    if (frame_type == 2) return ip(at + length);
    throw Stop{};
  }

  bool outer_only_;
  const std::uint8_t* bytes_;
  At captured_, end_;
  int layers_ = 0;
  HeaderFacts facts_{};
  HeaderPlaces places_{};
};

}  // namespace tidegauge::oracle
