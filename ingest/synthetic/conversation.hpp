// One conversation between two hosts: its addresses as ready-made headers for both directions, and the state
// from which its next packet follows. TCP connections open (or are refused, or never answered), talk, and
// close or are reset; then the same two hosts open the next one.
//
// The payload is up to 64 bytes of a fixed pattern, then zeros; checksums are right for that, also where the
// snaplen cuts it off.
#pragma once

#include <array>
#include <cstdint>

#include "kernels/core/random.hpp"

namespace tidegauge::synthetic {

enum class Protocol : std::uint8_t { tcp, udp, icmp, gre, esp, ospf, arp };

/// What a conversation is about, which decides its sizes.
enum class Habit : std::uint8_t { bulk, web, chat, dns, quic, voice, clock, ping, unreachable, plain };

/// A packet can touch this many bytes from its first one on, whatever its length: the room that `out` must
/// have.
inline constexpr std::size_t packet_room = 256;
inline constexpr std::uint32_t smallest_frame = 60;  // Ethernet pads to this, without the check sequence
inline constexpr std::uint32_t largest_ip_packet = 1500;

struct Addressing {
  bool ipv6 = false;
  std::uint16_t vlan = 0;  ///< 0: no tag
  double fragments = 0;    ///< share of UDP datagrams that need two packets
};

class Conversation {
 public:
  /// Draws hosts, ports, habits, and starts in the midst of the talk.
  Conversation(Protocol protocol, const Addressing& addressing, RandomStream& random);

  /// Writes the next packet's headers and pattern to `out`.
  /// @return its wire length; bytes past what was written are zeros.
  std::uint32_t write_next(std::uint8_t* out, RandomStream& random);

  /// Writes a SYN from a random source to this conversation's server: one packet of a flood.
  std::uint32_t write_flood_syn(std::uint8_t* out, RandomStream& random);

 private:
  enum class Step : std::uint8_t { syn, syn_ack, ack, talk, client_fin, server_fin, last_ack };
  struct TcpPacket {
    std::size_t direction;  ///< 0 client to server, 1 back
    std::uint8_t flags;
    std::uint32_t payload;
  };

  void prepare_headers(RandomStream& random);
  void open_connection(RandomStream& random);
  TcpPacket next_tcp(RandomStream& random);
  TcpPacket talk(RandomStream& random);
  std::uint32_t write_tcp(std::uint8_t* out, const TcpPacket& packet, RandomStream& random);
  std::uint32_t write_udp(std::uint8_t* out, RandomStream& random);
  std::uint32_t write_rest_of_datagram(std::uint8_t* out);
  std::uint32_t write_fragment_header(std::uint8_t* out, std::uint32_t offset_units, bool more);
  std::uint32_t write_icmp(std::uint8_t* out, RandomStream& random);
  std::uint32_t quote_lost_packet(std::uint8_t* out, RandomStream& random);
  std::uint32_t write_gre(std::uint8_t* out, RandomStream& random);
  std::uint32_t write_esp(std::uint8_t* out, RandomStream& random);
  std::uint32_t write_ospf(std::uint8_t* out);
  std::uint32_t write_arp(std::uint8_t* out);

  std::uint64_t pseudo_header(const std::uint8_t* ip, std::uint32_t l4_bytes, std::uint8_t protocol) const;
  std::uint32_t finish(std::uint8_t* out, std::size_t direction, std::uint32_t l4_bytes);

  std::array<std::array<std::uint8_t, 64>, 2> headers_{};  // Ethernet, tag, IP; per direction
  std::uint8_t ip_offset_ = 14, l4_offset_ = 34;
  Protocol protocol_;
  Habit habit_ = Habit::plain;
  Step step_ = Step::talk;
  bool ipv6_ = false;
  bool timestamps_ = false;              // TCP timestamp option
  std::uint8_t datagram_direction_ = 0;  // of the datagram whose rest is due
  std::uint16_t ip_id_ = 0;
  std::array<std::uint16_t, 2> port_{};
  std::array<std::uint32_t, 2> sequence_{};
  std::uint32_t remaining_ = 0;  // packets until this connection closes
  std::uint32_t counter_ = 0;    // echo, ESP and timestamp counter
  std::uint32_t datagram_id_ = 0;
  std::uint32_t rest_bytes_ = 0;  // of a fragmented datagram
  std::uint32_t fragments_in_65536_ = 0;
};

}  // namespace tidegauge::synthetic
