// The promise of exactness, down to the series file: additive counters are equal for any number of threads, any order of
// files and a file split at any record; quality columns for threads, order and sharding by whole files.
// (One file among several threads: tests/ingest/split_walk_test.cpp.)
#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "host/bin_traces.hpp"
#include "kernels/core/random.hpp"
#include "tests/capture_writer.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

struct Packet {
  std::int64_t us;
  std::uint32_t wire_bytes;
  bool tcp;
};
using Packets = std::vector<Packet>;
using Rows = std::map<std::int64_t, IntervalRow>;

class Partition : public testing::Test {
 protected:
  void SetUp() override {
    seed = std::random_device{}();
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  }
  /// Backward, late and, one in its middle, absurd times; some packets are cut by the snaplen.
  Packets packets(std::uint64_t number, int count) const {
    RandomStream random(seed, number);
    Packets list;
    std::int64_t us = 1'452'315'600'000'000 + static_cast<std::int64_t>(number) * 700'000;
    for (int i = 0; i < count; ++i) {
      us += static_cast<std::int64_t>(random.below(400'000)) - (random.below(4) == 0 ? 500'000 : 0);
      list.push_back({i == count / 2 ? 0xffffffffll * 1'000'000 : us, 60 + static_cast<std::uint32_t>(random.below(1400)),
                      random.below(3) != 0});
    }
    return list;
  }
  std::string save(const std::string& name, std::span<const Packet> packets) const {
    test::CaptureWriter writer(64);
    for (const Packet& packet : packets) writer.packet(packet.us, packet.wire_bytes, packet.tcp);
    writer.save(scratch / name);
    return scratch / name;
  }
  std::string bin(const std::vector<std::string>& paths, std::size_t threads) {
    const std::string series = scratch / fmt::format("{}.series", made++);
    bin_into(series, paths, threads);
    return series;
  }
  void bin_into(const std::string& series, const std::vector<std::string>& paths, std::size_t threads,
                const std::string& point = "default") {
    const auto report = bin_traces(paths, {.series = series, .interval_ns = 1'000'000'000, .point = point, .threads = threads});
    EXPECT_TRUE(report && report->count(BinOutcome::added) == paths.size()) << "seed " << seed;
  }
  static std::string canonical(const std::string& series) {
    std::string text;
    const auto file = SeriesFile::open(series, OpenMode::read);
    EXPECT_TRUE(file && file->export_canonical([&](std::string_view piece) { return text += piece, Status(); }));
    return text;
  }
  static void add_rows(Rows& rows, const std::string& series) {
    for (auto& [point, of_point] : rows_of_points(series))
      for (const auto& [k, row] : of_point) rows[k] += row;
  }
  static std::map<std::string, Rows> rows_of_points(const std::string& series) {
    std::map<std::string, Rows> all;
    const auto file = SeriesFile::open(series, OpenMode::read);
    const auto traces = file->traces();
    for (const TraceRecord& trace : *traces) {
      Rows& rows = all[trace.point];
      EXPECT_TRUE(file->visit_rows(trace, [&](std::int64_t k, const IntervalRow& row) { return rows[k] += row, Status(); }));
    }
    return all;
  }
  /// Without the quality columns, which stand at the end.
  static Rows additive(Rows rows) {
    for (auto& [k, row] : rows)
      std::fill(row.value.begin() + static_cast<std::ptrdiff_t>(Column::late), row.value.end(), 0);
    std::erase_if(rows, [](const auto& item) { return item.second == IntervalRow{}; });
    return rows;
  }
  test::ScratchFolder scratch;
  std::uint64_t seed = 0;
  int made = 0;
};
using ThreadsPartition = Partition;

TEST_F(ThreadsPartition, ThreadsAndOrderOfFilesChangeNothing) {
  std::vector<std::string> paths;
  for (std::uint64_t i = 0; i < 9; ++i) paths.push_back(save(fmt::format("c{}", i), packets(i, 40)));
  const std::string expected = canonical(bin(paths, 1));
  EXPECT_GT(std::count(expected.begin(), expected.end(), '\n'), 10);
  std::mt19937 shuffling(static_cast<std::uint32_t>(seed));
  for (const std::size_t threads : {1u, 2u, 8u}) {
    std::shuffle(paths.begin(), paths.end(), shuffling);
    EXPECT_EQ(canonical(bin(paths, threads)), expected) << threads << " threads, seed " << seed;
  }
}

TEST_F(Partition, ShardsOfWholeFilesAddUpToTheWholeQualityToo) {
  std::vector<std::string> paths, shards[3];
  for (std::uint64_t i = 0; i < 9; ++i) {
    paths.push_back(save(fmt::format("c{}", i), packets(i, 40)));
    shards[RandomStream(seed, 100 + i).below(3)].push_back(paths.back());
  }
  Rows whole, sum;
  add_rows(whole, bin(paths, 2));
  for (const auto& shard : shards)
    if (!shard.empty()) add_rows(sum, bin(shard, 2));
  EXPECT_TRUE(sum == whole) << "seed " << seed;
  std::uint64_t late = 0, backward = 0, absurd = 0;
  for (const auto& [k, row] : whole)
    late += row[Column::late], backward += row[Column::backward], absurd += row[Column::absurd];
  EXPECT_TRUE(late > 0 && backward > 0) << "there is quality to lose; seed " << seed;
  EXPECT_EQ(absurd, 9u);
}

TEST_F(Partition, AFileSplitAtAnyRecordAddsUpToTheWhole) {
  const Packets all = packets(0, 41);
  Rows whole;
  add_rows(whole, bin({save("whole", all)}, 1));
  const std::span<const Packet> view(all);
  const std::string series = scratch / "split.series";
  for (std::size_t at = 1; at < all.size(); ++at)
    bin_into(series, {save(fmt::format("a{}", at), view.first(at)), save(fmt::format("b{}", at), view.subspan(at))}, 2,
             std::to_string(at));
  const auto splits = rows_of_points(series);
  EXPECT_EQ(splits.size(), all.size() - 1);
  for (const auto& [at, rows] : splits)
    EXPECT_TRUE(additive(rows) == additive(whole)) << "split at record " << at << ", seed " << seed;
}

}  // namespace
}  // namespace tidegauge
