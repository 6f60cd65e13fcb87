// `bin` on the traces that have broken other tools: each as the design says, down to the rows of the series file.
#include <fmt/format.h>

#include <numeric>

#include "host/bin_traces.hpp"
#include "tests/capture_writer.hpp"
#include "tests/ingest/erf_builder.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

constexpr std::int64_t second = 1'000'000'000, hour_s = 3600;
constexpr std::int64_t start_s = 1'452'315'600;  // a full hour

class HostileTraces : public testing::Test {
 protected:
  /// One packet of 100 bytes at each of `times`, seconds since the epoch.
  std::string capture(const std::string& name, const std::vector<std::int64_t>& times) {
    test::CaptureWriter writer;
    for (const std::int64_t s : times) writer.packet(s * 1'000'000, 100);
    writer.save(scratch / name);
    return scratch / name;
  }
  std::string seconds_from(const std::string& name, std::int64_t first_s, int count) {
    std::vector<std::int64_t> times(static_cast<std::size_t>(count));
    std::iota(times.begin(), times.end(), first_s);
    return capture(name, times);
  }
  BinReport bin(const std::vector<std::string>& paths, const std::string& series = "x.series") {
    options.series = scratch / series;
    auto report = bin_traces(paths, options);
    if (!report) {
      ADD_FAILURE() << report.error().message();
      return {};
    }
    EXPECT_TRUE(report->total().adds_up());
    return *std::move(report);
  }
  struct Rows {
    std::vector<std::int64_t> k;  // of intervals with packets
    std::vector<double> packets;
    std::size_t intervals = 0;
  };
  Rows rows(const std::string& series = "x.series") {
    Rows rows;
    auto file = SeriesFile::open(scratch / series, OpenMode::read);
    EXPECT_TRUE(file && file->visit({.columns = {"packets"}}, [&](std::int64_t k, bool, std::int64_t, std::span<const double> v) {
      ++rows.intervals;
      if (v[0] > 0) rows.k.push_back(k), rows.packets.push_back(v[0]);
      return Status();
    }));
    return rows;
  }
  test::ScratchFolder scratch;
  BinOptions options;
};
using ThreadsHostileTraces = HostileTraces;

TEST_F(HostileTraces, AFileThatShrinksWhileItIsReadFailsAndTheOthersGoIn) {
  test::CaptureWriter writer(1500);
  for (int i = 0; i < 30'000; ++i) writer.packet(start_s * 1'000'000 + i, 1500);
  writer.save(scratch / "shrinking");
  options.progress = [&](const BinProgress& progress) {
    if (progress.current.ends_with("shrinking")) test::fs::resize_file(scratch / "shrinking", 1000);
  };
  const auto report = bin({scratch / "shrinking", seconds_from("whole", start_s, 5)});
  ASSERT_TRUE(report.files[0].error);
  EXPECT_NE(report.files[0].error->message().find("became shorter"), std::string::npos) << report.files[0].error->message();
  EXPECT_EQ(report.files[1].outcome, BinOutcome::added);
  EXPECT_EQ(rows().packets, std::vector<double>(5, 1)) << "nothing of the file that failed";
}

TEST_F(HostileTraces, AFileThatGrowsWhileItIsReadInPiecesFails) {
  test::CaptureWriter writer(1500);
  for (int i = 0; i < 30'000; ++i) writer.packet(start_s * 1'000'000 + i, 1500);
  writer.save(scratch / "growing");
  const auto size = test::fs::file_size(scratch / "growing");
  options.threads = 2;
  options.progress = [&](const BinProgress& progress) {
    if (progress.files_done == 0) test::fs::resize_file(scratch / "growing", size + 1000);
  };
  const auto report = bin({scratch / "growing"});
  ASSERT_TRUE(report.files[0].error);
  EXPECT_NE(report.files[0].error->message().find("became longer"), std::string::npos) << report.files[0].error->message();
  EXPECT_EQ(report.files[0].outcome, BinOutcome::failed);
}

TEST_F(HostileTraces, AnEmptyFileIsAnErrorAndAHeaderAloneIsNot) {
  test::write_text(scratch / "empty", "");
  const auto report = bin({scratch / "empty", capture("header", {})});
  ASSERT_TRUE(report.files[0].error);
  EXPECT_NE(report.files[0].error->message().find("the file is empty"), std::string::npos);
  EXPECT_EQ(report.files[1].outcome, BinOutcome::added);
  EXPECT_EQ(report.total().read, 0u);
  EXPECT_FALSE(report.files[1].trace.span);
  EXPECT_EQ(rows().intervals, 0u);
}

TEST_F(HostileTraces, SevenPacketsOverSevenDaysAreSevenPackets) {
  std::vector<std::int64_t> times, wanted;
  for (std::int64_t day = 0; day < 7; ++day) times.push_back(start_s + day * (24 * hour_s + 1));  // more than a day apart
  const auto report = bin({capture("week", times)});
  EXPECT_EQ(report.total().counted, 7u);
  const Rows all = rows();
  EXPECT_EQ(all.k, times);
  EXPECT_EQ(all.packets, std::vector<double>(7, 1));
  EXPECT_EQ(all.intervals, static_cast<std::size_t>(times.back() - times.front() + 1)) << "zeros in between, not gaps";
}

TEST_F(HostileTraces, OneAbsurdTimestampIsSetAside) {
  std::vector<std::int64_t> times;
  for (std::int64_t i = 0; i < 20; ++i) times.push_back(i == 10 ? 0xffffffff : start_s + i);
  const auto report = bin({capture("absurd", times)});
  EXPECT_EQ(report.total().read, 20u);
  EXPECT_EQ(report.total().counted, 19u);
  EXPECT_EQ(report.total()[Refusal::absurd_time], 1u);
  EXPECT_EQ(report.files[0].trace.span, (Span{start_s * second, (start_s + 19) * second}));
  EXPECT_EQ(rows().intervals, 20u) << "and not the 90 years up to it";
}

TEST_F(HostileTraces, OverlappingFilesAddUp) {
  const auto report = bin({seconds_from("a", start_s, 10), seconds_from("b", start_s + 5, 10)});
  EXPECT_EQ(report.count(BinOutcome::added), 2u);
  std::vector<double> wanted(15, 1);
  std::fill(wanted.begin() + 5, wanted.begin() + 10, 2);
  EXPECT_EQ(rows().packets, wanted);
  const auto file = SeriesFile::open(scratch / "x.series", OpenMode::read);
  EXPECT_EQ(file->spans("")->size(), 1u);
}

// What the walks say of each byte: CutAnywhere... in tests/ingest/pcap_test.cpp, pcapng_test.cpp, erf_test.cpp,
// decompress_test.cpp and capture_test.cpp.
TEST_F(HostileTraces, CutAtEveryByteAllWholeRecordsGoIn) {
  test::Random random(91);
  const auto pcap = test::ordinary_pcap(random, 6);
  const auto pcapng = test::ordinary_pcapng(random, 6);
  const auto erf = test::ordinary_erf(random, 6);
  struct Row {
    std::string name;
    const test::Bytes& bytes;
    std::vector<std::size_t> ends;  // of the records, or of blocks
    std::size_t before;             // blocks before the first packet
    std::size_t recognised;         // records that it takes to know the format: ERF has no magic
  };
  const auto ends = [](const auto& capture) {
    std::vector<std::size_t> list(capture.starts.begin() + 1, capture.starts.end());
    list.push_back(capture.bytes.size());
    return list;
  };
  const Row rows[] = {{"pcap", pcap.bytes, ends(pcap), 0, 0},
                      {"pcapng", pcapng.bytes, ends(pcapng), 3, 0},  // section, interfaces
                      {"erf", erf.bytes, ends(erf), 0, 1}};
  for (const Row& row : rows) {
    std::vector<std::string> paths;
    for (std::size_t cut = 0; cut <= row.bytes.size(); ++cut) {
      paths.push_back(scratch / fmt::format("{}{}", row.name, cut));
      test::write_text(paths.back(), std::string(row.bytes.begin(), row.bytes.begin() + static_cast<std::ptrdiff_t>(cut)));
    }
    const auto report = bin(paths, row.name + ".series");
    for (std::size_t cut = 0; cut < paths.size(); ++cut) {
      const BinnedFile& file = report.files[cut];
      const auto next = std::upper_bound(row.ends.begin(), row.ends.end(), cut);
      const auto whole = static_cast<std::size_t>(next - row.ends.begin());
      if (file.error) {
        EXPECT_LE(whole, row.before + row.recognised) << file.error->message();
        EXPECT_EQ(file.trace.account.read, 0u);
        continue;
      }
      EXPECT_EQ(file.outcome, BinOutcome::added) << file.path;
      EXPECT_EQ(file.trace.account.counted, std::max(whole, row.before) - row.before) << file.path;
      const bool between = whole > 0 ? *std::prev(next) == cut : file.trace.account.read == 0;
      EXPECT_EQ(file.trace.damage.empty(), between) << file.path << ": " << file.trace.damage;
    }
    EXPECT_EQ(report.files.back().trace.account.counted, row.ends.size() - row.before);
  }
}

TEST_F(ThreadsHostileTraces, ADayOfHourlyPacketsIsTwentyFourRowsForAnyThreads) {
  std::vector<std::string> paths;
  std::vector<std::int64_t> times;
  for (std::int64_t h = 0; h < 24; ++h) times.push_back(start_s + h * hour_s + 17);
  options.interval_ns = hour_s * second;
  for (const std::size_t threads : {1u, 4u, 24u}) {
    options.threads = threads;
    const std::string one = fmt::format("one{}.series", threads), each = fmt::format("each{}.series", threads);
    bin({capture("day", times)}, one);
    const Rows day = rows(one);
    EXPECT_EQ(day.packets, std::vector<double>(24, 1)) << threads;
    EXPECT_EQ(day.intervals, 24u);
    paths.clear();
    for (const std::int64_t s : times) paths.push_back(capture(fmt::format("hour{}", s), {s}));
    EXPECT_EQ(bin(paths, each).count(BinOutcome::added), 24u);
    EXPECT_EQ(rows(each).k, day.k);
    EXPECT_EQ(rows(each).packets, day.packets);
  }
}

}  // namespace
}  // namespace tidegauge
