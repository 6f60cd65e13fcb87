#include "host/report.hpp"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "host/report_assets.hpp"
#include "host/report_rows.hpp"
#include "host/report_text.hpp"
#include "tests/report_example.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

using test::example_point;
using test::example_report;
using test::hostile_name;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

TEST(ReportText, Escapes) {
  EXPECT_EQ(escape_html("a<b>&\"'\n\x01z"), "a&lt;b&gt;&amp;&quot;&#39;  z");
  EXPECT_EQ(escape_html("\xff"), "\xef\xbf\xbd");
  EXPECT_EQ(escape_html("\u00e4"), "\u00e4");
  EXPECT_EQ(script_json_string("</script>&\"\\"), R"("\u003c/script\u003e\u0026\"\\")");
  EXPECT_EQ(nlohmann::json::parse(script_json_string(hostile_name)).get<std::string>(), hostile_name);
}

TEST(ReportText, Figures) {
  const std::pair<std::optional<double>, const char*> table[] = {
      {std::nullopt, "\u2014"},
      {nan, "\u2014"},
      {0.0, "0.000"},
      {0.98251, "0.983"},
      {3.4249, "3.425"},
      {34.249, "34.25"},
      {342.49, "342.5"},
      {3'424.9, "3425"},
      {34'249.6, "34,250"},
      {1e-5, "1e-05"},
      {-1234567.0, "-1,234,567"},
      {1e300, "1e+300"},
  };
  for (const auto& [value, text] : table) EXPECT_EQ(figure(value), text);
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1'000), "1,000");
  EXPECT_EQ(grouped(18'446'744'073'709'551'615u), "18,446,744,073,709,551,615");
}

TEST(ReportText, Ticks) {
  EXPECT_EQ(number_ticks(0, 10, 5), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(number_ticks(0, 7.3e6, 5).size(), 4u);
  EXPECT_EQ(number_ticks(3, 3, 5), std::vector<double>{3});
  EXPECT_EQ(tick_text(number_ticks(-0.1, 1, 2).front()), "0");  // not "-0"
  EXPECT_EQ(tick_text(2'500'000), "2.5M");
  EXPECT_EQ(tick_text(0), "0");
  constexpr std::int64_t minute = 60'000'000'000;
  const std::int64_t start = 1'705'327'200'000'000'000;  // 14:00
  const auto ticks = time_ticks(start + 1, start + 31 * minute, 8);
  ASSERT_EQ(ticks.size(), 6u);
  EXPECT_EQ(ticks[0].text, "14:05");
  EXPECT_EQ(ticks[0].ns, start + 5 * minute);
  const auto days = time_ticks(start, start + 3 * 1440 * minute, 8);
  EXPECT_TRUE(
      std::any_of(days.begin(), days.end(), [](const TimeTick& t) { return t.text == "2024-01-16"; }));
}

TEST(ReportRows, ShortSeriesKeepEveryRowAndMarkGaps) {
  const ReportPoint p = example_point();
  const PlotRows plot = choose_rows(p, 20'000);
  EXPECT_FALSE(plot.reduced);
  ASSERT_EQ(plot.rows.size(), 1'801u);
  EXPECT_FALSE(plot.rows[600]);
  EXPECT_EQ(plot.rows[601], 600u);
}

TEST(ReportRows, LongSeriesKeepEveryPeak) {
  ReportPoint p = example_point(100'000);
  p.actual[77'777] = 1e9;
  p.actual[12'345] = -1e9;
  p.actual[50'000] = nan;
  const PlotRows plot = choose_rows(p, 1'000);
  EXPECT_TRUE(plot.reduced);
  EXPECT_LE(plot.rows.size(), 1'010u);
  EXPECT_NE(std::find(plot.rows.begin(), plot.rows.end(), std::optional<std::size_t>(77'777)),
            plot.rows.end());
  EXPECT_NE(std::find(plot.rows.begin(), plot.rows.end(), std::optional<std::size_t>(12'345)),
            plot.rows.end());
  EXPECT_EQ(std::count(plot.rows.begin(), plot.rows.end(), std::nullopt), 1);
  std::size_t before = 0;
  for (const auto& row : plot.rows) {
    if (!row) continue;
    EXPECT_GE(*row, before);
    before = *row;
  }
}

/// The JSON of the first plot.
nlohmann::json plot_of(const std::string& page) {
  const std::string open = "<script type=\"application/json\">";
  const auto from = page.find(open) + open.size();
  return nlohmann::json::parse(page.substr(from, page.find("</script>", from) - from));
}

TEST(Report, PageHoldsEveryPart) {
  const auto page = render_report(example_report());
  ASSERT_TRUE(page);
  const nlohmann::json plot = plot_of(*page);
  EXPECT_EQ(plot["names"].size(), 4u);
  EXPECT_EQ(plot["names"][2], hostile_name);
  ASSERT_EQ(plot["rows"].size(), 1'801u);
  EXPECT_EQ(plot["rows"][0][0], 1'705'327'200'000);
  EXPECT_TRUE(plot["rows"][0][2].is_null());
  EXPECT_TRUE(plot["rows"][600][1].is_null());  // the gap
  EXPECT_NEAR(plot["rows"][1'000][2].get<double>(), example_point().forecasts[0].values[999], 1);
  EXPECT_EQ(plot["ranges"].size(), 5u);
  EXPECT_EQ(plot["ranges"][1][2], 0);
  EXPECT_EQ(plot["truth"].size(), 2u);
  for (const char* part :
       {"<title>Traffic report", "<th scope=\"col\">sMAPE</th>", "<b>3.420 %</b>", "81,230", "LSTM(10)",
        "0.667", "false alarms", "truncated 1, damaged 3", "18,204,113", "2024-01-15 14:00:00", "look back",
        "The LSTM helped", "partly covered", "cut off at byte 88,210"})
    EXPECT_NE(page->find(part), std::string::npos) << part;
}

TEST(Report, NamesFromOutsideStayText) {
  const auto page = render_report(example_report());
  ASSERT_TRUE(page);
  EXPECT_EQ(page->find("<script>document"), std::string::npos);
  EXPECT_EQ(page->find("<img"), std::string::npos);
  const auto svg = render_plot_svg(example_report());
  ASSERT_TRUE(svg);
  EXPECT_EQ(svg->find("<script"), std::string::npos);
  EXPECT_EQ(svg->find("<img"), std::string::npos);
}

TEST(Report, NeedsNoNetwork) {
  auto page = render_report(example_report());
  ASSERT_TRUE(page);
  const auto at = page->find(report_dygraphs_js);
  ASSERT_NE(at, std::string::npos);
  page->erase(at, std::string(report_dygraphs_js).size());
  for (const char* reference :
       {"src=\"", "<link rel=\"stylesheet", "@import", "url(", "sourceMappingURL", "fetch("})
    EXPECT_EQ(page->find(reference), std::string::npos) << reference;
}

TEST(Report, MissingPartsAreLeftOut) {
  ReportData data;
  data.title = "empty";
  auto page = render_report(data);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->find("<table"), std::string::npos);
  data.points.emplace_back();
  data.points[0].column = "bytes";
  page = render_report(data);
  ASSERT_TRUE(page);
  EXPECT_NE(page->find("nothing to draw"), std::string::npos);
  EXPECT_EQ(page->find("Forecast errors"), std::string::npos);
  EXPECT_TRUE(render_plot_svg(data));
}

TEST(Report, LongSeriesStaySmall) {
  ReportData data = example_report();
  data.points = {example_point(1'000'000)};
  const auto page = render_report(data);
  ASSERT_TRUE(page);
  EXPECT_LT(page->size(), 10'000'000u);
  EXPECT_NE(page->find("1,000,000 intervals are drawn by their extremes"), std::string::npos);
  const auto svg = render_plot_svg(data);
  ASSERT_TRUE(svg);
  EXPECT_LT(svg->size(), 500'000u);
}

TEST(Report, MisfitsAreErrors) {
  ReportData data = example_report();
  data.points[0].actual.pop_back();
  EXPECT_FALSE(render_report(data));
  data = example_report();
  data.points[0].forecasts[0].values.push_back(1);
  EXPECT_FALSE(render_report(data));
  data = example_report();
  std::swap(data.points[0].start_ns[3], data.points[0].start_ns[4]);
  EXPECT_FALSE(render_plot_svg(data));
}

TEST(Report, SvgDrawsSeriesRangesAndLegend) {
  ReportData data = example_report();
  data.points.push_back(example_point());
  const auto svg = render_plot_svg(data);
  ASSERT_TRUE(svg);
  std::size_t paths = 0, rectangles = 0;
  for (auto at = svg->find("<path"); at != std::string::npos; at = svg->find("<path", at + 1)) ++paths;
  for (auto at = svg->find("<rect"); at != std::string::npos; at = svg->find("<rect", at + 1)) ++rectangles;
  EXPECT_EQ(paths, 2u * (1 + 1 + 3));           // axes, series, three forecasts
  EXPECT_EQ(rectangles, 1 + 2u * (3 + 2 + 3));  // page; ranges of the LSTM, truth, legend
  for (const char* part :
       {"tcp_bytes per 1s", "time (UTC), from 2024-01-15", "14:10", "rising (lstm)", "true surges"})
    EXPECT_NE(svg->find(part), std::string::npos) << part;
  EXPECT_EQ(svg->find("nan"), std::string::npos);
}

}  // namespace
}  // namespace tidegauge
