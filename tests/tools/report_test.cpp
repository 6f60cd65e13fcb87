// The report in a real browser, and the verb that makes it.
#include "host/report.hpp"
#include "host/store.hpp"
#include "tests/report_example.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

using test::read_text;
using test::run_command;
using test::ScratchFolder;
using test::write_text;

/// The browser under any of its names; empty: none.
std::string find_chromium() {
  for (const char* name : {"chromium", "chromium-headless-shell", "chromium-browser", "google-chrome"})
    if (test::is_installed(name)) return name;
  return "";
}
#define TG_NEEDS_CHROMIUM(browser)              \
  const std::string browser = find_chromium(); \
  TG_NEEDS(!browser.empty(), "chromium", "no chromium in PATH; this test needs it")

struct Browsed {
  int status;
  std::string dom, log;
};

Browsed browse(const std::string& browser, const ScratchFolder& scratch, const std::string& page,
               const std::string& more) {
  const std::string folder = scratch.path().string();
  const std::string line = "HOME='" + folder + "' timeout 60 " + browser +
                           " --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars"
                           " --enable-logging=stderr --user-data-dir='" +
                           folder + "/profile' --window-size=1280,1500 " + more + " 'file://" + page +
                           "' >'" + folder + "/dom' 2>'" + folder + "/log'";
  const int rc = std::system(line.c_str());
  return {WIFEXITED(rc) ? WEXITSTATUS(rc) : 128, read_text(scratch / "dom"), read_text(scratch / "log")};
}

/// Counts the painted pixels of each canvas and the colours among them, where --dump-dom shows them.
constexpr const char* probe = R"(<script>
const canvases = [...document.querySelectorAll('.plot canvas')];
document.documentElement.dataset.canvases = canvases.length;
let painted = 0;
const seen = new Set();
for (const canvas of canvases) {
  if (!canvas.width || !canvas.height) continue;
  const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  for (let i = 3; i < pixels.length; i += 4) if (pixels[i]) { ++painted; seen.add(pixels[i - 3] >> 5 << 6 | pixels[i - 2] >> 5 << 3 | pixels[i - 1] >> 5); }
}
document.documentElement.dataset.painted = painted;
document.documentElement.dataset.colours = seen.size;
</script>)";

long attribute(const std::string& dom, const std::string& name) {
  const auto at = dom.find("data-" + name + "=\"");
  return at == std::string::npos ? -1 : std::atol(dom.c_str() + at + name.size() + 7);
}

TEST(ReportInABrowser, DrawsThePlotWithoutAnError) {
  TG_NEEDS_CHROMIUM(browser);
  ScratchFolder scratch;
  auto page = render_report(test::example_report());
  ASSERT_TRUE(page);
  const std::string plain = (scratch / "plain.html").string(), probed = (scratch / "probed.html").string();
  write_text(plain, *page);
  page->insert(page->rfind("</body>"), probe);
  write_text(probed, *page);

  const Browsed seen = browse(browser, scratch, probed, "--dump-dom");
  ASSERT_EQ(seen.status, 0) << seen.log;
  EXPECT_EQ(seen.dom.find("data-error=\""), std::string::npos) << seen.log;
  EXPECT_EQ(seen.log.find("Uncaught"), std::string::npos) << seen.log;
  EXPECT_EQ(attribute(seen.dom, "plots"), 1) << seen.log;
  EXPECT_GE(attribute(seen.dom, "canvases"), 2);
  EXPECT_GT(attribute(seen.dom, "painted"), 5'000);
  EXPECT_GT(attribute(seen.dom, "colours"), 5);
  EXPECT_NE(seen.dom.find(">14:10<"), std::string::npos) << "the time axis is in UTC";
  EXPECT_NE(seen.dom.find("<title>Traffic report: &lt;/script&gt;"), std::string::npos)
      << "the hostile title changed the page";

  const std::string picture = (scratch / "page.png").string();
  EXPECT_EQ(browse(browser, scratch, plain, "--screenshot='" + picture + "'").status, 0);
  EXPECT_GT(test::fs::file_size(picture), 30'000u);
}

TEST(ReportInABrowser, AnErrorWouldBeSeen) {
  TG_NEEDS_CHROMIUM(browser);
  ScratchFolder scratch;
  auto page = render_report(test::example_report());
  ASSERT_TRUE(page);
  const auto at = page->find("\"rows\":[");
  page->replace(at, 8, "\"rows\":{[");
  write_text(scratch / "broken.html", *page);
  const Browsed seen = browse(browser, scratch, (scratch / "broken.html").string(), "--dump-dom");
  EXPECT_NE(seen.dom.find("data-error=\""), std::string::npos);
  EXPECT_EQ(attribute(seen.dom, "plots"), -1);
}

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t first_k = 1'705'327'200;

/// An imported series of ten minutes with everything that a report shows.
void make_series(const std::string& path) {
  auto file = SeriesFile::open(path, OpenMode::create, second);
  ASSERT_TRUE(file) << file.error().message();
  std::vector<std::int64_t> k;
  std::vector<double> values;
  Forecast forecast{"lstm", "value", second, 1, {}, {}, {}};
  for (std::int64_t i = 0; i < 600; ++i) {
    k.push_back(first_k + i);
    values.push_back(100 + static_cast<double>(i % 60));
    if (i < 300) continue;
    forecast.k.push_back(k.back());
    forecast.predicted.push_back(values.back() + 1);
    forecast.actual.push_back(values.back());
  }
  TraceRecord trace;
  trace.path = "a<b>.csv";
  trace.kind = "csv";
  trace.fingerprint = {600, 1};
  const auto added = file->add_values(trace, k, values);
  ASSERT_TRUE(added) << added.error().message();
  const auto saved = file->save_forecasts(std::vector{forecast}, "default");
  ASSERT_TRUE(saved) << saved.error().message();
  const Labels labels{"lstm",
                      "value",
                      second,
                      {{first_k + 400, first_k + 410, first_k + 405, Direction::rising, 2.0, 1}},
                      {first_k + 405}};
  ASSERT_TRUE(file->save_labels(labels, "default", "{}"));
}

constexpr const char* metrics =
    R"json({"rows":[{"model":"lstm","name":"LSTM(10)","step":0,"mae":1.0,"mape":null,"r2":0.5},{"model":"lstm","step":1,"mae":77},5],
        "verdict":"It helped.","notes":["n1"]})json";
constexpr const char* scores =
    R"({"scores":[{"source":"lstm","column":"value","one_to_one":{"precision":0.25,"recall":1,"f1":0.4,"true_positives":1,
        "false_positives":3,"false_negatives":0}}],"more":1})";

TEST(ReportVerb, ShowsWhatTheSeriesFileHolds) {
  ScratchFolder scratch;
  const std::string series = (scratch / "a.series").string(), html = (scratch / "a.html").string(),
                    svg = (scratch / "a.svg").string();
  make_series(series);
  write_text(scratch / "truth.csv", "start,end\n1705327600.0,1705327605.5\n");
  auto result = run_command("report '" + series + "' -o '" + html + "' --svg '" + svg + "' --truth '" +
                            (scratch / "truth.csv").string() + "'");
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_NE(result.out.find(html), std::string::npos);
  std::string page = read_text(html);
  EXPECT_NE(page.find("\"names\":[\"value\",\"lstm\"]"), std::string::npos);
  EXPECT_NE(page.find("[1705327600000,1705327611000,1,\"lstm\"]"), std::string::npos);
  EXPECT_NE(page.find("[[1705327600000,1705327606000]]"), std::string::npos)
      << "the true range, in whole intervals";
  EXPECT_NE(page.find("[1705327500000,100,101]"), std::string::npos) << "series and forecast of one interval";
  EXPECT_NE(page.find("a&lt;b&gt;.csv"), std::string::npos);
  EXPECT_EQ(page.find("Forecast errors"), std::string::npos);
  EXPECT_NE(read_text(svg).find("rising (lstm)"), std::string::npos);

  {
    auto file = SeriesFile::open(series, OpenMode::write);
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->save_table("metrics", "default", metrics));
    ASSERT_TRUE(file->save_table("scores", "", scores));
  }
  result = run_command("report '" + series + "' -o -");
  ASSERT_EQ(result.status, 0) << result.err;
  page = result.out;
  for (const char* part : {"LSTM(10)", "It helped.", "n1", "0.250", "0.400", "found"})
    EXPECT_NE(page.find(part), std::string::npos) << part;
  EXPECT_EQ(page.find(">77"), std::string::npos) << "single steps stay out";
}

TEST(ReportVerb, StoredFiguresOfAnotherFormAreLeftOut) {
  ScratchFolder scratch;
  const std::string series = (scratch / "a.series").string();
  make_series(series);
  for (const char* json :
       {"", "no json", "[1]", "{}", R"({"rows":5})", R"({"rows":[{"mae":"x"}],"verdict":1,"notes":{}})",
        R"({"scores":[{"source":3,"one_to_one":[]}]})"}) {
    {
      auto file = SeriesFile::open(series, OpenMode::write);
      ASSERT_TRUE(file);
      ASSERT_TRUE(file->save_table("metrics", "default", json));
      ASSERT_TRUE(file->save_table("scores", "default", json));
    }
    const auto result = run_command("report '" + series + "' -o -");
    EXPECT_EQ(result.status, 0) << json << "\n" << result.err;
    EXPECT_NE(result.out.find("</html>"), std::string::npos);
  }
}

TEST(ReportVerb, MistakesSayWhatIsWrong) {
  ScratchFolder scratch;
  const std::string series = (scratch / "a.series").string();
  make_series(series);
  const std::tuple<std::string, int, const char*> table[] = {
      {"report '" + series + "' --point nowhere", 2, "nowhere"},
      {"report '" + series + "' --column odd -o -", -1, "odd"},
      {"report '" + series + "' --truth /nonexistent.csv -o -", -1, "/nonexistent.csv"},
      {"report /nonexistent.series", 1, "/nonexistent.series"},
      {"report '" + series + "' -o /nonexistent/a.html", 1, "/nonexistent/a.html"},
      {"report", 2, "series"},
  };
  for (const auto& [arguments, status, word] : table) {
    const auto result = run_command(arguments);
    EXPECT_NE(result.status, 0) << arguments;
    if (status >= 0) {
      EXPECT_EQ(result.status, status) << arguments << "\n" << result.err;
    }
    EXPECT_NE((result.err + result.out).find(word), std::string::npos) << arguments << "\n" << result.err;
  }
}

}  // namespace
}  // namespace tidegauge
