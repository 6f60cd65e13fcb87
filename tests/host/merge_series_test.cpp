// Series files made apart and put together equal one made at once.
#include "host/merge_series.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "host/bin_traces.hpp"
#include "host/shard.hpp"
#include "kernels/core/random.hpp"
#include "tests/capture_writer.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

constexpr std::int64_t second = 1'000'000'000;

class MergeSeries : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return (scratch / name).string(); }
  /// Twenty seconds, with late and backward packets, that overlap with those of the neighbouring numbers.
  std::string capture(std::uint64_t number) const {
    RandomStream random(seed, number);
    test::CaptureWriter writer(64);
    std::int64_t us = 1'452'315'600'000'000 + static_cast<std::int64_t>(number) * 9'000'000;
    for (int i = 0; i < 60; ++i) {
      us += static_cast<std::int64_t>(random.below(700'000)) - (random.below(5) == 0 ? 600'000 : 0);
      writer.packet(us, 60 + static_cast<std::uint32_t>(random.below(1400)), random.below(3) != 0);
    }
    const std::string name = path(fmt::format("day{}.pcap", number));
    writer.save(name);
    return name;
  }
  std::string bin(const std::string& series, const std::vector<std::string>& captures, bool dport = true,
                  std::int64_t interval_ns = second) const {
    BinOptions options{.series = path(series), .interval_ns = interval_ns};
    options.keyed.distinct = true;
    if (dport) options.keyed.by.push_back({.kind = KeyKind::dport});
    const auto report = bin_traces(captures, options);
    EXPECT_TRUE(report && report->count(BinOutcome::added) == captures.size());
    return path(series);
  }
  MergeReport merge(const std::vector<std::string>& from, const std::string& to) const {
    const auto report = merge_series(from, path(to), {});
    EXPECT_TRUE(report) << report.error().message();
    return report ? *report : MergeReport{};
  }
  std::string refusal(const std::vector<std::string>& from, const std::string& to) const {
    const auto report = merge_series(from, path(to), {});
    EXPECT_FALSE(report);
    return report ? "" : report.error().message();
  }
  std::string canonical(const std::string& series) const {
    std::string text;
    const auto file = SeriesFile::open(path(series), OpenMode::read);
    EXPECT_TRUE(file && file->export_canonical([&](std::string_view piece) { return text += piece, Status(); }));
    return text;
  }
  test::ScratchFolder scratch;
  std::uint64_t seed = std::random_device{}();
};

TEST_F(MergeSeries, EightShardsInAnyOrderAndOneTwiceAreTheSingleRun) {
  std::vector<std::string> captures, shards;
  for (std::uint64_t i = 0; i < 20; ++i) captures.push_back(capture(i));
  std::size_t of_first = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    const Shard shard{i, 8};
    shards.push_back(bin(fmt::format("shard{}", i), shard.own(captures)));
    if (shard.has(captures[0])) of_first = i;
  }
  shards.push_back(shards[of_first]);  // one that has captures, which falls to another with every folder's name
  std::mt19937 shuffling(static_cast<std::uint32_t>(seed));
  std::shuffle(shards.begin(), shards.end(), shuffling);
  bin("whole", captures);
  EXPECT_EQ(merge(shards, "merged").added, 20u);
  EXPECT_EQ(canonical("merged"), canonical("whole")) << "seed " << seed;

  const MergeReport again = merge(shards, "merged");
  EXPECT_EQ(again.added, 0u);
  EXPECT_GT(again.already_in, 20u);
  EXPECT_EQ(canonical("merged"), canonical("whole")) << "seed " << seed;
}

TEST_F(MergeSeries, WhatStoppedGoesOn) {
  const std::vector<std::string> captures{capture(0), capture(1), capture(2)};
  const std::string whole = bin("whole", captures);
  int asked = 0;
  const auto report = merge_series({whole}, path("merged"), {.stop = [&] { return ++asked > 2; }});
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->stopped);
  EXPECT_EQ(report->added, 2u);
  EXPECT_EQ(merge({whole}, "merged").added, 1u);
  EXPECT_EQ(canonical("merged"), canonical("whole"));
}

TEST_F(MergeSeries, TimeIndexAndImportsComeAlong) {
  test::write_text(scratch / "table.csv", "time,value\n1452315600,1.5\n1452315601,2\n1452315605,-3\n");
  const auto imported = bin_traces({path("table.csv")}, {.series = path("table"), .interval_ns = second, .point = "csv",
                                                         .csv = CsvOptions{}});
  ASSERT_TRUE(imported && imported->count(BinOutcome::added) == 1);
  const std::string counted = bin("counted", {capture(0)});
  merge({path("table"), counted}, "merged");
  const auto merged = SeriesFile::open(path("merged"), OpenMode::read), from = SeriesFile::open(counted, OpenMode::read);
  const auto values = merged->read({.point = "csv"});
  ASSERT_TRUE(values) << values.error().message();
  EXPECT_EQ(values->at(1, 0), 2.0);
  const auto traces = from->traces();
  EXPECT_EQ(merged->index_of(traces->at(0))->size(), from->index_of(traces->at(0))->size());
}

TEST_F(MergeSeries, OtherSettingsAreRefusedBeforeAnythingIsWritten) {
  const std::string by_port = bin("by_port", {capture(0)}), plain = bin("plain", {capture(1)}, false);
  const std::string coarse = bin("coarse", {capture(2)}, true, 10 * second);
  const std::string settings = refusal({by_port, plain}, "merged");
  for (const char* words : {"settings", "by_port", "plain", "--point"}) EXPECT_NE(settings.find(words), std::string::npos) << settings;
  const std::string interval = refusal({by_port, coarse}, "merged");
  for (const char* words : {"coarse: it has intervals of 10s", "by_port has 1s", "rebin"})
    EXPECT_NE(interval.find(words), std::string::npos) << interval;
  EXPECT_FALSE(test::fs::exists(path("merged")));
  EXPECT_NE(refusal({by_port, path("none")}, "merged").find("none"), std::string::npos);
  EXPECT_NE(refusal({by_port}, "by_port").find("itself"), std::string::npos);
  EXPECT_NE(refusal({plain}, "by_port").find("settings"), std::string::npos) << "what is there already counts too";
}

TEST_F(MergeSeries, AShardWithoutCapturesHasNothingToSay) {
  const std::string coarse = bin("coarse", {capture(0)}, true, 10 * second);
  const auto report = bin_traces({}, {.series = path("empty"), .interval_ns = second});
  ASSERT_TRUE(report);
  EXPECT_EQ(merge({path("empty"), coarse}, "merged").added, 1u);
  EXPECT_EQ(canonical("merged"), canonical("coarse"));
}

}  // namespace
}  // namespace tidegauge
