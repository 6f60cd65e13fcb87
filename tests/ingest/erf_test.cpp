#include "ingest/formats/erf_walk.hpp"

#include <map>
#include <string>

#include "tests/ingest/erf_builder.hpp"
#include "tests/ingest/walk_support.hpp"
#include "tests/oracle/erf_oracle.hpp"

namespace tidegauge {
namespace {

using namespace test;

void expect_as_oracle(const Bytes& bytes, const std::string& name) {
  const auto wanted = oracle::read_erf(bytes);
  ASSERT_EQ(wanted.stopped_at, bytes.size()) << name;
  for (std::size_t block : {0u, 1u, 64u, 1000u}) {
    const Walk walk = walk_bytes(bytes, true, block);
    EXPECT_EQ(walk.error, "") << name;
    EXPECT_EQ(walk.format, "erf");
    EXPECT_EQ(difference(walk.records, wanted.records), "") << name << ", blocks of " << block;
    EXPECT_EQ(walk.lost_count, wanted.lost) << name;
    EXPECT_EQ(walk.damage, "") << name;
  }
}

TEST(Erf, OrdinaryRecordsEqualTheOracle) {
  Random random(51);
  for (const int extension_headers : {0, 1, 2, 5}) {
    for (const std::size_t align : {1u, 8u}) {
      const ErfShape shape{.extension_headers = extension_headers, .align = align};
      expect_as_oracle(ordinary_erf(random, 300, shape).bytes, std::to_string(extension_headers));
    }
  }
}

TEST(Erf, EveryTypeEqualsTheOracle) {
  Random random(52);
  ErfBuilder erf;
  const Bytes heads[] = {
      {0x0f, 0x00, 0x08, 0x00}, {0x8f, 0x00, 0x08, 0x00}, {0xff, 0x03, 0x00, 0x21}, {0x00, 0x21}, {0x21}};
  for (int round = 0; round < 5; ++round) {
    for (std::uint8_t type = 1; type <= 48; ++type) {
      if (erf::kTypes[type].kind == erf::Kind::unknown) continue;
      Bytes payload = heads[round];
      append(payload, random_payload(random, random() % 60));
      erf.record(
          erf_time(1'600'000'000u + static_cast<std::uint64_t>(round), random()), payload,
          static_cast<std::uint16_t>(payload.size() + random() % 9),
          {.type = type, .extension_headers = round % 3, .lost = static_cast<std::uint16_t>(random() % 100)});
    }
  }
  expect_as_oracle(erf.bytes, "every type");
  std::map<std::uint32_t, int> links;
  for (const auto& record : walk_bytes(erf.bytes).records)
    ++links[record.fate == "packet" ? record.link : 999];
  for (const std::uint32_t link : {1u, 9u, 50u, 104u, 228u, 229u, 999u}) EXPECT_GE(links[link], 4) << link;
}

TEST(Erf, TypesAreThoseOfTheReference) {
  std::map<erf::Kind, int> kinds;
  for (int type = 0; type < 128; ++type) ++kinds[erf::kTypes[static_cast<std::size_t>(type)].kind];
  EXPECT_EQ(kinds[erf::Kind::packet], 12);
  EXPECT_EQ(kinds[erf::Kind::refused], 15);
  EXPECT_EQ(kinds[erf::Kind::no_packet], 2);
  EXPECT_EQ(erf::kTypes[0].kind, erf::Kind::unknown) << "legacy records are no ERF";
}

TEST(Erf, TimesAreFloored) {
  const struct {
    std::uint64_t time;
    std::int64_t ns;
  } rows[] = {{0, 0},
              {1, 0},  // 0.23 ns
              {4, 0},  // 0.93 ns
              {5, 1},  // 1.16 ns
              {0x80000000, 500'000'000},
              {0xffffffff, 999'999'999},
              {erf_time(1'600'000'000, 0), 1'600'000'000'000'000'000},
              {~std::uint64_t{0}, 4'294'967'295'999'999'999}};
  for (const auto& row : rows) {
    EXPECT_EQ(oracle::erf_nanoseconds(row.time), row.ns);
    ErfBuilder erf;
    erf.record(row.time, Bytes(60), 64);
    const Walk walk = walk_bytes(erf.bytes, true);
    ASSERT_EQ(walk.records.size(), 1u) << walk.error;
    EXPECT_EQ(walk.records[0].ts_ns, row.ns);
  }
}

TEST(Erf, TheWireLengthHasNoFrameCheckSequence) {
  const struct {
    std::uint8_t type;
    std::uint16_t captured, wire;
    std::uint32_t wanted_captured, wanted_wire;
  } rows[] = {{2, 64, 64, 60, 60}, {2, 62, 64, 60, 60},  {2, 40, 1518, 40, 1514}, {11, 64, 64, 60, 60},
              {1, 48, 48, 44, 44}, {22, 40, 40, 40, 40}, {23, 60, 60, 60, 60},    {2, 3, 3, 0, 0}};
  ErfBuilder erf;
  for (const auto& row : rows)
    erf.record(erf_time(1'600'000'000, 0), Bytes(row.captured, 1), row.wire, {.type = row.type, .align = 1});
  const Walk walk = walk_bytes(erf.bytes, true);
  ASSERT_EQ(walk.records.size(), std::size(rows)) << walk.error;
  for (std::size_t i = 0; i < std::size(rows); ++i) {
    EXPECT_EQ(walk.records[i].captured, rows[i].wanted_captured) << i;
    EXPECT_EQ(walk.records[i].wire, rows[i].wanted_wire) << i;
  }
}

TEST(Erf, LossesLieBeforeTheirRecord) {
  ErfBuilder erf;
  erf.record(erf_time(1000, 0), Bytes(60), 64);
  erf.record(erf_time(1001, 0), Bytes(60), 64, {.lost = 10});
  erf.record(erf_time(1002, 0), Bytes(60), 64, {.type = 11, .lost = 500});  // a colour
  erf.record(erf_time(1003, 0), Bytes(60), 64, {.type = 22, .extension_headers = 1, .lost = 0xffff});
  struct Order : RecordingSink {
    std::string order;
    TG_INLINE void packet(const PacketView& packet) { RecordingSink::packet(packet), order += 'p'; }
    void lost(std::uint64_t n) { RecordingSink::lost(n), order += 'l'; }
  } sink;
  MemorySource source(erf.bytes.data(), erf.bytes.size());
  ASSERT_TRUE(walk_source("test", source, sink, {}));
  EXPECT_EQ(sink.order, "plpplp");
  EXPECT_EQ(sink.lost_count, 10u + 0xffff);
}

TEST(Erf, RecordsOfOneLengthAndBadPacketsAreDelivered) {
  Random random(53);
  ErfBuilder erf;
  const std::uint8_t flags[] = {0, 1, 3, 8, 16, 32};  // interfaces, truncated, receive error, internal error
  for (std::uint32_t i = 0; i < 60; ++i)
    erf.record(erf_time(1'600'000'000 + i, i), random_payload(random, 40), 44,
               {.flags = flags[i % 6], .fixed_bytes = 112});
  expect_as_oracle(erf.bytes, "one length");
}

TEST(Erf, OddRecordsAreDeliveredWhereTheOthersHoldTogether) {
  for (const std::size_t place : {4u, 7u, 18u}) {
    Random random(54);
    ErfBuilder erf;
    for (std::uint32_t i = 0; i < 20; ++i) {
      // Varying lengths, and yet more than the packet; the silence after it is real too.
      const ErfShape shape{.fixed_bytes = i == place ? 256u : 0u};
      erf.record(erf_time(1'300'000'000u + i + (i > place ? 90u * 86'400 : 0), 0), random_payload(random, 60),
                 64, shape);
    }
    expect_as_oracle(erf.bytes, std::to_string(place));
  }
}

TEST(Erf, AClockThatIsWrongOnceCostsNoRecord) {
  for (const std::size_t place : {0u, 4u, 10u, 19u}) {
    Random random(60);
    ErfBuilder erf;
    for (std::uint32_t i = 0; i < 20; ++i)
      erf.record(erf_time(i == place ? 0xffffffff : 1'600'000'000 + i, 0), random_payload(random, 60), 64);
    const Walk walk = walk_bytes(erf.bytes, true);
    if (place == 0)
      EXPECT_FALSE(walk.ok()) << "no chain to recognise ERF by";
    else
      EXPECT_EQ(difference(walk.records, oracle::read_erf(erf.bytes).records), "") << place << walk.error;
  }
}

TEST(Erf, ATypeThatIsNotDecodedIsNamedWhereThereIsNoOther) {
  ErfBuilder erf;
  for (std::uint32_t i = 0; i < 5; ++i) erf.record(erf_time(1000 + i, 0), Bytes(48), 48, {.type = 4});
  EXPECT_NE(walk_bytes(erf.bytes).error.find("ERF type 4 AAL5 is not decoded"), std::string::npos)
      << walk_bytes(erf.bytes).error;
  erf.record(erf_time(1006, 0), Bytes(48), 52);
  const Walk walk = walk_bytes(erf.bytes, true);
  EXPECT_EQ(walk.error, "");
  ASSERT_EQ(walk.records.size(), 6u);
  EXPECT_EQ(walk.records[0].fate, "unknown_link");
}

TEST(Erf, ProvenanceAndPaddingAreNoRecords) {
  ErfBuilder erf;
  erf.record(erf_time(1'600'000'000, 0), Bytes(80, 1), 80, {.type = 27, .extension_headers = 2, .lost = 9});
  erf.record(0, {}, 0, {.type = 48});
  for (std::uint32_t i = 0; i < 3; ++i) erf.record(erf_time(1'600'000'000 + i, 0), Bytes(60), 64);
  erf.record(0, Bytes(500), 0, {.type = 48});
  const Walk walk = walk_bytes(erf.bytes, true);
  EXPECT_EQ(walk.error, "");
  EXPECT_EQ(walk.records.size(), 3u);
  EXPECT_EQ(walk.lost_count, 0u);
}

TEST(Erf, WhatIsNoChainOfRecordsIsNotErf) {
  Random random(55);
  std::string lines, zeros_in_text(40'000, '0');
  for (int i = 0; i < 3000; ++i) lines += std::to_string(random() % 100) + "," + std::to_string(i) + "\n";
  ErfBuilder far, legacy;
  for (std::uint32_t i = 0; i < 5; ++i) {
    far.record(erf_time(1'000'000'000u + i * 500'000'000u, 0), Bytes(60), 64);
    legacy.record(erf_time(1'000'000'000 + i, 0), Bytes(48), 52, {.type = 0});
  }
  const std::pair<const char*, Bytes> rows[] = {{"text", Bytes(lines.begin(), lines.end())},
                                                {"digits", Bytes(zeros_in_text.begin(), zeros_in_text.end())},
                                                {"zeros", Bytes(100'000)},
                                                {"ones", Bytes(100'000, 0xff)},
                                                {"noise", random_payload(random, 100'000)},
                                                {"years between records", far.bytes},
                                                {"legacy records", legacy.bytes}};
  for (const auto& [name, bytes] : rows)
    EXPECT_NE(walk_bytes(bytes).error.find("is neither pcap nor pcapng nor ERF"), std::string::npos)
        << name << walk_bytes(bytes).error;
  for (int i = 0; i < 2000; ++i)
    EXPECT_FALSE(walk_bytes(random_payload(random, 20 + random() % 200)).ok()) << "noise " << i;
}

TEST(Erf, CutAnywhereKeepsEveryWholeRecord) {
  Random random(56);
  for (const int extension_headers : {0, 2}) {
    const ErfBuilder erf = ordinary_erf(random, 12, {.extension_headers = extension_headers});
    for (std::size_t cut = 0; cut < erf.bytes.size(); ++cut) {
      const Bytes bytes = prefix(erf.bytes, cut);
      const auto wanted = oracle::read_erf(bytes);
      const bool within = wanted.stopped_at != cut;
      // Without a magic, less than a record and the header of another is too little to tell.
      const std::size_t second_head = erf.starts[1] + 16 + 8 * static_cast<std::size_t>(extension_headers);
      if (cut < second_head && !(wanted.records.size() == 1 && !within)) {
        const Walk walk = walk_bytes(bytes);
        if (!walk.ok()) continue;
        EXPECT_GE(cut, erf.starts[1] + 16) << "fewer bytes than a record and a header";
      }
      const Walk walk = walk_bytes(bytes);
      EXPECT_EQ(walk.error, "") << cut;
      EXPECT_EQ(difference(walk.records, wanted.records), "") << cut;
      EXPECT_EQ(walk.truncated, within ? 1u : 0u) << cut;
      EXPECT_EQ(walk.skipped_bytes, cut - wanted.stopped_at) << cut;
      EXPECT_EQ(walk_bytes(bytes, true).ok(), !within) << cut;
    }
  }
}

TEST(Erf, OneFlippedByteCostsAtMostTheRecordsAroundIt) {
  constexpr unsigned kSeed = 57;
  Random random(kSeed);
  for (const int extension_headers : {0, 1}) {
    const ErfBuilder erf = ordinary_erf(random, 60, {.extension_headers = extension_headers});
    const auto all = oracle::read_erf(erf.bytes).records;
    for (std::size_t at = erf.starts[4]; at < erf.bytes.size(); ++at) {  // the first four make it an ERF file
      Bytes bytes = erf.bytes;
      bytes[at] ^= static_cast<std::uint8_t>(1 + random() % 255);
      const Walk walk = walk_bytes(bytes);
      ASSERT_TRUE(walk.ok()) << walk.error;
      // The record that holds the byte, the one before if only this one could speak for it, and what a wrong
      // length can swallow: up to a wire length (1500 bytes) of records.
      const auto hit = static_cast<std::size_t>(std::upper_bound(erf.starts.begin(), erf.starts.end(), at) -
                                                erf.starts.begin()) -
                       1;
      const std::size_t before = erf::look_at_record(&bytes[erf.starts[hit - 1]], 4000).exact ? hit : hit - 1;
      std::vector<oracle::Record> wanted;
      for (std::size_t i = 0; i < all.size(); ++i)
        if (i < before || erf.starts[i] >= at + 1600) wanted.push_back(all[i]);
      std::size_t found = 0;
      for (const auto& record : walk.records)
        if (found < wanted.size() && record == wanted[found]) ++found;
      EXPECT_EQ(found, wanted.size()) << "seed " << kSeed << ", byte " << at << ": " << walk.damage;
      EXPECT_LE(walk.records.size(), all.size() + 1) << at;
    }
  }
}

TEST(Erf, GoesOnAfterAHole) {
  Random random(58);
  const ErfBuilder erf = ordinary_erf(random, 60);
  const auto all = oracle::read_erf(erf.bytes).records;
  for (const int fill : {0x00, 0xff}) {
    Bytes bytes = erf.bytes;
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(erf.starts[20]),
              bytes.begin() + static_cast<std::ptrdiff_t>(erf.starts[30]), static_cast<std::uint8_t>(fill));
    const Walk walk = walk_bytes(bytes);
    auto wanted = all;
    wanted.erase(wanted.begin() + 20, wanted.begin() + 30);
    EXPECT_EQ(difference(walk.records, wanted), "") << walk.damage;
    EXPECT_EQ(walk.damaged, 1u);
    EXPECT_EQ(walk.skipped_bytes, erf.starts[30] - erf.starts[20]);
    const Walk strict = walk_bytes(bytes, true);
    EXPECT_EQ(strict.kind, ErrorKind::damage);
    EXPECT_NE(strict.error.find("at byte " + std::to_string(erf.starts[20])), std::string::npos)
        << strict.error;
  }
}

TEST(Erf, TheAnswerDoesNotDependOnTheBlocks) {
  constexpr unsigned kSeed = 59;
  Random random(kSeed);
  for (int round = 0; round < 60; ++round) {
    Bytes bytes = ordinary_erf(random, 60, {.extension_headers = round % 3}, 300).bytes;
    for (int i = 0; i < 1 + round % 5; ++i)
      bytes[random() % bytes.size()] ^= static_cast<std::uint8_t>(random());
    const Walk whole = walk_bytes(bytes, false, bytes.size() + 1);
    for (std::size_t block : {1u, 17u, 500u, 4096u}) {
      const Walk walk = walk_bytes(bytes, false, block);
      EXPECT_EQ(difference(walk.records, whole.records), "")
          << "seed " << kSeed << " round " << round << " block " << block;
      EXPECT_EQ(walk.damage, whole.damage);
      EXPECT_EQ(walk.error, whole.error);
      EXPECT_EQ(walk.skipped_bytes, whole.skipped_bytes);
      EXPECT_EQ(walk.lost_count, whole.lost_count);
    }
  }
}

}  // namespace
}  // namespace tidegauge
