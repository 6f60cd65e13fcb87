// The table of the keys with the most bytes, against one that counts every key.
#include "kernels/sketch/space_saving.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "kernels/core/random.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

using Key = std::pair<std::uint32_t, std::uint64_t>;
using Exact = std::map<Key, SpaceSaving::Counts>;

struct Packet {
  Key key;
  std::uint32_t bytes;
};

/// Few keys with much and many with little: a key's number has a random number of bits.
std::vector<Packet> random_stream(RandomStream& random, std::size_t n, unsigned most_bits) {
  std::vector<Packet> stream(n);
  for (Packet& packet : stream) {
    const std::uint64_t below = std::uint64_t{1} << random.below(most_bits + 1);
    packet = {{static_cast<std::uint32_t>(1 + random.below(2)), random.below(below) << 40},
              static_cast<std::uint32_t>(random.below(4) ? 60 : random.below(1500))};
  }
  return stream;
}

std::map<Key, SpaceSaving::Held> by_key(const SpaceSaving& table) {
  std::map<Key, SpaceSaving::Held> held;
  for (const auto& key : table.held()) EXPECT_TRUE(held.emplace(Key{key.space, key.code}, key).second) << "held twice";
  return held;
}

void check(const SpaceSaving& table, const Exact& exact, std::size_t capacity, const std::string& where) {
  const auto held = by_key(table);
  SpaceSaving::Counts total, sum = table.other();
  for (const auto& [key, counts] : exact) total += counts;
  for (const auto& [key, counts] : held) sum += counts.counted;
  ASSERT_EQ(sum, total) << where << ": held and other are everything";
  ASSERT_LE(held.size(), capacity) << where;
  ASSERT_LE(table.missed().bytes, total.bytes / capacity) << where;
  for (const auto& [key, truth] : exact) {
    const auto found = held.find(key);
    const SpaceSaving::Held there = found == held.end() ? SpaceSaving::Held{.before = table.missed()} : found->second;
    for (const auto member : {&SpaceSaving::Counts::packets, &SpaceSaving::Counts::bytes}) {
      ASSERT_LE(there.counted.*member, truth.*member) << where;
      ASSERT_GE(there.counted.*member + there.before.*member, truth.*member) << where;
      ASSERT_LE(there.before.*member, table.missed().*member) << where;
    }
    ASSERT_TRUE(found != held.end() || truth.bytes <= total.bytes / capacity) << where << ": a heavy key is held";
    ASSERT_TRUE(exact.size() > capacity || there.counted == truth) << where << ": all fit";
  }
  ASSERT_TRUE(exact.size() > capacity || table.missed() == SpaceSaving::Counts{}) << where;
}

TEST(SpaceSaving, BoundsHoldForEveryKey) {
  constexpr std::uint64_t seed = 7;
  RandomStream random(seed, 0);
  for (int round = 0; round < 600; ++round) {
    const std::string where = "seed " + std::to_string(seed) + " round " + std::to_string(round);
    const std::size_t capacity = random.below(3) ? 1 + random.below(12) : 1 + random.below(200);
    const auto stream = random_stream(random, random.below(600), static_cast<unsigned>(random.below(11)));
    SpaceSaving table(capacity);
    for (int use = 0; use < 2; ++use) {  // once more after clear()
      Exact exact;
      for (const Packet& packet : stream) {
        table.add(packet.key.first, packet.key.second, packet.bytes);
        exact[packet.key] += {1, packet.bytes};
      }
      check(table, exact, capacity, where);
      if (HasFatalFailure()) return;
      table.clear();
      ASSERT_TRUE(table.held().empty());
      ASSERT_EQ(table.other(), SpaceSaving::Counts{});
      ASSERT_EQ(table.missed(), SpaceSaving::Counts{});
    }
  }
}

TEST(SpaceSaving, TheOneWithTheFewestBytesGoes) {
  SpaceSaving table(2);
  table.add(1, 10, 100), table.add(1, 20, 60), table.add(1, 20, 60);
  table.add(1, 30, 7);  // 10 goes
  EXPECT_EQ(table.other(), (SpaceSaving::Counts{1, 100}));
  EXPECT_EQ(table.missed(), (SpaceSaving::Counts{1, 100}));
  table.add(2, 30, 50);  // another space, another key; 30 has 107, 20 has 120
  const auto held = by_key(table);
  EXPECT_EQ(held.at({1, 20}).counted, (SpaceSaving::Counts{2, 120}));
  EXPECT_EQ(held.at({1, 20}).before, SpaceSaving::Counts{});
  EXPECT_EQ(held.at({2, 30}).counted, (SpaceSaving::Counts{1, 50}));
  EXPECT_EQ(held.at({2, 30}).before, (SpaceSaving::Counts{2, 107}));
  EXPECT_EQ(table.other(), (SpaceSaving::Counts{2, 107}));
}

}  // namespace
}  // namespace tidegauge
