// Which packets are kept, from the start of a capture and from any settled place in it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <optional>
#include <random>

#include "ingest/sinks/kept_packets.hpp"
#include "tests/oracle/naive_order.hpp"
#include "tests/random_clocks.hpp"

namespace tidegauge {
namespace {

using namespace test;

std::vector<std::int64_t> kept_times(const std::vector<std::int64_t>& times, std::size_t from) {
  std::vector<std::int64_t> kept;
  std::optional<RecordsBefore> before;
  if (from >= 2) before = RecordsBefore{times[from - 1], times[from - 2]};
  KeptPackets packets(before, [&](const PacketView& packet) { kept.push_back(packet.ts_ns); });
  const std::uint8_t byte = 7;
  for (std::size_t i = from; i < times.size(); ++i) packets.packet({times[i], 60, 1, &byte, LinkType::ethernet});
  packets.end();
  return kept;
}

TEST(KeptPackets, AgreeWithTheDefinitionFromTheStartAndFromEverySettledPlace) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  for (std::uint64_t round = 0; round < 4000; ++round) {
    RandomStream random(seed, round);
    std::vector<std::int64_t> times;
    std::int64_t ts = 1'700'000'000'000'000'000;
    for (std::size_t n = random.below(9); times.size() < n;) times.push_back(ts = random_time(random, round % clock_models, ts));
    const auto absurd = oracle::absurd_ones(times);
    for (std::size_t from = 0; from <= times.size(); ++from) {
      if (from == 1 || (from >= 2 && oracle::far(times[from - 2], times[from - 1]))) continue;  // not settled there
      std::vector<std::int64_t> wanted;
      for (std::size_t i = from; i < times.size(); ++i)
        if (!absurd[i]) wanted.push_back(times[i]);
      ASSERT_EQ(kept_times(times, from), wanted) << "round " << round << " from " << from;
    }
  }
}

}  // namespace
}  // namespace tidegauge
