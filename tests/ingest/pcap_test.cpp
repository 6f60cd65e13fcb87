#include "ingest/formats/pcap_walk.hpp"

#include <random>
#include <string>

#include "tests/ingest/capture_builder.hpp"
#include "tests/ingest/walk_support.hpp"

namespace tidegauge {
namespace {

using namespace test;

const std::vector<PcapShape>& shapes() {
  static const std::vector<PcapShape> all{
      {"microseconds", 0xa1b2c3d4, false, 1, 262144, 4},
      {"microseconds, other byte order", 0xa1b2c3d4, true, 1, 262144, 4},
      {"nanoseconds", 0xa1b23c4d, false, 101, 65535, 4},
      {"nanoseconds, other byte order", 0xa1b23c4d, true, 113, 65535, 4},
      {"modified", 0xa1b2cd34, false, 0, 262144, 4},
      {"modified, other byte order", 0xa1b2cd34, true, 276, 262144, 4},
      {"FCS of 4 bytes", 0xa1b2c3d4, false, 0x24000001, 262144, 4},
      {"FCS of 2 bytes, nanoseconds, other byte order", 0xa1b23c4d, true, 0x14000001, 262144, 4},
      {"FCS bits without the bit that says so", 0xa1b2c3d4, false, 0x20000001, 262144, 4},
      {"reserved bits in the link type", 0xa1b2c3d4, false, 0x00300001, 262144, 4},
      {"no snaplen", 0xa1b2c3d4, false, 1, 0, 4},
      {"enormous snaplen", 0xa1b2c3d4, false, 1, 0xffffffff, 4},
      {"version 2.2", 0xa1b2c3d4, true, 1, 1500, 2},
      {"version 2.0", 0xa1b2c3d4, false, 1, 1500, 0},
      {"version 2.1", 0xa1b2c3d4, false, 1, 1500, 1},
      {"version 2.3", 0xa1b2c3d4, false, 1, 1500, 3},
      {"version 543.0", 0xa1b2c3d4, true, 1, 1500, 0, 543},
      {"Ixia, nanoseconds", 0x1c0001ac, false, 1, 65535, 4},
      {"Ixia, nanoseconds, other byte order", 0x1c0001ac, true, 1, 65535, 4},
      {"Ixia, microseconds", 0x1c0001ab, false, 1, 65535, 4},
      {"Ixia, microseconds, other byte order", 0x1c0001ab, true, 1, 65535, 4},
      {"Red Hat 6.1", 0xa1b2c3d4, false, 1, 65535, 4, 2, 24},
      {"Nokia", 0xa1b2c3d4, true, 1, 65535, 4, 2, 20},
      {"SuSE 6.3", 0xa1b2cd34, false, 1, 65535, 4, 2, 28},
  };
  return all;
}

TEST(Pcap, EveryVariantEqualsTheOracle) {
  for (const PcapShape& shape : shapes()) {
    Random random(11);
    const Bytes bytes = ordinary_pcap(random, 500, shape).bytes;
    const auto wanted = oracle::read_pcap(bytes, shape.record_header);
    ASSERT_EQ(wanted.stopped_at, bytes.size());
    for (std::size_t block : {0u, 1u, 64u, 1000u}) {
      const Walk walk = walk_bytes(bytes, true, block);
      EXPECT_EQ(walk.error, "") << shape.name;
      EXPECT_EQ(walk.format, "pcap");
      EXPECT_EQ(difference(walk.records, wanted.records), "") << shape.name << ", blocks of " << block;
      EXPECT_EQ(walk.damage, "") << shape.name;
    }
  }
}

TEST(Pcap, LengthsOfOldVersionsMayBeSwapped) {
  for (const auto& [major, minor] : {std::pair<std::uint16_t, std::uint16_t>{2, 0}, {2, 1}, {2, 2}, {2, 3}, {543, 0}}) {
    PcapBuilder pcap({"", 0xa1b2c3d4, true, 1, 1500, minor, major});
    const Bytes payload(60, 1);
    pcap.header(1000, 5, 1400, 60);  // original length first
    append(pcap.bytes, payload);
    pcap.record(1001, 5, payload, 60);
    const Walk walk = walk_bytes(pcap.bytes, true);
    ASSERT_EQ(walk.records.size(), 2u) << walk.error << " " << major << "." << minor;
    EXPECT_EQ(walk.records[0].captured, 60u);
    EXPECT_EQ(walk.records[0].wire, 1400u);
    EXPECT_EQ(walk.records[1].wire, 60u);
  }
}

TEST(Pcap, OddRecordsOfTheUsualKindAreNoOtherVariant) {
  // Nothing captured, more than on the wire, a cut file, one record: none of it makes the headers longer.
  for (const std::uint32_t magic : {0xa1b2c3d4u, 0xa1b2cd34u}) {
    PcapBuilder pcap({"", magic, false, 1, 100, 4});
    pcap.record(1000, 1, {}, 60);
    EXPECT_EQ(walk_bytes(pcap.bytes).records.size(), 1u);
    pcap.record(1001, 1, Bytes(70, 0), 60);
    for (std::uint32_t i = 0; i < 5; ++i) pcap.record(1002 + i, 1, Bytes(64, 0), 64);
    EXPECT_EQ(difference(walk_bytes(pcap.bytes, true).records, oracle::read_pcap(pcap.bytes).records), "");
    const Bytes cut = prefix(pcap.bytes, pcap.starts[3] + 20);
    EXPECT_EQ(walk_bytes(cut).records.size(), 3u);
  }
}

TEST(Pcap, ASilenceOfAnyLengthIsReal) {
  constexpr std::uint32_t kDay = 86'400;
  for (const std::uint32_t silence : {kDay, 47 * kDay, 60 * kDay, 4000 * kDay}) {
    for (const std::size_t odd : {0u, 3u, 4u, 5u}) {  // the silence lies between records 4 and 5
      Random random(21);
      PcapBuilder pcap({"", 0xa1b2c3d4, false, 1, 100, 4});
      for (std::uint32_t i = 0; i < 10; ++i)
        pcap.record(1'300'000'000 + i + (i > 4 ? silence : 0), 0, random_payload(random, i == odd ? 120 : 50), 120);
      const Walk walk = walk_bytes(pcap.bytes, true);
      EXPECT_EQ(difference(walk.records, oracle::read_pcap(pcap.bytes).records), "")
          << silence << " s, record " << odd << walk.error;
    }
  }
}

TEST(Pcap, FcsIsNeitherLengthNorPayload) {
  const PcapShape shape{"FCS of 4 bytes", 0xa1b2c3d4, false, 0x24000001, 262144, 4};
  const struct {
    std::uint32_t captured, wire, wanted_captured, wanted_wire;
  } rows[] = {{64, 64, 60, 60}, {60, 64, 60, 60}, {62, 64, 60, 60}, {40, 1500, 40, 1496}, {3, 3, 0, 0}};
  PcapBuilder pcap(shape);
  for (const auto& row : rows) pcap.record(1000, 1, Bytes(row.captured, 1), row.wire);
  const Walk walk = walk_bytes(pcap.bytes, true);
  ASSERT_EQ(walk.records.size(), std::size(rows)) << walk.error;
  for (std::size_t i = 0; i < std::size(rows); ++i) {
    EXPECT_EQ(walk.records[i].captured, rows[i].wanted_captured) << i;
    EXPECT_EQ(walk.records[i].wire, rows[i].wanted_wire) << i;
  }
}

TEST(Pcap, TimestampsAtTheirEnds) {
  for (const bool nano : {false, true}) {
    PcapBuilder pcap({"", nano ? 0xa1b23c4d : 0xa1b2c3d4, false, 1, 262144, 4});
    const std::uint32_t last = nano ? 999'999'999 : 999'999;
    pcap.record(0, 0, Bytes(1), 1);
    pcap.record(0xffffffff, last, Bytes(1), 1);
    const Walk walk = walk_bytes(pcap.bytes, true);
    ASSERT_EQ(walk.records.size(), 2u) << walk.error;
    EXPECT_EQ(walk.records[0].ts_ns, 0);
    EXPECT_EQ(walk.records[1].ts_ns, 4'294'967'295'000'000'000 + (nano ? 999'999'999 : 999'999'000));
  }
}

TEST(Pcap, CutAnywhereKeepsEveryWholeRecord) {
  for (const PcapShape& shape : shapes()) {
    if (shape.record_header != 0) continue;  // two records tell those variants from the usual one
    Random random(12);
    const PcapBuilder pcap = ordinary_pcap(random, 12, shape);
    for (std::size_t cut = pcap.starts[0]; cut < pcap.bytes.size(); ++cut) {
      const Bytes bytes = prefix(pcap.bytes, cut);
      const auto wanted = oracle::read_pcap(bytes);
      const bool within = wanted.stopped_at != cut;
      const Walk walk = walk_bytes(bytes);
      EXPECT_EQ(difference(walk.records, wanted.records), "") << cut;
      EXPECT_EQ(walk.truncated, within ? 1u : 0u) << cut;
      EXPECT_EQ(walk.skipped_bytes, cut - wanted.stopped_at) << cut;
      EXPECT_EQ(walk.damage.find("cut off at its end") != std::string::npos, within) << cut << walk.damage;
      const Walk strict = walk_bytes(bytes, true);
      EXPECT_EQ(strict.ok(), !within) << cut;
      EXPECT_TRUE(!within || strict.kind == ErrorKind::damage);
    }
  }
}

TEST(Pcap, AFileThatEndsInItsHeaderIsAnError) {
  const Bytes whole = PcapBuilder().bytes;
  for (std::size_t size = 0; size < 24; ++size) {
    const Walk walk = walk_bytes(prefix(whole, size));
    EXPECT_FALSE(walk.ok()) << size;
    EXPECT_EQ(walk.kind, ErrorKind::failed);
  }
  const Bytes ixia = PcapBuilder({"", 0x1c0001ac, false, 1, 65535, 4}).bytes;
  EXPECT_EQ(walk_bytes(ixia).error, "");
  EXPECT_NE(walk_bytes(prefix(ixia, 26)).error.find("(26 of 28 bytes)"), std::string::npos);
  EXPECT_TRUE(walk_bytes(whole).ok());
  EXPECT_TRUE(walk_bytes(whole).records.empty());
}

/// Records of `all` that lie wholly before byte `from`, or begin at `to` or later.
std::vector<oracle::Record> outside(const PcapBuilder& pcap, const std::vector<oracle::Record>& all,
                                    std::size_t from, std::size_t to) {
  std::vector<oracle::Record> kept;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::size_t end = i + 1 < all.size() ? pcap.starts[i + 1] : pcap.bytes.size();
    if (end <= from || pcap.starts[i] >= to) kept.push_back(all[i]);
  }
  return kept;
}

bool contains_in_order(const std::vector<oracle::Record>& all, const std::vector<oracle::Record>& wanted) {
  std::size_t at = 0;
  for (const auto& record : wanted) {
    while (at < all.size() && !(all[at] == record)) ++at;
    if (at == all.size()) return false;
    ++at;
  }
  return true;
}

TEST(Pcap, OneFlippedByteCostsAtMostTheRecordsAroundIt) {
  constexpr unsigned kSeed = 13;
  Random random(kSeed);
  for (const PcapShape& shape : {shapes()[0], shapes()[3], shapes()[5]}) {
    const PcapBuilder pcap = ordinary_pcap(random, 40, shape);
    const auto all = oracle::read_pcap(pcap.bytes).records;
    for (std::size_t at = 24; at < pcap.bytes.size(); ++at) {
      Bytes bytes = pcap.bytes;
      bytes[at] ^= static_cast<std::uint8_t>(1 + random() % 255);
      const Walk walk = walk_bytes(bytes);
      ASSERT_TRUE(walk.ok()) << walk.error;
      // A wrong length can swallow what it covers: up to a wire length (1500 bytes) of records.
      EXPECT_TRUE(contains_in_order(walk.records, outside(pcap, all, at, at + 1600)))
          << shape.name << ", seed " << kSeed << ", byte " << at << ": " << walk.damage;
      EXPECT_LE(walk.records.size(), all.size() + 1) << at;
    }
  }
}

TEST(Pcap, TheAnswerDoesNotDependOnTheBlocks) {
  constexpr unsigned kSeed = 14;
  Random random(kSeed);
  for (int round = 0; round < 60; ++round) {
    Bytes bytes = ordinary_pcap(random, 60, shapes()[static_cast<std::size_t>(round) % 4], 300).bytes;
    for (int i = 0; i < 1 + round % 5; ++i)
      bytes[24 + random() % (bytes.size() - 24)] ^= static_cast<std::uint8_t>(random());
    const Walk whole = walk_bytes(bytes, false, bytes.size() + 1);
    for (std::size_t block : {1u, 17u, 500u, 4096u}) {
      const Walk walk = walk_bytes(bytes, false, block);
      EXPECT_EQ(difference(walk.records, whole.records), "")
          << "seed " << kSeed << " round " << round << " block " << block;
      EXPECT_EQ(walk.damage, whole.damage);
      EXPECT_EQ(walk.skipped_bytes, whole.skipped_bytes);
      EXPECT_EQ(walk.damaged, whole.damaged);
    }
  }
}

using PlainWalker = PcapWalker<PlainPcapLayout<false, false>, RecordingSink>;

/// Walks `bytes` from `from` on in windows that grow by `block`; returns the offset where the walker stays.
std::size_t walk_windows(PlainWalker& walker, const Bytes& bytes, std::size_t from, std::size_t block) {
  for (std::size_t end = from;;) {
    end = std::min(end + block, bytes.size());
    const std::uint8_t* const next =
        walker.walk(bytes.data() + from, bytes.data() + end, end == bytes.size(), from);
    from = static_cast<std::size_t>(next - bytes.data());
    if (end == bytes.size()) return from;
  }
}

TEST(Pcap, AWalkStopsAtTheFirstRecordFromAnOffsetOn) {
  constexpr unsigned kSeed = 22;
  Random random(kSeed);
  PcapBuilder pcap = ordinary_pcap(random, 25);
  for (const bool damaged : {false, true}) {
    if (damaged) pcap.bytes[pcap.starts[9] + 7] = 0x7f;
    pcap.bytes.erase(pcap.bytes.end() - 3, pcap.bytes.end());  // a cut record at the end
    const PcapHeader header = parse_pcap_header(pcap.bytes.data());
    RecordingSink whole;
    DamageLog log(false);
    PlainWalker all(header, LinkType::ethernet, whole, log);
    ASSERT_EQ(walk_windows(all, pcap.bytes, 24, pcap.bytes.size()), pcap.bytes.size());
    for (std::size_t stop = 24; stop <= pcap.bytes.size(); ++stop) {
      for (const std::size_t block : {std::size_t{1}, std::size_t{100}, pcap.bytes.size()}) {
        RecordingSink parts;
        PlainWalker first(header, LinkType::ethernet, parts, log), second(header, LinkType::ethernet, parts, log);
        first.stop_at(stop);
        const std::size_t stayed = walk_windows(first, pcap.bytes, 24, block);
        auto wanted = std::find_if(pcap.starts.begin(), pcap.starts.end(), [&](auto at) { return at >= stop; });
        EXPECT_EQ(stayed, wanted == pcap.starts.end() ? pcap.bytes.size() : *wanted) << stop << " " << block;
        EXPECT_EQ(walk_windows(second, pcap.bytes, stayed, block), pcap.bytes.size());
        EXPECT_EQ(difference(parts.records, whole.records), "") << stop << " " << block;
        EXPECT_EQ(parts.truncated, 1u) << stop;
        EXPECT_EQ(parts.damaged, whole.damaged) << stop;
        EXPECT_EQ(parts.skipped_bytes, whole.skipped_bytes) << stop;
      }
    }
  }
}

TEST(Pcap, GoesOnAfterDamageOfEveryKind) {
  Random random(15);
  const PcapBuilder pcap = ordinary_pcap(random, 50);
  const auto all = oracle::read_pcap(pcap.bytes).records;
  const auto at = [&](std::size_t record) {
    return pcap.bytes.begin() + static_cast<std::ptrdiff_t>(pcap.starts[record]);
  };
  const struct {
    const char* name;
    std::function<void(Bytes&)> harm;
    std::size_t from, to;  // records touched
  } rows[] = {
      {"a hole of zeros",
       [&](Bytes& b) {
         std::fill(b.begin() + (at(10) - pcap.bytes.begin()) + 5, b.begin() + (at(20) - pcap.bytes.begin()),
                   0);
       },
       10, 20},
      {"a hole of zeros from a record on",
       [&](Bytes& b) {
         std::fill(b.begin() + (at(10) - pcap.bytes.begin()), b.begin() + (at(20) - pcap.bytes.begin()), 0);
       },
       10, 20},
      {"a hole of ones",
       [&](Bytes& b) {
         std::fill(b.begin() + (at(10) - pcap.bytes.begin()), b.begin() + (at(20) - pcap.bytes.begin()) + 7,
                   255);
       },
       10, 21},
      {"bytes lost",
       [&](Bytes& b) {
         b.erase(b.begin() + (at(10) - pcap.bytes.begin()) + 3,
                 b.begin() + (at(12) - pcap.bytes.begin()) + 20);
       },
       10, 13},
      {"bytes added",
       [&](Bytes& b) {
         const Bytes junk = random_payload(random, 777);
         b.insert(b.begin() + (at(10) - pcap.bytes.begin()), junk.begin(), junk.end());
       },
       10, 10},
      {"a captured length beyond any", [&](Bytes& b) { b[pcap.starts[10] + 11] = 0x7f; }, 10, 11},
      {"a fraction beyond a second", [&](Bytes& b) { b[pcap.starts[10] + 7] = 0x7f; }, 10, 11},
  };
  for (const auto& row : rows) {
    Bytes bytes = pcap.bytes;
    row.harm(bytes);
    const Walk walk = walk_bytes(bytes);
    std::vector<oracle::Record> wanted(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(row.from));
    wanted.insert(wanted.end(), all.begin() + static_cast<std::ptrdiff_t>(row.to), all.end());
    EXPECT_TRUE(contains_in_order(walk.records, wanted)) << row.name << ": " << walk.damage;
    EXPECT_LE(walk.records.size(), wanted.size() + 1) << row.name;
    EXPECT_EQ(walk.damaged, 1u) << row.name;
    EXPECT_NE(walk.damage.find("1 damaged stretch"), std::string::npos) << row.name << ": " << walk.damage;
    EXPECT_NE(walk.damage.find("first at byte"), std::string::npos);
    const Walk strict = walk_bytes(bytes, true);
    EXPECT_EQ(strict.kind, ErrorKind::damage) << row.name;
    EXPECT_NE(strict.error.find("at byte "), std::string::npos) << strict.error;
    EXPECT_LE(strict.records.size(), row.from + 1);
  }
}

TEST(Pcap, StrictNamesTheOffset) {
  Random random(16);
  PcapBuilder pcap = ordinary_pcap(random, 20);
  pcap.bytes[pcap.starts[7] + 7] = 0xff;
  const Walk walk = walk_bytes(pcap.bytes, true);
  EXPECT_EQ(walk.records.size(), 7u);
  EXPECT_NE(walk.error.find("at byte " + std::to_string(pcap.starts[7]) + ":"), std::string::npos)
      << walk.error;
}

TEST(Pcap, FractionsOfASecondOrMoreAreTimes) {
  for (const std::uint32_t fraction : {1'000'000u, 999'999'999u}) {  // rounded up; nanoseconds under the wrong magic
    for (std::size_t place : {0u, 5u, 9u}) {
      Random random(18);
      PcapBuilder pcap({"", 0xa1b2c3d4, false, 1, 100, 4});
      for (std::uint32_t i = 0; i < 10; ++i)
        pcap.record(1'600'000'000 + i, i == place ? fraction : 0, random_payload(random, 50), 50);
      const Walk walk = walk_bytes(pcap.bytes, true);
      EXPECT_EQ(difference(walk.records, oracle::read_pcap(pcap.bytes).records), "")
          << fraction << " at " << place << walk.error;
    }
  }
}

TEST(Pcap, OddRecordsOfRealCapturesAreDelivered) {
  const struct {
    const char* name;
    std::uint32_t captured, wire;
  } rows[] = {{"captured more than the wire", 90, 60},
              {"nothing captured", 0, 60},
              {"nothing at all", 0, 0},
              {"more than the snaplen", 120, 120},
              {"an enormous wire length", 60, 0xfffffff0}};
  for (const auto& row : rows) {
    for (std::size_t place : {0u, 5u, 9u}) {
      Random random(17);
      PcapBuilder pcap({"", 0xa1b2c3d4, false, 1, 100, 4});
      for (std::uint32_t i = 0; i < 10; ++i) {
        const bool odd = i == place;
        pcap.record(1'600'000'000 + i, 0, random_payload(random, odd ? row.captured : 50),
                    odd ? row.wire : 50);
      }
      const Walk walk = walk_bytes(pcap.bytes, true);
      EXPECT_EQ(difference(walk.records, oracle::read_pcap(pcap.bytes).records), "")
          << row.name << " at " << place << walk.error;
    }
  }
}

TEST(Pcap, ACaptureInAPayloadIsPayload) {
  Random random(18);
  const Bytes inner = ordinary_pcap(random, 30).bytes;
  PcapBuilder pcap;
  for (std::uint32_t i = 0; i < 20; ++i) {
    const Bytes payload = i % 3 == 1 ? inner : random_payload(random, 40);
    pcap.record(1'600'000'000 + i, i, payload, static_cast<std::uint32_t>(payload.size()));
  }
  EXPECT_EQ(difference(walk_bytes(pcap.bytes, true).records, oracle::read_pcap(pcap.bytes).records), "");
  EXPECT_EQ(walk_bytes(pcap.bytes).records.size(), 20u);
}

TEST(Pcap, AHeaderInADamagedPayloadDoesNotStandAlone) {
  for (const int fakes : {1, 2}) {
    Random random(20);
    // A record whose own header is damaged, and in whose payload lie as many good headers as are not
    // believed.
    PcapBuilder inner;
    for (int i = 0; i < fakes; ++i) inner.record(1'600'000'005, 1, Bytes(20, 1), 20);
    Bytes payload(40, 0xff);
    payload.insert(payload.end(), inner.bytes.begin() + 24, inner.bytes.end());
    payload.resize(payload.size() + 40, 0xff);
    PcapBuilder pcap;
    for (std::uint32_t i = 0; i < 10; ++i) {
      const Bytes data = i == 4 ? payload : random_payload(random, 50);
      pcap.record(1'600'000'000 + i, 0, data, static_cast<std::uint32_t>(data.size()));
    }
    auto wanted = oracle::read_pcap(pcap.bytes).records;
    wanted.erase(wanted.begin() + 4);
    pcap.bytes[pcap.starts[4] + 7] = 0x7f;
    const Walk walk = walk_bytes(pcap.bytes);
    EXPECT_EQ(difference(walk.records, wanted), "") << fakes << ": " << walk.damage;
    EXPECT_EQ(walk.damaged, 1u);
    EXPECT_EQ(walk.skipped_bytes, 16 + payload.size());
  }
}

TEST(Pcap, ALinkTypeThatIsNotDecodedIsNamed) {
  const struct {
    std::uint32_t link;
    const char* name;
  } rows[] = {{195, "link type 195 IEEE802_15_4 is not decoded"},
              {147, "link type 147 USER0 is not decoded"},
              {999, "link type 999 is not decoded"}};
  for (const auto& row : rows) {
    PcapBuilder pcap({"", 0xa1b2c3d4, false, row.link, 65535, 4});
    pcap.record(1, 1, Bytes(10), 10);
    const Walk walk = walk_bytes(pcap.bytes);
    EXPECT_NE(walk.error.find(row.name), std::string::npos) << walk.error;
    EXPECT_TRUE(walk.records.empty());
  }
}

TEST(Pcap, NothingButNoiseEndsAtOnce) {
  Random random(19);
  PcapBuilder pcap;
  append(pcap.bytes, random_payload(random, 3'000'000));
  const Walk walk = walk_bytes(pcap.bytes);
  EXPECT_TRUE(walk.ok());
  EXPECT_LE(walk.records.size(), 2u);
  EXPECT_EQ(walk.damaged, 1u);
}

}  // namespace
}  // namespace tidegauge
