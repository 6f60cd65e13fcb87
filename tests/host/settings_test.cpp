#include "host/settings.hpp"

#include "host/mistakes.hpp"

#include "tests/support.hpp"

namespace tidegauge {
namespace {

struct Target {
  std::string output = "unset";
  std::vector<std::string> captures;
  std::size_t hidden = 1;
  double rate = 0;
  bool skip = true;
};

SettingTable table_for(Target& t) {
  SettingTable table;
  table.add({"run", "output", "a folder", parse_text(t.output)});
  table.add(list_field("run", "captures", "a list of files", t.captures));
  table.add({"train", "hidden", "1 to 4096", parse_count(t.hidden, 1, 4096)});
  table.add({"train", "learning_rate", "0 to 1", parse_number(t.rate, 0, 1)});
  table.add({"train", "skip", "true or false", parse_switch(t.skip), false, true});
  return table;
}

std::vector<Error> load(const SettingTable& table, const std::string& text) {
  test::ScratchFolder scratch;
  test::write_text(scratch / "s.toml", text);
  return table.load_file((scratch / "s.toml").string());
}

TEST(Settings, ReadsEveryKindOfValue) {
  Target t;
  const auto mistakes = load(table_for(t), R"(
[run]
output = "here"
captures = ["a.pcap", "b.pcap.gz"]
[train]
hidden = 32
learning_rate = 1e-3
skip = false
)");
  EXPECT_TRUE(mistakes.empty());
  EXPECT_EQ(t.output, "here");
  EXPECT_EQ(t.captures, (std::vector<std::string>{"a.pcap", "b.pcap.gz"}));
  EXPECT_EQ(t.hidden, 32u);
  EXPECT_DOUBLE_EQ(t.rate, 1e-3);
  EXPECT_FALSE(t.skip);
}

TEST(Settings, FourMistakesGiveFourMessages) {
  Target t;
  const auto mistakes = load(table_for(t), "[train]\nhiden = 3\nhidden = 0\nlearning_rate = \"fast\"\n[run]\noutput = [1]\n");
  ASSERT_EQ(mistakes.size(), 4u);
  std::string all;
  for (const Error& mistake : mistakes) {
    EXPECT_EQ(mistake.kind, ErrorKind::usage);
    all += mistake.message() + "\n";
  }
  EXPECT_NE(all.find("s.toml:2: unknown setting `train.hiden` (try: train.hidden)"), std::string::npos) << all;
  EXPECT_NE(all.find("s.toml:3: `train.hidden`: `0` is not a whole number from 1 to 4096"), std::string::npos) << all;
  EXPECT_NE(all.find("s.toml:4: `train.learning_rate`: `fast` is not a number from 0 to 1"), std::string::npos) << all;
  EXPECT_NE(all.find("s.toml:6: `run.output` has the wrong type"), std::string::npos) << all;
}

TEST(Settings, SyntaxErrorNamesTheLine) {
  Target t;
  const auto mistakes = load(table_for(t), "[run]\noutput = \n");
  ASSERT_EQ(mistakes.size(), 1u);
  EXPECT_NE(mistakes[0].where.find("s.toml:2"), std::string::npos) << mistakes[0].message();
}

TEST(Settings, MissingFileIsAMistake) {
  Target t;
  const auto mistakes = table_for(t).load_file("/nonexistent/s.toml");
  ASSERT_EQ(mistakes.size(), 1u);
  EXPECT_NE(mistakes[0].message().find("/nonexistent/s.toml: cannot be read: No such file"), std::string::npos) << mistakes[0].message();
}

TEST(Mistakes, BecomeOneErrorWithALineForEach) {
  Mistakes mistakes;
  EXPECT_TRUE(mistakes.none());
  EXPECT_TRUE(mistakes.status());
  mistakes.add(Status());
  mistakes.add(Expected<int>(5));
  EXPECT_TRUE(mistakes.status());
  mistakes.add({"is not there", "a.pcap", "another name"});
  EXPECT_EQ(mistakes.status().error().where, "a.pcap") << "a single one stays as it is";
  Mistakes more;
  more.add(Expected<int>(Error{"is no number", "--hidden", "", ErrorKind::usage}));
  mistakes.add(more);
  const Status both = mistakes.status();
  EXPECT_EQ(both.error().message(), "a.pcap: is not there (try: another name)\n  --hidden: is no number");
  EXPECT_EQ(both.error().kind, ErrorKind::usage) << "the higher exit status";
}

TEST(Settings, FlagsUseDashes) { EXPECT_EQ((SettingField{"train", "look_back", "", {}}).flag(), "--look-back"); }

}  // namespace
}  // namespace tidegauge
