// The README's commands, run as a reader would: every line of its ```sh blocks runs in one scratch folder, in
// order, and must succeed. tools/quickstart and tools/test run in tools/test itself.
#include "tests/support.hpp"

namespace tidegauge {
namespace {

std::vector<std::string> readme_commands() {
  std::ifstream readme(test::fs::path(TIDEGAUGE_TEST_DATA).parent_path() / "README.md");
  std::vector<std::string> commands;
  bool inside = false;
  for (std::string line; std::getline(readme, line);) {
    if (line.starts_with("```")) inside = line == "```sh";
    else if (inside && !line.empty()) commands.push_back(line.substr(0, line.find("  #")));
  }
  return commands;
}

TEST(Readme, EveryCommandRuns) {
  const auto commands = readme_commands();
  ASSERT_GT(commands.size(), 5u) << "the README lost its examples";
  test::ScratchFolder scratch;
  const std::string prologue = "cd '" + scratch.path().string() + "' && PATH='" +
                               test::fs::path(TIDEGAUGE_COMMAND).parent_path().string() + "':$PATH && ";
  for (const std::string& command : commands) {
    const std::string line = prologue + "{ " + command + " ; } >>log 2>&1";
    EXPECT_EQ(std::system(line.c_str()), 0) << command << "\n" << test::read_text(scratch / "log");
  }
}

}  // namespace
}  // namespace tidegauge
