// Packet batches of every kind, packed and known: what the kernel and the GPU are given, and what the oracle is.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "kernels/binning/binning_rule.hpp"
#include "tests/oracle/naive_packets.hpp"
#include "tests/support.hpp"

namespace tidegauge::test {

/// How the packets' intervals follow each other.
enum class Order {
  ordered,   ///< as in a capture: runs of one interval
  late,      ///< ordered, and a tenth from an earlier one
  shuffled,  ///< any interval next to any other
};

struct PacketCase {
  std::int64_t base_k = 0;
  std::uint32_t intervals = 0;
  std::vector<PackedPacket> packed;
  std::vector<oracle::KnownPacket> known;
  PacketBatch batch() const { return {base_k, intervals, packed}; }
};

/// @param longest wire and IP lengths stay below or at it; 2^32 - 1 reaches the sums that need 64 bits
inline PacketCase random_packets(std::size_t count, std::uint32_t intervals, Order order,
                                 std::uint32_t longest, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  PacketCase made{static_cast<std::int64_t>(random() % 1000) - 500, intervals, {}, {}};
  for (std::size_t i = 0; i < count; ++i) {
    auto offset = static_cast<std::uint32_t>(i * intervals / count);
    if (order == Order::shuffled || (order == Order::late && random() % 10 == 0 && offset != 0))
      offset = static_cast<std::uint32_t>(random() % (order == Order::shuffled ? intervals : offset));
    const auto length = [&] {
      const std::uint64_t width = random() % 33;  // as many short ones as long ones
      return static_cast<std::uint32_t>(
          std::min<std::uint64_t>(random() & ((std::uint64_t{1} << width) - 1), longest));
    };
    oracle::KnownPacket known;
    known.k = made.base_k + offset;
    known.wire_bytes = random() % 16 == 0 ? longest : length();
    known.facts.transport = static_cast<Transport>(random() % 4);
    known.facts.family = static_cast<IpFamily>(random() % 3);
    known.facts.tcp_flags = known.facts.transport == Transport::tcp ? static_cast<std::uint8_t>(random()) : 0;
    known.facts.fragment = random() % 8 == 0;
    known.facts.cut = random() % 8 == 0;
    known.facts.ip_bytes = known.facts.family == IpFamily::none ? 0 : random() % 16 == 0 ? longest : length();
    known.late = random() % 8 == 0;
    known.backward = known.late || random() % 8 == 0;
    made.known.push_back(known);
    made.packed.push_back(
        binning::pack(offset, known.wire_bytes, known.facts,
                      (known.late ? binning::late_bit : 0) | (known.backward ? binning::backward_bit : 0)));
  }
  return made;
}

using Rows = std::map<std::int64_t, IntervalRow>;

inline void expect_same_rows(const Rows& got, const Rows& wanted, const std::string& what) {
  ASSERT_EQ(got.size(), wanted.size()) << what;
  for (auto g = got.begin(), w = wanted.begin(); w != wanted.end(); ++g, ++w) {
    ASSERT_EQ(g->first, w->first) << what;
    for (std::size_t c = 0; c < column_count; ++c)
      ASSERT_EQ(g->second.value[c], w->second.value[c])
          << what << ", interval " << w->first << ", " << column_names[c];
  }
}

}  // namespace tidegauge::test
