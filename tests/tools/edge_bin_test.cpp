// `tidegauge bin` on the odd and hostile captures collected from other projects' tests: status 0 or an error that names
// the file, within 2 s and 200 MB. (What is counted of each: tests/ingest/edge_test.cpp.)
#include <fcntl.h>
#include <sys/resource.h>

#include <chrono>

#include "tests/support.hpp"

namespace tidegauge {
namespace {

TEST(EdgeBin, EveryCaptureIsInOrAnErrorInTwoSecondsAnd200MB) {
  TG_NEEDS_SHARED_DATA();
  const test::ScratchFolder scratch;
  const std::string series = scratch / "x.series", words = scratch / "words";
  int files = 0, failed = 0;
  for (const auto& entry : test::fs::directory_iterator(test::shared_data() / "edge")) {
    if (entry.path().extension() == ".csv") continue;
    const std::string path = entry.path();
    const auto begin = std::chrono::steady_clock::now();
    const pid_t child = fork();
    if (child == 0) {
      const int out = ::open(words.c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0600);
      dup2(out, 1), dup2(out, 2);
      execl(TIDEGAUGE_COMMAND, TIDEGAUGE_COMMAND, "bin", path.c_str(), "-o", series.c_str(), nullptr);
      _exit(127);
    }
    int status = 0;
    rusage need{};
    ASSERT_EQ(wait4(child, &status, 0, &need), child);
    const auto took = std::chrono::steady_clock::now() - begin;
    const std::string said = test::read_text(words);
    ASSERT_TRUE(WIFEXITED(status)) << path << ": signal " << WTERMSIG(status) << "\n" << said;
    EXPECT_TRUE(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 1) << path << ": status " << WEXITSTATUS(status) << "\n" << said;
    EXPECT_NE(said.find(path), std::string::npos) << said;
    for (const char* found : {"Sanitizer", "runtime error"}) EXPECT_EQ(said.find(found), std::string::npos) << said;
    EXPECT_LT(took, std::chrono::seconds(2)) << path;
    EXPECT_LT(need.ru_maxrss, 200 << 10) << path;  // KiB
    failed += WEXITSTATUS(status) != 0;
    ++files;
  }
  EXPECT_GE(files, 100);
  EXPECT_LT(failed, files / 3) << "most of them hold packets";
}

}  // namespace
}  // namespace tidegauge
