// From intervals back to packets: whatever the clocks and the damage, each counted record comes out exactly once, in its
// interval.
#include <fmt/format.h>

#include <array>

#include "tests/ingest/clock_captures.hpp"
#include "tests/ingest/extract_support.hpp"

namespace tidegauge {
namespace {

using namespace test;

void damage(Bytes& bytes, Random& random) {
  for (std::uint32_t hits = random() % 4; hits != 0; --hits)
    bytes[30 + random() % (bytes.size() - 30)] = static_cast<std::uint8_t>(random());
  if (random() % 4 == 0) bytes.resize(bytes.size() - random() % 40);
}

TEST(ThreadsExtract, EveryPartitionGivesEachCountedRecordOnce) {
  const std::uint32_t seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  ScratchFolder scratch;
  Random random(seed);
  std::array<std::size_t, 3> stretches{};  // of pcapng, pcap, ERF
  for (std::uint64_t round = 0; round < 150; ++round) {
    SCOPED_TRACE(fmt::format("round {}", round));
    Bytes bytes = capture_of_clock(seed, round, 40 + random() % 200);
    if (random() % 3 == 0) damage(bytes, random);
    if (random() % 4 == 0) bytes = compressed(bytes, random);
    const fs::path path = scratch / "x";
    write_bytes(path, bytes);
    if (!walk_file(path).ok()) continue;  // the damage hit the file header
    const How how{.keyed = random() % 2 ? random_choice(random) : KeyedOptions{}, .interval_ns = round % 7 ? second : 60 * second};
    expect_each_record_once(path, how, random, &stretches[round % 3]);
    if (testing::Test::HasFatalFailure()) return;
  }
  for (const std::size_t of_format : stretches) EXPECT_GT(of_format, 50u) << "the captures were to have many stretches";
}

TEST(Extract, OddCapturesGiveEachCountedRecordOnce) {
  TG_NEEDS_SHARED_DATA();
  ScratchFolder scratch;
  Random random(7);
  int captures = 0;
  for (const auto& file : fs::recursive_directory_iterator(shared_data() / "edge")) {
    if (!file.is_regular_file() || file.path().extension() == ".csv" || file.file_size() > (1 << 20)) continue;
    if (!walk_file(file.path()).ok()) continue;
    SCOPED_TRACE(file.path().filename().string());
    if (counted_records(file.path()).size() > 3000) continue;
    fs::copy_file(file.path(), scratch / "x", fs::copy_options::overwrite_existing);
    expect_each_record_once(scratch / "x", {}, random);
    if (testing::Test::HasFatalFailure()) return;
    ++captures;
  }
  EXPECT_GT(captures, 20);
}

}  // namespace
}  // namespace tidegauge
