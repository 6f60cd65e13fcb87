// Records of Endace's Extensible Record Format and whether they can be one. A file is nothing but records, no
// magic.
//
// A record: 16 bytes of header, extension headers of 8 bytes for as long as bit 7 of the type byte before
// says so, a sub-header that depends on the type, the packet, padding up to `rlen`. The time is 32.32-bit
// fixed-point seconds, little-endian; all else is big-endian.
//   0 time (8)   8 type (bit 7: an extension header follows)   9 flags: bits 0-1 interface, 2 varying record
//   lengths, 3 truncated, 4 receive error, 5 internal error   10 rlen, the whole record   12 lctr or colour
//   14 wlen
// - wlen counts the frame check sequence of Ethernet and HDLC: 4 bytes, the cards' default. The card that was
// set to
//   another length says so only in provenance records, which are not read.
// - lctr: packets lost between the card and memory since the record before; sticks at 65,535, so it is a
// lower bound.
//   In types with a colour or hash the field holds that instead, and nothing is known of losses.
// - A truncated record or one with a receive error was on the wire: it is delivered, as capinfos counts it.
// - HDLC does not say what it carries: 0f or 8f first is Cisco HDLC, anything else PPP, with or without ff 03
// before it
//   (as wireshark's packet-erf.c guesses). Frame relay and MTP2 look like PPP of an unknown protocol.
// Sources: "ERF types reference guide", EDM11-01; DAG card user guides (data formats); libtrace's
// format_erf.c. Tested by tests/ingest/erf_test.cpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "ingest/formats/byte_order.hpp"
#include "kernels/data/link_type.hpp"

namespace tidegauge::erf {

inline constexpr std::size_t kHeaderBytes = 16;

enum class Kind : std::uint8_t {
  unknown,   ///< no type that capture files hold
  packet,    ///< decoded
  refused,   ///< a packet or cell of a link that is not decoded
  no_packet  ///< provenance, padding
};

/// What a type says of its records.
struct Type {
  Kind kind = Kind::unknown;
  std::uint8_t sub_header_bytes = 0;
  std::uint8_t fcs_bytes = 0;
  bool counts_losses = false;  ///< lctr is a loss counter
  bool hdlc = false;           ///< the link is what the packet's first bytes say
  LinkType link = LinkType::ethernet;
};

inline constexpr std::uint8_t kPad = 48;

constexpr std::array<Type, 128> make_types() {
  std::array<Type, 128> types{};
  for (const int type : {3, 4, 6, 7, 8, 9, 12, 18, 21, 24, 25})
    types[static_cast<std::size_t>(type)] = {Kind::refused, 0, 0, true};
  for (const int type : {13, 14, 28, 29}) types[static_cast<std::size_t>(type)] = {Kind::refused};
  const Type hdlc{Kind::packet, 0, 4, true, true, LinkType::ppp},
      eth{Kind::packet, 2, 4, true, false, LinkType::ethernet};
  const auto colour = [](Type type) { return type.counts_losses = false, type; };
  const auto channel = [](Type type) { return type.sub_header_bytes = 4, type; };
  types[1] = hdlc;
  types[2] = eth;
  types[5] = channel(hdlc);
  for (const int type : {10, 15, 19}) types[static_cast<std::size_t>(type)] = colour(hdlc);
  for (const int type : {11, 16, 20}) types[static_cast<std::size_t>(type)] = colour(eth);
  types[17] = colour(channel(hdlc));
  types[22] = {Kind::packet, 0, 0, true, false, LinkType::ipv4};
  types[23] = {Kind::packet, 0, 0, true, false, LinkType::ipv6};
  types[27] = types[kPad] = {Kind::no_packet};
  return types;
}
inline constexpr std::array<Type, 128> kTypes = make_types();

enum class Fit {
  whole,
  cut,  ///< its beginning could be one; it goes on after the bytes that are there
  impossible
};

struct Record {
  Fit fit = Fit::impossible;
  std::uint8_t type = 0;  ///< without bit 7
  bool odd = false;       ///< longer than its packet, or of no length: seen, but not what cards usually write
  bool exact = false;     ///< its two lengths agree: the whole packet, and padding
  std::uint16_t size = 0, lost = 0, wire = 0;
  std::uint32_t head_bytes = 0;  ///< before the packet; 0 where its beginning is cut
  std::uint64_t time = 0;        ///< 32.32-bit seconds

  std::uint32_t seconds() const { return static_cast<std::uint32_t>(time >> 32); }
  /// Floored.
  TG_INLINE std::int64_t ts_ns() const {
    const std::uint64_t fraction_ns = (time & 0xffffffff) * 1'000'000'000 >> 32;
    return static_cast<std::int64_t>((time >> 32) * 1'000'000'000 + fraction_ns);
  }
};

/// What lies at `p`, of which `rest` bytes are there.
TG_INLINE Record look_at_record(const std::uint8_t* p, std::size_t rest) {
  Record r;
  if (rest < kHeaderBytes) {
    r.fit = Fit::cut;
    return r;
  }
  r.time = load_u64<false>(p);
  r.type = p[8] & 0x7f;
  r.size = load_u16<true>(p + 10);
  r.lost = load_u16<true>(p + 12);
  r.wire = load_u16<true>(p + 14);
  const Type& type = kTypes[r.type];
  if (type.kind == Kind::unknown) return r;
  std::uint32_t head = kHeaderBytes;
  for (bool more = p[8] & 0x80; more; head += 8) {
    if (head + 8 > r.size) return r;
    if (head >= rest) {
      r.fit = Fit::cut;
      return r;
    }
    more = p[head] & 0x80;
  }
  head += type.sub_header_bytes;
  if (head > r.size) return r;
  r.head_bytes = head;
  // Cards pad to 8 bytes, and to any length where all records are of one (flag 2 not set).
  const bool varying = p[9] & 0x04, padded = r.size - head > r.wire + 7u;
  r.odd = type.kind != Kind::no_packet && (r.wire == 0 || (varying && padded));
  r.exact = r.wire != 0 && r.size - head >= r.wire && !padded;
  r.fit = rest < r.size ? Fit::cut : Fit::whole;
  return r;
}

/// "ERF type 4 AAL5"; without a name for types that have none here.
std::string type_name(std::uint8_t type);

/// The link type of an HDLC frame.
TG_INLINE LinkType hdlc_link(const std::uint8_t* packet, std::uint32_t captured) {
  if (captured >= 1 && (packet[0] == 0x0f || packet[0] == 0x8f)) return LinkType::c_hdlc;
  return captured >= 2 && packet[0] == 0xff && packet[1] == 0x03 ? LinkType::ppp_hdlc : LinkType::ppp;
}

}  // namespace tidegauge::erf
