#include "host/time_text.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "host/time_zone.hpp"

namespace tidegauge {
namespace {

TEST(TimeText, ParsesIso8601) {
  struct Row { const char* text; std::int64_t seconds, ns; std::optional<std::int64_t> offset; };
  const Row table[] = {
      {"1970-01-01", 0, 0, {}},
      {"1970-01-01T00:00:01Z", 1, 0, 0},
      {"2016-01-09T14:00:00", 1452348000, 0, {}},
      {"2016-01-09 14:00:00", 1452348000, 0, {}},
      {"2016-01-09T14:00", 1452348000, 0, {}},
      {"2016-01-09T14:00:00+09:00", 1452348000, 0, 32400},
      {"2016-01-09T14:00:00-0330", 1452348000, 0, -12600},
      {"2016-01-09T14:00:00+09", 1452348000, 0, 32400},
      {"2016-02-29T00:00:00.25", 1456704000, 250'000'000, {}},
      {"2016-02-29T00:00:00.1234567899", 1456704000, 123'456'789, {}},
      {"1969-12-31T23:59:59", -1, 0, {}},
  };
  for (const Row& row : table) {
    const auto time = parse_wall_time(row.text);
    ASSERT_TRUE(time) << row.text;
    EXPECT_EQ(time->seconds, row.seconds) << row.text;
    EXPECT_EQ(time->ns, row.ns) << row.text;
    EXPECT_EQ(time->utc_offset_s, row.offset) << row.text;
  }
  for (const char* text : {"", "2016", "2016-02-30", "2015-02-29", "2016-13-01", "2016-01-09T24:00:00", "2016-01-09T14",
                           "2016-01-09T14:00:60", "2016-01-09T14:00:00 ", "2016-01-09T14:00:00X", "2016-1-9",
                           "2016-01-09T14:00:00.", "2016-01-09T14:00:00+99:00", "16-01-09T14:00:00"})
    EXPECT_FALSE(parse_wall_time(text)) << text;
}

TEST(TimeText, ParsesPointsInTime) {
  EXPECT_EQ(*parse_time("2016-01-09T14:00:00", "--from"), 1452348000'000'000'000);
  EXPECT_EQ(*parse_time("2016-01-09T14:00:00+09:00", "--from"), 1452315600'000'000'000);
  EXPECT_EQ(*parse_time("@1452315600.5", "--from"), 1452315600'500'000'000);
  EXPECT_FALSE(parse_time("1452315600", "--from"));
  EXPECT_FALSE(parse_time("9999-01-01", "--from"));  // beyond 64 bits of nanoseconds
  EXPECT_FALSE(parse_time("yesterday", "--from"));
}

TEST(TimeText, ReadsSecondsExactly) {
  struct Row { const char* text; std::int64_t ns; };
  const Row table[] = {{"0", 0}, {"5.0", 5'000'000'000}, {"-1.5", -1'500'000'000}, {"+2", 2'000'000'000}, {"7.", 7'000'000'000},
                       {"1452315600.123456789", 1452315600'123'456'789}, {"0.1", 100'000'000}, {"-0.25", -250'000'000}};
  for (const Row& row : table) EXPECT_EQ(parse_seconds(row.text), row.ns) << row.text;
  for (const char* text : {"", ".", "-", "1e3", "1.2.3", "abc", "9223372037", "1 ", "99999999999999999999"})
    EXPECT_FALSE(parse_seconds(text)) << text;
}

TEST(TimeText, FormatsUtc) {
  EXPECT_EQ(format_utc(0, 1'000'000'000), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_utc(-1, 1), "1969-12-31T23:59:59.999999999Z");
  EXPECT_EQ(format_utc(1452315600'250'000'000, 250'000'000), "2016-01-09T05:00:00.250Z");
  EXPECT_EQ(format_utc(1452315600'250'000'001, 1), "2016-01-09T05:00:00.250000001Z");
  EXPECT_EQ(format_utc(951782400'000'000'000, 5'000'000'000), "2000-02-29T00:00:00Z");
}

std::vector<std::int64_t> instants(const std::string& zone_name, const char* wall) {
  auto zone = TimeZone::enter(zone_name);
  if (!zone) ADD_FAILURE() << zone.error().message();
  return zone->instants(parse_wall_time(wall)->seconds);
}

// Expected instants from the rules of each zone, checked with `date -d @N` under TZ.
TEST(TimeZones, LocalTimesBecomeInstants) {
  struct Row { const char* zone; const char* wall; std::vector<std::int64_t> instants; };
  const Row table[] = {
      {"UTC", "2016-01-09T14:00:00", {1452348000}},
      {"Asia/Tokyo", "2016-01-09T14:00:00", {1452315600}},
      {"Europe/Berlin", "2005-06-07T07:00:00", {1118120400}},   // summer, +2
      {"Europe/Berlin", "2005-12-07T07:00:00", {1133935200}},   // winter, +1
      {"Europe/Berlin", "2021-03-28T01:59:59", {1616893199}},   // a second before clocks go forward
      {"Europe/Berlin", "2021-03-28T02:00:00", {}},             // skipped
      {"Europe/Berlin", "2021-03-28T02:30:00", {}},
      {"Europe/Berlin", "2021-03-28T03:00:00", {1616893200}},
      {"Europe/Berlin", "2021-10-31T01:59:59", {1635638399}},
      {"Europe/Berlin", "2021-10-31T02:30:00", {1635640200, 1635643800}},  // twice
      {"Europe/Berlin", "2021-10-31T03:00:00", {1635645600}},
      {"America/New_York", "2021-11-07T01:30:00", {1636263000, 1636266600}},
      {"Australia/Lord_Howe", "2021-10-03T02:15:00", {}},       // half an hour of daylight saving
      {"Asia/Kolkata", "2021-01-01T00:00:00", {1609439400}},    // +5:30
      {"Pacific/Apia", "2011-12-30T12:00:00", {}},              // a day that never was
      {"Europe/Berlin", "2060-07-01T12:00:00", {2855901600}},   // after the last transition on file
  };
  for (const Row& row : table) EXPECT_EQ(instants(row.zone, row.wall), row.instants) << row.zone << " " << row.wall;
}

TEST(TimeZones, UnknownZonesAreErrorsAndTheOldOneComesBack) {
  setenv("TZ", "America/New_York", 1);
  tzset();
  for (const char* name : {"", "Mars/Olympus", "../etc/passwd", "/etc/localtime", "Europe", ":UTC", "zone.tab"}) {
    const auto zone = TimeZone::enter(name);
    ASSERT_FALSE(zone) << name;
    EXPECT_EQ(zone.error().kind, ErrorKind::usage);
  }
  { const auto tokyo = TimeZone::enter("Asia/Tokyo"); ASSERT_TRUE(tokyo); }
  EXPECT_STREQ(std::getenv("TZ"), "America/New_York");
  unsetenv("TZ");
  { const auto tokyo = TimeZone::enter("Asia/Tokyo"); ASSERT_TRUE(tokyo); }
  EXPECT_EQ(std::getenv("TZ"), nullptr);
}

}  // namespace
}  // namespace tidegauge
