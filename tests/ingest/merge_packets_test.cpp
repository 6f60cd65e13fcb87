// Packets of several captures in one order.
#include <fmt/format.h>

#include "ingest/sinks/merge_packets.hpp"
#include "tests/ingest/clock_captures.hpp"
#include "tests/ingest/extract_support.hpp"

namespace tidegauge {
namespace {

using namespace test;

TEST(MergePackets, EachCapturesOwnOrderMergedByTime) {
  const std::uint32_t seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  ScratchFolder scratch;
  for (std::uint64_t round = 0; round < 20; ++round) {
    std::vector<StretchReader> readers;
    std::vector<std::vector<oracle::Record>> queues;
    for (std::uint64_t i = 0; i < 4; ++i) {
      const fs::path path = scratch / fmt::format("{}", i);
      write_bytes(path, pcap_of_clock(seed + i, i % 2, 30 + 20 * i));  // steady and jittering clocks
      readers.push_back(reader_of(path.string(), {}, count(path.string(), {}, 600, 128), {{INT64_MIN, INT64_MAX}}, 128));
      queues.push_back(counted_records(path));
    }
    std::vector<oracle::Record> wanted, got;
    std::vector<std::size_t> at(queues.size(), 0);
    while (true) {
      std::size_t best = queues.size();
      for (std::size_t i = 0; i < queues.size(); ++i)
        if (at[i] < queues[i].size() && (best == queues.size() || queues[i][at[i]].ts_ns < queues[best][at[best]].ts_ns)) best = i;
      if (best == queues.size()) break;
      wanted.push_back(queues[best][at[best]++]);
    }
    ASSERT_TRUE(merge_packets(readers, [&](const PacketView& packet) { return got.push_back(record_of(packet)), Expected<bool>(true); }));
    ASSERT_EQ(difference(got, wanted), "");
  }
}

}  // namespace
}  // namespace tidegauge
