// The layout's rules, checked on the tree itself: what each folder may include, where CUDA headers may stand, and that
// oracles stay independent of the rules they judge.
#include <map>
#include <regex>
#include <set>

#include "tests/support.hpp"

namespace tidegauge {
namespace {

using test::fs::path;

const path root = path(TIDEGAUGE_TEST_DATA).parent_path();

const std::map<std::string, std::set<std::string>> allowed{
    {"kernels", {"kernels"}},
    {"ingest", {"ingest", "kernels"}},
    {"host", {"host", "ingest", "kernels"}},
    {"tools", {"tools", "host", "ingest", "kernels"}},
    {"bench", {"bench", "host", "ingest", "kernels"}},
    {"tests", {"tests", "tools", "host", "ingest", "kernels"}},
};

bool is_source(const path& file) {
  static const std::set<std::string> extensions{".hpp", ".cpp", ".cu", ".cuh", ".h", ".inc"};
  return extensions.contains(file.extension().string());
}

/// Calls check(file relative to the root, quoted or bracketed include) for each include of our sources.
template <class Check>
std::size_t for_each_include(const Check& check) {
  static const std::regex include(R"(^\s*#\s*include\s+["<]([^">]+)[">])");
  std::size_t files = 0;
  for (const auto& [folder, unused] : allowed) {
    for (const auto& entry : test::fs::recursive_directory_iterator(root / folder)) {
      if (!entry.is_regular_file() || !is_source(entry.path())) continue;
      ++files;
      std::ifstream in(entry.path());
      for (std::string line; std::getline(in, line);) {
        std::smatch match;
        if (std::regex_search(line, match, include)) check(test::fs::relative(entry.path(), root), match[1].str());
      }
    }
  }
  return files;
}

TEST(Layout, IncludesPointDownTheLayers) {
  const std::size_t files = for_each_include([](const path& file, const std::string& included) {
    EXPECT_EQ(included.find(".."), std::string::npos) << file << " includes by a relative path: " << included;
    const std::string folder = file.begin()->string();
    const std::string target = path(included).begin()->string();
    EXPECT_TRUE(!allowed.contains(target) || allowed.at(folder).contains(target))
        << file << " must not include " << included;
  });
  EXPECT_GT(files, 20u);
}

TEST(Layout, CudaHeadersStayInTheCudaFiles) {
  static const std::set<std::string> first_folders{"cuda", "cub", "thrust"};
  for_each_include([](const path& file, const std::string& included) {
    const bool cuda = included.starts_with("cuda_") || included.starts_with("cudnn") || included.starts_with("cooperative_groups") ||
                      first_folders.contains(path(included).begin()->string());
    const bool stand_in = file.string().starts_with("tests/cuda_on_host/");
    const bool at_home = file.string().starts_with("kernels/device/") || file.string().find("_cuda.") != std::string::npos;
    EXPECT_TRUE(!cuda || at_home || stand_in) << file << " includes " << included;
    EXPECT_TRUE(!included.starts_with("cudnn") || file.filename() == "lstm_cudnn_cuda.cu" || stand_in)
        << file << ": cuDNN sits in one source file";
  });
}

TEST(Layout, OraclesDoNotUseTheRulesTheyJudge) {
  for_each_include([](const path& file, const std::string& included) {
    const bool oracle = file.string().starts_with("tests/oracle/");
    EXPECT_FALSE(oracle && included.ends_with("_rule.hpp")) << file << " includes " << included;
  });
}

/// Calls found(namespace and name) for each struct, class and enum that `file` defines outside of unnamed namespaces.
template <class Found>
void for_each_type(const path& file, const Found& found) {
  static const std::regex opened(R"(^namespace\s*([\w:]*)\s*\{)");
  static const std::regex defined(
      R"(^(?:struct|class|enum class)\s+(?:\w+\(\w+\)\s+)?(\w+)(?:\s+final)?\s*(?:\{|:(?!:).*\{))");
  std::vector<std::string> namespaces;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    std::smatch match;
    if (std::regex_search(line, match, opened)) namespaces.push_back(match[1]);
    else if (line.starts_with("}  // namespace") && !namespaces.empty()) namespaces.pop_back();
    else if (std::regex_search(line, match, defined) && !std::count(namespaces.begin(), namespaces.end(), ""))
      found(fmt::format("{}::{}", fmt::join(namespaces, "::"), match[1].str()));
  }
}

// Two types of one name make one program whose parts disagree about a layout, and no compiler or linker says so.
TEST(Layout, TypesHaveANameOfTheirOwn) {
  std::map<std::string, path> types;
  for (const char* folder : {"kernels", "ingest", "host", "tools"})
    for (const auto& entry : test::fs::recursive_directory_iterator(root / folder)) {
      if (!entry.is_regular_file() || !is_source(entry.path())) continue;
      for_each_type(entry.path(), [&](const std::string& name) {
        const auto [known, first] = types.emplace(name, entry.path());
        EXPECT_TRUE(first) << name << " is defined in " << known->second << " and in " << entry.path();
      });
    }
  EXPECT_GT(types.size(), 200u);
}

TEST(Layout, TopLevelHoldsOnlyTheNamedFolders) {
  static const std::set<std::string> folders{"kernels", "host", "ingest", "bench", "tests", "tools"};
  for (const auto& entry : test::fs::directory_iterator(root)) {
    const std::string name = entry.path().filename().string();
    const bool output = name.starts_with("build") || name == "quickstart-out";
    const bool ours = entry.is_directory() && !name.starts_with(".") && !output;
    EXPECT_TRUE(!ours || folders.contains(name)) << name;
  }
}

}  // namespace
}  // namespace tidegauge
