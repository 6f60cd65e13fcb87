// Labels back to packets, on real captures, held against the series' counts and an independent reader.
#include "host/extract.hpp"

#include "host/bin_traces.hpp"
#include "tests/oracle/capture_oracle.hpp"
#include "tests/oracle/naive_order.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

using test::fs::path;

constexpr std::int64_t second = 1'000'000'000;

oracle::Bytes bytes_of(const path& file) {
  const std::string text = test::read_text(file);
  return {text.begin(), text.end()};
}

class ExtractPackets : public testing::Test {
 protected:
  std::string name(const std::string& file) const { return (scratch / file).string(); }
  SeriesFile bin(const std::vector<std::string>& captures, std::uint64_t index_step = 256 << 10) {
    BinOptions options;
    options.series = name("x.series");
    options.interval_ns = second;
    options.index_step_bytes = index_step;
    const auto report = bin_traces(captures, options);
    EXPECT_TRUE(report && report->count(BinOutcome::failed) == 0);
    return *SeriesFile::open(name("x.series"), OpenMode::read);
  }
  Expected<ExtractReport> extract(const SeriesFile& file, const ExtractOptions& options) {
    written.clear();
    return extract_packets(file, options, [&](std::string_view piece) {
      written.insert(written.end(), piece.begin(), piece.end());
      return Status();
    });
  }
  std::string copy(const std::string& capture, const std::string& folder = "") {
    test::fs::create_directories(scratch / folder);
    test::fs::copy_file(test::shared_data() / "pcaps" / capture, scratch / folder / capture, test::fs::copy_options::overwrite_existing);
    return (scratch / folder / capture).string();
  }
  test::ScratchFolder scratch;
  oracle::Bytes written;
};

TEST_F(ExtractPackets, EqualAnIndependentReadersAndReadOnlyWhatOverlaps) {
  TG_NEEDS_SHARED_DATA();
  const std::string a = copy("channel_5d_3s.pcap"), b = copy("channel_4d_5s.pcap");
  const SeriesFile file = bin({a, b});
  const auto all = oracle::read_capture(bytes_of(a)).records;
  const IntervalRange range{1'429'835'500, 1'429'835'519};
  const auto report = extract(file, {.ranges = {range}});
  ASSERT_TRUE(report) << report.error().message();
  std::vector<oracle::Record> wanted;
  for (const auto& record : all)
    if (record.ts_ns / second >= range.first_k && record.ts_ns / second <= range.last_k) wanted.push_back(record);
  EXPECT_GT(wanted.size(), 1000u);
  EXPECT_TRUE(oracle::read_capture(written).records == wanted);
  EXPECT_EQ(report->packets, wanted.size());
  EXPECT_EQ(report->counted, wanted.size());
  EXPECT_EQ(report->traces, 1u) << "the other capture is of another day";
  EXPECT_LT(report->input_bytes, 2u << 20) << "of 13 MB";
  EXPECT_GT(report->input_bytes, 0u);

  const auto limited = extract(file, {.ranges = {range}, .limit = 100});
  ASSERT_TRUE(limited);
  EXPECT_EQ(limited->packets, 100u);
  EXPECT_FALSE(limited->counted) << "cut short: not to be compared";
  wanted.resize(100);
  EXPECT_TRUE(oracle::read_capture(written).records == wanted);

  const auto everything = extract(file, {.ranges = {{INT64_MIN, INT64_MAX}}});
  ASSERT_TRUE(everything);
  EXPECT_EQ(everything->packets, 143'809u + 107'577u);
  EXPECT_EQ(everything->counted, everything->packets);
}

TEST_F(ExtractPackets, EveryRealCaptureGivesWhatWasCounted) {
  TG_NEEDS_SHARED_DATA();
  std::vector<std::string> captures;
  for (const auto& entry : test::fs::directory_iterator(test::shared_data() / "pcaps"))
    if (entry.path().extension() != ".csv") captures.push_back(entry.path().string());
  const SeriesFile file = bin(captures);
  const auto report = extract(file, {.ranges = {{INT64_MIN, INT64_MAX}}, .format = PacketFileWriter::Format::pcapng});
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->traces, captures.size());
  EXPECT_EQ(report->counted, report->packets);
  EXPECT_EQ(oracle::read_capture(written).records.size(), report->packets);
  const auto one_link = extract(file, {.ranges = {{INT64_MIN, INT64_MAX}}});
  ASSERT_FALSE(one_link) << "they have several link types";
  EXPECT_NE(one_link.error().message().find("pcapng"), std::string::npos);
}

TEST_F(ExtractPackets, MovedAndChangedCapturesAreErrorsThatSayWhatToTry) {
  TG_NEEDS_SHARED_DATA();
  const std::string capture = copy("vlan.pcap");
  const SeriesFile file = bin({capture});
  const ExtractOptions everything{.ranges = {{INT64_MIN, INT64_MAX}}};
  ASSERT_TRUE(extract(file, everything));
  const auto whole = written;

  test::fs::create_directories(scratch / "moved");
  test::fs::rename(capture, scratch / "moved" / "vlan.pcap");
  const auto moved = extract(file, everything);
  ASSERT_FALSE(moved);
  EXPECT_NE(moved.error().message().find("--input-dir"), std::string::npos) << moved.error().message();
  ExtractOptions elsewhere = everything;
  elsewhere.input_dir = name("moved");
  ASSERT_TRUE(extract(file, elsewhere));
  EXPECT_TRUE(written == whole);

  std::string bytes = test::read_text(scratch / "moved" / "vlan.pcap");
  bytes[100] ^= 1;
  test::write_text(capture, bytes);
  const auto changed = extract(file, everything);
  ASSERT_FALSE(changed);
  EXPECT_NE(changed.error().message().find("changed"), std::string::npos) << changed.error().message();
  EXPECT_TRUE(extract(file, {.ranges = {{0, 1}}})) << "a capture that is not needed is not looked at";
}

TEST_F(ExtractPackets, ImportedValuesHaveNoPackets) {
  BinOptions options;
  options.series = name("x.series");
  options.csv = CsvOptions{};
  test::write_text(name("a.csv"), "time,value\n10,1\n");
  ASSERT_TRUE(bin_traces({name("a.csv")}, options));
  const auto report = extract(*SeriesFile::open(name("x.series"), OpenMode::read), {.ranges = {{0, 20}}});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().kind, ErrorKind::usage);
}

}  // namespace
}  // namespace tidegauge
