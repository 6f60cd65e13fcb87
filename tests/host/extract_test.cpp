// Labels back to packets, on real captures, held against the series' counts and an independent reader.
#include "host/extract.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <thread>

#include "host/bin_traces.hpp"
#include "host/sqlite.hpp"
#include "tests/capture_writer.hpp"
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
  SeriesFile bin(const std::vector<std::string>& captures, const KeyedOptions& keyed = {}) {
    test::fs::remove(scratch / "x.series");
    BinOptions options;
    options.keyed = keyed;
    options.series = name("x.series");
    options.interval_ns = second;
    options.index_step_bytes = 256 << 10;
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
  EXPECT_LT(report->input_bytes, 4u << 20) << "of 13 MB, in blocks of one";
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

TEST_F(ExtractPackets, WhatChoseAmongThePacketsChoosesAgain) {
  TG_NEEDS_SHARED_DATA();
  std::vector<std::string> captures;
  for (const char* const capture : {"bro.org.pcap", "vlan.pcap", "telnet-long-line-no-eol.pcapng.gz", "modbus_test_2.pcap"})
    captures.push_back((test::shared_data() / "pcaps" / capture).string());
  KeyedOptions only, filter, dedup, all;
  ASSERT_TRUE(only.only.add("udp"));
  only.outer = true;
  filter.filter = "tcp or arp";
  dedup.dedup = 4;
  all = filter;
  all.dedup = 1'024;
  all.by = {{KeyKind::dport, {}}};
  all.distinct = true;
  ASSERT_TRUE(all.only.add("tcp"));
  const ExtractOptions everything{.ranges = {{INT64_MIN, INT64_MAX}}, .format = PacketFileWriter::Format::pcapng};
  const std::uint64_t before = extract(bin(captures), everything)->packets;
  for (const KeyedOptions& keyed : {only, filter, dedup, all}) {
    const SeriesFile file = bin(captures, keyed);
    const auto report = extract(file, everything);
    ASSERT_TRUE(report) << report.error().message();
    ASSERT_TRUE(report->counted) << "compared whatever the settings";
    EXPECT_EQ(*report->counted, report->packets);
    EXPECT_GT(report->packets, 0u);
    EXPECT_LT(report->packets, before);
    EXPECT_EQ(oracle::read_capture(written).records.size(), report->packets);
  }
}

TEST_F(ExtractPackets, TimesBesideACaptureAreLookedForThereAgain) {
  TG_NEEDS_SHARED_DATA();
  const std::string capture = copy("channel_4d_5s.pcap");
  auto records = oracle::read_capture(bytes_of(capture)).records;
  std::string lines;
  for (std::size_t i = 0; i < records.size(); ++i) {
    records[i].ts_ns += static_cast<std::int64_t>(i % 900);
    lines += fmt::format("{}.{:09}\n", records[i].ts_ns / second, records[i].ts_ns % second);
  }
  test::write_text(name("channel_4d_5s.times"), lines);
  const SeriesFile file = bin({capture});
  EXPECT_EQ(file.traces()->front().kind, "pcapng with .times") << "whatever its name says";
  const std::int64_t k = records[records.size() / 2].ts_ns / second;
  std::erase_if(records, [&](const auto& record) { return record.ts_ns / second < k || record.ts_ns / second > k + 9; });
  const ExtractOptions options{.ranges = {{k, k + 9}}};
  const auto report = extract(file, options);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->counted, report->packets);
  EXPECT_TRUE(oracle::read_capture(written).records == records) << "to the nanosecond";
  EXPECT_EQ(report->capture_bytes, test::fs::file_size(capture) + lines.size());
  EXPECT_LT(report->input_bytes, report->capture_bytes / 2);

  test::write_text(name("channel_4d_5s.times"), lines + "1\n");
  const auto changed = extract(file, options);
  ASSERT_FALSE(changed);
  EXPECT_NE(changed.error().message().find("not the .times file"), std::string::npos) << changed.error().message();
  test::fs::remove(scratch / "channel_4d_5s.times");
  const auto gone = extract(file, options);
  ASSERT_FALSE(gone);
  EXPECT_NE(gone.error().message().find("not beside it"), std::string::npos) << gone.error().message();
}

TEST_F(ExtractPackets, AnIndexThatCannotBeIsAnErrorBeforeAnythingIsRead) {
  TG_NEEDS_SHARED_DATA();
  const std::string capture = copy("channel_5d_3s.pcap");
  const char* const damages[] = {
      "UPDATE trace_index SET head = x'0201' WHERE ordinal = 1",
      "UPDATE trace_index SET head = x'010110' WHERE ordinal = 1",
      "UPDATE trace_index SET entry_stream_offset = 1000000000 WHERE ordinal = 2",
      "UPDATE trace_index SET stream_offset = 0 WHERE ordinal = 2",
      "UPDATE trace_index SET packets = -packets WHERE ordinal = 3",
      "UPDATE trace_index SET last_ns = NULL WHERE ordinal = 1",
      "DELETE FROM trace_index WHERE ordinal = 0",
      "UPDATE traces SET settings = '{\"unheard_of\":1}'",
      "UPDATE traces SET settings = '{\"dedup\":99999999}'",
      "UPDATE traces SET settings = '{\"filter\":\"tcp prot\"}'",
      "UPDATE traces SET settings = 'no json'",
  };
  bin({capture});
  for (const char* const damage : damages) {
    test::fs::copy_file(scratch / "x.series", scratch / "damaged.series", test::fs::copy_options::overwrite_existing);
    {
      auto db = sqlite::Database::open(name("damaged.series"), SQLITE_OPEN_READWRITE, "");
      ASSERT_TRUE(db && db->execute(damage)) << damage;
    }
    const auto report = extract(*SeriesFile::open(name("damaged.series"), OpenMode::read), {.ranges = {{INT64_MIN, INT64_MAX}}});
    ASSERT_FALSE(report) << damage;
    EXPECT_TRUE(written.empty()) << damage;
  }
}

TEST_F(ExtractPackets, OfAPipeACopyIsFoundUnderAnyName) {
  test::CaptureWriter writer;
  for (int i = 0; i < 5; ++i) writer.packet(1'452'315'600'000'000 + i * 1'000'000, 60);
  const std::string pipe = name("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  std::thread feeder([&] { test::write_text(pipe, writer.bytes()); });
  const SeriesFile file = bin({pipe});
  feeder.join();
  const std::vector<IntervalRange> ranges{{1'452'315'601, 1'452'315'602}};
  const auto gone = extract(file, {.ranges = ranges});
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().kind, ErrorKind::failed);
  EXPECT_NE(gone.error().message().find("came from the pipe " + pipe), std::string::npos) << gone.error().message();

  test::fs::create_directory(scratch / "kept");
  std::string same_size = writer.bytes();
  same_size.back() = '\x7f';
  test::write_text(scratch / "kept" / "other.pcap", same_size);
  const auto absent = extract(file, {.ranges = ranges, .input_dir = name("kept")});
  ASSERT_FALSE(absent);
  EXPECT_NE(absent.error().message().find("no file here holds what came"), std::string::npos) << absent.error().message();
  EXPECT_FALSE(extract(file, {.ranges = ranges, .input_dir = name("no such folder")}));

  writer.save(scratch / "kept" / "saved under another name");
  const auto found = extract(file, {.ranges = ranges, .input_dir = name("kept")});
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->packets, 2u);
  EXPECT_EQ(found->counted, 2u);
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
