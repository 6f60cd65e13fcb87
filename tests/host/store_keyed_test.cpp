// Counts per key and sketches in the series file: what comes out is what went in, summed over traces and portions.
#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "host/csv_export.hpp"
#include "host/store.hpp"
#include "kernels/core/random.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

constexpr std::int64_t second = 1'000'000'000;
const char* const settings = R"({"by":["dport","prefix"],"distinct":true})";

/// Codes are ports in dimension 0, and stand for "p<code>" in dimension 1.
std::pair<std::string, std::string> name_key(const CountedKey& key) {
  return {key.dimension == 0 ? "dport" : "prefix",
          key.dimension == 0 ? std::to_string(key.code) : fmt::format("10.{}.0.0/16", key.code)};
}

TraceRecord trace_of(std::uint64_t hash, const std::string& json = settings) {
  TraceRecord trace;
  trace.path = fmt::format("{}.pcap", hash);
  trace.fingerprint = {1000 + hash, hash};
  trace.account.read = trace.account.counted = 1;
  trace.settings = json;
  return trace;
}

/// What the naive series holds: (kind, k, name) to sums, and every address that was seen.
struct Naive {
  std::map<std::tuple<std::string, std::int64_t, std::string>, std::pair<std::uint64_t, std::uint64_t>> counts;
  std::map<std::int64_t, std::array<std::set<std::uint64_t>, 2>> hashes;
  std::map<std::int64_t, std::uint64_t> packets;
};

struct Portion {
  IntervalRows rows;
  KeyedRows keyed;
};

Portion random_portion(RandomStream& random, Naive& naive) {
  Portion portion;
  for (std::uint64_t n = random.below(12); n > 0; --n) {
    // Around the ends of chunks, before and after the epoch, and far apart.
    const std::int64_t places[] = {-4096, -1, 0, 4095, 4096, 1'000'000};
    const std::int64_t k = places[random.below(6)] + static_cast<std::int64_t>(random.below(3));
    KeyedRow& row = portion.keyed[k];
    portion.rows[k][Column::packets] += 1;
    naive.packets[k] += 1;
    for (std::uint32_t i = 0; i < random.below(6); ++i) {
      const KeyCount count{static_cast<std::uint32_t>(random.below(2)), static_cast<std::uint32_t>(random.below(120)),
                           1 + random.below(9), random.below(5000)};
      row.counts.push_back(count);
      const auto [kind, name] = name_key({count.dimension, count.code});
      auto& sum = naive.counts[{kind, k, name}];
      sum.first += count.packets, sum.second += count.bytes;
    }
    normalise(row.counts);
    for (std::size_t which = 0; which < 2; ++which)
      for (std::uint64_t i = random.below(50); i > 0; --i) {
        const std::uint64_t hash = mix64(random.below(300));
        row.addresses[which].add(hash);
        naive.hashes[k][which].insert(hash);
      }
  }
  return portion;
}

struct Made {
  TraceRecord trace;
  std::vector<Portion> portions;
};

std::string fill(const test::fs::path& path, const std::vector<Made>& traces) {
  auto file = SeriesFile::open(path, OpenMode::create, second);
  for (const Made& made : traces) {
    auto outcome = file->add_trace(made.trace, [&](const SeriesFile::RowSink& sink) -> Expected<TraceRecord> {
      for (const Portion& portion : made.portions) {
        TG_TRY(sink(portion.rows));
        TG_TRY(sink.keyed(portion.keyed, name_key));
      }
      return made.trace;
    });
    if (!outcome) ADD_FAILURE() << outcome.error().message();
  }
  std::string text;
  EXPECT_TRUE(file->export_canonical([&](std::string_view piece) { return text += piece, Status(); }));
  return text;
}

using Visited = std::map<std::tuple<std::string, std::int64_t, std::string>, std::pair<std::uint64_t, std::uint64_t>>;
Visited visit(const SeriesFile& file, const std::string& kind, const SeriesFile::Query& query = {},
              const SeriesFile::KeyQuery& wanted = {}) {
  SeriesFile::KeyQuery of = wanted;
  of.kind = kind;
  Visited seen;
  const auto keys = file.keys(query, of);
  if (!keys) ADD_FAILURE() << keys.error().message();
  std::pair<std::int64_t, std::size_t> before{std::numeric_limits<std::int64_t>::min(), 0};
  const auto status = file.visit_keys(query, kind, *keys, [&](std::int64_t k, std::size_t key, std::uint64_t p, std::uint64_t b) {
    EXPECT_LT(before, (std::pair(k, key))) << "ordered by interval, then key";
    before = {k, key};
    seen[{kind, k, (*keys)[key].name}] = {p, b};
    return Status();
  });
  EXPECT_TRUE(status);
  return seen;
}

TEST(StoreKeyed, AnyTracesPortionsAndOrderAddUp) {
  RandomStream random(51, 0);
  for (int round = 0; round < 25; ++round) {
    const test::ScratchFolder scratch;
    Naive naive;
    std::vector<Made> traces(1 + random.below(4));
    for (std::size_t i = 0; i < traces.size(); ++i) {
      traces[i].trace = trace_of(i + 1);
      for (std::uint64_t n = 1 + random.below(4); n > 0; --n) traces[i].portions.push_back(random_portion(random, naive));
    }
    const std::string canonical = fill(scratch / "a.series", traces);
    // Other order, and portions of a trace joined to one: not even the blobs' history shows.
    std::reverse(traces.begin(), traces.end());
    for (Made& made : traces) {
      Portion whole;
      for (Portion& portion : made.portions) {
        add_rows(whole.rows, IntervalRows(portion.rows));
        add_rows(whole.keyed, KeyedRows(portion.keyed));
      }
      made.portions = {whole};
    }
    ASSERT_EQ(fill(scratch / "b.series", traces), canonical) << round;

    auto file = SeriesFile::open(scratch / "a.series", OpenMode::read);
    Visited seen = visit(*file, "dport");
    seen.merge(visit(*file, "prefix"));
    ASSERT_EQ(seen, naive.counts) << round;
    SeriesFile::Query query;
    query.columns = {"sources", "packets", "destinations"};
    ASSERT_TRUE(file->visit(query, [&](std::int64_t k, bool, std::int64_t, std::span<const double> values) {
      for (const std::size_t which : {0u, 1u}) {
        Hll sketch;
        for (const auto hash : naive.hashes[k][which]) sketch.add(hash);
        EXPECT_EQ(values[which * 2], std::round(sketch.estimate())) << k;
        EXPECT_NEAR(values[which * 2], static_cast<double>(naive.hashes[k][which].size()), 12) << k;
      }
      EXPECT_EQ(values[1], static_cast<double>(naive.packets[k]));
      return Status();
    }));
  }
}

class KeyedSeries : public testing::Test {
 protected:
  KeyedSeries() {
    // Intervals 10 to 13 are covered, 11 has nothing. Ports 80, 443, 9.
    Portion portion;
    const auto put = [&](std::int64_t k, std::uint32_t port, std::uint64_t packets, std::uint64_t bytes) {
      portion.keyed[k].counts.push_back({0, port, packets, bytes});
      portion.rows[k][Column::packets] += packets;
      portion.rows[k][Column::bytes] += bytes;
    };
    put(10, 9, 1, 60), put(10, 80, 2, 200), put(10, 443, 1, 1000);
    put(12, 80, 5, 900);
    put(13, 443, 1, 50), put(13, 9, 9, 540);
    for (auto& [k, row] : portion.keyed) normalise(row.counts);
    TraceRecord trace = trace_of(1, R"({"by":["dport"]})");
    trace.span = Span{10 * second, 14 * second - 1};
    fill(scratch / "x.series", {{trace, {portion}}});
  }
  std::string csv(const SeriesFile::KeyQuery& keys, bool wide, const std::vector<std::string>& columns = {},
                  std::optional<std::int64_t> from_ns = {}) {
    auto file = SeriesFile::open(scratch / "x.series", OpenMode::read);
    ExportOptions options;
    options.keys = keys;
    options.keys->kind = options.keys->kind.empty() ? "dport" : options.keys->kind;
    options.wide = wide;
    options.query.columns = columns;
    options.query.from_ns = from_ns;
    options.header_comments = false;
    std::string text;
    const Status status = export_table(*file, options, [&](std::string_view piece) { return text += piece, Status(); });
    return status ? text : "error: " + status.error().message();
  }
  test::ScratchFolder scratch;
};

TEST_F(KeyedSeries, LongHasARowPerIntervalAndKey) {
  EXPECT_EQ(csv({}, false),
            "k,time,key,packets,bytes\n"
            "10,1970-01-01T00:00:10Z,9,1,60\n10,1970-01-01T00:00:10Z,80,2,200\n10,1970-01-01T00:00:10Z,443,1,1000\n"
            "12,1970-01-01T00:00:12Z,80,5,900\n"
            "13,1970-01-01T00:00:13Z,9,9,540\n13,1970-01-01T00:00:13Z,443,1,50\n");
  EXPECT_EQ(csv({.top = 1}, false, {"bytes"}),  // 80 has 1100 bytes, 443 has 1050, 9 has 600
            "k,time,key,bytes\n10,1970-01-01T00:00:10Z,80,200\n12,1970-01-01T00:00:12Z,80,900\n");
  EXPECT_EQ(csv({.top = 1}, false, {"packets"}, 13 * second), "k,time,key,packets\n13,1970-01-01T00:00:13Z,9,9\n")
      << "the top of the stretch that is asked for";
}

TEST_F(KeyedSeries, WideFillsZerosInsideSpans) {
  EXPECT_EQ(csv({.keys = std::vector<std::string>{"443", "7", "80"}}, true, {"bytes"}),
            "k,time,coverage,complete,443_bytes,7_bytes,80_bytes\n"
            "10,1970-01-01T00:00:10Z,1,1,1000,0,200\n11,1970-01-01T00:00:11Z,1,1,0,0,0\n"
            "12,1970-01-01T00:00:12Z,1,1,0,0,900\n13,1970-01-01T00:00:13Z,1,1,50,0,0\n");
  EXPECT_EQ(csv({.top = 1}, true, {}, 12 * second),
            "k,time,coverage,complete,80_packets,80_bytes\n12,1970-01-01T00:00:12Z,1,1,5,900\n13,1970-01-01T00:00:13Z,1,1,0,0\n");
}

/// By the definition, over what the traces hold together.
double entropy_of(const std::vector<double>& packets) {
  double total = 0, entropy = 0;
  for (const double n : packets) total += n;
  for (const double n : packets) entropy -= n / total * std::log(n / total);
  return packets.size() < 2 ? 0 : entropy / std::log(static_cast<double>(packets.size()));
}

TEST(StoreKeyed, EntropyIsThatOfTheCountsOfAllTraces) {
  constexpr std::uint64_t seed = 5;
  RandomStream random(seed, 0);
  const auto json = R"({"by":["dport","prefix"],"distinct":true,"keys":{"prefix":"10.0.0.0/16"}})";
  for (int round = 0; round < 6; ++round) {
    const test::ScratchFolder scratch;
    Naive naive;
    std::vector<Made> traces(1 + random.below(3));
    for (std::size_t i = 0; i < traces.size(); ++i) {
      traces[i].trace = trace_of(i, json);
      for (std::uint64_t n = 1 + random.below(4); n > 0; --n) traces[i].portions.push_back(random_portion(random, naive));
    }
    std::map<std::int64_t, std::vector<double>> packets;
    for (const auto& [key, sums] : naive.counts)
      if (std::get<0>(key) == "dport") packets[std::get<1>(key)].push_back(static_cast<double>(sums.first));
    std::map<std::int64_t, double> one_way, other_way;
    for (auto* seen : {&one_way, &other_way}) {
      const auto path = scratch / (seen == &one_way ? "a.series" : "b.series");
      fill(path, traces);
      auto file = SeriesFile::open(path, OpenMode::read);
      ASSERT_TRUE(file->visit({.columns = {"packets", "dport_entropy"}},
                              [&](std::int64_t k, bool, std::int64_t, std::span<const double> v) { return (*seen)[k] = v[1], Status(); }));
      EXPECT_FALSE(file->resolve({.columns = {"prefix_entropy"}})) << "those not listed are one key";
      EXPECT_EQ(file->resolve({})->columns.size(), column_count + 2) << "by name only";
      std::reverse(traces.begin(), traces.end());
    }
    EXPECT_EQ(one_way, other_way) << "the same bits in any order";
    for (const auto& [k, counts] : packets) EXPECT_NEAR(one_way.at(k), entropy_of(counts), 1e-12) << "seed " << seed << " k " << k;
  }
}

TEST_F(KeyedSeries, WhatIsNotThereIsSaid) {
  EXPECT_NE(csv({.kind = "sport"}, false).find("one of: dport"), std::string::npos);
  EXPECT_NE(csv({}, false, {"syn"}).find("packets, bytes or both"), std::string::npos);
  auto file = SeriesFile::open(scratch / "x.series", OpenMode::write);
  const auto sources = file->read({.columns = {"sources"}});
  ASSERT_FALSE(sources);
  EXPECT_NE(sources.error().message().find("--distinct"), std::string::npos);
  const auto entropy = file->read({.columns = {"sport_entropy"}});
  ASSERT_FALSE(entropy);
  EXPECT_NE(entropy.error().message().find("--by sport,dport"), std::string::npos);
  EXPECT_EQ(file->resolve({})->columns.size(), column_count);
}

TEST_F(KeyedSeries, CapturesCountedByOtherSettingsDoNotMix) {
  auto file = SeriesFile::open(scratch / "x.series", OpenMode::write);
  const auto add = [&](TraceRecord trace) {
    auto outcome = file->add_trace(trace, [&](const SeriesFile::RowSink& sink) -> Expected<TraceRecord> {
      TG_TRY(sink(IntervalRows{{5, IntervalRow{{1}}}}));
      return trace;
    });
    return outcome ? std::string("added") : outcome.error().message();
  };
  EXPECT_NE(add(trace_of(2, "{}")).find("counted with other settings"), std::string::npos);
  EXPECT_EQ(add(trace_of(3, R"({"by":["dport"]})")), "added");
  // The same capture under another filter is a series of its own, at a point of its own.
  TraceRecord filtered = trace_of(1, R"({"by":["dport"],"filter":"tcp"})");
  filtered.point = "tcp";
  EXPECT_EQ(add(filtered), "added");
  TraceRecord again = trace_of(1, R"({"by":["dport"]})");
  again.point = "again";
  EXPECT_NE(add(again).find("belongs to one point"), std::string::npos);
}

TEST_F(KeyedSeries, ADamagedBlobIsAnError) {
  {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open((scratch / "x.series").c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, "UPDATE key_chunks SET counts = x'00050102'", nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(db);
  }
  EXPECT_NE(csv({}, false).find("damaged"), std::string::npos);
}

}  // namespace
}  // namespace tidegauge
