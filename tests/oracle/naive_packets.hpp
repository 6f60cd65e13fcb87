// What packets add to intervals, one packet at a time, from the headers' facts and not from packed bits.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "kernels/data/header_facts.hpp"
#include "kernels/data/interval_columns.hpp"
#include "tests/oracle/naive_counts.hpp"

namespace tidegauge::oracle {

struct KnownPacket {
  std::int64_t k = 0;
  std::uint32_t wire_bytes = 0;
  HeaderFacts facts;
  bool late = false, backward = false;
};

inline std::map<std::int64_t, IntervalRow> count(const std::vector<KnownPacket>& packets) {
  std::map<std::int64_t, IntervalRow> rows;
  for (const KnownPacket& p : packets) rows[p.k] += row_of_packet(p.facts, p.wire_bytes, p.late, p.backward);
  return rows;
}

}  // namespace tidegauge::oracle
