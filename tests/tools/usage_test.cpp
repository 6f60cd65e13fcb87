// What the command says before any verb begins, and where the system stops it.
#include "tests/support.hpp"

namespace tidegauge {
namespace {

TEST(Usage, WrongCommandLinesSayWhoSpeaksAndWhatToTry) {
  struct Row { const char *arguments, *what, *remedy; };
  const Row rows[] = {
      {"", "a verb is needed", "one of: run, "},
      {"frobnicate x", "there is no verb 'frobnicate'", "one of: run, "},
      {"--frobnicate", "a verb is needed", "one of: run, "},
      {"bin", "--output is required", "tidegauge bin --help"},
      {"train x.series --hiden 5", "--hiden", "tidegauge train --help"},
      {"label x.series --threshold", "--threshold", "tidegauge label --help"},
  };
  for (const Row& row : rows) {
    const auto result = test::run_command(row.arguments);
    EXPECT_EQ(result.status, 2) << row.arguments;
    EXPECT_EQ(result.err.find("tidegauge: "), 0u) << result.err;
    for (const char* words : {row.what, row.remedy}) EXPECT_NE(result.err.find(words), std::string::npos) << result.err;
    EXPECT_EQ(result.out, "");
  }
  EXPECT_EQ(test::run_command("--help").status, 0);
  EXPECT_NE(test::run_command("run --help").out.find("replaces the file's"), std::string::npos);
}

TEST(Usage, FourMistakesGiveFourMessages) {
  const auto result = test::run_command("bin --bogus 5 --threads many --follow-timeout 5s --delimiter ';' --keys auto:5 --more");
  EXPECT_EQ(result.status, 2);
  for (const char* words : {"--bogus", "--more", "--threads", "--follow-timeout requires --follow", "--delimiter requires --csv",
                            "--output is required"})
    EXPECT_NE(result.err.find(words), std::string::npos) << words << "\n" << result.err;
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 6) << result.err;

  const auto excluded = test::run_command("export x.series --canonical --columns packets --what spans");
  EXPECT_EQ(excluded.status, 2);
  EXPECT_EQ(std::count(excluded.err.begin(), excluded.err.end(), '\n'), 2) << "a pair is named once\n" << excluded.err;
  const auto word = test::run_command("export x.series y.series");
  EXPECT_EQ(word.status, 2);
  EXPECT_NE(word.err.find("y.series"), std::string::npos) << word.err;
}

TEST(Usage, AFileThatMayNotGrowIsAnErrorAndNothingIsLeft) {
  test::ScratchFolder scratch;
  const auto result = test::run_command("synth -o '" + (scratch / "a.pcap").string() + "' --duration 30s --rate 5000", "ulimit -f 100;");
  EXPECT_EQ(result.status, 1) << result.err;
  EXPECT_NE(result.err.find("File too large"), std::string::npos) << result.err;
  EXPECT_TRUE(test::fs::is_empty(scratch.path()));
}

}  // namespace
}  // namespace tidegauge
