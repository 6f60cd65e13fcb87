// stats as a user runs it, on real traffic.
#include <nlohmann/json.hpp>

#include "tests/support.hpp"

namespace tidegauge {
namespace {

using nlohmann::json;
using test::run_command;

TEST(Stats, OfRealTraffic) {
  TG_NEEDS_SHARED_DATA();
  test::ScratchFolder scratch;
  const std::string series = (scratch / "x.series").string(), svg = (scratch / "x.svg").string();
  ASSERT_EQ(run_command("bin " + (test::shared_data() / "series/mawi_5s/clean_dataset_20160109.csv").string() + " --csv -o " + series +
                        " --interval 5s --origin 2016-01-09T05:00:00").status, 0);
  const auto table = run_command("stats " + series + " --svg " + svg);
  ASSERT_EQ(table.status, 0) << table.err;
  for (const char* word : {"kurtosis", "ADF", "KPSS", "Hurst", "Burstiness", "Suggestions", "look-back"})
    EXPECT_NE(table.out.find(word), std::string::npos) << word << "\n" << table.out;
  EXPECT_NE(test::read_text(svg).find("Partial autocorrelation"), std::string::npos);
  const json all = json::parse(run_command("stats " + series + " --json --lags 20").out, nullptr, false);
  ASSERT_FALSE(all.is_discarded());
  EXPECT_EQ(all["values"], 180);
  EXPECT_EQ(all["autocorrelation"]["acf"].size(), 21u);
  EXPECT_NEAR(all["moments"]["mean"], 2.07459e6, 10);
  EXPECT_EQ(all["suggestions"].size(), 4u);
}

TEST(Stats, MistakesAreSaidAtOnce) {
  const auto result = run_command("stats /nowhere.series --lags 20000 --since yesterday");
  EXPECT_EQ(result.status, 2);
  for (const char* word : {"--lags", "--since", "/nowhere.series"}) EXPECT_NE(result.err.find(word), std::string::npos) << result.err;
}

}  // namespace
}  // namespace tidegauge
