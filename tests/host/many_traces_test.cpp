// Tens of thousands of captures in one series file: the next one costs what the first did, and what is in is passed over.
// tools/soak does the same with 100,000 captures through the command.
#include <fmt/format.h>
#include <sqlite3.h>

#include <ctime>

#include "host/bin_traces.hpp"
#include "tests/capture_writer.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

constexpr std::int64_t start_s = 1'452'315'600;

class ManyTraces : public testing::Test {
 protected:
  /// `count` captures of a second, one after the other, of four packets each.
  std::vector<std::string> captures(int first, int count) {
    std::vector<std::string> paths;
    for (int i = first; i < first + count; ++i) {
      test::CaptureWriter writer;
      for (const int us : {0, 300'000, 600'000, 999'999}) writer.packet((start_s + i) * 1'000'000 + us, 100);
      paths.push_back(scratch / fmt::format("{}.pcap", i));
      writer.save(paths.back());
    }
    return paths;
  }
  /// Of all cores: what the machine does beside this does not count.
  double cpu_seconds_to_bin(const std::vector<std::string>& paths, BinOutcome wanted) {
    options.series = scratch / "x.series";
    const std::clock_t begin = std::clock();
    const auto report = bin_traces(paths, options);
    const std::clock_t took = std::clock() - begin;
    EXPECT_TRUE(report && report->count(wanted) == paths.size()) << (report ? "" : report.error().message());
    return static_cast<double>(took) / CLOCKS_PER_SEC;
  }
  /// Traces that are in already, as far as looking one up is concerned.
  void fill(int traces) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open((scratch / "x.series").c_str(), &db), SQLITE_OK);
    const std::string sql = fmt::format(
        "INSERT INTO traces (point, path, absolute_path, size, hash, kind, settings, status, first_k, last_k) "
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) "
        "SELECT 'default', i, '/there/' || i, 500, printf('%016x', i * 40503), 'pcap', settings, 'whole', i, i FROM n, "
        "(SELECT settings FROM traces LIMIT 1)", traces);
    ASSERT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
    sqlite3_close(db);
  }
  test::ScratchFolder scratch;
  BinOptions options;
};

// The floor and the factor are wide, so that noise fails nothing; what grows with the number of traces takes seconds here.
constexpr double floor_s = 0.1;
constexpr double most_times = 3;

TEST_F(ManyTraces, TheSecondThousandCostsWhatTheFirstDid) {
  auto all = captures(0, 2000);
  const std::vector<std::string> first(all.begin(), all.begin() + 1000), second(all.begin() + 1000, all.end());
  const double first_s = cpu_seconds_to_bin(first, BinOutcome::added), second_s = cpu_seconds_to_bin(second, BinOutcome::added);
  EXPECT_LE(second_s, most_times * first_s + floor_s);
  EXPECT_LE(cpu_seconds_to_bin(all, BinOutcome::already_in), most_times * first_s + floor_s);

  const auto file = SeriesFile::open(scratch / "x.series", OpenMode::read);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->spans("")->size(), 1u) << "one series, without a joint";
  std::int64_t k = start_s;
  ASSERT_TRUE(file->visit({.columns = {"packets", "bytes"}},
                          [&](std::int64_t at, bool, std::int64_t, std::span<const double> v) {
                            EXPECT_EQ(at, k++);
                            EXPECT_EQ(v[0], 4) << at;
                            EXPECT_EQ(v[1], 400) << at;
                            return Status();
                          }));
  EXPECT_EQ(k, start_s + 2000);
}

TEST_F(ManyTraces, AHundredThousandMakeTheNextNoSlower) {
  const double empty_s = cpu_seconds_to_bin(captures(0, 300), BinOutcome::added);
  fill(100'000);
  EXPECT_LE(cpu_seconds_to_bin(captures(300, 300), BinOutcome::added), most_times * empty_s + floor_s);
}

}  // namespace
}  // namespace tidegauge
