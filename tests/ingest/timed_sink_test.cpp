#include "ingest/sinks/timed_sink.hpp"

#include <fmt/format.h>

#include <string>

#include "tests/ingest/capture_builder.hpp"
#include "tests/ingest/walk_support.hpp"

namespace tidegauge {
namespace {

using namespace test;

/// A capture of microseconds and the nanoseconds that belong to it.
class TimedCapture : public testing::Test {
 protected:
  void SetUp() override {
    Random random(71);
    for (std::uint32_t i = 0; i < 5000; ++i) {
      const std::uint32_t ns = random() % 1'000'000'000;
      const Bytes payload = random_payload(random, 1 + random() % 60);
      pcap.record(1'524'143'509 + i / 100, ns / 1000, payload, 60);
      times.push_back(std::int64_t{1'524'143'509 + i / 100} * 1'000'000'000 + ns);
    }
  }
  std::string lines() const {
    std::string text;
    for (const std::int64_t ns : times)
      text += fmt::format("{}.{:09}\n", ns / 1'000'000'000, ns % 1'000'000'000);
    return text;
  }
  /// The walk with `text` as times file; its error is the walk's or that of the times.
  Walk walk(const std::string& text, const Bytes& capture, const std::string& name = "x.times") {
    write_text(scratch / name, text);
    write_bytes(scratch / "x.pcap", capture);
    Walk walk;
    auto reader = TimesReader::open((scratch / name).string());
    if (!reader) return walk.error = reader.error().message(), walk;
    TimedSink<RecordingSink> timed(walk, *reader);
    const auto walked = walk_capture((scratch / "x.pcap").string(), timed, {});
    if (!walked) return walk.error = walked.error().message(), walk;
    if (const Status status = timed.finish(); !status) walk.error = status.error().message();
    return walk;
  }
  std::vector<oracle::Record> wanted() const {
    auto records = oracle::read_pcap(pcap.bytes).records;
    for (std::size_t i = 0; i < records.size(); ++i) records[i].ts_ns = times[i];
    return records;
  }

  ScratchFolder scratch;
  PcapBuilder pcap;
  std::vector<std::int64_t> times;
};

TEST_F(TimedCapture, EveryRecordHasItsNanoseconds) {
  const std::string text = lines();
  for (const std::string& variant : {text, text.substr(0, text.size() - 1)}) {
    const Walk plain = walk(variant, pcap.bytes);
    EXPECT_EQ(plain.error, "");
    EXPECT_EQ(difference(plain.records, wanted()), "");
  }
  const Bytes zipped = gzip_member(Bytes(text.begin(), text.end()));
  const Walk compressed = walk(std::string(zipped.begin(), zipped.end()), pcap.bytes, "x.times.gz");
  EXPECT_EQ(compressed.error, "");
  EXPECT_EQ(difference(compressed.records, wanted()), "");
}

TEST_F(TimedCapture, CountsThatDoNotMatchAreAnErrorWithBoth) {
  const std::string text = lines();
  EXPECT_NE(walk(text + "1524143559.0\n", pcap.bytes).error.find("has 5001 lines for 5000 records"),
            std::string::npos);
  EXPECT_NE(walk(text + "1524143559.0\n17", pcap.bytes).error.find("has 5002 lines for 5000 records"),
            std::string::npos);
  EXPECT_NE(
      walk(text.substr(0, text.rfind("15241")), pcap.bytes).error.find("has 4999 lines for 5000 records"),
      std::string::npos);
  EXPECT_NE(walk("", pcap.bytes).error.find("has 0 lines for 5000 records"), std::string::npos);
  const Bytes zipped = gzip_member(Bytes(text.begin(), text.end()));
  const std::string cut(zipped.begin(), zipped.begin() + static_cast<std::ptrdiff_t>(zipped.size() / 2));
  const Walk broken = walk(cut, pcap.bytes, "x.times.gz");
  EXPECT_NE(broken.error.find("lines for 5000 records (gzip member at byte 0 is cut off"), std::string::npos)
      << broken.error;
}

TEST_F(TimedCapture, ADamagedCaptureCannotBeAligned) {
  Bytes damaged = pcap.bytes;
  damaged[pcap.starts[2000] + 7] = 0x7f;
  const Walk walked = walk(lines(), damaged);
  EXPECT_NE(walked.error.find("has 5000 lines for 4999 records and 1 damaged"), std::string::npos)
      << walked.error;
  EXPECT_EQ(walked.records.size(), 2000u) << "nothing is delivered after the damage";
  EXPECT_EQ(walked.damaged, 1u);
  const Walk cut = walk(lines(), prefix(pcap.bytes, pcap.bytes.size() - 1));
  EXPECT_NE(cut.error.find("has 5000 lines for 4999 records and 1 damaged or cut off"), std::string::npos)
      << cut.error;
}

TEST_F(TimedCapture, ALineThatIsNoTimeIsNamed) {
  const std::string text = lines();
  const std::size_t third = 2 * 21;  // 20 characters and a line break each
  for (const std::string& bad :
       std::vector<std::string>{"noon", "", "-1524143509.0", "1524143509.1x", "1524143509,1", " 1524143509.1",
                                "1e9", ".5", "99999999999999999999", std::string(1000, '1')}) {
    std::string changed = text;
    changed.replace(third, 20, bad);
    const Walk walked = walk(changed, pcap.bytes);
    EXPECT_NE(walked.error.find("x.times line 3: '" + bad.substr(0, 30)), std::string::npos)
        << bad << ": " << walked.error;
    EXPECT_NE(walked.error.find("is not a time"), std::string::npos);
    EXPECT_EQ(walked.records.size(), 2u);
  }
}

TEST_F(TimedCapture, ATimeOfAnotherCaptureIsAnError) {
  EXPECT_EQ((times[7] += 1'000'000'000 - times[7] % 1000, walk(lines(), pcap.bytes).error), "")
      << "a second is the limit";
  times[7] += 1000;
  const Walk walked = walk(lines(), pcap.bytes);
  EXPECT_NE(walked.error.find("x.times line 8: is more than a second off"), std::string::npos)
      << walked.error;
  EXPECT_EQ(walked.records.size(), 7u);
}

TEST(TimesReader, ReadsWhatEpochsLookLike) {
  ScratchFolder scratch;
  const struct {
    const char* text;
    std::int64_t ns;
  } rows[] = {{"0", 0},
              {"1.5", 1'500'000'000},
              {"1524143509.123456789", 1'524'143'509'123'456'789},
              {"7.", 7'000'000'000},
              {"1524143509.1234567899", 1'524'143'509'123'456'789},
              {"1524143509.000001\r", 1'524'143'509'000'001'000}};
  std::string text;
  for (const auto& row : rows) text += std::string(row.text) + "\n";
  write_text(scratch / "t", text);
  auto reader = TimesReader::open((scratch / "t").string());
  ASSERT_TRUE(reader);
  for (const auto& row : rows) {
    std::int64_t ns = -1;
    EXPECT_TRUE(reader->next(ns)) << row.text;
    EXPECT_EQ(ns, row.ns) << row.text;
  }
  std::int64_t ns;
  EXPECT_FALSE(reader->next(ns));
  EXPECT_TRUE(reader->status());
}

TEST(TimesReader, IsFoundByCaidasNaming) {
  ScratchFolder scratch;
  const auto beside = [&](const std::string& capture) { return times_file_of((scratch / capture).string()); };
  EXPECT_EQ(beside("nyc.dirA.20180419-133149.UTC.anon.pcap.gz"), std::nullopt);
  write_text(scratch / "nyc.dirA.20180419-133149.UTC.anon.times.gz", "");
  write_text(scratch / "a.times", "");
  write_text(scratch / "x.times", "");
  EXPECT_EQ(beside("nyc.dirA.20180419-133149.UTC.anon.pcap.gz"),
            (scratch / "nyc.dirA.20180419-133149.UTC.anon.times.gz").string());
  EXPECT_EQ(beside("nyc.dirA.20180419-133149.UTC.anon.pcap"),
            (scratch / "nyc.dirA.20180419-133149.UTC.anon.times.gz").string());
  EXPECT_EQ(beside("a.pcap.gz"), (scratch / "a.times").string());
  EXPECT_EQ(beside("a.pcap.zst"), (scratch / "a.times").string());
  EXPECT_EQ(beside("b.pcap"), std::nullopt);
  EXPECT_EQ(beside("x"), std::nullopt);
  EXPECT_EQ(beside("x.pcapng"), std::nullopt);
}

}  // namespace
}  // namespace tidegauge
