// `tidegauge bin` on the odd and hostile captures collected from other projects' tests: status 0, or an error that names
// the file (3 for damage under --strict), within 2 s and 200 MB: seconds of computing, because a commit waits as long as the
// disk is busy with something else; and no more than 30 s by the clock. Memory beyond what the command has without a capture, which
// is 200 MB of tables in itself where sanitizers are built in. What is counted of each: tests/ingest/edge_test.cpp.
#include <fcntl.h>
#include <sys/resource.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/support.hpp"

namespace tidegauge {
namespace {

/// Of a program of its own: a mere fork begins with the pages of this one, and what it needs itself hides among them.
struct Need {
  int status = -1;  ///< 128 + signal if it was killed
  double computed_s = 0, waited_s = 0;
  long peak_kib = 0;  ///< of resident memory
  std::string said;
};

/// @param arguments the command's, its name first, ended by a null
Need need_of(const std::vector<const char*>& arguments) {
  const test::ScratchFolder scratch;
  const std::string words = scratch / "words";
  const auto begin = std::chrono::steady_clock::now();
  const pid_t child = fork();
  if (child == 0) {
    const int out = ::open(words.c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0600);
    dup2(out, 1), dup2(out, 2);
    execv(TIDEGAUGE_COMMAND, const_cast<char* const*>(arguments.data()));
    _exit(127);
  }
  int status = 0;
  rusage used{};
  EXPECT_EQ(wait4(child, &status, 0, &used), child);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec); };
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), seconds(used.ru_utime) + seconds(used.ru_stime),
          std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(), used.ru_maxrss, test::read_text(words)};
}

Need need_of_bin(const std::string& path, bool strict) {
  const test::ScratchFolder scratch;
  const std::string series = scratch / "x.series";
  return need_of({TIDEGAUGE_COMMAND, "bin", path.c_str(), "-o", series.c_str(), strict ? "--strict" : nullptr, nullptr});
}

TEST(EdgeBin, EveryCaptureIsInOrAnErrorInTwoSecondsAnd200MB) {
  TG_NEEDS_SHARED_DATA();
  const Need idle = need_of({TIDEGAUGE_COMMAND, "--help", nullptr});
  ASSERT_EQ(idle.status, 0) << idle.said;
  int files = 0, failed = 0, strictly_refused = 0;
  for (const auto& entry : test::fs::directory_iterator(test::shared_data() / "edge")) {
    if (entry.path().extension() == ".csv") continue;
    const std::string path = entry.path();
    for (const bool strict : {false, true}) {
      const Need need = need_of_bin(path, strict);
      EXPECT_TRUE(need.status == 0 || need.status == 1 || (strict && need.status == 3))
          << path << ": status " << need.status << "\n" << need.said;
      EXPECT_NE(need.said.find(path), std::string::npos) << need.said;
      for (const char* found : {"Sanitizer", "runtime error"}) EXPECT_EQ(need.said.find(found), std::string::npos) << need.said;
      EXPECT_LT(need.computed_s, 2) << path;
      EXPECT_LT(need.waited_s, 30) << path;
      EXPECT_LT(need.peak_kib - idle.peak_kib, 200 << 10) << path;
      failed += !strict && need.status != 0;
      strictly_refused += need.status == 3;
    }
    ++files;
  }
  EXPECT_GE(files, 100);
  EXPECT_LT(failed, files / 3) << "most of them hold packets";
  EXPECT_GE(strictly_refused, 10) << "many are damaged or cut off";
}

}  // namespace
}  // namespace tidegauge
