// Names and places of archives' files, at the days on which the layouts changed; and what the options' texts mean.
#include "host/fetch/archives.hpp"
#include "host/csv_text.hpp"
#include "ingest/source/byte_source.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

DaySelection days(const char* first, const char* last) {
  return {.first = *parse_day(first, ""), .last = *parse_day(last, "")};
}

TEST(FetchArchives, MawiNamesFilesByTheEra) {
  struct Row {
    const char *point, *day, *url;
  };
  for (const Row& row : {Row{"F", "2006-07-01", "http://m/samplepoint-F/2006/200607011400.dump.gz"},
                         Row{"F", "2015-12-08", "http://m/samplepoint-F/2015/201512081400.dump.gz"},
                         Row{"F", "2015-12-28", "http://m/samplepoint-F/2015/201512281400.pcap.gz"},
                         Row{"F", "2024-02-29", "http://m/samplepoint-F/2024/202402291400.pcap.gz"},
                         Row{"B", "2006-06-30", "http://m/samplepoint-B/2006/200606301400.dump.gz"}}) {
    const auto files = mawi_files("http://m", row.point, days(row.day, row.day));
    ASSERT_TRUE(files) << files.error().message();
    ASSERT_EQ(files->size(), 1u);
    EXPECT_EQ(files->front().url, row.url);
    EXPECT_EQ(files->front().name, std::string(row.url).substr(std::string(row.url).rfind('/') + 1));
  }
}

TEST(FetchArchives, MawiRefusesDaysBeforeAPointsTimeAndSaysWhenItWas) {
  for (const auto& [point, day] : {std::pair{"F", "2006-06-30"}, {"B", "2006-07-01"}, {"E", "2020-01-01"}}) {
    const auto files = mawi_files("http://m", point, days(day, day));
    ASSERT_FALSE(files);
    EXPECT_EQ(files.error().kind, ErrorKind::usage);
    EXPECT_NE(files.error().remedy.find("F since 2006-07-01"), std::string::npos) << files.error().remedy;
    EXPECT_NE(files.error().remedy.find("B from 2000-01-01 to 2006-06-30"), std::string::npos) << files.error().remedy;
  }
}

// 4,429 real addresses: each must be what the layout says of its day.
TEST(FetchArchives, MawiAddressesAreThoseOfTheRealList) {
  const auto list = test::shared_data() / "mawi_trace_sizes.csv.gz";
  TG_NEEDS(test::fs::exists(list), "captures", "no list of MAWI's traces at " << list);
  auto source = open_source(list.string());
  ASSERT_TRUE(source) << source.error().message();
  std::string text(1 << 20, '\0');
  const auto size = (*source)->read(reinterpret_cast<std::uint8_t*>(text.data()), text.size());
  ASSERT_TRUE(size);
  ASSERT_LT(*size, text.size());
  std::istringstream lines(text.substr(0, *size));
  std::string line;
  std::getline(lines, line);
  int count = 0;
  for (; std::getline(lines, line); ++count) {
    const std::string url = (*split_csv_line(line))[0], name = url.substr(url.rfind('/') + 1);
    const std::string day = name.substr(0, 4) + "-" + name.substr(4, 2) + "-" + name.substr(6, 2);
    EXPECT_EQ(mawi_files(mawi_base_url, "F", days(day.c_str(), day.c_str()))->front().url, url);
  }
  EXPECT_EQ(count, 4429);
}

TEST(FetchArchives, WeekdaysThinARangeOut) {
  DaySelection selection = days("2016-02-25", "2016-03-07");  // a Thursday to a Monday, over a leap day
  selection.weekdays = *parse_weekdays("sat-mon", "");
  std::string chosen;
  for (const auto day : selection.days()) chosen += format_day(day) + " ";
  EXPECT_EQ(chosen, "2016-02-27 2016-02-28 2016-02-29 2016-03-05 2016-03-06 2016-03-07 ");
}

TEST(FetchArchives, MawiNotesNameOutagesAndDuplicatesOfTheRange) {
  EXPECT_TRUE(mawi_notes("F", days("2015-01-01", "2015-05-27")).empty());
  EXPECT_EQ(mawi_notes("F", days("2015-09-03", "2015-09-03")).size(), 1u);
  EXPECT_TRUE(mawi_notes("F", days("2015-09-04", "2022-11-03")).empty());
  EXPECT_EQ(mawi_notes("F", days("2015-01-01", "2024-01-01")).size(), 3u);
  EXPECT_TRUE(mawi_notes("B", days("2015-01-01", "2024-01-01")).empty());
}

TEST(FetchArchives, MawilabHasFilesOfEachKindADay) {
  const auto files = mawilab_files("http://l", {"anomalous_suspicious.csv", "notice.xml"}, days("2007-01-25", "2007-01-26"));
  ASSERT_TRUE(files) << files.error().message();
  ASSERT_EQ(files->size(), 4u);
  EXPECT_EQ(files->front().url, "http://l/2007/01/25/20070125_anomalous_suspicious.csv");
  EXPECT_EQ(files->back().name, "20070126_notice.xml");
}

TEST(FetchArchives, CaidaFoldersAreOfTheMonitorOfTheDay) {
  struct Row {
    const char *monitor, *day, *url, *prefix;
  };
  for (const Row& row :
       {Row{"", "2018-04-19", "http://c/passive-2018/equinix-nyc/20180419-130000.UTC/", "equinix-nyc.dirA."},
        Row{"", "2016-01-21", "http://c/passive-2016/equinix-chicago/20160121-130000.UTC/", "equinix-chicago.dirA."},
        Row{"equinix-sanjose", "2014-06-19", "http://c/passive-2014/equinix-sanjose/20140619-130000.UTC/", "equinix-sanjose.dirA."}}) {
    DaySelection selection = days(row.day, row.day);
    selection.directions = {"A"};
    const auto folders = caida_folders("http://c", row.monitor, {"pcap.gz"}, selection);
    ASSERT_TRUE(folders) << folders.error().message();
    ASSERT_EQ(folders->size(), 1u);
    EXPECT_EQ(folders->front().url, row.url);
    EXPECT_EQ(folders->front().prefix, row.prefix);
    EXPECT_EQ(folders->front().suffix, ".UTC.anon.pcap.gz");
  }
  EXPECT_FALSE(caida_folders("http://c", "", {"pcap.gz"}, days("2017-01-01", "2017-01-01")));
  EXPECT_FALSE(caida_folders("http://c", "equinix-sanjose", {"pcap.gz"}, days("2015-01-01", "2015-01-01")));
  EXPECT_EQ(caida_folders("http://c", "", {"pcap.gz", "times.gz"}, days("2018-04-19", "2018-04-20"))->size(), 8u)
      << "two days, two directions, two kinds";
}

TEST(FetchArchives, AFoldersPageGivesTheNamesThatWereAskedFor) {
  const ArchiveFolder folder{"http://c/f/", days("2018-04-19", "2018-04-19").first, "equinix-nyc.dirA.", ".UTC.anon.pcap.gz"};
  const auto files = files_in_page(folder, R"(<a href="../">up</a>
      <a href="equinix-nyc.dirA.20180419-133149.UTC.anon.pcap.gz">x</a> <a href="equinix-nyc.dirA.20180419-125910.UTC.anon.pcap.gz">
      <a href="equinix-nyc.dirA.20180419-133149.UTC.anon.pcap.gz">again</a> <a href="equinix-nyc.dirA.1.UTC.anon.times.gz">
      <a href="equinix-nyc.dirB.20180419-130000.UTC.anon.pcap.gz"> <a href="equinix-nyc.dirA./../../x.UTC.anon.pcap.gz"> <a href=")");
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[0].url, "http://c/f/equinix-nyc.dirA.20180419-125910.UTC.anon.pcap.gz");
  EXPECT_EQ(files[1].name, "equinix-nyc.dirA.20180419-133149.UTC.anon.pcap.gz");
}

TEST(FetchArchives, TemplatesAreFilled) {
  DaySelection selection = days("2016-12-31", "2016-12-31");
  selection.hours = {7, 8};
  selection.directions = {"in"};
  const auto files = template_files("http://h/{YYYY}/{DDD}/{YY}-{MM}-{DD}T{hh}{dir}.pcap?x=1", "", selection);
  ASSERT_TRUE(files) << files.error().message();
  ASSERT_EQ(files->size(), 2u);
  EXPECT_EQ(files->back().url, "http://h/2016/366/16-12-31T08in.pcap?x=1");
  EXPECT_EQ(files->back().name, "16-12-31T08in.pcap");
  const auto named = template_files("http://h/{YYYY}{MM}{DD}/trace", "{DDD}.pcap", days("2016-03-01", "2016-03-02"));
  ASSERT_TRUE(named) << named.error().message();
  EXPECT_EQ(named->back().name, "062.pcap");
}

TEST(FetchArchives, TemplatesThatCannotBeAreRefused) {
  const auto two = days("2016-01-01", "2016-01-02");
  EXPECT_NE(template_files("http://h/{YYYY}/x", "", two).error().what.find("two files"), std::string::npos);
  EXPECT_NE(template_files("http://h/{DD}{NN}", "", two).error().what.find("{NN}"), std::string::npos);
  EXPECT_NE(template_files("http://h/{DD", "", two).error().what.find("{DD"), std::string::npos);
  EXPECT_NE(template_files("http://h/{DD}/", "", two).error().what.find("no name"), std::string::npos);
  EXPECT_FALSE(template_files("http://h/{DD}", "../{DD}", two));
  DaySelection hourly = two;
  hourly.hours = {1};
  EXPECT_EQ(template_files("http://h/{DD}", "", hourly).error().where, "--hours");
}

TEST(FetchArchives, ListsOfWeekdaysAndHours) {
  EXPECT_EQ(parse_weekdays("sun", "")->to_ulong(), 1u);
  EXPECT_EQ(parse_weekdays("fri-mon,wed", "")->to_ulong(), 0b1101011u);
  for (const char* wrong : {"", "monday", "mon-", "mon-tue-wed", "mon,"}) EXPECT_FALSE(parse_weekdays(wrong, "")) << wrong;
  EXPECT_EQ(*parse_hours("14,0-2,1", ""), (std::vector<int>{0, 1, 2, 14}));
  for (const char* wrong : {"", "24", "-1", "1-", "a"}) EXPECT_FALSE(parse_hours(wrong, "")) << wrong;
  for (const char* wrong : {"2016-02-30", "2016-1-1", "20160101", "2016-01-09T14:00"}) EXPECT_FALSE(parse_day(wrong, "")) << wrong;
}

}  // namespace
}  // namespace tidegauge
