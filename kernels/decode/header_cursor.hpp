// A cursor over one packet's headers, and what is learnt on the way. Host and device.
// Bounds: every read is behind have(), which knows both ends of the bytes, the captured one (beyond it: cut) and the
// packet's own (beyond it: malformed).
#pragma once

#include <cstdint>

#include "kernels/decode/decode_rule.hpp"

namespace tidegauge::decoding {

/// What the bytes at the cursor are.
enum class Layer : std::uint8_t { stop, link, ethernet, ether_type, llc, ppp, mpls, ieee80211, ip, protocol };

struct HeaderCursor {
  static constexpr std::uint32_t max_depth = 32;  ///< layers looked at; real stacks have fewer than 16

  const std::uint8_t* bytes;
  std::uint32_t captured;    ///< bytes that may be read
  std::uint32_t end;         ///< bytes that the packet has, by its wire length and the IP lengths passed so far
  std::uint32_t at = 0;      ///< where the next header begins
  std::uint32_t value = 0;   ///< link type, EtherType or IP protocol of it
  bool inside_ipv6 = false;  ///< of the last IP header; extension headers exist only there
  bool outermost = false;    ///< whether that header was the first, whose fragments count
  bool outer = false;        ///< DecodeOptions::outer
  bool padded = false;       ///< 802.11: the header is padded to a multiple of four bytes
  HeaderFacts facts{};
  HeaderPlaces places{};

  TG_HD HeaderCursor(const PacketView& packet, DecodeOptions options)
      : bytes(packet.bytes),
        captured(packet.captured_bytes),
        end(packet.wire_bytes > packet.captured_bytes ? packet.wire_bytes : packet.captured_bytes),
        outer(options.outer) {}

  /// Whether `n` bytes of header are there from `at + offset`; notes a cut.
  TG_HD bool have(std::uint32_t n, std::uint32_t offset = 0) {
    const std::uint64_t last = std::uint64_t{at} + offset + n;
    if (last > end) return false;
    if (last <= captured) return true;
    facts.cut = true;
    return false;
  }
  /// The same for bytes that nobody has to have: notes nothing.
  TG_HD bool there(std::uint32_t n) const {
    const std::uint64_t last = std::uint64_t{at} + n;
    return last <= end && last <= captured;
  }
  TG_HD bool above_ip() const { return facts.family == IpFamily::none; }

  TG_HD std::uint32_t u8(std::uint32_t offset) const { return bytes[at + offset]; }
  TG_HD std::uint32_t u16(std::uint32_t offset) const { return load16(bytes + at + offset); }
  TG_HD std::uint32_t u32(std::uint32_t offset) const { return load32(bytes + at + offset); }
  TG_HD std::uint32_t little16(std::uint32_t offset) const { return u8(offset) | u8(offset + 1) << 8; }
  TG_HD std::uint32_t little32(std::uint32_t offset) const {
    return little16(offset) | little16(offset + 2) << 16;
  }

  /// Passes `n` bytes of header, which may be cut but must be within the packet.
  TG_HD Layer go(std::uint32_t n, Layer layer, std::uint32_t next = 0) {
    if (n > end - at) return Layer::stop;
    at += n;
    value = next;
    return layer;
  }
};

}  // namespace tidegauge::decoding
