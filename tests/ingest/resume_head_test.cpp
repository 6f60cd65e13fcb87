// What an index says of what lies before a stretch: whatever its bytes are, decoding takes only what a walker says.
#include "ingest/formats/resume_head.hpp"

#include <fmt/format.h>

#include "ingest/formats/pcapng_head.hpp"
#include "tests/ingest/capture_builder.hpp"
#include "tests/ingest/walk_support.hpp"

namespace tidegauge {
namespace {

using namespace test;

ResumeHead pcap_head(std::uint32_t record_header_bytes, const PcapShape& shape = {}) {
  const Bytes bytes = prefix(PcapBuilder(shape).bytes, 24);
  return ResumeHead(ResumeView{CaptureFormat::pcap, record_header_bytes, bytes});
}

ResumeHead pcapng_head() {
  PcapngBuilder file(true);
  file.interface(1);
  return ResumeHead(ResumeView{.format = CaptureFormat::pcapng, .bytes = file.bytes});
}

TEST(ResumeHead, IsReadBack) {
  for (const ResumeHead& head : {pcap_head(16), pcap_head(20), pcap_head(24), pcap_head(24, {.name = "", .magic = 0xa1b2cd34, .big_endian = true}),
                                 pcap_head(28, {.name = "", .magic = 0xa1b2cd34}), pcap_head(16, {.name = "", .magic = 0x1c0001ac}), pcapng_head(),
                                 ResumeHead(ResumeView{.format = CaptureFormat::erf})}) {
    const auto again = decode_resume_head(encode(head));
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, head);
  }
}

TEST(ResumeHead, OnlyWhatAWalkerSaysIsTaken) {
  const Bytes pcap = encode(pcap_head(16)), patched = encode(pcap_head(24, {.name = "", .magic = 0xa1b2cd34})), pcapng = encode(pcapng_head());
  const auto with = [](Bytes bytes, std::size_t at, std::uint8_t value) { return bytes[at] = value, bytes; };
  Bytes longer = pcapng;
  longer.resize(3 + PcapngHead::most_bytes + 1);
  const std::vector<std::pair<const char*, Bytes>> table{
      {"nothing", {}},
      {"cut", {1, 3}},
      {"another version", with(pcap, 0, 2)},
      {"no format", with(pcap, 1, 0)},
      {"another format", with(pcap, 1, 4)},
      {"a pcap as ERF", with(pcap, 1, 3)},
      {"records of no length", with(pcap, 2, 0)},
      {"records of 28 bytes without the patched magic", with(pcap, 2, 28)},
      {"patched records of 16 bytes", with(patched, 2, 16)},
      {"a file header that is cut", prefix(pcap, pcap.size() - 1)},
      {"another magic", with(pcap, 3, 0)},
      {"a length of records in pcapng", with(pcapng, 2, 16)},
      {"a section header that is cut", prefix(pcapng, 3 + 27)},
      {"no section header", with(pcapng, 3, 0)},
      {"more interfaces than a walker keeps", longer},
      {"ERF with bytes", {1, 3, 0, 0}},
  };
  for (const auto& [words, bytes] : table) EXPECT_FALSE(decode_resume_head(bytes)) << words;
}

/// The walk goes on from it, whatever it says: the sanitizers watch.
TEST(ResumeHead, AWalkThatBelievesItEnds) {
  const std::uint32_t seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  Random random(seed);
  const Bytes heads[] = {encode(pcap_head(20)), encode(pcapng_head()), encode(ResumeHead(ResumeView{.format = CaptureFormat::erf}))};
  std::size_t believed = 0;
  for (int round = 0; round < 2'000; ++round) {
    Bytes encoded = heads[round % 3];
    for (std::uint32_t hits = random() % 4; hits != 0; --hits)
      encoded[random() % encoded.size()] = static_cast<std::uint8_t>(random() % 2 ? random() : random() % 32);
    const auto head = decode_resume_head(encoded);
    if (!head) continue;
    ++believed;
    EXPECT_EQ(encode(*head), encoded);
    Bytes stream = head->bytes;
    append(stream, round % 2 ? random_payload(random, 300) : ordinary_pcap(random, 5).bytes);
    MemorySource source(stream.data(), stream.size());
    Walk walk;
    const auto result = walk_source("x", source, walk, {.resume = &*head}, 50);
    if (result) {
      EXPECT_EQ(result->format, head->format == CaptureFormat::pcap ? "pcap" : head->format == CaptureFormat::pcapng ? "pcapng" : "erf");
    }
  }
  EXPECT_GT(believed, 500u);
}

}  // namespace
}  // namespace tidegauge
