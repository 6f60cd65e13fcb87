// walk_capture on files: real captures against their manifest, gzip around either format, errors, progress.
#include "ingest/formats/capture.hpp"

#include <chrono>
#include <random>
#include <sstream>
#include <string>

#include "tests/ingest/capture_builder.hpp"
#include "tests/ingest/csv.hpp"
#include "tests/ingest/walk_support.hpp"

namespace tidegauge {
namespace {

using namespace test;

TEST(Capture, RealCapturesHaveTheirManifestsPackets) {
  TG_NEEDS_SHARED_DATA();
  const auto rows = read_csv(shared_data() / "pcaps" / "manifest.csv");
  ASSERT_GE(rows.size(), 20u);
  for (auto row : rows) {
    const Walk walk = walk_file(shared_data() / "pcaps" / row["file"], true);
    EXPECT_EQ(walk.error, "") << row["file"];
    std::uint64_t wire = 0, captured = 0;
    for (const auto& record : walk.records) wire += record.wire, captured += record.captured;
    EXPECT_EQ(std::to_string(walk.records.size()), row["packets"]) << row["file"];
    if (!row["wire_bytes"].empty()) {
      EXPECT_EQ(std::to_string(wire), row["wire_bytes"]) << row["file"];
    }
    if (!row["captured_bytes"].empty()) {
      EXPECT_EQ(std::to_string(captured), row["captured_bytes"]) << row["file"];
    }
    EXPECT_EQ(walk.damage, "") << row["file"];
  }
}

TEST(Capture, RealCapturesEqualTheOracle) {
  TG_NEEDS_SHARED_DATA();
  for (auto row : read_csv(shared_data() / "pcaps" / "manifest.csv")) {
    const fs::path path = shared_data() / "pcaps" / row["file"];
    if (path.extension() == ".gz") continue;
    const auto wanted = oracle::read_capture(read_bytes(path));
    EXPECT_EQ(difference(walk_file(path).records, wanted.records), "") << row["file"];
  }
}

TEST(Capture, GzipAroundEitherFormat) {
  ScratchFolder scratch;
  Random random(31);
  const Bytes pcap = ordinary_pcap(random, 300).bytes, pcapng = ordinary_pcapng(random, 300).bytes;
  for (const Bytes& capture : {pcap, pcapng}) {
    // Members end anywhere, also within a record.
    Bytes compressed = gzip_member(prefix(capture, 1001));
    append(compressed, gzip_member(Bytes(capture.begin() + 1001, capture.end())));
    write_bytes(scratch / "c.gz", compressed);
    const Walk walk = walk_file(scratch / "c.gz", true);
    EXPECT_EQ(walk.format, capture == pcap ? "pcap in gzip" : "pcapng in gzip") << walk.error;
    EXPECT_EQ(difference(walk.records, oracle::read_capture(capture).records), "");
  }
}

TEST(Capture, AGzipFileCutAnywhereKeepsWhatCameBefore) {
  ScratchFolder scratch;
  Random random(32);
  const Bytes capture = ordinary_pcap(random, 20).bytes;
  const auto all = oracle::read_pcap(capture).records;
  const Bytes compressed = gzip_member(capture);
  std::size_t most = 0;
  for (std::size_t cut = 18; cut < compressed.size(); ++cut) {
    write_bytes(scratch / "c.gz", prefix(compressed, cut));
    const Walk walk = walk_file(scratch / "c.gz");
    if (walk.ok()) {
      EXPECT_NE(walk.damage.find("gzip member at byte 0 is cut off"), std::string::npos) << cut << walk.damage;
      ASSERT_LE(walk.records.size(), all.size());
      EXPECT_EQ(difference(walk.records,
                           {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(walk.records.size())}),
                "");
      EXPECT_GE(walk.records.size(), most) << cut;
      most = walk.records.size();
    } else {
      EXPECT_EQ(most, 0u) << "an error after records had come: " << walk.error;
    }
    const Walk strict = walk_file(scratch / "c.gz", true);
    EXPECT_EQ(strict.kind, ErrorKind::damage) << strict.error;
  }
  EXPECT_EQ(most, all.size());
}

TEST(Capture, SaysWhatIsNoCapture) {
  ScratchFolder scratch;
  const struct {
    const char* name;
    std::string content;
    const char* words;
  } rows[] = {
      {"empty", "", "the file is empty"},
      {"text", "time,value\n1,2\n3,4\n5,6\n7,8\n", "is neither pcap nor pcapng nor ERF"},
      {"short", "ab", "is neither pcap nor pcapng nor ERF"},
      {"cut", std::string("\xd4\xc3\xb2\xa1\x02\x00", 6), "ends within the pcap file header (6 of 24 bytes)"},
  };
  for (const auto& row : rows) {
    write_text(scratch / row.name, row.content);
    const auto result = [&] {
      Walk sink;
      return walk_capture((scratch / row.name).string(), sink, {});
    }();
    ASSERT_FALSE(result);
    EXPECT_NE(result.error().message().find(row.words), std::string::npos) << result.error().message();
    EXPECT_NE(result.error().message().find(row.name), std::string::npos);
    EXPECT_FALSE(result.error().remedy.empty());
  }
}

TEST(Capture, ProgressGrowsAndEndsAtTheSize) {
  ScratchFolder scratch;
  Random random(33);
  PcapBuilder pcap;
  const Bytes payload = random_payload(random, 1400);
  for (std::uint32_t i = 0; i < 30'000; ++i) pcap.record(i, 0, payload, 1400);
  write_bytes(scratch / "p", pcap.bytes);
  std::vector<std::uint64_t> told;
  WalkOptions options;
  options.progress = [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_EQ(total, pcap.bytes.size());
    told.push_back(done);
  };
  RecordingSink sink;
  const auto result = walk_capture((scratch / "p").string(), sink, options);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->input_bytes, pcap.bytes.size());
  EXPECT_EQ(told.size(), pcap.bytes.size() / (16 << 20) + 1);
  EXPECT_TRUE(std::is_sorted(told.begin(), told.end()));
  EXPECT_EQ(told.back(), pcap.bytes.size());
}

TEST(Capture, AFileThatBecomesShorterDuringTheWalkIsAnError) {
  ScratchFolder scratch;
  PcapBuilder pcap;
  const Bytes payload(1400, 1);
  for (std::uint32_t i = 0; i < 30'000; ++i) pcap.record(i, 0, payload, 1400);
  write_bytes(scratch / "p", pcap.bytes);
  WalkOptions options;
  options.progress = [&](std::uint64_t, std::uint64_t) { fs::resize_file(scratch / "p", 1000); };
  RecordingSink sink;
  const auto result = walk_capture((scratch / "p").string(), sink, options);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message().find("became shorter"), std::string::npos) << result.error().message();
}

}  // namespace
}  // namespace tidegauge
