#include "host/bin_traces.hpp"

#include <fmt/format.h>

#include <sys/stat.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <memory>
#include <new>
#include <thread>

#include "host/interrupt.hpp"
#include "tests/capture_writer.hpp"
#include "tests/failing_device.hpp"
#include "tests/lstm_only_backend.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t start_us = 1'452'315'600'000'000;

class BinTraces : public testing::Test {
 protected:
  /// `count` packets, 100 ms apart, from `at_s` seconds after the start; every third is UDP.
  std::string capture(const std::string& name, std::int64_t at_s, int count) {
    test::CaptureWriter writer;
    for (int i = 0; i < count; ++i) writer.packet(start_us + at_s * 1'000'000 + i * 100'000, 100, i % 3 != 0);
    writer.save(scratch / name);
    return scratch / name;
  }
  BinReport bin(const std::vector<std::string>& paths, const std::string& series = "x.series") {
    options.series = scratch / series;
    auto report = bin_traces(paths, options);
    if (!report) ADD_FAILURE() << report.error().message();
    return report ? *std::move(report) : BinReport{};
  }
  std::string canonical(const std::string& series = "x.series") {
    std::string text;
    auto file = SeriesFile::open(scratch / series, OpenMode::read);
    EXPECT_TRUE(file && file->export_canonical([&](std::string_view piece) { return text += piece, Status(); }));
    return text;
  }
  test::ScratchFolder scratch;
  BinOptions options;
};
using ThreadsBinTraces = BinTraces;

TEST_F(BinTraces, MinuteFilesMakeOneSeries) {
  const auto report = bin({capture("b", 2, 20), capture("a", 0, 20)});  // 1.9 s each: the joint is 100 ms
  EXPECT_EQ(report.count(BinOutcome::added), 2u);
  EXPECT_EQ(report.interval_ns, second);
  EXPECT_EQ(report.total().read, 40u);
  EXPECT_TRUE(report.total().adds_up());
  auto file = SeriesFile::open(scratch / "x.series", OpenMode::read);
  const auto series = file->read({.point = "default", .columns = {"packets", "bytes", "tcp_packets", "udp_bytes"}});
  ASSERT_TRUE(series);
  EXPECT_EQ(series->k.front(), start_us / 1'000'000);
  EXPECT_EQ(series->values, (std::vector<double>{10, 1000, 6, 400, 10, 1000, 7, 300, 10, 1000, 6, 400, 10, 1000, 7, 300}));
  EXPECT_EQ(file->spans("")->size(), 2u) << "100 ms apart is more than the tolerance of 10 ms";
  EXPECT_EQ(file->traces()->front().kind, "pcap");
}

TEST_F(BinTraces, AFileThatFailsIsReportedAndTheOthersGoIn) {
  test::write_text(scratch / "text", "this is no capture, but it is long enough to look at");
  const auto report = bin({capture("a", 0, 5), scratch / "text", scratch / "absent", capture("b", 9, 5)});
  ASSERT_EQ(report.files.size(), 4u);
  const BinOutcome expected[] = {BinOutcome::added, BinOutcome::failed, BinOutcome::failed, BinOutcome::added};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(report.files[i].outcome, expected[i]) << i;
  EXPECT_NE(report.files[1].error->message().find("text"), std::string::npos);
  EXPECT_NE(report.files[2].error->message().find("No such file"), std::string::npos);
  EXPECT_EQ(report.total().read, 10u);
}

TEST_F(BinTraces, TimesBesideACaptureAreItsTimes) {
  const std::string path = capture("x.pcap", 0, 20);  // 100 ms apart
  std::string lines;
  for (int i = 0; i < 20; ++i) lines += fmt::format("{}.{:06}789\n", start_us / 1'000'000, i < 10 ? i * 100'000 : 999'999);
  test::write_text(scratch / "x.times", lines);
  bin({path});
  auto file = SeriesFile::open(scratch / "x.series", OpenMode::read);
  const auto series = file->read({.point = "default", .columns = {"packets"}});
  ASSERT_TRUE(series);
  EXPECT_EQ(series->values, std::vector<double>{20}) << "all in the first second";
  EXPECT_EQ(file->traces()->front().kind, "pcap with .times");
  options.times = false;
  bin({path}, "plain.series");
  auto plain = SeriesFile::open(scratch / "plain.series", OpenMode::read);
  EXPECT_EQ(plain->read({.point = "default", .columns = {"packets"}})->values, (std::vector<double>{10, 10}));
  options.times = true;
  test::write_text(scratch / "x.times", lines + "1452315600.1\n");
  const auto report = bin({path}, "other.series");
  ASSERT_TRUE(report.files[0].error);
  EXPECT_NE(report.files[0].error->message().find("has 21 lines for 20 records"), std::string::npos);
}

TEST_F(BinTraces, APipeHasTheIdentityOfWhatItCarries) {
  const std::string path = capture("x", 0, 20), pipe = scratch / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const auto feed = [&] {
    return std::thread([&] { test::write_text(pipe, test::read_text(path)); });
  };
  std::thread writer = feed();
  const auto report = bin({pipe});
  writer.join();
  ASSERT_EQ(report.count(BinOutcome::added), 1u) << (report.files[0].error ? report.files[0].error->message() : "");
  EXPECT_EQ(report.files[0].trace.fingerprint, *fingerprint_file(path));
  EXPECT_EQ(bin({path}).count(BinOutcome::already_in), 1u);
  writer = feed();
  EXPECT_EQ(bin({pipe}).count(BinOutcome::already_in), 1u) << "known at its end only, and rolled back then";
  writer.join();
  bin({path}, "file.series");
  EXPECT_EQ(canonical(), canonical("file.series"));
}

std::vector<std::shared_ptr<Backend>> two_devices(int batches) {
  return {std::make_shared<test::FailingDevice>(batches), std::make_shared<test::FailingDevice>(batches)};
}

std::vector<std::string> many_captures(const std::function<std::string(const std::string&, std::int64_t, int)>& capture) {
  std::vector<std::string> paths;
  for (int i = 0; i < 8; ++i) paths.push_back(capture(fmt::format("c{}", i), 60 * i, 100 + 30 * i));
  return paths;
}

TEST_F(ThreadsBinTraces, DevicesCountWhatTheCpuCounts) {
  const auto paths = many_captures([&](const auto& name, auto at, auto count) { return capture(name, at, count); });
  options.keyed.by.push_back({KeyKind::dport, {}});
  options.keyed.distinct = true;
  bin(paths, "cpu.series");
  options.devices = two_devices(1'000);
  for (const std::size_t threads : {1u, 3u}) {
    options.threads = threads;
    const std::string series = fmt::format("gpu{}", threads);
    const auto report = bin(paths, series);
    EXPECT_EQ(report.count(BinOutcome::added), paths.size());
    EXPECT_FALSE(report.device_failure);
    EXPECT_EQ(canonical(series), canonical("cpu.series"));
  }
}

TEST_F(ThreadsBinTraces, ADeviceThatIsLostLeavesTheRestToTheCpu) {
  const auto paths = many_captures([&](const auto& name, auto at, auto count) { return capture(name, at, count); });
  bin(paths, "cpu.series");
  for (const int batches : {-1, 0, 3})
    for (const std::size_t threads : {1u, 3u}) {
      options.threads = threads;
      options.devices = two_devices(batches);
      const std::string series = fmt::format("lost {} {}", batches, threads);
      const auto report = bin(paths, series);
      EXPECT_EQ(report.count(BinOutcome::added), paths.size()) << batches;
      ASSERT_TRUE(report.device_failure);
      EXPECT_EQ(report.device_failure->what, test::FailingDevice::words);
      EXPECT_EQ(canonical(series), canonical("cpu.series")) << batches;
    }
}

TEST_F(BinTraces, APipeIsLostWithItsDevice) {
  const std::string path = capture("x", 0, 20), pipe = scratch / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  options.devices = two_devices(0);
  std::thread writer([&] { test::write_text(pipe, test::read_text(path)); });
  const auto report = bin({pipe});
  writer.join();
  ASSERT_EQ(report.count(BinOutcome::failed), 1u);
  EXPECT_EQ(report.files[0].error->what, test::FailingDevice::words);
}

/// Its counters count, and are lost when they are asked for it.
class LostAtTheEnd final : public test::LstmOnlyBackend {
 public:
  Expected<std::unique_ptr<PacketBatchCounter>> batch_counter(const BatchShape& shape, std::uint32_t) override {
    return std::unique_ptr<PacketBatchCounter>(std::make_unique<LostCounter>(make_batch_counter_cpu(shape)));
  }
  Expected<std::unique_ptr<LstmNetwork>> lstm(const LstmShape&, std::uint64_t, const LstmOptions&) override {
    return Error{test::FailingDevice::words, "", ""};
  }

 private:
  struct LostCounter final : PacketBatchCounter {
    explicit LostCounter(std::unique_ptr<PacketBatchCounter> of) : counter(std::move(of)) {}
    PacketBatch& batch() override { return counter->batch(); }
    Status submit() override { return counter->submit(); }
    Expected<CountedRows> take() override { return Error{test::FailingDevice::words, "", ""}; }
    std::size_t keyed_bytes() const override { return 0; }
    std::unique_ptr<PacketBatchCounter> counter;
  };
};

TEST_F(BinTraces, APipesOwnFailureIsNotTheDevices) {
  const std::string bytes = test::read_text(capture("x", 0, 50)), pipe = scratch / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  options.devices = {std::make_shared<LostAtTheEnd>()};
  options.strict = true;
  std::thread writer([&] { test::write_text(pipe, bytes.substr(0, bytes.size() - 7)); });
  const auto report = bin({pipe});
  writer.join();
  ASSERT_TRUE(report.device_failure) << "lost with the same capture";
  ASSERT_TRUE(report.files[0].error);
  EXPECT_EQ(report.files[0].error->kind, ErrorKind::damage) << report.files[0].error->message();
}

TEST_F(BinTraces, KeysWithoutAListAreNotForADevice) {
  options.devices = two_devices(0);
  options.keyed.by.push_back({KeyKind::prefix, {}});
  options.keyed.held = HeldKeys{};
  options.series = scratch / "x.series";
  const auto report = bin_traces({capture("x", 0, 20)}, options);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().kind, ErrorKind::usage);
}

/// A writer that appends what `path` holds to `growing`, in pieces, and closes it once somebody waited for more.
std::thread grow(const std::string& path, const std::string& growing, std::atomic<bool>& waited) {
  test::write_text(growing, "");
  auto out = std::make_shared<std::ofstream>(growing, std::ios::binary | std::ios::app);
  return std::thread([out, &waited, bytes = test::read_text(path)] {
    for (std::size_t at = 0; at < bytes.size(); at += 377) {
      *out << bytes.substr(at, 377) << std::flush;
      if (at % 5 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    for (waited = false; !waited;) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    out->close();
  });
}

TEST_F(BinTraces, AFileThatGrowsIsCountedAsTheFileThatItBecomes) {
  const std::string path = capture("x", 0, 200), growing = scratch / "growing.pcap";
  bin({path}, "file.series");
  options.follow_ms = 10'000;  // it ends with the writer's close
  std::atomic<bool> waited = false;
  options.stop = [&] { return waited = true, false; };
  std::thread writer = grow(path, growing, waited);
  const auto report = bin({growing});
  writer.join();
  ASSERT_EQ(report.count(BinOutcome::added), 1u) << (report.files[0].error ? report.files[0].error->message() : "");
  EXPECT_EQ(report.files[0].trace.fingerprint, *fingerprint_file(path));
  EXPECT_EQ(report.total().read, 200u);
  EXPECT_EQ(canonical(), canonical("file.series"));
  auto file = SeriesFile::open(scratch / "x.series", OpenMode::read);
  EXPECT_EQ(file->traces()->front().absolute_path, absolute_path(growing)) << "so that its packets are found again";
  EXPECT_FALSE(file->index_of(file->traces()->front())->empty());
  options.follow_ms.reset();
  EXPECT_EQ(bin({growing}).count(BinOutcome::already_in), 1u);
  options.follow_ms = 20;
  EXPECT_EQ(bin({growing}).count(BinOutcome::already_in), 1u) << "known at its end only, and rolled back then";
}

TEST_F(BinTraces, OfAFileThatIsNoLongerFollowedNothingIsKept) {
  const std::string path = capture("x", 0, 20);
  options.follow_ms = 10'000;
  int asked = 0;
  options.stop = [&] { return ++asked > 4; };
  const auto report = bin({path});
  EXPECT_TRUE(report.stopped);
  EXPECT_EQ(report.count(BinOutcome::left_out), 1u);
  EXPECT_FALSE(test::fs::exists(scratch / "x.series")) << "nor the file that was made for it";
}

TEST_F(BinTraces, WhatCannotBeFollowedIsSaid) {
  const std::string path = capture("x.pcap", 0, 20);
  options.follow_ms = 20;
  test::write_text(scratch / "x.times", "1452315600.1\n");
  const auto timed = bin({path});
  ASSERT_TRUE(timed.files[0].error);
  EXPECT_NE(timed.files[0].error->message().find("--no-times"), std::string::npos) << timed.files[0].error->message();
  options.keyed.by = {{KeyKind::prefix, {}}};
  options.keyed.choose = KeyChoice{};
  const auto chosen = bin_traces({path}, options);
  ASSERT_FALSE(chosen);
  EXPECT_NE(chosen.error().message().find("still grows"), std::string::npos);
}

TEST_F(BinTraces, TwiceInOneCommandCountsOnce) {
  const std::string a = capture("a", 0, 5);
  test::fs::copy_file(a, scratch / "copy");
  const auto report = bin({a, scratch / "copy", a});
  EXPECT_EQ(report.count(BinOutcome::added), 1u);
  EXPECT_EQ(report.count(BinOutcome::already_in), 2u);
  EXPECT_EQ(report.total().read, 5u);
}

TEST_F(BinTraces, TheSameCaptureStoredInAnotherWayIsRemarkedOn) {
  const std::string a = capture("a.pcap", 0, 50), packed = scratch / "a.pcap.gz", b = capture("b.pcap", 0, 49);
  ASSERT_EQ(std::system(fmt::format("gzip -k '{}'", a).c_str()), 0);
  EXPECT_EQ(bin({a, b}).files[0].remark, "");
  const auto report = bin({a, packed});
  EXPECT_EQ(report.count(BinOutcome::added), 1u) << "it may be right";
  EXPECT_NE(report.files[1].remark.find("as many packets as " + a), std::string::npos) << report.files[1].remark;
  EXPECT_EQ(report.files[0].remark, "");
}

TEST_F(BinTraces, AClockThatJumpsYearsIsRemarkedOn) {
  test::CaptureWriter merged;
  for (const std::int64_t at_s : {915'148'800, 915'148'801, 1'735'689'600, 1'735'689'601}) merged.packet(at_s * 1'000'000, 60);
  merged.save(scratch / "merged.pcap");
  const auto report = bin({scratch / "merged.pcap", capture("week", 0, 5)});
  EXPECT_EQ(report.total().counted, 9u);
  EXPECT_EQ(report.files[0].remark.find("no packet came from 1999-01-01T00:00:02Z to 2025-01-01T00:00:00Z (9496 days): "), 0u)
      << report.files[0].remark;
  EXPECT_EQ(report.files[1].remark, "");
}

TEST_F(BinTraces, ASeriesFileThatCouldHoldNothingIsNotLeftBehind) {
  test::write_text(scratch / "text", "this is no capture, but it is long enough to look at");
  EXPECT_EQ(bin({scratch / "text", scratch / "absent"}).count(BinOutcome::failed), 2u);
  EXPECT_EQ(std::distance(test::fs::directory_iterator(scratch.path()), {}), 1) << "the text alone";
  bin({capture("a", 0, 5)});
  bin({scratch / "text"});
  EXPECT_TRUE(SeriesFile::open(scratch / "x.series", OpenMode::read)) << "what was there stays";
}

TEST_F(BinTraces, StandardInputIsNamedOnce) {
  options.series = scratch / "x.series";
  const auto twice = bin_traces({"-", "a", "-"}, options);
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().kind, ErrorKind::usage);
  EXPECT_FALSE(test::fs::exists(options.series));
}

TEST_F(ThreadsBinTraces, WithoutMemoryAFileFailsAndTheOthersGoIn) {
  const std::string starved = capture("starved", 0, 50);
  options.threads = 2;
  std::atomic<bool> thrown{false};
  options.progress = [&](const BinProgress& progress) {
    if (progress.current == starved && !thrown.exchange(true)) throw std::bad_alloc();
  };
  const std::vector<std::string> all{starved, capture("small", 90, 5), capture("other", 190, 5)};
  const auto report = bin(all);
  EXPECT_EQ(report.count(BinOutcome::added), 2u);
  ASSERT_TRUE(report.files[0].error);
  EXPECT_NE(report.files[0].error->message().find("not enough memory"), std::string::npos);
  EXPECT_EQ(bin(all).count(BinOutcome::added), 1u) << "the same command goes on";
}

TEST_F(BinTraces, AChangedFileIsAnError) {
  const std::string a = capture("a", 0, 5);
  bin({a});
  const std::string before = canonical();
  capture("a", 0, 6);
  const auto report = bin({a});
  ASSERT_TRUE(report.files[0].error);
  EXPECT_NE(report.files[0].error->what.find("changed"), std::string::npos);
  EXPECT_EQ(canonical(), before);
}

TEST_F(BinTraces, TheFilesIntervalIsUsedAndAConflictIsAnError) {
  options.interval_ns = 100'000'000;
  bin({capture("a", 0, 5)});
  options.interval_ns = 0;
  EXPECT_EQ(bin({capture("b", 5, 5)}).interval_ns, 100'000'000);
  options.interval_ns = second;
  const auto conflict = bin_traces({capture("c", 9, 5)}, options);
  ASSERT_FALSE(conflict);
  EXPECT_EQ(conflict.error().kind, ErrorKind::usage);
}

TEST_F(BinTraces, AnEmptyFileBecomesASeries) {
  const std::string a = capture("a", 0, 5);
  bin({a});
  test::write_text(scratch / "killed.series", "");
  bin({a}, "killed.series");
  EXPECT_EQ(canonical("killed.series"), canonical());
}

TEST(InterruptGuard, CatchesWhatIsNotIgnored) {
  struct sigaction before {}, after {};
  ASSERT_EQ(sigaction(SIGINT, nullptr, &before), 0);
  std::signal(SIGINT, SIG_IGN);
  {
    const InterruptGuard guard;
    std::raise(SIGINT);
    EXPECT_FALSE(interrupted()) << "an ignored signal stays ignored";
    std::raise(SIGTERM);
    EXPECT_TRUE(interrupted());
  }
  sigaction(SIGINT, &before, &after);
  EXPECT_TRUE(after.sa_handler == SIG_IGN) << "what was there before is back";
}

TEST_F(BinTraces, StrictStopsAtDamage) {
  std::string bytes = test::read_text(capture("a", 0, 50));
  test::write_text(scratch / "cut", bytes.substr(0, bytes.size() - 7));
  const auto lenient = bin({scratch / "cut"}, "lenient.series");
  ASSERT_EQ(lenient.files[0].outcome, BinOutcome::added);
  EXPECT_EQ(lenient.files[0].trace.account.counted, 49u);
  EXPECT_FALSE(lenient.files[0].trace.damage.empty());
  options.strict = true;
  options.threads = 1;  // so that the other one has not begun
  const auto strict = bin({scratch / "cut", capture("b", 90, 5)}, "strict.series");
  ASSERT_TRUE(strict.files[0].error);
  EXPECT_EQ(strict.files[0].error->kind, ErrorKind::damage);
  EXPECT_EQ(strict.files[1].outcome, BinOutcome::left_out);
}

TEST_F(BinTraces, AStopLeavesTheFileInWorkOut) {
  options.threads = 1;
  std::size_t done = 0;
  int asked = 0;
  options.progress = [&](const BinProgress& progress) { done = progress.files_done; };
  options.stop = [&] { return done == 1 && ++asked == 2; };  // not before the second file, but in its middle
  const auto report = bin({capture("a", 0, 5), capture("b", 9, 5), capture("c", 19, 5)});
  EXPECT_TRUE(report.stopped);
  EXPECT_EQ(report.count(BinOutcome::added), 1u);
  EXPECT_EQ(report.count(BinOutcome::left_out), 2u);
  options.stop = {};
  EXPECT_EQ(bin({capture("a", 0, 5), capture("b", 9, 5), capture("c", 19, 5)}).count(BinOutcome::added), 2u);
}

TEST_F(BinTraces, ProgressEndsAtEverything) {
  BinProgress last;
  options.progress = [&](const BinProgress& progress) {
    EXPECT_GE(progress.bytes_done, last.bytes_done);
    last = progress;
  };
  bin({capture("a", 0, 50), scratch / "absent", capture("b", 9, 5)});
  EXPECT_EQ(last.files_done, 3u);
  EXPECT_EQ(last.bytes_done, last.bytes);
  EXPECT_GT(last.bytes, 0u);
}

TEST_F(ThreadsBinTraces, AnyNumberOfThreadsGivesTheSameSeries) {
  std::vector<std::string> paths;
  for (int i = 0; i < 12; ++i) paths.push_back(capture(fmt::format("c{}", i), i * 3, 20 + i));
  paths.push_back(paths.front());
  bin(paths, "one.series");
  options.threads = 4;
  const auto report = bin({paths.rbegin(), paths.rend()}, "four.series");
  EXPECT_EQ(report.count(BinOutcome::added), 12u);
  EXPECT_EQ(report.count(BinOutcome::already_in), 1u);
  EXPECT_EQ(canonical("one.series"), canonical("four.series"));
}

// The manifest's own counts, and the rows that tshark derived.
TEST_F(BinTraces, ARealCaptureMatchesItsIndependentCounts) {
  TG_NEEDS_SHARED_DATA();
  const auto report = bin({test::shared_data() / "pcaps" / "channel_5d_3s.pcap"});
  ASSERT_EQ(report.count(BinOutcome::added), 1u);
  auto file = SeriesFile::open(scratch / "x.series", OpenMode::read);
  std::string rows = "epoch_s,packets,bytes,tcp_packets,tcp_bytes\n";
  double packets = 0, bytes = 0;
  std::size_t intervals = 0;
  ASSERT_TRUE(file->visit({.columns = {"packets", "bytes", "tcp_packets", "tcp_bytes"}},
                          [&](std::int64_t k, bool, std::int64_t, std::span<const double> v) {
                            ++intervals;
                            packets += v[2], bytes += v[3];
                            if (v[0] > 0) rows += fmt::format("{},{},{},{},{}\n", k, v[0], v[1], v[2], v[3]);
                            return Status();
                          }));
  EXPECT_EQ(packets, 143'809);
  EXPECT_EQ(bytes, 8'559'985);
  EXPECT_EQ(intervals, 1'522u);
  EXPECT_EQ(rows, test::read_text(test::shared_data() / "series" / "derived" / "channel_5d_3s.epoch_1s.csv"));
}

}  // namespace
}  // namespace tidegauge
