#include "host/stats_file.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "host/bin_traces.hpp"
#include "tests/ingest/csv.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

constexpr std::int64_t second = 1'000'000'000, minute = 60 * second;

std::string stats_text(const std::string& first, const std::string& last) {
  return "Maximum capture length for interface 0:\t               48\nFirst timestamp:                     " + first +
         "\nLast timestamp:                      " + last +
         "\nUnknown encapsulation:                                  0\nIPv4 bytes:                                   12835745151\n"
         "IPv4 pkts:                                       22497005\nIPv6 pkts:                                              0\n";
}

class StatsFileTest : public testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& text) {
    test::write_text(scratch / name, text);
    return scratch / name;
  }
  BinReport bin(const std::vector<std::string>& paths, BinOptions options) {
    options.series = scratch / "x.series";
    auto report = bin_traces(paths, options);
    if (!report) ADD_FAILURE() << report.error().message();
    return report ? *std::move(report) : BinReport{};
  }
  test::ScratchFolder scratch;
};

TEST_F(StatsFileTest, IsRecognisedByItsContent) {
  EXPECT_TRUE(is_stats_file(file("a", stats_text("1029340800.000058", "1029341100.000056"))));
  for (const std::string& text : {std::string(), std::string("time,value\n0,1\n"), std::string("First timestamp: noon\n"),
                                  std::string("a: 1\nb: 2\n"), std::string(100'000, ':'), std::string(2000, '\0')})
    EXPECT_FALSE(is_stats_file(file("b", text))) << text.substr(0, 40);
  EXPECT_FALSE(is_stats_file(scratch / "absent"));
}

TEST_F(StatsFileTest, ReadsTheSpanAndEveryCounter) {
  const auto stats = read_stats_file(file("a", stats_text("1029340800.000058000", "1029341100.000056000")));
  ASSERT_TRUE(stats);
  EXPECT_EQ(stats->span, (Span{1'029'340'800'000'058'000, 1'029'341'100'000'056'000}));
  EXPECT_EQ(stats->counters.at("IPv4 bytes"), 12'835'745'151u);
  EXPECT_EQ(stats->counters.at("Maximum capture length for interface 0"), 48u);
  EXPECT_EQ(stats->counters.size(), 5u);
}

TEST_F(StatsFileTest, ErrorsNameTheLine) {
  const struct {
    std::string text;
    const char *where, *words;
  } rows[] = {{stats_text("noon", "1029341100.0"), "line 2", "'noon' is not a time"},
              {stats_text("-5", "1029341100.0"), "line 2", "is not a time"},
              {stats_text("5", "9223372036"), "line 3", "is not a time"},
              {stats_text("1029341100", "1029340800"), "bad", "first and last timestamp"},
              {"First timestamp: 5\n", "bad", "first and last timestamp"},
              {stats_text("5", "6") + "IPv6 bytes: many\n", "line 8", "'many' is not a count"},
              {stats_text("5", "6") + "\nIPv6 bytes 7\n", "line 9", "is no 'name: number'"}};
  for (const auto& row : rows) {
    const auto stats = read_stats_file(file("bad", row.text));
    ASSERT_FALSE(stats) << row.text;
    EXPECT_NE(stats.error().where.find(row.where), std::string::npos) << stats.error().message();
    EXPECT_NE(stats.error().what.find(row.words), std::string::npos) << stats.error().message();
  }
}

TEST_F(StatsFileTest, AValueStandsForOneWholeInterval) {
  const auto at = [](double first_s, double last_s, std::int64_t interval) {
    StatsFile stats;
    const auto ns = [](double s) { return 1'029'340'800 * second + static_cast<std::int64_t>(s * 1e9); };
    stats.span = {ns(first_s), ns(last_s)};
    stats.counters["IPv4 bytes"] = 7;
    return stats_value(stats, "x", "IPv4 bytes", interval, default_joint_tolerance_ns(interval));
  };
  const struct {
    const char* name;
    double first_s, last_s;
    std::int64_t interval;
    const char* fits;  // nullptr: it is this one
  } rows[] = {{"the interval", 0, 299.999999, 5 * minute, nullptr},
              {"a little more on both sides", -2.9, 302.9, 5 * minute, nullptr},
              {"a little less", 1, 298.5, 5 * minute, nullptr},
              {"more than the tolerance after it", 0, 303.1, 5 * minute, "leave it out"},
              {"more than the tolerance before it", -3.1, 299, 5 * minute, "leave it out"},
              {"a part of it", 0, 250, 5 * minute, "leave it out"},
              {"a minute in five", 60, 119.9, 5 * minute, "--interval 1m"},
              {"five minutes in one", 0, 299.9, minute, "--interval 5m"},
              {"an hour", 0, 3599.99, 5 * minute, "--interval 1h"},
              {"across two intervals", 150, 449, 5 * minute, "leave it out"}};
  for (const auto& row : rows) {
    const auto value = at(row.first_s, row.last_s, row.interval);
    ASSERT_EQ(value.has_value(), row.fits == nullptr) << row.name;
    if (value) {
      EXPECT_EQ(value->k, 1'029'340'800 / 300) << row.name;
      EXPECT_EQ(value->value, 7);
    } else {
      EXPECT_NE(value.error().remedy.find(row.fits), std::string::npos) << row.name << ": " << value.error().message();
    }
  }
  const auto unknown = stats_value({{0, second - 1}, {{"IPv4 bytes", 7}}}, "x", "IPv9 bytes", second, 10'000'000);
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message().find("no 'IPv9 bytes'"), std::string::npos);
  EXPECT_NE(unknown.error().remedy.find("IPv4 bytes"), std::string::npos);
}

TEST_F(StatsFileTest, TwiceIsOnceAndAnotherFieldIsAnError) {
  const std::string a = file("a.pcap.stats", stats_text("1029340800.000058", "1029341100.000056"));
  BinOptions options{.interval_ns = 5 * minute};
  EXPECT_EQ(bin({a, a}, options).count(BinOutcome::added), 1u);
  EXPECT_EQ(bin({a}, options).count(BinOutcome::already_in), 1u);
  options.stats_field = "IPv4 pkts";
  EXPECT_EQ(bin({a}, options).count(BinOutcome::failed), 1u);
  options.point = "packets";
  EXPECT_EQ(bin({a}, options).count(BinOutcome::added), 1u);
  const auto series = SeriesFile::open(scratch / "x.series", OpenMode::read);
  EXPECT_EQ(series->read({.point = "packets"})->values, std::vector<double>{22'497'005});
  EXPECT_EQ(series->traces()->front().settings, R"({"stats_field":"IPv4 bytes"})");
}

// The seed's own table of the same files, made from them by a script of its own.
TEST_F(StatsFileTest, CaidasSeriesIsTheSeeds) {
  TG_NEEDS_SHARED_DATA();
  const auto folder = test::shared_data() / "series" / "caida_oc48_5min";
  for (const std::string direction : {"A", "B"}) {
    std::vector<std::string> paths;
    for (const auto& entry : test::fs::directory_iterator(folder / "pcap_stats"))
      if (entry.path().filename().string().find("dir" + direction) != std::string::npos) paths.push_back(entry.path());
    const auto report = bin(paths, {.interval_ns = 5 * minute, .point = "dir" + direction, .threads = 2});
    auto table = test::read_csv(folder / ("time_series_df_dir" + direction + ".csv"));
    ASSERT_EQ(report.count(BinOutcome::added), table.size());
    const auto file = SeriesFile::open(scratch / "x.series", OpenMode::read);
    const auto series = file->read({.point = "dir" + direction});
    ASSERT_TRUE(series);
    ASSERT_EQ(series->k.size(), table.size());
    for (std::size_t i = 0; i < table.size(); ++i) EXPECT_EQ(fmt::format("{:.0f}", series->values[i]), table[i]["bytes"]) << i;
    EXPECT_EQ(series->k.front(), 1'029'340'800 / 300);
    EXPECT_EQ(file->spans("dir" + direction)->size(), direction == "A" ? 1u : 2u) << "B has no data from 17:00 to 18:00";
    EXPECT_EQ(bin(paths, {.interval_ns = 0, .point = "dir" + direction}).count(BinOutcome::already_in), table.size());
  }
}

}  // namespace
}  // namespace tidegauge
