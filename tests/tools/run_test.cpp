// `tidegauge run` as a user meets it: one command from captures to a report, again without doing anything twice, and
// what it says when the request is wrong.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "tests/support.hpp"

namespace tidegauge {
namespace {

class Run : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto made = test::run_command("synth -o " + at("t.pcap") + " --duration 3m --rate 300 --surges 5 --seed 7");
    ASSERT_EQ(made.status, 0) << made.err;
  }
  std::string at(const std::string& name) const { return fmt::format("'{}'", (scratch_ / name).string()); }
  std::string flags() const {
    return " --output " + at("out") + " --interval 1s --column packets --look-back 4 --hidden 8 --epochs 3 --seed 1 ";
  }
  test::ScratchFolder scratch_;
};

TEST_F(Run, MakesEverythingWithOneCommand) {
  const auto result =
      test::run_command("run " + at("t.pcap") + flags() + "--truth " + at("t.truth.csv") + " --json --device auto");
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_NE(result.err.find("chosen by auto"), std::string::npos) << "auto says what it took and why: " << result.err;
  const auto outcome = nlohmann::json::parse(result.out);
  EXPECT_GT(outcome["records"]["read"].get<int>(), 10'000);
  EXPECT_EQ(outcome["records"]["read"], outcome["records"]["counted"]);
  EXPECT_EQ(outcome["intervals"], 180);
  std::set<std::string> models;
  for (const auto& row : outcome["evaluation"]["rows"]) models.insert(row["model"]);
  EXPECT_TRUE(models.contains("lstm") && models.contains("ar") && models.contains("persistence"));
  EXPECT_GE(outcome["scores"]["scores"].size(), 3u);
  for (const char* name : {"run.series", "run.model", "report.html", "plot.svg"})
    EXPECT_GT(test::fs::file_size(scratch_ / "out" / name), 1000u) << name;
  EXPECT_FALSE(test::fs::exists(scratch_ / "out" / "run.model.checkpoint"));
}

TEST_F(Run, AgainChangesNothing) {
  ASSERT_EQ(test::run_command("run " + at("t.pcap") + flags()).status, 0);
  const auto model = test::read_text(scratch_ / "out" / "run.model");
  const auto series = test::run_command("export " + at("out/run.series") + " --canonical").out;
  const auto again = test::run_command("run " + at("t.pcap") + flags());
  ASSERT_EQ(again.status, 0) << again.err;
  EXPECT_NE(again.out.find("0 added, 1 already in"), std::string::npos) << again.out;
  EXPECT_EQ(test::read_text(scratch_ / "out" / "run.model"), model);
  EXPECT_EQ(test::run_command("export " + at("out/run.series") + " --canonical").out, series);
  EXPECT_FALSE(series.empty());
}

TEST_F(Run, TakesASettingsFileAndFlagsWin) {
  test::write_text(scratch_ / "s.toml", fmt::format("[run]\ncaptures = [\"{}\"]\noutput = \"{}\"\n[train]\ncolumn = \"packets\"\n"
                                            "look_back = 4\nepochs = 1\nhidden = 4\n",
                                            (scratch_ / "t.pcap").string(), (scratch_ / "from-file").string()));
  const auto result = test::run_command("run --settings " + at("s.toml") + " --output " + at("from-flag") + " --json");
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(test::fs::exists(scratch_ / "from-flag" / "report.html"));
  EXPECT_FALSE(test::fs::exists(scratch_ / "from-file"));
}

TEST_F(Run, FourMistakesInASettingsFileGiveFourMessages) {
  test::write_text(scratch_ / "s.toml",
                   "[train]\nhiden = 3\nlook_back = 0\noptimizer = \"sgdd\"\n[run]\ninterval = \"5 parsecs\"\n");
  const auto result = test::run_command("run " + at("t.pcap") + " --settings " + at("s.toml"));
  EXPECT_EQ(result.status, 2);
  for (const char* line : {"s.toml:2:", "s.toml:3:", "s.toml:4:", "s.toml:6:"})
    EXPECT_NE(result.err.find(line), std::string::npos) << line << " in\n" << result.err;
  EXPECT_NE(result.err.find("train.hidden"), std::string::npos) << "the nearest known setting: " << result.err;
}

TEST_F(Run, CudaThatCannotBeHadIsAnErrorBeforeAnyWork) {
  if (test::run_command("doctor --device cuda").status == 0) GTEST_SKIP() << "this machine has a usable GPU";
  const auto result = test::run_command("run " + at("t.pcap") + flags() + "--device cuda");
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("cuda"), std::string::npos) << result.err;
  EXPECT_FALSE(test::fs::exists(scratch_ / "out" / "run.series"));
}

TEST(RunUsage, NoCaptureIsWrongUsage) {
  const auto result = test::run_command("run");
  EXPECT_EQ(result.status, 2);
  EXPECT_NE(result.err.find("no capture is named"), std::string::npos);
}

}  // namespace
}  // namespace tidegauge
