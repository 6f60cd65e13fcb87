#include "ingest/formats/pcapng_walk.hpp"

#include <limits>
#include <random>
#include <string>

#include "tests/ingest/capture_builder.hpp"
#include "tests/ingest/walk_support.hpp"

namespace tidegauge {
namespace {

using namespace test;

void expect_as_oracle(const Bytes& bytes, const std::string& name) {
  const auto wanted = oracle::read_pcapng(bytes);
  ASSERT_EQ(wanted.stopped_at, bytes.size()) << name;
  for (std::size_t block : {0u, 1u, 64u, 1000u}) {
    const Walk walk = walk_bytes(bytes, true, block);
    EXPECT_EQ(walk.error, "") << name;
    EXPECT_EQ(walk.format, "pcapng");
    EXPECT_EQ(difference(walk.records, wanted.records), "") << name << ", blocks of " << block;
    EXPECT_EQ(walk.lost_count, wanted.lost) << name;
    EXPECT_EQ(walk.damage, "") << name;
  }
}

TEST(Pcapng, BothByteOrdersEqualTheOracle) {
  for (const bool big : {false, true}) {
    Random random(21);
    expect_as_oracle(ordinary_pcapng(random, 400, big).bytes, big ? "big-endian" : "little-endian");
  }
}

/// One of everything, in sections of both byte orders.
PcapngBuilder everything(Random& random) {
  PcapngBuilder file(false);
  for (int round = 0; round < 4; ++round) {
    if (round > 0) file.section(round % 2 == 1);
    const Bytes payload = random_payload(random, 61);
    file.enhanced(0, 1, payload, 61);  // before any interface
    file.interface(1, {file.number(9, 6, 1), {2, {'e', 't', 'h', '0'}}}, 100);
    file.interface(195);  // not decoded
    file.interface(113,
                   {file.number(9, 0x80 | 20, 1), file.number(14, 1'000'000'000, 8)});  // 2^-20 s, offset
    file.interface(1, {file.number(13, 32, 1)});                                        // FCS of 32 bits
    file.other(0x0bad, Bytes(30, 1));
    file.other(0x7777, Bytes(9, 2));  // unknown type
    file.other(4, Bytes(16, 0));      // name resolution
    file.simple(payload);
    for (std::uint32_t i = 0; i < 12; ++i) {
      const Bytes data = random_payload(random, 1 + random() % 90);
      const auto size = static_cast<std::uint32_t>(data.size());
      const std::uint64_t ticks = 1'600'000'000'000'000u + i * 1000;
      if (i % 4 == 3) {
        file.obsolete(static_cast<std::uint16_t>(i % 5), ticks, data, size + 5);
      } else {
        file.enhanced(
            i % 5, ticks, data, size + i,
            i % 2 ? std::vector<PcapngBuilder::Option>{}
                  : std::vector<PcapngBuilder::Option>{file.number(4, 3, 8), {1, Bytes(i * 30, 'c')}});
      }
      if (i % 5 == 4) file.statistics(i % 2, {file.number(5, 10 * i, 8), file.number(7, i, 8)});
    }
    file.statistics(0, {file.number(4, 1000, 8)});  // says nothing of drops
    file.statistics(9, {file.number(5, 1000, 8)});  // of no interface
    file.statistics(0, {file.number(5, 2, 8)});     // went back: counted anew
  }
  return file;
}

TEST(Pcapng, EveryBlockEqualsTheOracle) {
  Random random(22);
  const PcapngBuilder file = everything(random);
  expect_as_oracle(file.bytes, "everything");
  std::map<std::string, int> fates;
  for (const auto& record : walk_bytes(file.bytes).records) ++fates[record.fate];
  for (const char* fate : {"packet", "no_time", "bad_interface", "unknown_link"})
    EXPECT_GE(fates[fate], 4) << fate;
}

TEST(Pcapng, LossesAreDifferencesOfTheCounters) {
  PcapngBuilder file;
  file.interface(1);
  file.interface(1);
  file.statistics(0, {file.number(5, 10, 8)});
  file.statistics(1, {file.number(5, 3, 8), file.number(7, 4, 8)});
  file.statistics(0, {file.number(5, 25, 8)});
  file.statistics(0, {file.number(5, 25, 8)});
  EXPECT_EQ(walk_bytes(file.bytes).lost_count, 25u + 7u);
}

TEST(TimeScale, EveryResolutionIsFloored) {
  const struct {
    unsigned resolution;
    std::uint64_t ticks;
    std::int64_t offset, ns;
  } rows[] = {
      {6, 1'600'000'000'123'456, 0, 1'600'000'000'123'456'000},
      {9, 1'600'000'000'123'456'789, 0, 1'600'000'000'123'456'789},
      {0, 1'600'000'000, 0, 1'600'000'000'000'000'000},
      {3, 1'600'000'000'999, 0, 1'600'000'000'999'000'000},
      {10, 19, 0, 1},
      {12, 1'999'999, 0, 1999},
      {19, 18'446'744'073'709'551'615u, 0, 1'844'674'407},
      {28, 18'446'744'073'709'551'615u, 0, 1},
      {29, 18'446'744'073'709'551'615u, 0, 0},
      {127, 18'446'744'073'709'551'615u, 0, 0},
      {0x80, 7, 0, 7'000'000'000},
      {0x80 | 1, 3, 0, 1'500'000'000},
      {0x80 | 10, 1, 0, 976'562},
      {0x80 | 32, 0x100000000, 0, 1'000'000'000},
      {0x80 | 63, 0x8000000000000001, 0, 1'000'000'000},
      {0x80 | 64, 18'446'744'073'709'551'615u, 0, 999'999'999},
      {0x80 | 93, 18'446'744'073'709'551'615u, 0, 1},
      {0x80 | 94, 18'446'744'073'709'551'615u, 0, 0},
      {0x80 | 127, 18'446'744'073'709'551'615u, 0, 0},
      {6, 5, 1'600'000'000, 1'600'000'000'000'005'000},
      {6, 5'000'000, -5, 0},
      {6, 5'000'001, -10, -4'999'999'000},
      {10, 1, -1, -1'000'000'000},
      {9, 9'223'372'036'854'775'807, 0, std::numeric_limits<std::int64_t>::max()},
  };
  for (const auto& row : rows) {
    const TimeScale scale(static_cast<std::uint8_t>(row.resolution), row.offset);
    std::int64_t ns = 0;
    EXPECT_TRUE(scale.to_ns(ns, row.ticks)) << row.resolution;
    EXPECT_EQ(ns, row.ns) << "resolution " << row.resolution << " ticks " << row.ticks;
  }
  for (const auto& [resolution, offset] : {std::pair<std::uint8_t, std::int64_t>{0, 0},
                                           {6, 0},
                                           {9, 0},
                                           {0x80, 0},
                                           {9, 1},
                                           {127, std::numeric_limits<std::int64_t>::max()},
                                           {127, std::numeric_limits<std::int64_t>::min()}}) {
    std::int64_t ns = 0;
    EXPECT_FALSE(TimeScale(resolution, offset).to_ns(ns, ~std::uint64_t{0})) << int{resolution};
  }
}

TEST(TimeScale, EqualsTheOracleForEveryExponent) {
  constexpr unsigned kSeed = 23;
  std::mt19937_64 random(kSeed);
  for (unsigned resolution = 0; resolution < 256; ++resolution) {
    for (int i = 0; i < 20; ++i) {
      oracle::Interface interface;
      interface.resolution = static_cast<int>(resolution);
      interface.offset = i % 2 ? static_cast<std::int64_t>(random() % 2'000'000'000) - 1'000'000'000 : 0;
      // Few enough ticks that coarse resolutions fit.
      const std::uint64_t ticks = random() >> (random() % 64);
      const TimeScale scale(static_cast<std::uint8_t>(resolution), interface.offset);
      std::int64_t ns = 0;
      if (!scale.to_ns(ns, ticks)) {
        EXPECT_LT(resolution % 128, 64u);
        continue;
      }
      EXPECT_EQ(ns, oracle::to_nanoseconds(ticks, interface))
          << "seed " << kSeed << " resolution " << resolution << " ticks " << ticks;
    }
  }
}

TEST(Pcapng, ATimeThatDoesNotFitIsDamageOfOneRecord) {
  PcapngBuilder file;
  file.interface(1);
  file.enhanced(0, 1'600'000'000'000'000, Bytes(40), 40);
  const std::size_t bad = file.bytes.size();
  file.enhanced(0, ~std::uint64_t{0}, Bytes(40), 40);
  file.enhanced(0, 1'600'000'000'000'001, Bytes(40), 40);
  const Walk walk = walk_bytes(file.bytes);
  EXPECT_EQ(walk.records.size(), 2u);
  EXPECT_EQ(walk.damaged, 1u);
  EXPECT_EQ(walk.skipped_bytes, 72u);
  EXPECT_NE(walk.damage.find("1677 to 2262"), std::string::npos) << walk.damage;
  const Walk strict = walk_bytes(file.bytes, true);
  EXPECT_NE(strict.error.find("at byte " + std::to_string(bad)), std::string::npos) << strict.error;
}

TEST(Pcapng, OptionsOfAWrongLengthMakeAnInterfaceUnusable) {
  for (const auto& [code, size] : {std::pair<std::uint16_t, int>{9, 2}, {14, 4}, {13, 8}}) {
    PcapngBuilder file;
    file.interface(1, {file.number(code, 0, size)});
    file.interface(1);
    file.enhanced(0, 1, Bytes(10), 10);
    file.enhanced(1, 1, Bytes(10), 10);
    const Walk walk = walk_bytes(file.bytes, true);
    ASSERT_EQ(walk.records.size(), 2u) << walk.error;
    EXPECT_EQ(walk.records[0].fate, "bad_interface");
    EXPECT_EQ(walk.records[1].fate, "packet");
  }
}

TEST(Pcapng, FcsLengthInBitsOrBytes) {
  for (const auto& [value, wanted] :
       {std::pair<std::uint64_t, std::uint32_t>{32, 60}, {4, 60}, {16, 62}, {0, 64}, {255, 33}}) {
    PcapngBuilder file;
    file.interface(1, {file.number(13, value, 1)});
    file.enhanced(0, 1, Bytes(64), 64);
    const Walk walk = walk_bytes(file.bytes, true);
    ASSERT_EQ(walk.records.size(), 1u);
    EXPECT_EQ(walk.records[0].wire, wanted);
    EXPECT_EQ(walk.records[0].captured, wanted);
  }
}

TEST(Pcapng, UndecodedLinkTypesAreAnErrorOnlyWhereThereAreNoOthers) {
  PcapngBuilder file;
  file.interface(195);
  file.enhanced(0, 1, Bytes(10), 10);
  EXPECT_NE(walk_bytes(file.bytes).error.find("link type 195 IEEE802_15_4 is not decoded"), std::string::npos)
      << walk_bytes(file.bytes).error;
  file.section(true);
  file.interface(1);
  EXPECT_EQ(walk_bytes(file.bytes).error, "");
}

TEST(Pcapng, CutAnywhereKeepsEveryWholeBlock) {
  for (const bool big : {false, true}) {
    Random random(24);
    const PcapngBuilder file = ordinary_pcapng(random, 10, big);
    for (std::size_t cut = 28; cut < file.bytes.size(); ++cut) {
      const Bytes bytes = prefix(file.bytes, cut);
      const bool within = std::find(file.starts.begin(), file.starts.end(), cut) == file.starts.end();
      const std::size_t start = *std::prev(std::upper_bound(file.starts.begin(), file.starts.end(), cut));
      const auto wanted = oracle::read_pcapng(prefix(file.bytes, start)).records;
      const Walk walk = walk_bytes(bytes);
      EXPECT_EQ(difference(walk.records, wanted), "") << cut;
      EXPECT_EQ(walk.truncated, within ? 1u : 0u) << cut;
      EXPECT_EQ(walk.damaged, 0u) << cut << ": " << walk.damage;
      EXPECT_EQ(walk.skipped_bytes, cut - start) << cut;
      EXPECT_EQ(walk_bytes(bytes, true).ok(), !within) << cut;
    }
  }
}

TEST(Pcapng, AStartThatIsNoSectionIsAnError) {
  const Bytes whole = PcapngBuilder().bytes;
  for (std::size_t size = 4; size < 12; ++size) EXPECT_FALSE(walk_bytes(prefix(whole, size)).ok()) << size;
  Bytes no_order = whole;
  no_order[9] ^= 1;
  EXPECT_FALSE(walk_bytes(no_order).ok());
  EXPECT_TRUE(walk_bytes(whole).ok());
}

TEST(Pcapng, OneFlippedByteCostsAtMostTheBlocksAroundIt) {
  constexpr unsigned kSeed = 25;
  Random random(kSeed);
  for (const bool big : {false, true}) {
    const PcapngBuilder file = ordinary_pcapng(random, 40, big);
    const auto all = oracle::read_pcapng(file.bytes).records;
    const std::size_t first_packet = 3;  // block number: a section and two interfaces come before
    for (std::size_t at = file.starts[first_packet]; at < file.bytes.size(); ++at) {
      Bytes bytes = file.bytes;
      bytes[at] ^= static_cast<std::uint8_t>(1 + random() % 255);
      const Walk walk = walk_bytes(bytes);
      ASSERT_TRUE(walk.ok()) << walk.error;
      const auto block =
          static_cast<std::size_t>(std::upper_bound(file.starts.begin(), file.starts.end(), at) -
                                   file.starts.begin()) -
          1;
      const std::size_t hit = block - first_packet;
      // Whatever the byte meant, every other record is still there.
      std::vector<oracle::Record> others = walk.records;
      if (others.size() == all.size()) others.erase(others.begin() + static_cast<std::ptrdiff_t>(hit));
      std::vector<oracle::Record> wanted = all;
      wanted.erase(wanted.begin() + static_cast<std::ptrdiff_t>(hit));
      EXPECT_EQ(difference(others, wanted), "") << "seed " << kSeed << " byte " << at << ": " << walk.damage;
    }
  }
}

TEST(Pcapng, ADamagedInterfaceKeepsItsNumber) {
  PcapngBuilder file;
  file.interface(101, {file.number(9, 9, 1)});
  file.interface(1);
  for (int i = 0; i < 6; ++i)
    file.enhanced(static_cast<std::uint32_t>(i) % 2, 1'600'000'000'000'000, Bytes(20), 20);
  file.bytes[file.starts[1] + 4] ^= 0x40;  // the first interface's length
  const Walk walk = walk_bytes(file.bytes);
  ASSERT_EQ(walk.records.size(), 6u) << walk.damage;
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(walk.records[i].fate, i % 2 ? "packet" : "bad_interface");
  EXPECT_EQ(walk.records[1].link, 1u);
}

TEST(Pcapng, TheAnswerDoesNotDependOnTheBlocks) {
  constexpr unsigned kSeed = 26;
  Random random(kSeed);
  for (int round = 0; round < 60; ++round) {
    Bytes bytes =
        round % 2 ? everything(random).bytes : ordinary_pcapng(random, 60, round % 4 == 0, 300).bytes;
    for (int i = 0; i < 1 + round % 5; ++i)
      bytes[12 + random() % (bytes.size() - 12)] ^= static_cast<std::uint8_t>(random());
    const Walk whole = walk_bytes(bytes, false, bytes.size() + 1);
    for (std::size_t block : {1u, 17u, 500u, 4096u}) {
      const Walk walk = walk_bytes(bytes, false, block);
      EXPECT_EQ(difference(walk.records, whole.records), "")
          << "seed " << kSeed << " round " << round << " block " << block;
      EXPECT_EQ(walk.damage, whole.damage);
      EXPECT_EQ(walk.skipped_bytes, whole.skipped_bytes);
      EXPECT_EQ(walk.lost_count, whole.lost_count);
    }
  }
}

TEST(Pcapng, FramesOfUnknownTypesAreNoPlaceToGoOn) {
  PcapngBuilder inner;
  inner.other(0x7777, Bytes(8));
  inner.other(0x7777, Bytes(8));
  const Bytes frames(inner.bytes.begin() + 28, inner.bytes.end());
  PcapngBuilder file;
  file.interface(1);
  file.enhanced(0, 1, frames, 40);
  for (int i = 0; i < 3; ++i) file.enhanced(0, 2, Bytes(20), 20);
  file.bytes[file.starts[2] + 6] = 0x7f;  // the length of the block that holds them
  const Walk walk = walk_bytes(file.bytes);
  EXPECT_EQ(walk.records.size(), 3u);
  EXPECT_EQ(walk.skipped_bytes, 32 + frames.size()) << walk.damage;
}

TEST(Pcapng, ACaptureInACutPayloadIsPayload) {
  Random random(27);
  const Bytes inner = ordinary_pcapng(random, 10).bytes;
  PcapngBuilder file;
  file.interface(1);
  file.enhanced(0, 1, Bytes(20), 20);
  file.enhanced(0, 2, inner, static_cast<std::uint32_t>(inner.size()));
  for (std::size_t cut : {8u, 100u, 400u}) {
    const Walk walk = walk_bytes(prefix(file.bytes, file.bytes.size() - cut));
    EXPECT_EQ(walk.records.size(), 1u) << cut;
    EXPECT_EQ(walk.truncated, 1u) << cut << ": " << walk.damage;
    EXPECT_EQ(walk.damaged, 0u) << cut;
  }
}

TEST(Pcapng, LargeBlocksPassThroughSmallOnes) {
  PcapngBuilder file;
  file.interface(1);
  file.other(0x0bad, Bytes(5'000'000, 1));
  file.enhanced(0, 1, Bytes(20), 20);
  EXPECT_EQ(walk_bytes(file.bytes, true, 4096).records.size(), 1u);
}

}  // namespace
}  // namespace tidegauge
