// What packets add to intervals, a packet and a column at a time, from the headers' facts and not from packed bits.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "kernels/data/header_facts.hpp"
#include "kernels/data/interval_columns.hpp"

namespace tidegauge::oracle {

struct KnownPacket {
  std::int64_t k = 0;
  std::uint32_t wire_bytes = 0;
  HeaderFacts facts;
  bool late = false, backward = false;
};

inline void count(IntervalRow& row, const KnownPacket& p) {
  const auto bump = [&row](const char* name, std::uint64_t amount = 1) {
    row[*column_by_name(name)] += amount;
  };
  bump("packets");
  bump("bytes", p.wire_bytes);
  bump("ip_bytes", p.facts.ip_bytes);
  if (p.facts.transport == Transport::tcp) bump("tcp_packets"), bump("tcp_bytes", p.wire_bytes);
  if (p.facts.transport == Transport::udp) bump("udp_packets"), bump("udp_bytes", p.wire_bytes);
  if (p.facts.transport == Transport::icmp) bump("icmp_packets"), bump("icmp_bytes", p.wire_bytes);
  if (p.facts.transport == Transport::other) bump("other_packets"), bump("other_bytes", p.wire_bytes);
  if (p.facts.family == IpFamily::v4) bump("ipv4_packets");
  if (p.facts.family == IpFamily::v6) bump("ipv6_packets");
  const bool syn = (p.facts.tcp_flags & 0x02) != 0, ack = (p.facts.tcp_flags & 0x10) != 0;
  if (syn && !ack) bump("syn");
  if (syn && ack) bump("syn_ack");
  if ((p.facts.tcp_flags & 0x01) != 0) bump("fin");
  if ((p.facts.tcp_flags & 0x04) != 0) bump("rst");
  if (p.facts.fragment) bump("fragments");
  if (p.facts.cut) bump("cut");
  if (p.late) bump("late");
  if (p.backward) bump("backward");
  const std::uint32_t n = p.wire_bytes;
  bump(n < 64     ? "size_lt_64"
       : n < 128  ? "size_64_127"
       : n < 256  ? "size_128_255"
       : n < 512  ? "size_256_511"
       : n < 1024 ? "size_512_1023"
       : n < 2048 ? "size_1024_2047"
                  : "size_ge_2048");
}

inline std::map<std::int64_t, IntervalRow> count(const std::vector<KnownPacket>& packets) {
  std::map<std::int64_t, IntervalRow> rows;
  for (const KnownPacket& packet : packets) count(rows[packet.k], packet);
  return rows;
}

}  // namespace tidegauge::oracle
