#include "tests/support.hpp"

namespace tidegauge {
namespace {

using test::read_text;
using test::run_command;
using test::ScratchFolder;

TEST(SynthVerb, WritesTraceTruthAndSummary) {
  ScratchFolder scratch;
  const std::string out = (scratch / "a.pcap").string();
  const auto result = run_command("synth -o '" + out +
                                  "' --duration 30s --rate 500 --surge 10s,5s,3,syn-flood --json --quiet");
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_NE(result.out.find("\"packets\""), std::string::npos);
  EXPECT_NE(result.out.find("\"kind\": \"syn-flood\""), std::string::npos);
  EXPECT_EQ(read_text(scratch / "a.truth.csv"),
            "start,end,factor,kind,start_time,end_time\n"
            "1705327210.000000000,1705327215.000000000,3,syn-flood,2024-01-15T14:00:10.000Z,2024-01-15T14:00:"
            "15.000Z\n");

  const auto piped =
      run_command("synth -o - --duration 30s --rate 500 --surge 2024-01-15T14:00:10Z,5s,3,syn-flood");
  EXPECT_EQ(piped.status, 0);
  EXPECT_TRUE(piped.out == read_text(out)) << "stdout and file differ";
  EXPECT_NE(piped.err.find("packets"), std::string::npos);
}

TEST(SynthVerb, MistakesAreUsageErrorsThatNameTheOption) {
  ScratchFolder scratch;
  const std::string out = (scratch / "a.pcap").string();
  const std::pair<const char*, const char*> table[] = {
      {"--duration never", "--duration"}, {"--duration 0s", "--duration"},
      {"--start x", "--start"},           {"--rate 0", "--rate"},
      {"--rate many", "--rate"},          {"--surge 1s,2s", "--surge"},
      {"--surge 1s,2s,x", "--surge"},     {"--surge 1s,2s,2,odd", "--surge"},
      {"--surge 1h,2s,2", "--surge"},     {"--gap 5s", "--gap"},
      {"--surges 99999999", "--surges"},  {"--rates /nonexistent", "--rates"},
      {"--snaplen 1", "--snaplen"},       {"--day 0s", "--day"},
  };
  for (const auto& [arguments, option] : table) {
    const auto result = run_command("synth -o '" + out + "' " + arguments);
    EXPECT_EQ(result.status, 2) << arguments << "\n" << result.err;
    EXPECT_NE((result.err + result.out).find(option), std::string::npos) << arguments << "\n" << result.err;
    EXPECT_FALSE(test::fs::exists(out)) << arguments;
  }
}

TEST(SynthVerb, CtrlCLeavesNothingAndKeepsWhatWasThere) {
  ScratchFolder scratch;
  const std::string out = (scratch / "a.pcap").string(), words = (scratch / "words").string();
  for (const bool there : {false, true}) {
    if (there) test::write_text(out, "an older trace");
    // --foreground: otherwise timeout signals the group too, and a second Ctrl-C ends the process at once.
    const int rc = std::system(("timeout --foreground --preserve-status -s INT 1 " TIDEGAUGE_COMMAND " synth -o '" + out +
                                "' --duration 24h --rate 100000 2>'" + words + "'").c_str());
    ASSERT_TRUE(WIFEXITED(rc));
    EXPECT_EQ(WEXITSTATUS(rc), 1);
    EXPECT_NE(read_text(words).find("stopped by a signal"), std::string::npos) << read_text(words);
    EXPECT_EQ(test::fs::exists(out), there);
    EXPECT_EQ(read_text(out), there ? "an older trace" : "");
    EXPECT_FALSE(test::fs::exists(out + ".part"));
    EXPECT_FALSE(test::fs::exists(scratch / "a.truth.csv"));
  }
}

TEST(SynthVerb, WhatIsReadIsNotOverwritten) {
  ScratchFolder scratch;
  const std::string rates = (scratch / "a.csv").string(), link = (scratch / "link.csv").string();
  const std::string content = "time,packets\n1705327200,5\n1705327201,6\n";
  test::write_text(rates, content);
  test::fs::create_symlink("a.csv", link);
  const std::string given = " --rates '" + rates + "' ";
  for (const std::string& arguments :
       {"synth -o '" + rates + "'" + given, "synth -o '" + link + "'" + given,
        "synth -o '" + (scratch / "t.pcap").string() + "' --truth '" + link + "'" + given,
        "synth -o '" + (scratch / "t.pcap").string() + "' --truth '" + (scratch / "t.pcap").string() + "'", std::string("synth -o - --truth -")}) {
    const auto result = run_command(arguments);
    EXPECT_EQ(result.status, 2) << arguments << "\n" << result.err;
    EXPECT_NE(result.err.find("is also the file of"), std::string::npos) << result.err;
    EXPECT_EQ(read_text(rates), content) << arguments;
    EXPECT_FALSE(test::fs::exists(scratch / "t.pcap"));
  }
}

TEST(SynthVerb, AFullDiskIsAnErrorAndTheDeviceStays) {
  const auto result = run_command("synth -o /dev/full --duration 5s --rate 1000");
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("/dev/full"), std::string::npos) << result.err;
  EXPECT_TRUE(test::fs::exists("/dev/full"));
}

}  // namespace
}  // namespace tidegauge
