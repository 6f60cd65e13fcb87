// Packets written as pcap and pcapng, and what pcap cannot hold.
#include <functional>

#include "ingest/formats/packet_file.hpp"
#include "tests/ingest/extract_support.hpp"

namespace tidegauge {
namespace {

using namespace test;

TEST(PacketFile, IsReadBackByAnIndependentReader) {
  Random random(11);
  std::vector<oracle::Record> records;
  for (int i = 0; i < 5'000; ++i) {
    oracle::Record record;
    record.fate = "packet";
    record.ts_ns = 1'600'000'000'123'456'789 + i * 999'999'937LL;
    record.link = 1;
    record.payload = random_payload(random, random() % 300);
    record.captured = static_cast<std::uint32_t>(record.payload.size());
    record.wire = record.captured + random() % 100;
    records.push_back(std::move(record));
  }
  const auto pcap = write_packets(records, PacketFileWriter::Format::pcap);
  EXPECT_EQ(difference(oracle::read_capture(pcap.bytes).records, records), "");
  for (auto& record : records) record.link = random() % 2 ? 1 : 101;
  records[7].ts_ns = 4'999'999'999'999'999'999;  // beyond pcap's 2106
  const auto pcapng = write_packets(records, PacketFileWriter::Format::pcapng);
  EXPECT_EQ(pcapng.error, "");
  EXPECT_EQ(difference(oracle::read_capture(pcapng.bytes).records, records), "");
}

TEST(PacketFile, SaysWhatPcapCannotHold) {
  const oracle::Record plain{"packet", 5, 3, 3, 1, Bytes(3, 1)};
  struct Row { const char* words; std::function<void(oracle::Record&)> change; };
  const Row table[] = {
      {"link type 1 ETHERNET and link type 101 RAW", [](oracle::Record& r) { r.link = 101; }},
      {"before 1970", [](oracle::Record& r) { r.ts_ns = -1; }},
      {"after 2106", [](oracle::Record& r) { r.ts_ns = 4'294'967'296'000'000'000; }},
      {"captured bytes", [](oracle::Record& r) { r.payload.resize(262'145); r.captured = 262'145; }},
  };
  for (const Row& row : table) {
    oracle::Record odd = plain;
    row.change(odd);
    EXPECT_NE(write_packets({plain, odd}, PacketFileWriter::Format::pcap).error.find(row.words), std::string::npos) << row.words;
    const auto pcapng = write_packets({plain, odd}, PacketFileWriter::Format::pcapng);
    EXPECT_EQ(difference(oracle::read_capture(pcapng.bytes).records, {plain, odd}), "") << row.words;
    EXPECT_EQ(difference(walk_bytes(pcapng.bytes).records, {plain, odd}), "") << row.words;
  }
  EXPECT_EQ(walk_bytes(write_packets({}, PacketFileWriter::Format::pcap).bytes).error, "") << "an empty capture is one";
}

}  // namespace
}  // namespace tidegauge
