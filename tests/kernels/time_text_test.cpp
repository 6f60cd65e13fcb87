#include "kernels/core/time_text.hpp"

#include "tests/support.hpp"

namespace tidegauge {
namespace {

TEST(TimeText, ReadsTimes) {
  const std::pair<const char*, std::int64_t> table[] = {
      {"1970-01-01", 0},
      {"1970-01-01T00:00:00Z", 0},
      {"2024-01-15T14:00:00Z", 1'705'327'200'000'000'000},
      {"2024-01-15 14:00", 1'705'327'200'000'000'000},
      {"2024-01-15T14:00:00.25", 1'705'327'200'250'000'000},
      {"2024-01-15T15:00:00+01:00", 1'705'327'200'000'000'000},
      {"2024-01-15T08:30:00-0530", 1'705'327'200'000'000'000},
      {"2024-02-29T00:00:00Z", 1'709'164'800'000'000'000},
      {"1969-12-31T23:59:59.5Z", -500'000'000},
      {"1705327200", 1'705'327'200'000'000'000},
      {"1705327200.000000001", 1'705'327'200'000'000'001},
      {"1705327200.0000000019", 1'705'327'200'000'000'001},
      {"-0.5", -500'000'000},
  };
  for (const auto& [text, ns] : table) {
    const auto parsed = parse_time_ns(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(*parsed, ns) << text;
  }
}

TEST(TimeText, RefusesWhatIsNoTime) {
  for (const char* text : {"", "-", "now", "x2024-01-15", "2024-13-01", "2023-02-29", "2024-01-15T", "2024-01-15T24:00",
                           "2024-01-15T14:60", "2024-01-15T14:00:00.", "2024-01-15T14:00:00+25:00", "2024-01-15T14:00:00Zz",
                           "1.", "99999999999", "1705327200 "}) {
    const auto parsed = parse_time_ns(text);
    EXPECT_FALSE(parsed) << text;
    if (!parsed) {
      EXPECT_EQ(parsed.error().kind, ErrorKind::usage);
    }
  }
}

TEST(TimeText, ReadsDurations) {
  const std::pair<const char*, std::int64_t> table[] = {
      {"0", 0},
      {"90", 90'000'000'000},
      {"0.5", 500'000'000},
      {"15m", 900'000'000'000},
      {"1h30m", 5'400'000'000'000},
      {"250ms", 250'000'000},
      {"1.5s", 1'500'000'000},
      {"2d", 172'800'000'000'000},
      {"10us", 10'000},
      {"7ns", 7},
  };
  for (const auto& [text, ns] : table) {
    const auto parsed = parse_duration_ns(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(*parsed, ns) << text;
  }
  for (const char* text : {"", "m", "-5s", "5 s", "5x", "1h30", "1e3", "9999999999d", "1..5s"})
    EXPECT_FALSE(parse_duration_ns(text)) << text;
}

TEST(TimeText, WritesWhatItReads) {
  const std::pair<std::int64_t, const char*> table[] = {
      {0, "1970-01-01T00:00:00Z"},
      {-500'000'000, "1969-12-31T23:59:59.500Z"},
      {1'705'327'200'000'000'000, "2024-01-15T14:00:00Z"},
      {1'705'327'200'000'001'000, "2024-01-15T14:00:00.000001Z"},
      {1'705'327'200'000'000'001, "2024-01-15T14:00:00.000000001Z"},
  };
  for (const auto& [ns, text] : table) {
    EXPECT_EQ(format_time(ns), text);
    EXPECT_EQ(*parse_time_ns(text), ns);
    EXPECT_EQ(*parse_time_ns(format_seconds(ns)), ns);
  }
  EXPECT_EQ(format_seconds(-1), "-0.000000001");
  EXPECT_EQ(format_seconds(1'500'000'000), "1.500000000");
}

}  // namespace
}  // namespace tidegauge
