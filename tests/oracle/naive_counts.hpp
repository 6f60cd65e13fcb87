// What a packet adds to its interval, column by column from the list in interval_columns.hpp.
#pragma once

#include <cstdint>

#include "kernels/data/header_facts.hpp"
#include "kernels/data/interval_columns.hpp"

namespace tidegauge::oracle {

inline IntervalRow row_of_packet(const HeaderFacts& facts, std::uint32_t wire_bytes, bool late = false,
                                 bool backward = false) {
  IntervalRow row;
  wire_bytes -= facts.fcs_bytes;
  const bool tcp = facts.transport == Transport::tcp, udp = facts.transport == Transport::udp;
  const bool icmp = facts.transport == Transport::icmp, other = facts.transport == Transport::other;
  const bool syn = facts.tcp_flags & 2, ack = facts.tcp_flags & 16;
  row[Column::packets] = 1;
  row[Column::bytes] = wire_bytes;
  row[Column::tcp_packets] = tcp;
  row[Column::tcp_bytes] = tcp ? wire_bytes : 0;
  row[Column::udp_packets] = udp;
  row[Column::udp_bytes] = udp ? wire_bytes : 0;
  row[Column::icmp_packets] = icmp;
  row[Column::icmp_bytes] = icmp ? wire_bytes : 0;
  row[Column::other_packets] = other;
  row[Column::other_bytes] = other ? wire_bytes : 0;
  row[Column::ip_bytes] = facts.ip_bytes;
  row[Column::ipv4_packets] = facts.family == IpFamily::v4;
  row[Column::ipv6_packets] = facts.family == IpFamily::v6;
  row[Column::syn] = syn && !ack;
  row[Column::syn_ack] = syn && ack;
  row[Column::fin] = facts.tcp_flags & 1;
  row[Column::rst] = (facts.tcp_flags & 4) != 0;
  row[Column::fragments] = facts.fragment;
  row[Column::size_lt_64] = wire_bytes < 64;
  row[Column::size_64_127] = wire_bytes >= 64 && wire_bytes <= 127;
  row[Column::size_128_255] = wire_bytes >= 128 && wire_bytes <= 255;
  row[Column::size_256_511] = wire_bytes >= 256 && wire_bytes <= 511;
  row[Column::size_512_1023] = wire_bytes >= 512 && wire_bytes <= 1023;
  row[Column::size_1024_2047] = wire_bytes >= 1024 && wire_bytes <= 2047;
  row[Column::size_ge_2048] = wire_bytes >= 2048;
  row[Column::late] = late;
  row[Column::backward] = backward;
  row[Column::cut] = facts.cut;
  return row;
}

}  // namespace tidegauge::oracle
