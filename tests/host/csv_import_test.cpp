#include "host/csv_import.hpp"

#include "host/bin_traces.hpp"
#include "host/csv_text.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

constexpr std::int64_t second = 1'000'000'000;

class CsvImport : public testing::Test {
 protected:
  Expected<CsvSeries> read(const std::string& text, const CsvOptions& options = {}, std::int64_t interval_ns = 5 * second) {
    test::write_text(scratch / "t.csv", text);
    return read_csv_series(scratch / "t.csv", interval_ns, options);
  }
  test::ScratchFolder scratch;
};

TEST(CsvText, SplitsLines) {
  using Fields = std::vector<std::string>;
  struct Row { const char* line; std::optional<Fields> fields; };
  const Row table[] = {
      {"a,b", Fields{"a", "b"}}, {"", Fields{""}}, {",", Fields{"", ""}}, {" a , b ", Fields{"a", "b"}},
      {"\"a,b\",c", Fields{"a,b", "c"}}, {"\"say \"\"hi\"\"\",1", Fields{"say \"hi\"", "1"}}, {"\"\",x", Fields{"", "x"}},
      {"a,\"open", std::nullopt}, {"a,\" b \"", Fields{"a", " b "}}, {"a,b,", Fields{"a", "b", ""}},
  };
  for (const Row& row : table) EXPECT_EQ(split_csv_line(row.line), row.fields) << row.line;
  EXPECT_EQ(split_csv_line("1;2,5", ';'), (Fields{"1", "2,5"}));
  EXPECT_EQ(split_csv_line("1\t\t3", '\t'), (Fields{"1", "", "3"}));
}

TEST(CsvText, QuotesOnlyWhatMustBe) {
  for (const char* text : {"plain", "with space", "a,b", "say \"hi\"", "# not a comment", "line\nbreak", " edge "}) {
    const std::string field = csv_field(text);
    EXPECT_EQ(field.front() == '"', std::string(text) != "plain" && std::string(text) != "with space") << text;
    if (std::string(text).find('\n') == std::string::npos) {
      EXPECT_EQ(split_csv_line(field)->front(), text);
    }
  }
}

TEST_F(CsvImport, ReadsTablesOfManyShapes) {
  struct Row { const char* name; std::string text; CsvOptions options; std::vector<std::int64_t> k; std::vector<double> values; };
  const Row table[] = {
      {"header, seconds from the start", "Step,B\n0.0,10.0\n5.0,11.5\n10.0,12\n", {}, {0, 1, 2}, {10, 11.5, 12}},
      {"no header", "0,10\n5,11\n", {}, {0, 1}, {10, 11}},
      {"epoch seconds", "t,v\n1452315600,1\n1452315605,2\n", {}, {290463120, 290463121}, {1, 2}},
      {"origin", "t,v\n0,1\n5,2\n", {.origin = "2016-01-09T14:00:00"}, {290469600, 290469601}, {1, 2}},
      {"origin in a zone", "t,v\n0,1\n", {.origin = "2016-01-09T14:00:00", .time_zone = "Asia/Tokyo"}, {290463120}, {1}},
      {"origin with its own offset", "0,1\n", {.origin = "2016-01-09T14:00:00Z", .time_zone = "Asia/Tokyo"}, {290469600}, {1}},
      {"origin in epoch seconds", "0,1\n", {.origin = "@50"}, {10}, {1}},
      {"names", "v,x,t\n1,9,0\n2,9,5\n", {.time_column = "t", .value_column = "v"}, {0, 1}, {1, 2}},
      {"numbers", "v,x,t\n1,9,0\n2,9,5\n", {.time_column = "3", .value_column = "1"}, {0, 1}, {1, 2}},
      {"the value is the first column that is not the time", "v,t\n1,0\n2,5\n", {.time_column = "2"}, {0, 1}, {1, 2}},
      {"no times", "10\n20\n30\n", {.time_column = "none"}, {0, 1, 2}, {10, 20, 30}},
      {"no times, an origin", "v\n10\n20\n", {.time_column = "none", .origin = "@100"}, {20, 21}, {10, 20}},
      {"gaps stay gaps", "0,1\n5,\n10,NaN\n15,4\n30,5\n", {}, {0, 3, 6}, {1, 4, 5}},
      {"a gap without times keeps its place", "v\n1\nNA\n3\n", {.time_column = "none"}, {0, 2}, {1, 3}},
      {"any order", "10,3\n0,1\n5,2\n", {}, {0, 1, 2}, {1, 2, 3}},
      {"windows line ends, blank lines, comments", "# made by\r\nt,v\r\n0,1\r\n\r\n5,2\r\n", {}, {0, 1}, {1, 2}},
      {"byte order mark", "\xef\xbb\xbft,v\n0,1\n", {.value_column = "v"}, {0}, {1}},
      {"quotes", "\"Time\",\"bits, in all\"\n\"1970-01-01 00:00:05\",7\n", {}, {1}, {7}},
      {"semicolons", "t;v\n0;1\n", {.delimiter = ';'}, {0}, {1}},
      {"no last line break", "0,1\n5,2", {}, {0, 1}, {1, 2}},
      {"times are moved back to the start of their interval", "0.25,1\n7.5,2\n", {}, {0, 1}, {1, 2}},
      {"before the epoch", "-5,1\n-0.5,2\n", {}, {-1}, {}},
      {"negative and large values", "0,-1e300\n5,+3\n", {}, {}, {}},
  };
  for (const Row& row : table) {
    const auto series = read(row.text, row.options);
    if (row.values.empty()) {
      EXPECT_FALSE(series) << row.name;  // two times in one interval; a sign that from_chars does not know
      continue;
    }
    ASSERT_TRUE(series) << row.name << ": " << series.error().message();
    EXPECT_EQ(series->k, row.k) << row.name;
    EXPECT_EQ(series->values, row.values) << row.name;
  }
}

TEST_F(CsvImport, CountsWhatIsWorthARemark) {
  const auto series = read("0,1\n5.5,2\n10,\n15,3\n");
  ASSERT_TRUE(series);
  EXPECT_EQ(series->lines, 4u);
  EXPECT_EQ(series->gaps, 1u);
  EXPECT_EQ(series->floored, 1u);
}

TEST_F(CsvImport, ErrorsNameTheLine) {
  struct Row { std::string text; CsvOptions options; const char* where; const char* reason; };
  const Row table[] = {
      {"t,v\n0,1\n5,abc\n", {}, "line 3", "'abc' is not a value"},
      {"t,v\n0,1\nsoon,2\n", {}, "line 3", "'soon' is not a time"},
      {"t,v\n0,1\n5,1,2\n", {}, "line 3", "3 columns where the first line has 2"},
      {"t,v\n0,1\n5,2\n0,3\n", {}, "line 4", "same interval as line 2"},
      {"t,v\n0,1\n4.9,2\n", {}, "line 3", "same interval as line 2"},
      {"t,v\n0,inf\n", {}, "line 2", "'inf' is not a value"},
      {"t,v\n0,1e999\n", {}, "line 2", "is not a value"},
      {"t,v\n0,\"1\n", {}, "line 2", "quote is not closed"},
      {"t,v\n9999999999999,1\n", {}, "line 2", "not a time"},
      {"t,v\n9999-01-01,1\n", {}, "line 2", "outside the years"},
      {"t,v\n2021-03-28 02:30:00,1\n", {.time_zone = "Europe/Berlin"}, "line 2", "does not exist"},
      {"7\n8\n", {}, "line 1", "one column only"},
      {"", {}, "t.csv", "no data"},
      {"t,v\n", {}, "t.csv", "no data"},
      {"t,v\n0,1\n", {.value_column = "w"}, "t.csv", "no column 'w'"},
      {"t,v\n0,1\n", {.value_column = "3"}, "t.csv", "no column '3'"},
      {"t,v\n0,1\n", {.time_column = "0"}, "t.csv", "no column '0'"},
      {"t,v\n0,1\n", {.origin = "noon"}, "--origin", "not a time"},
      {"t,v\n0,1\n", {.time_zone = "Mars/Olympus"}, "--time-zone", "time zone database"},
  };
  for (const Row& row : table) {
    const auto series = read(row.text, row.options);
    ASSERT_FALSE(series) << row.text;
    EXPECT_NE(series.error().where.find(row.where), std::string::npos) << series.error().message();
    EXPECT_NE(series.error().what.find(row.reason), std::string::npos) << series.error().message();
    EXPECT_FALSE(series.error().remedy.empty() && row.where != std::string("line 4")) << series.error().message();
  }
  EXPECT_FALSE(read_csv_series(scratch / "absent.csv", second, {}));
}

TEST_F(CsvImport, TheHourThatCameTwiceIsReadInTheOrderOfTheLines) {
  std::string text = "t,v\n";
  for (const char* time : {"01:30", "02:00", "02:30", "02:00", "02:30", "03:00"})
    text += std::string("2021-10-31 ") + time + ":00,1\n";
  const auto series = read(text, {.time_zone = "Europe/Berlin"}, 1800 * second);
  ASSERT_TRUE(series) << series.error().message();
  ASSERT_EQ(series->k.size(), 6u);
  for (std::size_t i = 1; i < 6; ++i) EXPECT_EQ(series->k[i], series->k[i - 1] + 1) << "half-hours without a gap";
  const auto once = read("t,v\n2021-10-31 02:30:00,1\n", {.time_zone = "Europe/Berlin"}, 1800 * second);
  ASSERT_TRUE(once);
  EXPECT_EQ(once->k, std::vector<std::int64_t>{1635640200 / 1800}) << "alone, it is the first reading (summer time)";
}

TEST_F(CsvImport, RealSeriesComeIn) {
  TG_NEEDS_SHARED_DATA();
  const auto folder = test::shared_data() / "series";
  struct Row { const char* file; std::int64_t interval_s; CsvOptions options; std::size_t values; double first, last; };
  const Row table[] = {
      {"mawi_5s/clean_dataset_20160109.csv", 5, {.time_column = "Step", .value_column = "B", .origin = "2016-01-09T14:00:00",
       .time_zone = "Asia/Tokyo"}, 180, 2622105, 1838368},
      {"mawi_5s/clean_dataset_5_sec_windows.csv", 5, {}, 180, 2495187, 2149581},
      {"leipzig2_bytes_60s.txt", 60, {.time_column = "none"}, 5391, 17934931, 19066635},
      {"isp_5min/it_eu_5m.csv", 300, {.value_column = "traffic (in Byte)"}, 14772, 445284890.875, 826103544.875},
      {"isp_5min/it_uk_5m.csv", 300, {.time_zone = "Europe/London"}, 15910, 4838.665, 7466.509},
      {"isp_5min/internet-traffic-data-in-bits-fr_hourly_EU.csv", 3600, {}, 1231, 56718587433, 81281257078},
      {"isp_5min/internet-traffic-data-in-bits-fr_hourly_UK.csv", 3600, {.time_column = "none"}, 1325, 64554.479, 85987},
  };
  for (const Row& row : table) {
    const auto series = read_csv_series(folder / row.file, row.interval_s * second, row.options);
    ASSERT_TRUE(series) << series.error().message();
    EXPECT_EQ(series->values.size() + series->gaps, row.values) << row.file;
    EXPECT_EQ(series->values.front(), row.first) << row.file;
    EXPECT_EQ(series->values.back(), row.last) << row.file;
    EXPECT_EQ(series->floored, 0u) << row.file;
  }
}

TEST_F(CsvImport, TwoColumnsOfOneTableAreTwoPoints) {
  test::write_text(scratch / "t.csv", "t,a,b\n0,1,10\n5,2,20\n");
  BinOptions options{.series = scratch / "x.series", .interval_ns = 5 * second, .point = "a",
                     .csv = CsvOptions{.value_column = "a"}};
  const auto bin = [&] { return *bin_traces({scratch / "t.csv"}, options); };
  EXPECT_EQ(bin().count(BinOutcome::added), 1u);
  EXPECT_EQ(bin().count(BinOutcome::already_in), 1u);
  options.csv->value_column = "b";
  EXPECT_EQ(bin().count(BinOutcome::failed), 1u) << "the same table with other settings at the same point";
  options.point = "b";
  EXPECT_EQ(bin().count(BinOutcome::added), 1u);
  const auto file = SeriesFile::open(options.series, OpenMode::read);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->read({.point = "b"})->values, (std::vector<double>{10, 20}));
}

}  // namespace
}  // namespace tidegauge
