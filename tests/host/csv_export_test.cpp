#include "host/csv_export.hpp"

#include <fmt/format.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "host/csv_text.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

constexpr std::int64_t second = 1'000'000'000;

class CsvExport : public testing::Test {
 protected:
  CsvExport() : file(*SeriesFile::open(scratch / "x.series", OpenMode::create, second)) {
    TraceRecord trace;
    trace.path = "dir/a, b.pcap";
    trace.point = "north";
    trace.fingerprint = {7, 255};
    trace.account.read = trace.account.counted = 3;
    trace.span = Span{10 * second, 12 * second + second / 2 - 1};
    IntervalRow row;
    row[Column::packets] = 3;
    row[Column::bytes] = (std::uint64_t{1} << 53) + 1;  // beyond what a double holds
    EXPECT_TRUE(file.add_trace(trace, [&](const SeriesFile::RowSink& sink) -> Expected<TraceRecord> {
      TG_TRY(sink({{10, row}}));
      return trace;
    }));
  }
  std::string text(ExportOptions options) {
    options.program = "tidegauge test";
    std::string out;
    const auto status = export_table(file, options, [&](std::string_view piece) { return out += piece, Status(); });
    if (!status) ADD_FAILURE() << status.error().message();
    return out;
  }
  test::ScratchFolder scratch;
  SeriesFile file;
};

TEST_F(CsvExport, SeriesCarryWhatMadeThem) {
  ExportOptions options;
  options.query.columns = {"packets", "syn"};
  EXPECT_EQ(text(options),
            "# program: tidegauge test\n# content: series\n# interval: 1s\n# joint_tolerance: 10ms\n# point: north\n"
            "# input: 7-00000000000000ff pcap dir/a, b.pcap settings {}\n"
            "k,time,coverage,complete,packets,syn\n"
            "10,1970-01-01T00:00:10Z,1,1,3,0\n"
            "11,1970-01-01T00:00:11Z,1,1,0,0\n"
            "12,1970-01-01T00:00:12Z,0.5,0,0,0\n");
  options.header_comments = false;
  options.query.from_ns = 11 * second;
  options.query.to_ns = 12 * second;
  EXPECT_EQ(text(options), "k,time,coverage,complete,packets,syn\n11,1970-01-01T00:00:11Z,1,1,0,0\n");
}

TEST_F(CsvExport, JsonHoldsTheSameRows) {
  ExportOptions options;
  options.query.columns = {"packets"};
  options.format = TableWriter::Format::json;
  const auto document = nlohmann::json::parse(text(options));
  EXPECT_EQ(document["program"], "tidegauge test");
  EXPECT_EQ(document["input"].size(), 1u);
  ASSERT_EQ(document["rows"].size(), 3u);
  EXPECT_EQ(document["rows"][2],
            (nlohmann::json{{"k", 12}, {"time", "1970-01-01T00:00:12Z"}, {"coverage", 0.5}, {"complete", 0}, {"packets", 0}}));
  options.header_comments = false;
  EXPECT_TRUE(nlohmann::json::parse(text(options)).contains("rows"));
}

TEST_F(CsvExport, CanonicalCountersAreExact) {
  std::string out;
  ASSERT_TRUE(file.export_canonical([&](std::string_view piece) { return out += piece, Status(); }));
  EXPECT_NE(out.find("\nnorth,10,3,9007199254740993,"), std::string::npos);
}

TEST_F(CsvExport, EverySubjectHasItsTable) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  ASSERT_TRUE(file.save_forecasts(std::vector{Forecast{"lstm", "bytes", second, 1, {11, 12}, {0.1, 5}, {2, nan}}}, ""));
  ASSERT_TRUE(file.save_labels({"series", "bytes", second, {{10, 12, 11, Direction::falling, -infinity, 2}}, {11}}, "", "{}"));
  struct Row { ExportSubject subject; const char* expected; };
  const Row table[] = {
      {ExportSubject::traces,
       "point,path,fingerprint,kind,settings,read,counted,refused_absurd_time,refused_no_time,refused_bad_interface,"
       "refused_unknown_link,refused_damaged,refused_truncated,refused_duplicate,refused_filtered,skipped_bytes,captured_bytes,first_ns,last_ns,"
       "first,last,damage\n"
       "north,\"dir/a, b.pcap\",7-00000000000000ff,pcap,{},3,3,0,0,0,0,0,0,0,0,0,0,10000000000,12499999999,"
       "1970-01-01T00:00:10.000000000Z,1970-01-01T00:00:12.499999999Z,\n"},
      {ExportSubject::spans, "point,first_ns,last_ns,first,last\n"
       "north,10000000000,12499999999,1970-01-01T00:00:10.000000000Z,1970-01-01T00:00:12.499999999Z\n"},
      {ExportSubject::forecasts, "point,model,column,step,k,time,predicted,actual\n"
       "north,lstm,bytes,1,11,1970-01-01T00:00:11Z,0.1,2\nnorth,lstm,bytes,1,12,1970-01-01T00:00:12Z,5,\n"},
      {ExportSubject::labels, "point,source,column,direction,first_k,last_k,first,end,peak_k,slope,detections\n"
       "north,series,bytes,falling,10,12,1970-01-01T00:00:10Z,1970-01-01T00:00:13Z,11,-inf,2\n"},
  };
  for (const Row& row : table) {
    ExportOptions options;
    options.subject = row.subject;
    options.header_comments = false;
    EXPECT_EQ(text(options), row.expected);
    options.query.point = "north";
    EXPECT_EQ(text(options), row.expected);
    options.format = TableWriter::Format::json;
    EXPECT_TRUE(nlohmann::json::accept(text(options)));
    options.query.point = "east";
    EXPECT_FALSE(export_table(file, options, [](std::string_view) { return Status(); }));
  }
  for (const char* name : {"series", "traces", "spans", "forecasts", "labels"}) EXPECT_TRUE(export_subject(name)) << name;
  EXPECT_FALSE(export_subject("nothing"));
}

TEST_F(CsvExport, AWriteErrorEndsIt) {
  const auto full = [](std::string_view) { return Status(Error{"disk full", "", ""}); };
  for (const auto subject : {ExportSubject::series, ExportSubject::traces, ExportSubject::spans}) {
    ExportOptions options;
    options.subject = subject;
    const auto status = export_table(file, options, full);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().what, "disk full");
  }
}

}  // namespace
}  // namespace tidegauge
