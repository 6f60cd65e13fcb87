// A coarser series equals what counting the same captures at the longer interval gives.
#include "host/rebin.hpp"

#include <algorithm>
#include <sstream>

#include "host/bin_traces.hpp"
#include "kernels/core/random.hpp"
#include "tests/ingest/capture_builder.hpp"
#include "tests/random_clocks.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

constexpr std::int64_t second = 1'000'000'000;

class RebinSeries : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return (scratch / name).string(); }
  void bin(const std::vector<std::string>& captures, const std::string& series, std::int64_t interval_ns,
           std::uint64_t index_step = index_step_default_bytes, const KeyedOptions& keyed = {}) {
    BinOptions options;
    options.keyed = keyed;
    options.series = path(series);
    options.interval_ns = interval_ns;
    options.index_step_bytes = index_step;
    const auto report = bin_traces(captures, options);
    ASSERT_TRUE(report) << report.error().message();
    for (const auto& file : report->files) ASSERT_FALSE(file.error) << file.error->message();
  }
  RebinReport coarsen(const std::string& from, const std::string& to, std::int64_t interval_ns,
                      std::optional<ValueRule> values = std::nullopt) {
    const auto report = rebin(path(from), path(to), {.interval_ns = interval_ns, .values = values});
    EXPECT_TRUE(report) << report.error().message();
    return report ? *report : RebinReport{};
  }
  std::string canonical(const std::string& series) {
    auto file = SeriesFile::open(path(series), OpenMode::read);
    std::string text;
    EXPECT_TRUE(file && file->export_canonical([&](std::string_view piece) { return text += piece, Status(); }));
    return text;
  }
  test::ScratchFolder scratch;
};

struct WithoutLate {
  std::string text;                 ///< the canonical export with column late blanked
  std::vector<std::uint64_t> late;  ///< its values
  bool marked = false;              ///< says that late was counted at another interval
};

WithoutLate without_late(const std::string& canonical) {
  WithoutLate result;
  std::istringstream lines(canonical);
  std::size_t late = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# late_interval_ns")) {
      result.marked = true;
      continue;
    }
    std::vector<std::string> cells;
    std::istringstream in(line);
    for (std::string cell; std::getline(in, cell, ',');) cells.push_back(cell);
    const auto header = std::ranges::find(cells, "late");
    if (line.starts_with("point,")) late = header == cells.end() ? 0 : static_cast<std::size_t>(header - cells.begin());
    else if (late != 0) result.late.push_back(std::stoull(std::exchange(cells[late], "")));
    for (const auto& cell : cells) result.text += cell + ",";
    result.text += "\n";
  }
  return result;
}

/// `coarse` was made by rebin, `counted` by bin. Equal but for late, and that too where there is none.
void expect_equal_series(const std::string& coarse, const std::string& counted) {
  const WithoutLate a = without_late(coarse), b = without_late(counted);
  ASSERT_EQ(a.text, b.text);
  ASSERT_FALSE(b.marked);
  ASSERT_EQ(a.late.size(), b.late.size());
  std::uint64_t any = 0;
  for (std::size_t i = 0; i < a.late.size(); ++i) {
    ASSERT_GE(a.late[i], b.late[i]) << "late at a longer interval is late at a shorter one";
    any += a.late[i];
  }
  ASSERT_EQ(a.marked, any != 0);
  if (any == 0) {
    ASSERT_EQ(coarse, counted);
  }
}

TEST_F(RebinSeries, EqualsBinAtTheLongerIntervalOnRealCaptures) {
  TG_NEEDS_SHARED_DATA();
  std::vector<std::string> captures;
  for (const auto& file : test::fs::directory_iterator(test::shared_data() / "pcaps"))
    if (file.path().extension() != ".csv") captures.push_back(file.path().string());
  ASSERT_GE(captures.size(), 20u);
  std::ranges::sort(captures);
  bin(captures, "fine", second);
  for (const std::int64_t factor : {10, 3600}) {
    const std::string coarse = fmt::format("coarse{}", factor), counted = fmt::format("counted{}", factor);
    EXPECT_EQ(coarsen("fine", coarse, factor * second).added, captures.size());
    bin(captures, counted, factor * second);
    expect_equal_series(canonical(coarse), canonical(counted));
    if (HasFatalFailure()) return;
  }
}

TEST_F(RebinSeries, KeysAndSketchesEqualBinAtTheLongerInterval) {
  TG_NEEDS_SHARED_DATA();
  std::vector<std::string> captures;
  for (const char* name : {"vlan.pcap", "channel_5d_3s.pcap", "telnet-long-line-no-eol.pcapng.gz"})
    captures.push_back((test::shared_data() / "pcaps" / name).string());
  KeyedOptions keyed;
  keyed.by = {{KeyKind::dport, {}}, {KeyKind::protocol, {}}, {KeyKind::vlan, {}}};
  keyed.distinct = true;
  bin(captures, "fine", second, index_step_default_bytes, keyed);
  for (const std::int64_t factor : {10, 3600}) {
    const std::string coarse = fmt::format("coarse{}", factor), counted = fmt::format("counted{}", factor);
    coarsen("fine", coarse, factor * second);
    bin(captures, counted, factor * second, index_step_default_bytes, keyed);
    expect_equal_series(canonical(coarse), canonical(counted));
    EXPECT_NE(canonical(coarse).find("dport"), std::string::npos);
  }
}

TEST_F(RebinSeries, EqualsBinAtTheLongerIntervalOnGeneratedClocks) {
  const std::uint32_t seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::size_t exact = 0, marked = 0;
  for (std::uint64_t round = 0; round < 16; ++round) {
    RandomStream clock(seed, round);
    test::Random random(static_cast<std::uint32_t>(seed + round));
    std::vector<std::string> captures;
    for (std::uint64_t i = 0; i < 2; ++i) {
      test::PcapngBuilder file;
      file.interface(1, {file.number(9, 9, 1)});
      std::int64_t ts = 1'700'000'000 * second;
      for (int n = 0; n < 150; ++n) {
        ts = test::random_time(clock, round % test::clock_models, ts) & INT64_MAX;
        if (random() % 30 == 0) file.statistics(0, {file.number(5, static_cast<std::uint64_t>(n), 8)});
        file.enhanced(0, static_cast<std::uint64_t>(ts), test::random_payload(random, 20 + random() % 60), 60 + random() % 900);
      }
      if (round % 2) file.bytes[200 + random() % 2000] ^= 0x5a;
      const std::string name = path(fmt::format("{}-{}.pcapng", round, i));
      test::write_text(name, std::string(file.bytes.begin(), file.bytes.end()));
      captures.push_back(name);
    }
    const std::string number = std::to_string(round);
    bin(captures, "fine" + number, second);
    bin(captures, "counted" + number, 7 * second);
    coarsen("fine" + number, "coarse" + number, 7 * second);
    SCOPED_TRACE("round " + number);
    expect_equal_series(canonical("coarse" + number), canonical("counted" + number));
    if (HasFatalFailure()) return;
    ++(without_late(canonical("coarse" + number)).marked ? marked : exact);
  }
  EXPECT_GT(exact, 0u);
  EXPECT_GT(marked, 0u);
}

TEST_F(RebinSeries, TwoStepsEqualOneAndAgainChangesNothing) {
  TG_NEEDS_SHARED_DATA();
  bin({(test::shared_data() / "pcaps" / "channel_5d_3s.pcap").string()}, "fine", second, 300'000);
  coarsen("fine", "ten", 10 * second);
  coarsen("ten", "minute", 60 * second);
  coarsen("fine", "direct", 60 * second);
  EXPECT_EQ(canonical("minute"), canonical("direct"));
  const auto again = coarsen("fine", "ten", 10 * second);
  EXPECT_EQ(again.added, 0u);
  EXPECT_EQ(again.already_in, 1u);

  auto fine = SeriesFile::open(path("fine"), OpenMode::read), ten = SeriesFile::open(path("ten"), OpenMode::read);
  const auto from = fine->traces(), to = ten->traces();
  ASSERT_TRUE(from && to);
  EXPECT_EQ(from->front().account, to->front().account);
  EXPECT_EQ(from->front().absolute_path, to->front().absolute_path);
  const auto index = fine->index_of(from->front()), coarse_index = ten->index_of(to->front());
  ASSERT_TRUE(index && coarse_index);
  ASSERT_GT(index->size(), 5u);
  ASSERT_EQ(index->size(), coarse_index->size());
  for (std::size_t i = 0; i < index->size(); ++i) {
    EXPECT_EQ(interval_of((*index)[i].first_k, 10), (*coarse_index)[i].first_k);
    EXPECT_EQ((*index)[i].stream_offset, (*coarse_index)[i].stream_offset);
    EXPECT_EQ((*index)[i].before, (*coarse_index)[i].before);
    EXPECT_EQ((*index)[i].head != nullptr, (*coarse_index)[i].head != nullptr);
  }
}

TEST_F(RebinSeries, LateThatWasCountedStaysAndSaysAtWhichInterval) {
  test::PcapBuilder file;
  for (const std::uint32_t s : {100u, 105u, 103u, 112u, 108u}) file.record(s, 0, test::Bytes(60, 1), 60);
  test::write_text(path("x.pcap"), std::string(file.bytes.begin(), file.bytes.end()));
  bin({path("x.pcap")}, "fine", second);
  EXPECT_EQ(coarsen("fine", "coarse", 10 * second).late_as_counted, 1u);
  bin({path("x.pcap")}, "counted", 10 * second);
  auto coarse = SeriesFile::open(path("coarse"), OpenMode::read), counted = SeriesFile::open(path("counted"), OpenMode::read);
  EXPECT_EQ(*coarse->sum("default", Column::late, INT64_MIN, INT64_MAX), 2u);
  EXPECT_EQ(*counted->sum("default", Column::late, INT64_MIN, INT64_MAX), 1u);
  EXPECT_EQ(coarse->traces()->front().late_interval_ns, second);
  EXPECT_NE(canonical("coarse").find("# late_interval_ns 1000000000 at default\n"), std::string::npos);
  coarsen("coarse", "hour", 3600 * second);
  EXPECT_EQ(SeriesFile::open(path("hour"), OpenMode::read)->traces()->front().late_interval_ns, second) << "the first one";
}

TEST_F(RebinSeries, ImportedValuesAreSummedOrAveragedOverWhatIsThere) {
  BinOptions options;
  options.series = path("fine");
  options.interval_ns = second;
  options.csv = CsvOptions{};
  test::write_text(path("a.csv"), "time,value\n10,1\n11,2\n12,6\n");
  test::write_text(path("b.csv"), "time,value\n14,3\n15,5\n27,4\n");
  ASSERT_TRUE(bin_traces({path("a.csv"), path("b.csv")}, options));
  const auto unsaid = rebin(path("fine"), path("none"), {.interval_ns = 5 * second});
  ASSERT_FALSE(unsaid);
  EXPECT_EQ(unsaid.error().kind, ErrorKind::usage);
  coarsen("fine", "sum", 5 * second, ValueRule::sum);
  coarsen("fine", "mean", 5 * second, ValueRule::mean);
  const auto values = [&](const std::string& series) {
    const auto read = SeriesFile::open(path(series), OpenMode::read)->read({});
    return read ? std::pair(read->k, read->values) : std::pair(std::vector<std::int64_t>(), std::vector<double>());
  };
  const auto [k, sums] = values("sum");
  EXPECT_EQ(k, (std::vector<std::int64_t>{2, 3, 5}));
  EXPECT_EQ(sums, (std::vector<double>{12, 5, 4}));
  EXPECT_EQ(values("mean").second, (std::vector<double>{3, 5, 4})) << "of four values, of one, of one";
  EXPECT_EQ(SeriesFile::open(path("sum"), OpenMode::read)->read({})->complete, (std::vector<std::uint8_t>{0, 0, 0})) << "partly covered";
}

TEST_F(RebinSeries, WrongIntervalsAndFilesAreUsageErrors) {
  TG_NEEDS_SHARED_DATA();
  bin({(test::shared_data() / "pcaps" / "vlan.pcap").string()}, "fine", 2 * second);
  for (const std::int64_t interval : {second, 2 * second, 5 * second}) {
    const auto report = rebin(path("fine"), path("coarse"), {.interval_ns = interval});
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().kind, ErrorKind::usage);
    EXPECT_FALSE(test::fs::exists(path("coarse"))) << "nothing is made";
  }
  EXPECT_FALSE(rebin(path("fine"), path("fine"), {.interval_ns = 4 * second}));
}

}  // namespace
}  // namespace tidegauge
