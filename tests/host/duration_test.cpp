#include "host/duration.hpp"

#include <gtest/gtest.h>

namespace tidegauge {
namespace {

TEST(Duration, Parses) {
  struct Row { const char* text; std::int64_t ns; };
  const Row table[] = {{"1ms", 1'000'000}, {"100ms", 100'000'000}, {"1s", 1'000'000'000}, {"1.5s", 1'500'000'000},
                       {"0.25s", 250'000'000}, {"5m", 300'000'000'000}, {"5min", 300'000'000'000},
                       {"2h", 7'200'000'000'000}, {"1d", 86'400'000'000'000}, {"1w", 604'800'000'000'000},
                       {"7ns", 7}, {"3us", 3'000}, {".5ms", 500'000}, {"0s", 0}, {"15000w", 9'072'000'000'000'000'000}};
  for (const Row& row : table) {
    const auto parsed = parse_duration(row.text, "--x");
    ASSERT_TRUE(parsed) << row.text << ": " << parsed.error().message();
    EXPECT_EQ(*parsed, row.ns) << row.text;
  }
}

TEST(Duration, RefusesWithReason) {
  struct Row { const char* text; const char* reason; };
  const Row table[] = {{"", "not a duration"}, {"s", "not a duration"}, {"-1s", "not a duration"}, {"5", "unit is missing"},
                       {"5 s", "unknown unit"}, {"1.2.3s", "not a duration"}, {"1e3s", "unknown unit"}, {"5y", "unknown unit"},
                       {"0.5ns", "finer than a nanosecond"}, {"16000w", "longer than 292 years"},
                       {"99999999999999999999s", "not a duration"}, {".s", "not a duration"}};
  for (const Row& row : table) {
    const auto parsed = parse_duration(row.text, "--wait");
    ASSERT_FALSE(parsed) << row.text;
    EXPECT_NE(parsed.error().what.find(row.reason), std::string::npos) << row.text << ": " << parsed.error().message();
    EXPECT_EQ(parsed.error().where, "--wait");
    EXPECT_EQ(parsed.error().kind, ErrorKind::usage);
    EXPECT_FALSE(parsed.error().remedy.empty());
  }
}

TEST(Duration, IntervalsAreFromAMillisecondToADay) {
  EXPECT_TRUE(parse_interval("1ms"));
  EXPECT_TRUE(parse_interval("24h"));
  EXPECT_FALSE(parse_interval("999us"));
  EXPECT_FALSE(parse_interval("1440.1m"));
  EXPECT_FALSE(parse_interval("0s"));
}

TEST(Duration, FormatsExactly) {
  struct Row { std::int64_t ns; const char* text; };
  const Row table[] = {{1'000'000'000, "1s"}, {90'000'000'000, "90s"}, {300'000'000'000, "5m"}, {1'500'000'000, "1500ms"},
                       {86'400'000'000'000, "1d"}, {10'000'000, "10ms"}, {1, "1ns"}, {1'001, "1001ns"}, {0, "0s"}};
  for (const Row& row : table) EXPECT_EQ(format_duration(row.ns), row.text);
}

}  // namespace
}  // namespace tidegauge
