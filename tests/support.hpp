// What several tests need: where real captures lie, scratch folders, running the command.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

namespace tidegauge::test {

namespace fs = std::filesystem;

// Tests that need what a machine may lack are skipped without it, never passed. The environment variable TIDEGAUGE_REQUIRE
// turns such skips into failures: a comma-separated list of programs and of `cuda`, `torch` and `captures`.
inline bool is_required(std::string_view name) {
  const char* const list = std::getenv("TIDEGAUGE_REQUIRE");
  std::istringstream names(list ? list : "");
  for (std::string one; std::getline(names, one, ',');)
    if (one == name) return true;
  return false;
}
inline bool is_installed(const std::string& program) {
  return std::system(("command -v " + program + " >/dev/null 2>&1").c_str()) == 0;
}
#define TG_NEEDS(is_there, name, words)                                                                           \
  if (!(is_there)) {                                                                                              \
    if (::tidegauge::test::is_required(name)) FAIL() << "TIDEGAUGE_REQUIRE asks for " << (name) << ": " << words; \
    GTEST_SKIP() << words;                                                                                        \
  }
#define TG_NEEDS_PROGRAM(program) \
  TG_NEEDS(::tidegauge::test::is_installed(program), program, "no " << (program) << " in PATH; this test needs it")

/// ../shared/data beside the checkout.
inline fs::path shared_data() { return TIDEGAUGE_SHARED_DATA; }
inline bool have_shared_data() { return fs::exists(shared_data() / "pcaps" / "manifest.csv"); }
#define TG_NEEDS_SHARED_DATA()                                  \
  TG_NEEDS(::tidegauge::test::have_shared_data(), "captures", \
           "no captures at " << ::tidegauge::test::shared_data() << "; this test needs them")

/// A folder that is removed again.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (fs::temp_directory_path() / "tidegauge-test-XXXXXX").string();
    if (!mkdtemp(name.data())) std::abort();
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  fs::path operator/(const std::string& name) const { return path_ / name; }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

struct CommandResult {
  int status = -1;    ///< exit status; 128 + signal if killed
  std::string out;    ///< stdout
  std::string err;    ///< stderr
};

inline std::string read_text(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_text(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary).write(text.data(), static_cast<std::streamsize>(text.size()));
}

inline CommandResult run_shell(const std::string& line) {
  ScratchFolder scratch;
  const int rc = std::system((line + " >'" + (scratch / "out").string() + "' 2>'" + (scratch / "err").string() + "'").c_str());
  CommandResult result;
  result.status = WIFEXITED(rc) ? WEXITSTATUS(rc) : 128 + WTERMSIG(rc);
  result.out = read_text(scratch / "out");
  result.err = read_text(scratch / "err");
  return result;
}

/// Runs `tidegauge <arguments>` through the shell.
inline CommandResult run_command(const std::string& arguments, const std::string& environment = "") {
  return run_shell(environment + " " TIDEGAUGE_COMMAND " " + arguments);
}

}  // namespace tidegauge::test
