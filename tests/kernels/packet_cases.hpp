// Packet batches of every kind, packed and known: what the kernel and the GPU are given, and what the oracle is.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "kernels/binning/batch_writer.hpp"
#include "kernels/binning/binning_rule.hpp"
#include "kernels/core/random.hpp"
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
  std::vector<PackedPacket> packed;
  std::vector<oracle::KnownPacket> known;
};

/// @param longest wire and IP lengths stay below or at it; 2^32 - 1 reaches the sums that need 64 bits
inline PacketCase random_packets(std::size_t count, std::uint32_t intervals, Order order,
                                 std::uint32_t longest, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const std::int64_t base_k = static_cast<std::int64_t>(random() % 1000) - 500;
  PacketCase made;
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
    known.k = base_k + offset;
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
        binning::pack(known.wire_bytes, known.facts,
                      (known.late ? binning::late_bit : 0) | (known.backward ? binning::backward_bit : 0)));
  }
  return made;
}

/// Keys and addresses of the packets of a case, and what they add up to.
struct KeyCase {
  std::vector<std::vector<std::uint32_t>> keys;                    ///< [dimension][packet]
  std::vector<std::pair<std::uint64_t, std::uint64_t>> addresses;  ///< hashes; 0, 0: none
  KeyedRows rows;
};

/// @param domains number of keys in each dimension
inline KeyCase random_keys(const PacketCase& made, const std::vector<std::uint32_t>& domains, bool distinct,
                           std::uint64_t seed) {
  std::mt19937_64 random(seed);
  KeyCase keyed{std::vector<std::vector<std::uint32_t>>(domains.size()), {}, {}};
  for (const oracle::KnownPacket& packet : made.known) {
    KeyedRow one;
    for (std::uint32_t d = 0; d < domains.size(); ++d) {
      const auto key = static_cast<std::uint32_t>(random() % domains[d]);
      keyed.keys[d].push_back(key);
      one.counts.push_back({d, key, 1, packet.wire_bytes});
    }
    const bool addressed = distinct && random() % 4 != 0;
    if (distinct) keyed.addresses.emplace_back(addressed ? mix64(random() % 500) : 0, addressed ? mix64(random()) : 0);
    if (addressed) one.addresses[KeyedRow::sources].add(keyed.addresses.back().first);
    if (addressed) one.addresses[KeyedRow::destinations].add(keyed.addresses.back().second);
    if (!one.empty()) keyed.rows[packet.k] += std::move(one);
  }
  return keyed;
}

inline Hll::Entry entry_of(std::uint64_t hash) { return Hll::entry(sketch::register_of(hash), sketch::rank_of(hash)); }

/// The packets through a writer; with keys they are all short enough for a batch.
inline Expected<CountedRows> count_in_batches(PacketBatchCounter& counter, const PacketCase& made,
                                              const KeyCase* keyed = nullptr) {
  BatchWriter writer(counter);
  for (std::size_t i = 0; i < made.packed.size(); ++i) {
    const PackedPacket& packet = made.packed[i];
    if (i == 0 || made.known[i].k != made.known[i - 1].k) writer.enter(made.known[i].k);
    if (!keyed) {
      writer.count(packet.wire_bytes, packet.ip_bytes, packet.bits);
      continue;
    }
    EXPECT_TRUE(writer.write(packet.wire_bytes, packet.ip_bytes, packet.bits));
    for (std::uint32_t d = 0; d < keyed->keys.size(); ++d) writer.key(d, keyed->keys[d][i]);
    if (keyed->addresses.empty()) continue;
    const auto [source, destination] = keyed->addresses[i];
    writer.addresses(source == 0 && destination == 0 ? 0 : address_entries(entry_of(source), entry_of(destination)));
  }
  EXPECT_EQ(writer.counted(), made.packed.size());
  return writer.take();
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
