#include "ingest/synthetic/conversation.hpp"

#include <cstring>

#include "ingest/synthetic/wire_format.hpp"
#include "kernels/data/header_facts.hpp"

namespace tidegauge::synthetic {

namespace {

using namespace tcp_flag;

constexpr std::uint32_t ethernet_bytes = 14, tag_bytes = 4, ipv4_bytes = 20, ipv6_bytes = 40;
constexpr std::uint32_t tcp_bytes = 20, udp_bytes = 8, timestamp_bytes = 12, syn_option_bytes = 20;
constexpr std::uint32_t fragment_payload = 1448;  // a multiple of 8 that fits with either IP header

constexpr std::uint8_t ip_icmp = 1, ip_tcp = 6, ip_udp = 17, ip_fragment = 44, ip_gre = 47, ip_esp = 50,
                       ip_icmp6 = 58, ip_ospf = 89;

const std::array<std::uint8_t, 64> pattern = [] {
  std::array<std::uint8_t, 64> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(mix64(i));
  return bytes;
}();

/// Two routers face each other on the link; locally administered addresses.
constexpr std::uint8_t router[2][6] = {{0x02, 0x00, 0x5e, 0x00, 0x00, 0x01},
                                       {0x02, 0x00, 0x5e, 0x00, 0x00, 0x02}};

bool chance(RandomStream& random, std::uint32_t in_65536) { return (random() >> 48) < in_65536; }
std::uint32_t between(RandomStream& random, std::uint32_t low, std::uint32_t high) {
  return low + static_cast<std::uint32_t>(random.below(high - low + 1));
}

/// Client in 100.64.0.0/10 (RFC 6598), server in 198.18.0.0/15 (RFC 2544): never anyone's real address.
std::uint32_t client_ipv4(RandomStream& random) {
  return 0x64400000u | static_cast<std::uint32_t>(random.below(1u << 22));
}
std::uint32_t server_ipv4(RandomStream& random) {
  return 0xc6120000u | static_cast<std::uint32_t>(random.below(1u << 17));
}

/// Heavy-tailed number of packets: each doubling is half as likely (a Pareto tail of exponent 1), 6 to about
/// 200,000.
std::uint32_t connection_length(RandomStream& random) {
  const int doublings = __builtin_ctzll(random() | 1ull << 14);
  const std::uint32_t least = 6u << doublings;
  return least + static_cast<std::uint32_t>(random.below(least));
}

Habit draw_habit(Protocol protocol, RandomStream& random) {
  const auto x = random.below(100);
  switch (protocol) {
    case Protocol::tcp:
      return x < 50 ? Habit::bulk : x < 85 ? Habit::web : Habit::chat;
    case Protocol::udp:
      return x < 35 ? Habit::dns : x < 80 ? Habit::quic : x < 95 ? Habit::voice : Habit::clock;
    case Protocol::icmp:
      return x < 75 ? Habit::ping : Habit::unreachable;
    default:
      return Habit::plain;
  }
}

std::uint16_t service_port(Habit habit, RandomStream& random) {
  static constexpr std::uint16_t web_ports[] = {443, 443, 443, 443, 80, 80, 8080, 993};
  static constexpr std::uint16_t chat_ports[] = {22, 25, 5222, 1883, 3389, 6881};
  switch (habit) {
    case Habit::bulk:
    case Habit::web:
      return web_ports[random.below(std::size(web_ports))];
    case Habit::chat:
      return chat_ports[random.below(std::size(chat_ports))];
    case Habit::dns:
      return 53;
    case Habit::quic:
      return 443;
    case Habit::clock:
      return 123;
    default:
      return static_cast<std::uint16_t>(between(random, 16'384, 32'767));
  }
}

std::uint8_t ip_protocol(Protocol protocol, bool ipv6) {
  switch (protocol) {
    case Protocol::tcp:
      return ip_tcp;
    case Protocol::udp:
      return ip_udp;
    case Protocol::icmp:
      return ipv6 ? ip_icmp6 : ip_icmp;
    case Protocol::gre:
      return ip_gre;
    case Protocol::esp:
      return ip_esp;
    case Protocol::ospf:
      return ip_ospf;
    case Protocol::arp:
      break;
  }
  return 0;
}

void write_ipv4(std::uint8_t* ip, std::uint8_t protocol, std::uint8_t ttl, std::uint32_t source,
                std::uint32_t target) {
  std::memset(ip, 0, ipv4_bytes);
  ip[0] = 0x45;
  put16(ip + 6, 0x4000);  // don't fragment
  ip[8] = ttl;
  ip[9] = protocol;
  put32(ip + 12, source);
  put32(ip + 16, target);
}

void set_ipv4_checksum(std::uint8_t* ip) {
  std::memset(ip + 10, 0, 2);
  const std::uint16_t sum = checksum_of(ones_sum(ip, ipv4_bytes));
  std::memcpy(ip + 10, &sum, 2);
}

std::uint32_t patterned(std::uint32_t payload) {
  return payload < pattern.size() ? payload : static_cast<std::uint32_t>(pattern.size());
}

void write_pattern(std::uint8_t* out) { std::memcpy(out, pattern.data(), pattern.size()); }

/// Sets the checksum at `l4 + at` over the first `bytes` (what follows is zeros) and the pseudo-header's sum.
void set_checksum(std::uint8_t* l4, std::size_t at, std::uint32_t bytes, std::uint64_t pseudo,
                  bool never_zero = false) {
  std::memset(l4 + at, 0, 2);
  std::uint16_t sum = checksum_of(pseudo + ones_sum(l4, bytes));
  if (never_zero && sum == 0) sum = 0xffff;  // RFC 768: zero would say "no checksum"
  std::memcpy(l4 + at, &sum, 2);
}

}  // namespace

Conversation::Conversation(Protocol protocol, const Addressing& addressing, RandomStream& random)
    : protocol_(protocol),
      ipv6_(addressing.ipv6),
      fragments_in_65536_(static_cast<std::uint32_t>(addressing.fragments * 65536)) {
  habit_ = draw_habit(protocol, random);
  for (std::size_t d = 0; d < 2; ++d) {
    std::uint8_t* at = headers_[d].data();
    std::memcpy(at, router[1 - d], 6);
    std::memcpy(at + 6, router[d], 6);
    at += 12;
    if (addressing.vlan) {
      put16(at, 0x8100);
      put16(at + 2, addressing.vlan);
      at += tag_bytes;
    }
    put16(at, protocol == Protocol::arp ? 0x0806 : ipv6_ ? 0x86dd : 0x0800);
  }
  ip_offset_ = static_cast<std::uint8_t>(ethernet_bytes + (addressing.vlan ? tag_bytes : 0));
  l4_offset_ = static_cast<std::uint8_t>(ip_offset_ + (ipv6_ ? ipv6_bytes : ipv4_bytes));
  prepare_headers(random);
  timestamps_ = chance(random, 46'000);
  ip_id_ = static_cast<std::uint16_t>(random());
  counter_ = static_cast<std::uint32_t>(random());
  port_[1] = service_port(habit_, random);
  open_connection(random);
  step_ = Step::talk;  // conversations are under way when the trace begins
  remaining_ = 1 + static_cast<std::uint32_t>(random.below(connection_length(random)));
}

void Conversation::prepare_headers(RandomStream& random) {
  if (protocol_ == Protocol::arp) return;
  const std::uint8_t next = ip_protocol(protocol_, ipv6_);
  const std::uint32_t client = client_ipv4(random), server = server_ipv4(random);
  const std::uint64_t interface_id[2] = {random(), random.below(1u << 16)};
  for (std::size_t d = 0; d < 2; ++d) {
    std::uint8_t* ip = headers_[d].data() + ip_offset_;
    const auto ttl = static_cast<std::uint8_t>(between(random, 40, 120));
    if (!ipv6_) {
      write_ipv4(ip, next, protocol_ == Protocol::ospf ? 1 : ttl, d == 0 ? client : server,
                 d == 0 ? server : client);
      if (protocol_ == Protocol::ospf) put32(ip + 16, 0xe0000005);  // 224.0.0.5, all OSPF routers
      continue;
    }
    put32(ip, 0x60000000u | static_cast<std::uint32_t>(random.below(1u << 20)));
    ip[6] = next;
    ip[7] = ttl;
    for (std::size_t end = 0; end < 2; ++end) {  // 2001:db8:<client or server>::, RFC 3849
      std::uint8_t* address = ip + (end == d ? 8 : 24);
      put32(address, 0x20010db8);
      put32(address + 4, end == 0 ? client : server);
      std::memcpy(address + 8, &interface_id[end], 8);
    }
  }
}

std::uint32_t Conversation::write_next(std::uint8_t* out, RandomStream& random) {
  switch (protocol_) {
    case Protocol::tcp:
      return write_tcp(out, next_tcp(random), random);
    case Protocol::udp:
      return rest_bytes_ ? write_rest_of_datagram(out) : write_udp(out, random);
    case Protocol::icmp:
      return write_icmp(out, random);
    case Protocol::gre:
      return write_gre(out, random);
    case Protocol::esp:
      return write_esp(out, random);
    case Protocol::ospf:
      return write_ospf(out);
    case Protocol::arp:
      return write_arp(out);
  }
  return 0;
}

std::uint32_t Conversation::write_flood_syn(std::uint8_t* out, RandomStream& random) {
  step_ = Step::syn;
  put32(headers_[0].data() + ip_offset_ + 12, client_ipv4(random));
  port_[0] = static_cast<std::uint16_t>(between(random, 1'024, 65'535));
  sequence_[0] = static_cast<std::uint32_t>(random());
  return write_tcp(out, {0, syn, 0}, random);
}

void Conversation::open_connection(RandomStream& random) {
  step_ = Step::syn;
  port_[0] = static_cast<std::uint16_t>(between(random, 32'768, 60'999));  // Linux's ephemeral ports
  sequence_ = {static_cast<std::uint32_t>(random()), static_cast<std::uint32_t>(random())};
  remaining_ = connection_length(random);
}

Conversation::TcpPacket Conversation::next_tcp(RandomStream& random) {
  switch (step_) {
    case Step::syn:
      // One in 16 is never answered (scans): the next packet is another SYN.
      if (chance(random, 4'096)) {
        port_[0] = static_cast<std::uint16_t>(between(random, 32'768, 60'999));
        return {0, syn, 0};
      }
      step_ = Step::syn_ack;
      return {0, syn, 0};
    case Step::syn_ack:
      if (chance(random, 2'000)) {  // a closed port
        step_ = Step::syn;
        return {1, rst | ack, 0};
      }
      step_ = Step::ack;
      return {1, syn | ack, 0};
    case Step::ack:
      step_ = Step::talk;
      return {0, ack, 0};
    case Step::talk:
      break;
    case Step::client_fin:
      step_ = Step::server_fin;
      return {0, fin | ack, 0};
    case Step::server_fin:
      step_ = Step::last_ack;
      return {1, fin | ack, 0};
    case Step::last_ack:
      step_ = Step::syn;
      return {0, ack, 0};
  }
  if (--remaining_ > 0) return talk(random);
  if (chance(random, 8'000)) {
    step_ = Step::syn;
    return {random.below(2), rst, 0};
  }
  step_ = Step::client_fin;
  return talk(random);
}

Conversation::TcpPacket Conversation::talk(RandomStream& random) {
  const std::uint32_t full =
      largest_ip_packet - (l4_offset_ - ip_offset_) - tcp_bytes - (timestamps_ ? timestamp_bytes : 0);
  switch (habit_) {
    case Habit::bulk:
      if (chance(random, 36'000)) return {1, ack, full};
      return {0, ack, 0};
    case Habit::web:
      if (chance(random, 34'000)) {
        if (chance(random, 33'000)) return {1, ack, full};
        return {1, ack | psh, between(random, 60, full)};
      }
      if (chance(random, 14'000)) return {0, ack | psh, between(random, 120, 700)};
      return {0, ack, 0};
    default: {
      const auto direction = static_cast<std::size_t>(random.below(2));
      if (chance(random, 26'000)) return {direction, ack, 0};
      return {direction, ack | psh, between(random, 1, 200)};
    }
  }
}

std::uint32_t Conversation::write_tcp(std::uint8_t* out, const TcpPacket& packet, RandomStream& random) {
  const std::size_t d = packet.direction;
  std::memcpy(out, headers_[d].data(), headers_[d].size());
  std::uint8_t* l4 = out + l4_offset_;
  const bool opening = packet.flags & syn;
  const bool bare = packet.flags & rst;
  const std::uint32_t options = bare ? 0 : opening ? syn_option_bytes : timestamps_ ? timestamp_bytes : 0;
  const std::uint32_t header = tcp_bytes + options;
  put16(l4, port_[d]);
  put16(l4 + 2, port_[1 - d]);
  put32(l4 + 4, sequence_[d]);
  put32(l4 + 8, packet.flags & ack ? sequence_[1 - d] : 0);
  l4[12] = static_cast<std::uint8_t>(header / 4 << 4);
  l4[13] = packet.flags;
  put16(l4 + 14, bare ? 0 : 0x0200 + (counter_ & 0x7fff));
  std::memset(l4 + 16, 0, 4);
  std::uint8_t* option = l4 + tcp_bytes;
  if (opening) {  // maximum segment size, SACK permitted, timestamps, no-op, window scale 7
    put32(option, 0x02040000u | (largest_ip_packet - (l4_offset_ - ip_offset_) - tcp_bytes));
    put16(option + 4, 0x0402);
    put16(option + 6, 0x080a);
    put32(option + 8, counter_);
    put32(option + 12, 0);
    put32(option + 16, 0x01030307);
  } else if (options) {
    put32(option, 0x0101080a);
    put32(option + 4, counter_);
    put32(option + 8, counter_ - 20);
  }
  write_pattern(l4 + header);
  counter_ += 1 + static_cast<std::uint32_t>(random() >> 62);
  sequence_[d] += packet.payload + (packet.flags & (syn | fin) ? 1 : 0);
  set_checksum(l4, 16, header + patterned(packet.payload),
               pseudo_header(out + ip_offset_, header + packet.payload, ip_tcp));
  if (packet.flags & rst || (step_ == Step::syn && packet.flags == ack)) open_connection(random);
  return finish(out, d, header + packet.payload);
}

std::uint32_t Conversation::write_udp(std::uint8_t* out, RandomStream& random) {
  std::size_t d = random.below(2);
  std::uint32_t payload = 0;
  switch (habit_) {
    case Habit::dns:
      payload = d == 0 ? between(random, 28, 60) : between(random, 60, 470);
      break;
    case Habit::quic:
      d = chance(random, 45'000) ? 1 : 0;
      payload = d == 1 ? between(random, 1'200, 1'322) : between(random, 33, 80);
      break;
    case Habit::voice:
      payload = 172;
      break;
    default:
      payload = 48;
      break;
  }
  if (chance(random, 3'000)) port_[0] = static_cast<std::uint16_t>(between(random, 32'768, 60'999));
  std::memcpy(out, headers_[d].data(), headers_[d].size());
  std::uint8_t* l4 = out + l4_offset_;
  const bool in_two = chance(random, fragments_in_65536_);
  if (in_two) {
    payload = between(random, 1'600, 2'600);
    datagram_id_ = static_cast<std::uint32_t>(random());
    datagram_direction_ = static_cast<std::uint8_t>(d);
    rest_bytes_ = udp_bytes + payload - fragment_payload;
    l4 += write_fragment_header(out, 0, true);
  }
  put16(l4, port_[d]);
  put16(l4 + 2, port_[1 - d]);
  put16(l4 + 4, udp_bytes + payload);
  write_pattern(l4 + udp_bytes);
  set_checksum(l4, 6, udp_bytes + patterned(payload),
               pseudo_header(out + ip_offset_, udp_bytes + payload, ip_udp), true);
  if (!in_two) return finish(out, d, udp_bytes + payload);
  return finish(out, d, fragment_payload + (ipv6_ ? 8 : 0));
}

std::uint32_t Conversation::write_rest_of_datagram(std::uint8_t* out) {
  std::memcpy(out, headers_[datagram_direction_].data(), headers_[datagram_direction_].size());
  const std::uint32_t extra = write_fragment_header(out, fragment_payload / 8, false);
  std::memset(out + l4_offset_ + extra, 0, pattern.size());
  const std::uint32_t bytes = rest_bytes_ + extra;
  rest_bytes_ = 0;
  return finish(out, datagram_direction_, bytes);
}

/// Marks the packet as a fragment; IPv6 needs a header of its own (RFC 8200, 4.5). @return the bytes that it
/// takes.
std::uint32_t Conversation::write_fragment_header(std::uint8_t* out, std::uint32_t offset_units, bool more) {
  std::uint8_t* ip = out + ip_offset_;
  if (!ipv6_) {
    put16(ip + 6, (more ? 0x2000u : 0u) | offset_units);
    return 0;
  }
  ip[6] = ip_fragment;
  std::uint8_t* header = out + l4_offset_;
  header[0] = ip_udp;
  header[1] = 0;
  put16(header + 2, offset_units << 3 | (more ? 1u : 0u));
  put32(header + 4, datagram_id_);
  return 8;
}

std::uint32_t Conversation::write_icmp(std::uint8_t* out, RandomStream& random) {
  constexpr std::uint32_t header = 8;
  const std::size_t d = habit_ == Habit::ping ? counter_ & 1 : 1;
  std::memcpy(out, headers_[d].data(), headers_[d].size());
  std::uint8_t* l4 = out + l4_offset_;
  std::memset(l4, 0, header);
  std::uint32_t payload = 56;
  if (habit_ == Habit::ping) {
    l4[0] = ipv6_ ? (d == 0 ? 128 : 129) : (d == 0 ? 8 : 0);
    put16(l4 + 4, port_[0]);
    put16(l4 + 6, counter_ >> 1);
    write_pattern(l4 + header);
  } else {
    l4[0] = ipv6_ ? 1 : 3;
    l4[1] = ipv6_ ? 4 : 3;  // port unreachable
    payload = quote_lost_packet(l4 + header, random);
  }
  ++counter_;
  const std::uint64_t pseudo = ipv6_ ? pseudo_header(out + ip_offset_, header + payload, ip_icmp6) : 0;
  set_checksum(l4, 2, header + patterned(payload), pseudo);
  return finish(out, d, header + payload);
}

/// The IP header and the first 8 bytes of the UDP or TCP packet that could not be delivered.
std::uint32_t Conversation::quote_lost_packet(std::uint8_t* out, RandomStream& random) {
  const std::uint32_t ip_bytes = l4_offset_ - ip_offset_;
  const bool udp = random.below(2) == 0;
  std::memcpy(out, headers_[0].data() + ip_offset_, ip_bytes);
  if (ipv6_) {
    put16(out + 4, 48);
    out[6] = udp ? ip_udp : ip_tcp;
  } else {
    put16(out + 2, 68);
    out[9] = udp ? ip_udp : ip_tcp;
    set_ipv4_checksum(out);
  }
  std::uint8_t* l4 = out + ip_bytes;
  put16(l4, port_[0]);
  put16(l4 + 2, port_[1]);
  if (udp) {
    put16(l4 + 4, 48);
    put16(l4 + 6, 0);  // no checksum
  } else {
    put32(l4 + 4, static_cast<std::uint32_t>(random()));
  }
  return ip_bytes + 8;
}

/// GRE (RFC 2784) around an IPv4 packet with a TCP acknowledgement or 512 bytes of data.
std::uint32_t Conversation::write_gre(std::uint8_t* out, RandomStream& random) {
  const std::size_t d = random.below(2);
  std::memcpy(out, headers_[d].data(), headers_[d].size());
  std::uint8_t* gre = out + l4_offset_;
  put32(gre, 0x0800);
  std::uint8_t* inner = gre + 4;
  const std::uint32_t payload = d == 1 ? 512 : 0;
  write_ipv4(inner, ip_tcp, 63, 0x0a000000u | port_[d], 0x0a000000u | port_[1 - d]);  // 10.0.0.0/8 inside
  const std::uint32_t inner_bytes = ipv4_bytes + tcp_bytes + payload;
  put16(inner + 2, inner_bytes);
  set_ipv4_checksum(inner);
  std::uint8_t* l4 = inner + ipv4_bytes;
  std::memset(l4, 0, tcp_bytes);
  put16(l4, port_[d]);
  put16(l4 + 2, port_[1 - d]);
  put32(l4 + 4, sequence_[d]);
  put32(l4 + 8, sequence_[1 - d]);
  l4[12] = tcp_bytes / 4 << 4;
  l4[13] = ack;
  put16(l4 + 14, 0x0200);
  write_pattern(l4 + tcp_bytes);
  sequence_[d] += payload;
  const std::uint64_t pseudo = ones_sum(inner + 12, 8) +
                               __builtin_bswap16(static_cast<std::uint16_t>(tcp_bytes + payload)) +
                               (std::uint64_t{ip_tcp} << 8);
  set_checksum(l4, 16, tcp_bytes + patterned(payload), pseudo);
  return finish(out, d, 4 + inner_bytes);
}

std::uint32_t Conversation::write_esp(std::uint8_t* out, RandomStream& random) {
  const std::size_t d = chance(random, 40'000) ? 1 : 0;
  std::memcpy(out, headers_[d].data(), headers_[d].size());
  std::uint8_t* l4 = out + l4_offset_;
  put32(l4, sequence_[d] | 0x100);  // the index stays, and is above the reserved ones
  put32(l4 + 4, ++counter_);
  write_pattern(l4 + 8);
  return finish(out, d, d == 1 ? 1'400 : 8 + 16 * between(random, 4, 20));
}

/// OSPFv2 hello without neighbours (RFC 2328, A.3.2).
std::uint32_t Conversation::write_ospf(std::uint8_t* out) {
  constexpr std::uint32_t bytes = 44;
  std::memcpy(out, headers_[0].data(), headers_[0].size());
  std::uint8_t* l4 = out + l4_offset_;
  std::memset(l4, 0, bytes);
  put16(l4, 0x0201);
  put16(l4 + 2, bytes);
  std::memcpy(l4 + 4, out + ip_offset_ + 12, 4);  // router
  put32(l4 + 24, 0xfffffffc);                     // network mask of a link
  put16(l4 + 28, 10);                             // hello interval, seconds
  l4[30] = 0x02;
  l4[31] = 1;
  put32(l4 + 32, 40);  // dead interval
  set_checksum(l4, 12, bytes, 0);
  return finish(out, 0, bytes);
}

/// Who-has and its answer, in turn (RFC 826).
std::uint32_t Conversation::write_arp(std::uint8_t* out) {
  const std::size_t d = counter_++ & 1;
  std::memcpy(out, headers_[d].data(), headers_[d].size());
  if (d == 0) std::memset(out, 0xff, 6);
  std::uint8_t* arp = out + ip_offset_;
  put32(arp, 0x00010800);
  put16(arp + 4, 0x0604);
  put16(arp + 6, static_cast<std::uint32_t>(d + 1));
  std::memcpy(arp + 8, router[d], 6);
  put32(arp + 14, 0xc6130001u + static_cast<std::uint32_t>(d));
  if (d == 0)
    std::memset(arp + 18, 0, 6);
  else
    std::memcpy(arp + 18, router[0], 6);
  put32(arp + 24, 0xc6130002u - static_cast<std::uint32_t>(d));
  std::memset(arp + 28, 0, smallest_frame - 28);
  return smallest_frame;
}

/// RFC 793 and RFC 8200 8.1: both addresses, the length and the protocol.
std::uint64_t Conversation::pseudo_header(const std::uint8_t* ip, std::uint32_t l4_bytes,
                                          std::uint8_t protocol) const {
  const std::uint64_t addresses = ipv6_ ? ones_sum(ip + 8, 32) : ones_sum(ip + 12, 8);
  return addresses + __builtin_bswap16(static_cast<std::uint16_t>(l4_bytes)) + (std::uint64_t{protocol} << 8);
}

/// Lengths, identification and checksum of the IP header, and the padding of short frames.
std::uint32_t Conversation::finish(std::uint8_t* out, std::size_t direction, std::uint32_t l4_bytes) {
  std::uint8_t* ip = out + ip_offset_;
  if (ipv6_) {
    put16(ip + 4, l4_bytes);
  } else {
    put16(ip + 2, ipv4_bytes + l4_bytes);
    const bool fragment = protocol_ == Protocol::udp && !(ip[6] & 0x40);
    put16(ip + 4, fragment ? datagram_id_ : ip_id_ += static_cast<std::uint16_t>(1 + direction));
    set_ipv4_checksum(ip);
  }
  const std::uint32_t wire = l4_offset_ + l4_bytes;
  if (wire >= smallest_frame) return wire;
  std::memset(out + wire, 0, smallest_frame - wire);
  return smallest_frame;
}

}  // namespace tidegauge::synthetic
