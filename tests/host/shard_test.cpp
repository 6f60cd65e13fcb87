#include "host/shard.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "tests/support.hpp"

namespace tidegauge {
namespace {

TEST(Shard, EveryPathIsInExactlyOne) {
  std::vector<std::string> paths;
  for (int i = 0; i < 400; ++i) paths.push_back(fmt::format("mawi/2024{:04}1400.pcap.gz", i));
  std::vector<std::string> all;
  for (std::size_t i = 0; i < 8; ++i) {
    const auto own = Shard{i, 8}.own(paths);
    EXPECT_GT(own.size(), 25u);
    all.insert(all.end(), own.begin(), own.end());
  }
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all, paths);
  EXPECT_TRUE((Shard{0, 1}.own(paths) == paths));
}

TEST(Shard, ReadsWhatPeopleWrite) {
  struct Row { const char* text; std::size_t index, count; };
  for (const Row& row : {Row{"0/8", 0, 8}, Row{"7/8", 7, 8}, Row{"0/1", 0, 1}}) {
    const auto shard = parse_shard(row.text);
    ASSERT_TRUE(shard) << row.text;
    EXPECT_EQ(*shard, (Shard{row.index, row.count}));
  }
  for (const char* text : {"", "8/8", "1", "/8", "1/", "-1/8", "1/0", "1/8/2", "a/b", "0x1/8"}) {
    const auto shard = parse_shard(text);
    ASSERT_FALSE(shard) << text;
    EXPECT_EQ(shard.error().kind, ErrorKind::usage);
  }
}

/// Holds just these variables of the ones that are asked for.
class Environment {
 public:
  using Variables = std::vector<std::pair<const char*, const char*>>;
  explicit Environment(const Variables& variables) {
    for (const char* name : names) ::unsetenv(name);
    for (const auto& [name, value] : variables) ::setenv(name, value, 1);
  }
  ~Environment() {
    for (const char* name : names) ::unsetenv(name);
  }

 private:
  static constexpr const char* names[] = {"SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_COUNT",
                                          "JOB_COMPLETION_INDEX"};
};

TEST(Shard, SlurmAndKubernetesSayWhichOneThisIs) {
  {
    const Environment slurm(Environment::Variables{
        {"SLURM_ARRAY_TASK_ID", "3"}, {"SLURM_ARRAY_TASK_MIN", "1"}, {"SLURM_ARRAY_TASK_COUNT", "8"}});
    EXPECT_EQ(*parse_shard("auto"), (Shard{2, 8}));
    EXPECT_EQ(*parse_shard("auto/4"), (Shard{2, 4}));
    EXPECT_FALSE(parse_shard("auto/2"));
  }
  {
    const Environment kubernetes(Environment::Variables{{"JOB_COMPLETION_INDEX", "5"}});
    EXPECT_EQ(*parse_shard("auto/6"), (Shard{5, 6}));
    const auto shard = parse_shard("auto");
    ASSERT_FALSE(shard);
    EXPECT_NE(shard.error().message().find("SLURM_ARRAY_TASK_COUNT"), std::string::npos);
  }
  const Environment none(Environment::Variables{});
  EXPECT_FALSE(parse_shard("auto"));
  EXPECT_FALSE(parse_shard("auto/8"));
}

}  // namespace
}  // namespace tidegauge
