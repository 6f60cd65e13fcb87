// `tidegauge run` as a user meets it: one command from captures to a report, again without doing anything twice, and
// what it says when the request is wrong.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

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

TEST_F(Run, AllMistakesAreSaidAtOnce) {
  test::write_text(scratch_ / "s.toml", "[train]\nhiden = 3\ndropout = 0.5\n[label]\nslope = \"absolute\"\n");
  test::fs::create_directory(scratch_ / "bare");
  const auto result = test::run_command("run " + at("t.pcap") + " " + at("absent.pcap") + " " + at("bare") + " --settings " + at("s.toml") + " --look-back x --column parsecs --truth " +
                                        at("absent.csv") + " --train 30 --device quantum --output " + at("t.pcap"));
  EXPECT_EQ(result.status, 2);
  for (const char* words : {"s.toml:2: unknown setting `train.hiden`", "--look-back: `x` is not a whole number", "--dropout acts between layers",
                            "two windows of 32 + 1 intervals", "there is no column 'parsecs'", "absolute slope has no usual threshold",
                            "absent.pcap: cannot be read", "there is no capture in it", "absent.csv: cannot open", "'quantum' names no device",
                            "t.pcap: is there already and is no folder"})
    EXPECT_NE(result.err.find(words), std::string::npos) << words << " in\n" << result.err;
  EXPECT_EQ(result.err.find("no capture is named"), std::string::npos) << result.err;

  // The same where every single value is right and only the whole makes no sense.
  const auto whole = test::run_command("run " + at("absent.pcap") + flags() + "--dropout 0.5 --truth " + at("absent.csv") +
                                       " --threshold 1 --budget 2/week");
  EXPECT_EQ(whole.status, 2);
  for (const char* words : {"absent.pcap", "--dropout", "absent.csv", "one of --threshold, --quantile and --budget"})
    EXPECT_NE(whole.err.find(words), std::string::npos) << words << " in\n" << whole.err;
  EXPECT_FALSE(test::fs::exists(scratch_ / "out")) << "nothing was begun";
}

TEST_F(Run, FlagsReplaceTheFilesListsAndItsWayToAThreshold) {
  test::write_text(scratch_ / "s.toml", "[run]\ncaptures = [\"/absent/a.pcap\"]\n[train]\nextra_columns = [\"bytes\"]\n[label]\nthreshold = 2\n");
  const std::string settings = " --settings " + at("s.toml");
  const auto flag = test::run_command("run --captures " + at("t.pcap") + settings + flags() + "--extra-columns tcp_bytes,udp_bytes --budget 2/hour");
  ASSERT_EQ(flag.status, 0) << flag.err;
  const auto model = test::read_text(scratch_ / "out" / "run.model");
  EXPECT_NE(model.find(R"(\"extra_columns\":[\"tcp_bytes\",\"udp_bytes\"])"), std::string::npos);
  const auto argument = test::run_command("run " + at("t.pcap") + settings + flags() + "--quantile 0.99");
  EXPECT_EQ(argument.status, 0) << argument.err;
  const auto file = test::run_command("run" + settings + flags());
  EXPECT_EQ(file.status, 1) << "the file's own capture is not there";
  EXPECT_NE(file.err.find("/absent/a.pcap"), std::string::npos) << file.err;
}

TEST_F(Run, AgainWithOtherSettingsLeavesNothingOfTheEarlierOnes) {
  const auto models = [&] {
    std::set<std::string> found;
    std::istringstream lines(test::run_command("export " + at("out/run.series") + " --what forecasts").out);
    for (std::string line; std::getline(lines, line);) {
      if (line.empty() || line[0] == '#') continue;
      std::istringstream cells(line);
      std::string point, model, column, step;
      std::getline(cells, point, ','), std::getline(cells, model, ','), std::getline(cells, column, ','), std::getline(cells, step, ',');
      if (point != "point") found.insert(model + step);
    }
    return found;
  };
  ASSERT_EQ(test::run_command("run " + at("t.pcap") + flags() + "--horizon 2 --season 30").status, 0);
  EXPECT_TRUE(models().contains("lstm2") && models().contains("seasonal1"));
  const auto again = test::run_command("run " + at("t.pcap") + flags());
  ASSERT_EQ(again.status, 0) << again.err;
  EXPECT_EQ(models(), (std::set<std::string>{"ar1", "lstm1", "persistence1"}));
  const std::string page = test::read_text(scratch_ / "out" / "report.html");
  EXPECT_EQ(page.find("steps ahead"), std::string::npos);
  EXPECT_EQ(page.find("\"seasonal\""), std::string::npos) << "neither a line nor labels of it";
  EXPECT_EQ(test::run_command("export " + at("out/run.series") + " --what labels").out.find("seasonal"), std::string::npos);

  // Another column: a report by hand shows what was forecast last, with its model's settings.
  const auto other = test::run_command("run " + at("t.pcap") + " --output " + at("out") + " --column udp_bytes --look-back 4 --epochs 1");
  ASSERT_EQ(other.status, 0) << other.err;
  const auto report = test::run_command("report " + at("out/run.series") + " -o -");
  EXPECT_NE(report.out.find("\"names\":[\"udp_bytes\","), std::string::npos);
}

TEST_F(Run, ASeriesFileOfAnotherIntervalIsRefusedBeforeAnyWork) {
  ASSERT_EQ(test::run_command("bin " + at("t.pcap") + " -o " + at("run.series") + " --interval 10s").status, 0);
  const auto result = test::run_command("run " + at("t.pcap") + " --interval 1s --output '" + scratch_.path().string() + "'");
  EXPECT_EQ(result.status, 2);
  EXPECT_NE(result.err.find("--interval 10s"), std::string::npos) << result.err;
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
