#include "host/store.hpp"

#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <thread>

#include "kernels/core/random.hpp"
#include "tests/oracle/series_oracle.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

constexpr std::int64_t second = 1'000'000'000;
using Rows = std::map<std::int64_t, IntervalRow>;

IntervalRow row_of(std::uint64_t packets, std::uint64_t bytes) {
  IntervalRow row;
  row[Column::packets] = packets;
  row[Column::bytes] = bytes;
  return row;
}

TraceRecord trace_of(const std::string& path, std::uint64_t hash, const std::string& point = "default") {
  TraceRecord trace;
  trace.path = path;
  trace.point = point;
  trace.fingerprint = {1000 + hash, hash};
  trace.account.read = trace.account.counted = 1;  // rows may hold anything here; that accounts add up is bin's promise
  return trace;
}

/// Adds rows in one portion; the trace must be right.
AddOutcome add(SeriesFile& file, TraceRecord trace, const Rows& rows) {
  auto outcome = file.add_trace(trace, [&](const SeriesFile::RowSink& sink) -> Expected<TraceRecord> {
    TG_TRY(sink(rows));
    return trace;
  });
  if (!outcome) ADD_FAILURE() << outcome.error().message();
  return outcome ? *outcome : AddOutcome::already_in;
}

Rows ramp(std::int64_t first_k, std::int64_t count) {
  Rows rows;
  for (std::int64_t i = 0; i < count; ++i) rows[first_k + i] = row_of(static_cast<std::uint64_t>(i + 1), 100);
  return rows;
}

TraceRecord spanning(TraceRecord trace, std::int64_t first_ns, std::int64_t last_ns) {
  trace.span = Span{first_ns, last_ns};
  return trace;
}

std::string canonical(const SeriesFile& file) {
  std::string text;
  const auto status = file.export_canonical([&](std::string_view piece) { return text += piece, Status(); });
  EXPECT_TRUE(status);
  return text;
}

/// Runs SQL on a series file as the sqlite3 shell would; rows as text, cells joined by '|'.
std::vector<std::string> shell(const test::fs::path& path, const std::string& sql) {
  sqlite3* db = nullptr;
  std::vector<std::string> rows;
  EXPECT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
  const auto collect = [](void* out, int n, char** cells, char**) {
    std::string row;
    for (int i = 0; i < n; ++i) row += fmt::format("{}{}", i ? "|" : "", cells[i] ? cells[i] : "NULL");
    static_cast<std::vector<std::string>*>(out)->push_back(row);
    return 0;
  };
  char* message = nullptr;
  EXPECT_EQ(sqlite3_exec(db, sql.c_str(), collect, &rows, &message), SQLITE_OK) << (message ? message : "");
  sqlite3_free(message);
  sqlite3_close(db);
  return rows;
}

class Store : public testing::Test {
 protected:
  SeriesFile create(const std::string& name = "x.series", std::int64_t interval_ns = second) {
    auto file = SeriesFile::open(scratch / name, OpenMode::create, interval_ns);
    if (!file) ADD_FAILURE() << file.error().message();
    return *std::move(file);
  }
  Error open_error(const std::string& name, OpenMode mode, std::int64_t interval_ns = 0) {
    auto file = SeriesFile::open(scratch / name, mode, interval_ns);
    EXPECT_FALSE(file) << name;
    return file ? Error{} : file.error();
  }
  test::ScratchFolder scratch;
};

TEST_F(Store, WhatCannotBeOpenedSaysWhy) {
  test::write_text(scratch / "text", std::string(5000, 'x'));
  test::write_text(scratch / "empty", "");
  test::fs::create_directory(scratch / "folder");
  shell(scratch / "other.db", "CREATE TABLE t (a)");
  { create("newer.series"); }
  shell(scratch / "newer.series", "PRAGMA user_version = 99");
  struct Row { const char* name; OpenMode mode; const char* reason; };
  const Row table[] = {
      {"absent", OpenMode::read, "no such series file"},   {"absent", OpenMode::write, "no such series file"},
      {"text", OpenMode::read, "not a series file"},       {"text", OpenMode::create, "not a series file"},
      {"empty", OpenMode::read, "not a series file"},      {"folder", OpenMode::create, "a folder"},
      {"folder", OpenMode::read, "a folder"},              {"other.db", OpenMode::read, "something else"},
      {"other.db", OpenMode::create, "something else"},    {"newer.series", OpenMode::read, "newer than"},
      {"newer.series", OpenMode::write, "newer than"},     {"no/such/folder", OpenMode::create, "cannot be opened"},
  };
  for (const Row& row : table) {
    const Error error = open_error(row.name, row.mode, second);
    EXPECT_NE(error.what.find(row.reason), std::string::npos) << row.name << ": " << error.message();
    EXPECT_NE(error.where.find(row.name), std::string::npos) << error.message();
    EXPECT_FALSE(error.remedy.empty()) << error.message();
  }
  EXPECT_EQ(test::read_text(scratch / "text"), std::string(5000, 'x')) << "another's file is left alone";

  const auto nameless = SeriesFile::open("", OpenMode::create, second);
  ASSERT_FALSE(nameless);
  EXPECT_EQ(nameless.error().what, "a series file needs a name");
  EXPECT_EQ(nameless.error().kind, ErrorKind::usage);
}

TEST_F(Store, AFileWithoutTablesIsNew) {
  test::write_text(scratch / "empty", "");  // as a kill at its birth leaves it
  shell(scratch / "journal", "PRAGMA journal_mode = WAL");
  for (const char* name : {"absent", "empty", "journal"}) {
    EXPECT_EQ(create(name, 0).interval_ns(), second) << name;
    EXPECT_EQ(create(name, 5 * second).interval_ns(), 5 * second) << name;
  }
}

TEST_F(Store, NamesWithUriCharactersAreFileNames) {
  { create("a?b#c%41 d.series"); }
  EXPECT_TRUE(test::fs::exists(scratch / "a?b#c%41 d.series"));
}

TEST_F(Store, OneIntervalPerFile) {
  {
    auto file = create("x.series", 5 * second);
    add(file, trace_of("a", 1), ramp(10, 3));
  }
  EXPECT_EQ(SeriesFile::open(scratch / "x.series", OpenMode::create, 0)->interval_ns(), 5 * second);
  EXPECT_EQ(SeriesFile::open(scratch / "x.series", OpenMode::create, 5 * second)->interval_ns(), 5 * second);
  const Error error = open_error("x.series", OpenMode::create, second);
  EXPECT_EQ(error.kind, ErrorKind::usage);
  EXPECT_NE(error.what.find("5s, not of 1s"), std::string::npos) << error.message();
}

TEST_F(Store, AnEmptyFileTakesTheNewInterval) {
  { create("x.series", 5 * second); }
  auto file = create("x.series", 60 * second);
  EXPECT_EQ(file.interval_ns(), 60 * second);
  EXPECT_EQ(file.joint_tolerance_ns(), 600'000'000);
}

TEST_F(Store, RowsOfAnotherIntervalDoNotComeIn) {
  auto first = create("x.series", second), other = create("x.series", 60 * second);  // nothing in it yet
  const auto refused = first.add_trace(trace_of("a", 1), [&](const SeriesFile::RowSink& sink) -> Expected<TraceRecord> {
    TG_TRY(sink(ramp(0, 3)));
    return trace_of("a", 1);
  });
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().what.find("another interval meanwhile, 1m instead of 1s"), std::string::npos)
      << refused.error().message();
  EXPECT_EQ(add(other, trace_of("b", 2), ramp(0, 3)), AddOutcome::added);
  EXPECT_EQ(first.traces()->size(), 1u);
}

TEST_F(Store, PortionsAddUpAndEmptyRowsAreNotStored) {
  auto file = create();
  const auto trace = spanning(trace_of("a.pcap", 1), 10 * second, 14 * second - 1);
  const auto outcome = file.add_trace(trace, [&](const SeriesFile::RowSink& sink) -> Expected<TraceRecord> {
    TG_TRY(sink({{10, row_of(1, 60)}, {11, row_of(2, 120)}, {12, IntervalRow{}}}));
    TG_TRY(sink({{11, row_of(3, 180)}, {13, row_of(4, 240)}}));
    return trace;
  });
  ASSERT_TRUE(outcome);
  EXPECT_EQ(*outcome, AddOutcome::added);
  const auto series = file.read({.columns = {"packets", "bytes"}});
  ASSERT_TRUE(series) << series.error().message();
  EXPECT_EQ(series->k, (std::vector<std::int64_t>{10, 11, 12, 13}));
  EXPECT_EQ(series->values, (std::vector<double>{1, 60, 5, 300, 0, 0, 4, 240}));
  EXPECT_EQ(series->complete, (std::vector<std::uint8_t>{1, 1, 1, 1}));
  EXPECT_EQ(shell(scratch / "x.series", "SELECT count(*) FROM intervals"), std::vector<std::string>{"3"});
}

TEST_F(Store, TheWholeRecordComesBack) {
  auto file = create();
  TraceRecord trace = spanning(trace_of("dir/a b.pcap", 0xfedcba9876543210), 5, 9);
  trace.kind = "pcapng in gzip";
  trace.settings = R"({"outer":true})";
  trace.damage = "3 bytes, \"quoted\"";
  trace.account = {100, 79, {1, 2, 3, 4, 5, 6, 0}, 17, 4711};
  ASSERT_TRUE(trace.account.adds_up());
  add(file, trace, {});
  const auto traces = file.traces();
  ASSERT_TRUE(traces);
  ASSERT_EQ(traces->size(), 1u);
  const TraceRecord& back = traces->front();
  EXPECT_EQ(back.path, trace.path);
  EXPECT_EQ(back.fingerprint, trace.fingerprint);
  EXPECT_EQ(back.kind, trace.kind);
  EXPECT_EQ(back.settings, trace.settings);
  EXPECT_EQ(back.damage, trace.damage);
  EXPECT_EQ(back.account, trace.account);
  EXPECT_EQ(back.span, trace.span);
  EXPECT_EQ(shell(scratch / "x.series", "SELECT status, hash FROM traces"),
            std::vector<std::string>{"damaged|fedcba9876543210"});
}

TEST_F(Store, IdentityIsTheContentNotThePath) {
  auto file = create();
  add(file, spanning(trace_of("a.pcap", 1), 0, 1), ramp(0, 1));
  const std::string before = canonical(file);

  EXPECT_EQ(add(file, trace_of("a.pcap", 1), ramp(0, 1)), AddOutcome::already_in);
  EXPECT_EQ(add(file, trace_of("elsewhere/b.pcap", 1), ramp(0, 1)), AddOutcome::already_in);
  bool filled = false;
  ASSERT_TRUE(file.add_trace(trace_of("a.pcap", 1), [&](const auto&) -> Expected<TraceRecord> {
    filled = true;
    return TraceRecord{};
  }));
  EXPECT_FALSE(filled) << "what is in is not counted again";

  TraceRecord other_settings = trace_of("a.pcap", 1);
  other_settings.settings = R"({"outer":true})";
  struct Row { TraceRecord trace; const char* reason; };
  const Row table[] = {
      {trace_of("a.pcap", 2), "it has changed"},
      {trace_of("./a.pcap", 2), "it has changed"},
      {other_settings, "other settings"},
      {trace_of("a.pcap", 1, "north"), "in already, at point 'default'"},
  };
  for (const Row& row : table) {
    const auto known = file.find_trace(row.trace);
    ASSERT_FALSE(known) << row.reason;
    EXPECT_NE(known.error().what.find(row.reason), std::string::npos) << known.error().message();
    const auto outcome = file.add_trace(row.trace, [&](const auto&) -> Expected<TraceRecord> { return row.trace; });
    EXPECT_FALSE(outcome) << row.reason;
  }
  EXPECT_EQ(canonical(file), before);
  EXPECT_FALSE(file.find_trace(trace_of("new.pcap", 3))->has_value());
  EXPECT_TRUE(file.find_trace(trace_of("b.pcap", 1))->has_value());
}

TEST_F(Store, EmptyCapturesOfTwoLinksAreNotConfused) {
  auto file = create();
  TraceRecord south = trace_of("south.pcap", 1, "south"), north = trace_of("north.pcap", 1, "north");
  south.account = north.account = {};
  EXPECT_EQ(add(file, south, {}), AddOutcome::added);
  EXPECT_EQ(add(file, north, {}), AddOutcome::added);
}

TEST_F(Store, AFailedTraceLeavesNothing) {
  auto file = create();
  add(file, spanning(trace_of("a.pcap", 1), 0, second), ramp(0, 2));
  const std::string before = canonical(file);
  const auto failing = file.add_trace(trace_of("b.pcap", 2), [&](const SeriesFile::RowSink& sink) -> Expected<TraceRecord> {
    TG_TRY(sink(ramp(100, 50)));
    return Error{"broken capture", "b.pcap", ""};
  });
  ASSERT_FALSE(failing);
  EXPECT_EQ(failing.error().what, "broken capture");
  EXPECT_THROW(static_cast<void>(file.add_trace(trace_of("c.pcap", 3), [&](const SeriesFile::RowSink& sink) -> Expected<TraceRecord> {
    TG_TRY(sink(ramp(100, 50)));
    throw std::runtime_error("stop");
  })), std::runtime_error);
  EXPECT_EQ(canonical(file), before);
  EXPECT_EQ(file.traces()->size(), 1u);
  EXPECT_EQ(add(file, trace_of("b.pcap", 2), ramp(100, 50)), AddOutcome::added) << "the file goes on working";
}

TEST_F(Store, OrderOfTracesDoesNotMatter) {
  const auto build = [&](const std::string& name, std::vector<int> order) {
    auto file = create(name);
    for (const int i : order) {
      const std::int64_t k = i * 7;
      add(file, spanning(trace_of(fmt::format("t{}", i), static_cast<std::uint64_t>(i), i % 2 ? "north" : "south"),
                         k * second, (k + 9) * second), ramp(k, 9));
    }
    return canonical(file);
  };
  const std::string first = build("a", {1, 2, 3, 4, 5});
  EXPECT_EQ(build("b", {5, 4, 3, 2, 1}), first);
  EXPECT_EQ(build("c", {3, 1, 5, 2, 4}), first);
  EXPECT_NE(build("d", {1, 2, 3, 4}), first);
  EXPECT_EQ(first.find("t1"), std::string::npos) << "no paths";
}

TEST_F(Store, GapsAreNotZeros) {
  auto file = create();
  add(file, spanning(trace_of("minute1", 1), 0, 3 * second - 2'000'000), ramp(0, 3));
  add(file, spanning(trace_of("minute2", 2), 3 * second + 1'000'000, 5 * second - 1), ramp(3, 2));  // the joint closes
  add(file, spanning(trace_of("later", 3), 8 * second + second / 2, 10 * second - 1), ramp(9, 1));  // begins in k = 8
  const auto series = file.read({.point = "default", .columns = {"packets"}});
  ASSERT_TRUE(series);
  EXPECT_EQ(series->k, (std::vector<std::int64_t>{0, 1, 2, 3, 4, 8, 9}));
  EXPECT_EQ(series->values, (std::vector<double>{1, 2, 3, 1, 2, 0, 1}));
  EXPECT_EQ(series->complete, (std::vector<std::uint8_t>{1, 1, 1, 1, 1, 0, 1}));
  EXPECT_EQ(series->segments(), (std::vector<Segment>{{0, 5}, {6, 7}}));
  EXPECT_EQ(*file.spans(""), (std::vector<Span>{{0, 5 * second - 1}, {8 * second + second / 2, 10 * second - 1}}));
}

TEST_F(Store, RowsOutsideEverySpanAreShownButNotComplete) {
  auto file = create();
  add(file, spanning(trace_of("a", 1), 5 * second, 7 * second - 1), {{2, row_of(0, 9)}, {5, row_of(1, 1)}, {9, row_of(0, 3)}});
  const auto series = file.read({.columns = {"bytes"}});
  ASSERT_TRUE(series);
  EXPECT_EQ(series->k, (std::vector<std::int64_t>{2, 5, 6, 9}));
  EXPECT_EQ(series->values, (std::vector<double>{9, 1, 0, 3}));
  EXPECT_EQ(series->complete, (std::vector<std::uint8_t>{0, 1, 1, 0}));
}

TEST_F(Store, QueriesAreClippedToTheIntervalsTheyOverlap) {
  auto file = create();
  add(file, spanning(trace_of("a", 1), 0, 10 * second - 1), ramp(0, 10));
  struct Row { std::optional<std::int64_t> from, to; std::vector<std::int64_t> k; };
  const Row table[] = {{3 * second, 5 * second, {3, 4}}, {3 * second + 1, 5 * second + 1, {3, 4, 5}}, {8 * second, {}, {8, 9}},
                       {{}, 2 * second, {0, 1}}, {20 * second, {}, {}}, {5 * second, 5 * second, {}}, {5 * second, 2 * second, {}},
                       {{}, std::numeric_limits<std::int64_t>::min(), {}}};
  for (const Row& row : table) {
    const auto series = file.read({.columns = {"packets"}, .from_ns = row.from, .to_ns = row.to});
    ASSERT_TRUE(series);
    EXPECT_EQ(series->k, row.k);
    for (const auto complete : series->complete) EXPECT_TRUE(complete) << "clipping does not make an interval partial";
  }
}

TEST_F(Store, UnknownNamesAreNamed) {
  auto file = create();
  EXPECT_NE(file.read({}).error().what.find("no trace"), std::string::npos);
  add(file, trace_of("a", 1, "north"), ramp(0, 1));
  EXPECT_NE(file.read({.point = "east"}).error().message().find("north"), std::string::npos);
  EXPECT_NE(file.read({.columns = {"pakets"}}).error().remedy.find("tcp_bytes"),
            std::string::npos);
  EXPECT_EQ(file.read({})->columns.size(), column_count);
  add(file, trace_of("b", 2, "south"), ramp(0, 1));
  EXPECT_NE(file.read({}).error().what.find("north, south"), std::string::npos);
  EXPECT_EQ(*file.points(), (std::vector<std::string>{"north", "south"}));
}

TEST_F(Store, ASeriesBeyondMemoryIsRefusedAndStillStreams) {
  auto file = create("x.series", 1'000'000);
  const std::int64_t year_ns = 365 * 86'400 * second;
  add(file, spanning(trace_of("a", 1), 0, year_ns), {{0, row_of(1, 1)}, {year_ns / 1'000'000, row_of(2, 1)}});
  const auto series = file.read({});
  ASSERT_FALSE(series);
  EXPECT_NE(series.error().what.find("31536000001 intervals, more than the"), std::string::npos) << series.error().what;
  EXPECT_NE(series.error().what.find("in a no packet came from 1970-01-01T00:00:00.001Z to 1971-01-01T00:00:00.000Z (364 days)"),
            std::string::npos) << series.error().what;
  const auto tail = file.read({.columns = {"packets"}, .from_ns = year_ns - 3'000'000});
  ASSERT_TRUE(tail);
  EXPECT_EQ(tail->values, (std::vector<double>{0, 0, 0, 2}));
}

TEST_F(Store, TheLimitOfAReadIsInIntervalsTooAndExact) {
  auto file = create("x.series", 1'000'000);
  const auto most = static_cast<std::int64_t>(read_limit_intervals);
  add(file, spanning(trace_of("a", 1), 0, most * 1'000'000), {{0, row_of(1, 1)}, {most, row_of(2, 1)}});
  EXPECT_EQ(*file.count_intervals({}), read_limit_intervals + 1);
  EXPECT_FALSE(file.read({.columns = {"packets"}}));
  EXPECT_EQ(*file.count_intervals({.from_ns = 1'000'000}), read_limit_intervals);
  EXPECT_EQ(*file.count_intervals({.from_ns = 5'000'000, .to_ns = 8'000'000}), 3u);
}

// Against a look at every row, for intervals that a day is a multiple of and the longest.
TEST_F(Store, TheLongestSilenceOfMoreThanADay) {
  constexpr std::int64_t day = 86'400 * second, ms = 1'000'000;
  RandomStream random(7, 0);
  for (const std::int64_t interval : {ms, second, 7 * second, day}) {
    for (int round = 0; round < 8; ++round) {
      auto file = create(fmt::format("{}-{}.series", interval, round), interval);
      Rows rows;
      std::int64_t k = -5 * day / interval, first = 0, end = 0;
      for (int i = 0; i < 20; ++i) {
        rows[k] = row_of(1, 1);
        const std::int64_t step = 1 + static_cast<std::int64_t>(random.unit() * 2.5 * static_cast<double>(std::max(day, 2 * interval) / interval));
        if (i < 19 && (step - 1) * interval > day && (step - 1) * interval > end - first)
          first = (k + 1) * interval, end = (k + step) * interval;
        k += step;
      }
      const TraceRecord trace = spanning(trace_of("a", 1), rows.begin()->first * interval, rows.rbegin()->first * interval);
      add(file, trace, rows);
      const auto silence = file.long_silence(trace);
      ASSERT_TRUE(silence);
      EXPECT_EQ(silence->has_value(), end != first) << interval << " " << round;
      if (*silence) {
        EXPECT_EQ((*silence)->first_ns, first) << interval << " " << round;
        EXPECT_EQ((*silence)->end_ns, end) << interval << " " << round;
        EXPECT_EQ((*silence)->path, "a");
        EXPECT_EQ((*file.long_silence("default"))->first_ns, first);
      }
    }
  }
}

TEST_F(Store, ASilenceOfADayIsNoneToSpeakOf) {
  constexpr std::int64_t day = 86'400;
  auto file = create();
  const TraceRecord hourly = spanning(trace_of("hourly", 1), 0, 3 * day * second), daily = spanning(trace_of("daily", 2), 0, 3 * day * second);
  Rows rows;
  for (std::int64_t k = 0; k <= 3 * day; k += 3600) rows[k] = row_of(1, 1);
  add(file, hourly, rows);
  add(file, daily, {{0, row_of(1, 1)}, {day + 1, row_of(1, 1)}, {2 * day + 2, row_of(1, 1)}, {3 * day, row_of(1, 1)}});  // a day to the second
  EXPECT_FALSE(*file.long_silence(hourly));
  EXPECT_FALSE(*file.long_silence(daily));
  EXPECT_FALSE(*file.long_silence("default"));
}

TEST_F(Store, ATwinHasTheSameTimesAndAsManyPackets) {
  auto file = create();
  const TraceRecord first = spanning(trace_of("first", 1), 100, 3 * second);
  TraceRecord more = spanning(trace_of("more", 2), 100, 3 * second);
  more.account.read = more.account.counted = 2;
  const TraceRecord longer = spanning(trace_of("longer", 3), 100, 3 * second + 1), later = spanning(trace_of("later", 4), 101, 3 * second);
  const TraceRecord elsewhere = spanning(trace_of("elsewhere", 5, "other point"), 100, 3 * second);
  const TraceRecord twin = spanning(trace_of("twin", 6), 100, 3 * second);
  for (const TraceRecord& trace : {first, more, longer, later, elsewhere}) {
    add(file, trace, ramp(0, 4));
    const auto found = file.twin_of(trace);
    ASSERT_TRUE(found);
    EXPECT_FALSE(*found) << trace.path;
  }
  add(file, twin, ramp(0, 4));
  EXPECT_EQ(*file.twin_of(twin), "first");
  EXPECT_FALSE(*file.twin_of(first)) << "it was there before";
}

TEST_F(Store, AFileIsRemovedOnlyIfItIsUnused) {
  const std::string path = scratch / "x.series";
  {
    const SeriesFile open_elsewhere = create();
    ASSERT_TRUE(open_elsewhere.points());
    SeriesFile::remove_unused(path);
    EXPECT_TRUE(test::fs::exists(path));
  }
  SeriesFile::remove_unused(path);
  EXPECT_TRUE(test::fs::is_empty(scratch.path())) << "with its log";
  {
    auto file = create();
    add(file, trace_of("a", 1), ramp(0, 3));
  }
  SeriesFile::remove_unused(path);
  EXPECT_EQ(shell(path, "PRAGMA journal_mode"), std::vector<std::string>{"wal"});
  EXPECT_EQ(shell(path, "SELECT count(*) FROM traces"), std::vector<std::string>{"1"});
  test::write_text(scratch / "text", "no database");
  SeriesFile::remove_unused(scratch / "text");
  EXPECT_EQ(test::read_text(scratch / "text"), "no database");
}

TEST_F(Store, RowsAcrossManyWindowsComeInOrder) {
  auto file = create("x.series", 1'000'000);
  Rows near, far;
  std::map<std::int64_t, double> expected;
  for (std::int64_t i = 0; i < 400; ++i) {
    near[i * 997] = row_of(1, 1);                     // 400,000 intervals: several windows
    far[1'000'000'000 + i * 3] = row_of(2, 1);        // after a gap of many windows
    expected[i * 997] += 1;
    expected[1'000'000'000 + i * 3] += 2;
  }
  add(file, trace_of("far", 1), far);
  add(file, trace_of("near", 2), near);
  add(file, trace_of("twice", 3), near);              // overlapping traces of one point add up
  for (std::int64_t i = 0; i < 400; ++i) expected[i * 997] += 1;
  std::vector<std::pair<std::int64_t, double>> seen;
  ASSERT_TRUE(file.visit({.columns = {"packets"}},
                         [&](std::int64_t k, bool, std::int64_t, std::span<const double> values) {
                           seen.emplace_back(k, values[0]);
                           return Status();
                         }));
  EXPECT_EQ(seen, (std::vector<std::pair<std::int64_t, double>>(expected.begin(), expected.end())));
}

TEST_F(Store, AClockJumpInsideATraceIsNotWalkedThrough) {
  auto file = create("x.series", 1'000'000);
  constexpr std::int64_t today = 1'704'067'200'000;  // 26 million windows after the start
  Rows rows = ramp(0, 3);
  rows.merge(ramp(today, 3));
  add(file, trace_of("jump", 1), rows);
  const auto start = std::chrono::steady_clock::now();
  const std::string text = canonical(file);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
  for (const std::int64_t k : {std::int64_t{0}, std::int64_t{2}, today, today + 2})
    EXPECT_NE(text.find(fmt::format("\ndefault,{},", k)), std::string::npos) << k << "\n" << text;
}

TEST_F(Store, AVisitorsErrorEndsTheVisit) {
  auto file = create();
  add(file, spanning(trace_of("a", 1), 0, 10 * second), ramp(0, 10));
  int calls = 0;
  const auto status = file.visit({}, [&](auto, auto, auto, auto) { return ++calls == 3 ? Status(Error{"enough", "", ""}) : Status(); });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().what, "enough");
  EXPECT_EQ(calls, 3);
}

// visit(), the naive union and the view `series` are three ways to the same rows.
TEST_F(Store, ReadingViewAndOracleAgree) {
  constexpr std::uint64_t seed = 7;
  SCOPED_TRACE(fmt::format("seed {}", seed));
  for (std::uint64_t round = 0; round < 6; ++round) {
    RandomStream random(seed, round);
    const std::int64_t interval = round % 2 ? second : 250'000'000;
    const std::string name = fmt::format("r{}.series", round);
    auto file = create(name, interval);
    std::vector<test::OracleSpan> spans;
    std::map<std::int64_t, double> packets;
    for (std::uint64_t t = 1; t <= 8; ++t) {
      const auto first = static_cast<std::int64_t>(random.below(60)) * second + static_cast<std::int64_t>(random.below(1'000'000'000));
      const auto last = first + static_cast<std::int64_t>(random.below(9'000'000'000));
      Rows rows;
      for (std::uint64_t i = random.below(12); i-- > 0;) {
        const std::int64_t k = (first + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(last - first + 1)))) / interval;
        const std::uint64_t count = 1 + random.below(1000);
        rows[k] += row_of(count, 0);
        packets[k] += static_cast<double>(count);
      }
      add(file, spanning(trace_of(fmt::format("t{}", t), t), first, last), rows);
      spans.push_back({first, last});
    }
    std::vector<std::string> visited, expected;
    ASSERT_TRUE(file.visit({.columns = {"packets"}},
                           [&](std::int64_t k, bool, std::int64_t covered, std::span<const double> values) {
                             visited.push_back(fmt::format("{}|{}|{}", k, covered, values[0]));
                             return Status();
                           }));
    for (const auto& [k, covered] : test::naive_coverage(spans, interval, file.joint_tolerance_ns()))
      expected.push_back(fmt::format("{}|{}|{}", k, covered, packets[k]));
    EXPECT_EQ(visited, expected) << "round " << round;
    EXPECT_EQ(shell(scratch / name, "SELECT c.k, covered_ns, packets FROM series s JOIN covered_intervals c "
                                    "ON c.k = s.k AND c.point = s.point ORDER BY c.k"), expected) << "round " << round;
  }
}

TEST_F(Store, ViewsShowReadableTimes) {
  struct Row { std::int64_t interval_ns, k; const char* time; };
  const Row table[] = {{second, 1429834927, "2015-04-24T00:22:07Z"}, {250'000'000, 3, "1970-01-01T00:00:00.750Z"},
                       {1'500'000, 1, "1970-01-01T00:00:00.001500000Z"}, {second, -1, "1969-12-31T23:59:59Z"},
                       {250'000'000, -1, "1969-12-31T23:59:59.750Z"}, {86'400 * second, 16'000, "2013-10-22T00:00:00Z"}};
  for (const Row& row : table) {
    const std::string name = fmt::format("{}_{}.series", row.interval_ns, row.k);
    auto file = create(name, row.interval_ns);
    add(file, spanning(trace_of("a", 1), row.k * row.interval_ns, (row.k + 1) * row.interval_ns - 1), {{row.k, row_of(5, 6)}});
    EXPECT_EQ(shell(scratch / name, "SELECT k, time, coverage, packets, bytes FROM series"),
              std::vector<std::string>{fmt::format("{}|{}|1.0|5|6", row.k, row.time)});
  }
}

TEST_F(Store, ImportedValuesKeepTheirGaps) {
  auto file = create("x.series", 5 * second);
  const std::int64_t k[] = {10, 11, 13};
  const double values[] = {1.5, -2, 1e300};
  TraceRecord trace = trace_of("a.csv", 1);
  trace.kind = "csv";
  ASSERT_EQ(*file.add_values(trace, k, values), AddOutcome::added);
  EXPECT_EQ(*file.add_values(trace, k, values), AddOutcome::already_in);
  const auto series = file.read({});
  ASSERT_TRUE(series) << series.error().message();
  EXPECT_EQ(series->columns, std::vector<std::string>{"value"});
  EXPECT_EQ(series->k, (std::vector<std::int64_t>{10, 11, 13}));
  EXPECT_EQ(series->values, (std::vector<double>{1.5, -2, 1e300}));
  EXPECT_EQ(series->complete, (std::vector<std::uint8_t>{1, 1, 1}));
  EXPECT_EQ(*file.spans(""), (std::vector<Span>{{50 * second, 60 * second - 1}, {65 * second, 70 * second - 1}}));
  EXPECT_EQ(shell(scratch / "x.series", "SELECT time, value FROM imported_series WHERE k = 11"),
            std::vector<std::string>{"1970-01-01T00:00:55Z|-2.0"});
  EXPECT_NE(canonical(file).find("\ndefault,13,1e+300\n"), std::string::npos);

  TraceRecord overlapping = trace_of("b.csv", 2);
  const auto clash = file.add_values(overlapping, std::span(k, 1), std::span(values, 1));
  ASSERT_FALSE(clash);
  EXPECT_NE(clash.error().what.find("from a.csv"), std::string::npos) << clash.error().message();
  const auto mixed = file.add_trace(trace_of("c.pcap", 3), [](const auto&) -> Expected<TraceRecord> { return TraceRecord{}; });
  ASSERT_FALSE(mixed);
  EXPECT_NE(mixed.error().what.find("cannot be mixed"), std::string::npos);
  EXPECT_FALSE(file.read({.columns = {"packets"}}));
}

TEST_F(Store, ForecastsLabelsAndTablesComeBack) {
  auto file = create();
  add(file, trace_of("a", 1, "north"), ramp(0, 1));
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  const Forecast forecast{"lstm", "tcp_bytes", second, 2, {5, 6, 9}, {0.1, 2, 3}, {1, nan, 3}};
  const Forecast linear{"ar", "tcp_bytes", second, 2, {1}, {1}, {1}};
  ASSERT_TRUE(file.save_forecasts(std::vector{Forecast{"lstm", "tcp_bytes", second, 2, {1}, {1}, {1}}}, "north"));
  ASSERT_TRUE(file.save_forecasts(std::vector{forecast, linear}, ""));              // replaces the one above
  const auto forecasts = file.forecasts("north");
  ASSERT_TRUE(forecasts);
  ASSERT_EQ(forecasts->size(), 2u);
  const Forecast& back = (*forecasts)[1];
  EXPECT_EQ(back.model, "lstm");
  EXPECT_EQ(back.column, "tcp_bytes");
  EXPECT_EQ(back.step, 2u);
  EXPECT_EQ(back.interval_ns, second);
  EXPECT_EQ(back.k, forecast.k);
  EXPECT_EQ(back.predicted, forecast.predicted);
  EXPECT_EQ(back.actual[0], 1);
  EXPECT_TRUE(std::isnan(back.actual[1]));

  const Labels labels{"series", "bytes", second, {{1, 5, 3, Direction::rising, infinity, 2}, {4, 9, 6, Direction::falling, -1.5, 1}}, {3, 4, 6}};
  ASSERT_TRUE(file.save_labels({"series", "bytes", second, {}, {}}, "north", "{}"));
  ASSERT_TRUE(file.save_labels(labels, "north", R"({"threshold":1.3})"));
  const auto label_sets = file.labels("");
  ASSERT_TRUE(label_sets);
  ASSERT_EQ(label_sets->size(), 1u);
  EXPECT_EQ(label_sets->front().ranges, labels.ranges);
  EXPECT_EQ(label_sets->front().detections, labels.detections);
  EXPECT_EQ(label_sets->front().source, "series");

  ASSERT_TRUE(file.save_table("scores", "north", "[1]"));
  ASSERT_TRUE(file.save_table("scores", "north", "[2]"));
  EXPECT_EQ(**file.table("scores", "north"), "[2]");
  EXPECT_EQ(**file.table("scores", ""), "[2]") << "the only point there is";
  EXPECT_FALSE(file.table("metrics", "north")->has_value());
  add(file, trace_of("b", 2, "south"), ramp(0, 1));
  EXPECT_FALSE(file.table("scores", "")->has_value()) << "with several points, the file as a whole";
  ASSERT_TRUE(file.save_table("scores", "", "[3]"));
  EXPECT_EQ(**file.table("scores", ""), "[3]");
  EXPECT_EQ(**file.table("scores", "north"), "[2]");
  EXPECT_FALSE(file.save_forecasts(std::vector{forecast}, "east")) << "an unknown point is an error";
  EXPECT_EQ(shell(scratch / "x.series", "SELECT count(*) FROM forecast_values"), std::vector<std::string>{"4"})
      << "the values of a replaced forecast go with it";
}

TEST_F(Store, NothingOfAnEarlierJobOnTheSameColumnStays) {
  auto file = create();
  add(file, trace_of("a", 1, "north"), ramp(0, 1));
  add(file, trace_of("b", 2, "south"), ramp(0, 1));
  const auto forecast = [](const char* model, const char* column, std::size_t step) {
    return Forecast{model, column, second, step, {1}, {1}, {1}};
  };
  const auto labels = [](const char* source, const char* column) { return Labels{source, column, second, {}, {}}; };
  // Two steps and a season at first; beside them another column and another point, which are not concerned.
  ASSERT_TRUE(file.save_forecasts(std::vector{forecast("lstm", "bytes", 1), forecast("lstm", "bytes", 2), forecast("seasonal", "bytes", 1)}, "north"));
  ASSERT_TRUE(file.save_forecasts(std::vector{forecast("lstm", "packets", 2)}, "north"));
  ASSERT_TRUE(file.save_forecasts(std::vector{forecast("lstm", "bytes", 2)}, "south"));
  for (const char* source : {"series", "lstm", "seasonal"}) ASSERT_TRUE(file.save_labels(labels(source, "bytes"), "north", "{}"));
  ASSERT_TRUE(file.save_labels(labels("lstm", "packets"), "north", "{}"));
  ASSERT_TRUE(file.save_labels(labels("lstm", "bytes"), "south", "{}"));
  for (const char* point : {"north", "south"})
    ASSERT_TRUE(file.save_table("scores", point, R"({"scores":["text",{"source":"lstm","column":"bytes"}]})"));

  ASSERT_TRUE(file.save_forecasts(std::vector{forecast("lstm", "bytes", 1)}, "north"));
  const auto rows = [&](const std::string& sql) { return shell(scratch / "x.series", sql); };
  EXPECT_EQ(rows("SELECT point || ' ' || model || ' ' || \"column\" || ' ' || step FROM forecasts ORDER BY 1"),
            (std::vector<std::string>{"north lstm bytes 1", "north lstm packets 2", "south lstm bytes 2"}));
  EXPECT_EQ(rows("SELECT point || ' ' || source || ' ' || \"column\" FROM label_sets ORDER BY 1"),
            (std::vector<std::string>{"north lstm packets", "north series bytes", "south lstm bytes"}));
  EXPECT_EQ(rows("SELECT point FROM results WHERE name = 'scores'"), std::vector<std::string>{"south"});

  // New labels make the scores of their column old, not those of another.
  ASSERT_TRUE(file.save_labels(labels("series", "packets"), "south", "{}"));
  EXPECT_TRUE(file.table("scores", "south")->has_value());
  ASSERT_TRUE(file.save_labels(labels("series", "bytes"), "south", "{}"));
  EXPECT_FALSE(file.table("scores", "south")->has_value());
}

TEST_F(Store, ASecondWriterWaitsThenErrs) {
  auto first = create(), second_writer = create();
  second_writer.set_wait(50);
  const auto outcome = first.add_trace(trace_of("a", 1), [&](const SeriesFile::RowSink& sink) -> Expected<TraceRecord> {
    TG_TRY(sink(ramp(0, 3)));
    const auto refused = second_writer.add_trace(trace_of("b", 2), [&](const auto& rows) -> Expected<TraceRecord> {
      TG_TRY(rows(ramp(0, 3)));
      return trace_of("b", 2);
    });
    EXPECT_FALSE(refused);
    EXPECT_NE(refused.error().what.find("another process is writing"), std::string::npos) << refused.error().message();
    EXPECT_EQ(second_writer.traces()->size(), 0u) << "reading goes on meanwhile";
    return trace_of("a", 1);
  });
  ASSERT_TRUE(outcome);
  EXPECT_EQ(add(second_writer, trace_of("b", 2), ramp(0, 3)), AddOutcome::added);
}

TEST_F(Store, TwoWritersOfTheSameTraceCountItOnce) {
  auto first = create(), other = create();
  const auto outcome = first.add_trace(trace_of("a", 1), [&](const SeriesFile::RowSink& sink) -> Expected<TraceRecord> {
    EXPECT_EQ(add(other, trace_of("a", 1), ramp(0, 3)), AddOutcome::added);  // somebody was faster
    TG_TRY(sink(ramp(0, 3)));
    return trace_of("a", 1);
  });
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_EQ(*outcome, AddOutcome::already_in);
  EXPECT_EQ(first.read({.columns = {"packets"}})->values, (std::vector<double>{1, 2, 3}));
}

TEST(ThreadsStore, WritersInManyThreadsAllComeIn) {
  test::ScratchFolder scratch;
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      auto file = SeriesFile::open(scratch / "x.series", OpenMode::create, second);  // all four make it at once
      ASSERT_TRUE(file) << file.error().message();
      for (std::uint64_t i = 0; i < 5; ++i)
        EXPECT_EQ(add(*file, trace_of(fmt::format("{}-{}", t, i), t * 10 + i), ramp(0, 20)), AddOutcome::added);
    });
  }
  for (auto& thread : threads) thread.join();
  auto file = SeriesFile::open(scratch / "x.series", OpenMode::read);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->read({.columns = {"packets"}, .to_ns = 2 * second})->values, (std::vector<double>{20, 40}));
}

TEST(ThreadsStore, AReaderWaitsForWhoHoldsTheFileForAMoment) {
  test::ScratchFolder scratch;
  { ASSERT_TRUE(SeriesFile::open(scratch / "x.series", OpenMode::create, second)); }
  sqlite3* holder = nullptr;
  ASSERT_EQ(sqlite3_open((scratch / "x.series").c_str(), &holder), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(holder, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT", nullptr, nullptr, nullptr),
            SQLITE_OK);
  std::thread letting_go([holder] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    sqlite3_close(holder);
  });
  const auto file = SeriesFile::open(scratch / "x.series", OpenMode::read);
  letting_go.join();
  EXPECT_TRUE(file) << file.error().message();
}

TEST_F(Store, ADamagedDatabaseIsSaidToBe) {
  {
    auto file = create();
    for (std::uint64_t i = 1; i < 20; ++i)
      add(file, spanning(trace_of(std::to_string(i), i), 0, 500 * second), ramp(0, 500));
  }
  std::string bytes = test::read_text(scratch / "x.series");
  for (std::size_t page = 8; page * 4096 + 200 < bytes.size(); ++page)
    for (std::size_t i = 0; i < 200; ++i) bytes[page * 4096 + i] = '\x5a';
  test::write_text(scratch / "x.series", bytes);
  auto file = SeriesFile::open(scratch / "x.series", OpenMode::read);
  const auto read = file ? file->read({}) : Expected<IntervalSeries>(file.error());
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().what.find("damaged"), std::string::npos) << read.error().message();
  EXPECT_FALSE(read.error().remedy.empty());
}

/// Permissions bind everyone but root, so root runs the check as somebody else.
int as_ordinary_user(const std::function<int()>& check) {
  const pid_t child = fork();
  if (child == 0) {
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(99);
    _exit(check());
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

TEST_F(Store, AReadOnlyFolderCanBeReadAndNotWritten) {
  {
    auto file = create();
    add(file, spanning(trace_of("a", 1), 0, 2 * second), ramp(0, 2));
  }
  test::fs::permissions(scratch / "x.series", test::fs::perms(0444));
  test::fs::permissions(scratch.path(), test::fs::perms(0555));
  const int result = as_ordinary_user([&] {
    auto file = SeriesFile::open(scratch / "x.series", OpenMode::read);
    if (!file) return std::fprintf(stderr, "%s\n", file.error().message().c_str()), 1;
    const auto series = file->read({.columns = {"packets"}});
    if (!series || series->size() != 3) return 2;
    auto writer = SeriesFile::open(scratch / "x.series", OpenMode::create, second);
    if (writer || writer.error().what.find("cannot be written") == std::string::npos) return 3;
    auto fresh = SeriesFile::open(scratch / "new.series", OpenMode::create, second);
    if (fresh || fresh.error().what.find("cannot be opened") == std::string::npos) return 4;
    return 0;
  });
  test::fs::permissions(scratch.path(), test::fs::perms(0755));
  EXPECT_EQ(result, 0);
}

}  // namespace
}  // namespace tidegauge
