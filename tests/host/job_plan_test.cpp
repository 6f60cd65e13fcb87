#include "host/job_plan.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/core/random.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

class JobPlans : public testing::Test {
 protected:
  std::string file(const std::string& name, std::size_t bytes) const {
    test::write_text(scratch / name, std::string(bytes, 'x'));
    return (scratch / name).string();
  }
  std::string refusal(const std::string& text) const {
    test::write_text(scratch / "plan", text);
    const auto plan = read_plan((scratch / "plan").string());
    EXPECT_FALSE(plan) << text;
    return plan ? "" : plan.error().message();
  }
  test::ScratchFolder scratch;
};

TEST_F(JobPlans, LargestFirstIntoTheEmptiest) {
  JobPlan plan{.shards = 2};
  std::vector<std::string> paths;
  for (const std::size_t bytes : {30u, 70u, 40u, 60u, 0u}) paths.push_back(file(fmt::format("f{}", bytes), bytes));
  ASSERT_TRUE(plan_files(plan, paths));
  std::vector<std::size_t> shards;
  for (const PlannedFile& planned : plan.files) shards.push_back(planned.shard);
  EXPECT_EQ(shards, (std::vector<std::size_t>{0, 0, 1, 1, 0})) << "70 | 60, then 40 beside 60, then 30 beside 70";
  EXPECT_EQ(plan.paths({0, 2}), (std::vector<std::string>{paths[0], paths[1], paths[4]}));
  EXPECT_EQ(plan.paths({1, 2}), (std::vector<std::string>{paths[2], paths[3]}));
  EXPECT_EQ(plan.paths({}), paths) << "all of them without a shard";
}

TEST_F(JobPlans, IsReadBackAsItWasWritten) {
  JobPlan plan{.interval_ns = 1'000'000, .point = "link a/→", .shards = 3};
  plan.counting = {{"count.by", "prefix"}, {"count.keys", "auto:5"}};
  plan.key_lists = R"({"lists":["10.0.0.0/8"]})";
  ASSERT_TRUE(plan_files(plan, {file("a b.pcap", 7), file("c", 9)}));
  ASSERT_TRUE(test::fs::exists(scratch.path()));
  test::write_text(scratch / "plan", plan_json(plan));
  const auto back = read_plan((scratch / "plan").string());
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(*back, plan);
}

TEST_F(JobPlans, MistakesSayWhat) {
  JobPlan plan;
  const Status absent = plan_files(plan, {file("a", 1), (scratch / "b").string(), scratch.path().string()});
  ASSERT_FALSE(absent);
  for (const char* words : {"/b", "is no file", "check the path"})
    EXPECT_NE(absent.error().message().find(words), std::string::npos) << absent.error().message();
  struct Row { const char *text, *words; };
  for (const Row& row : {Row{"", "parse error"}, Row{"[]", "no plan"}, Row{R"({"plan":2})", "version 2"},
                         Row{R"({"plan":1})", "interval_ns"},
                         Row{R"({"plan":1,"interval_ns":0,"point":"","shards":1,"count":[],"files":[]})", "not positive"},
                         Row{R"({"plan":1,"interval_ns":1,"point":"","shards":0,"count":[],"files":[]})", "shard"},
                         Row{R"({"plan":1,"interval_ns":1,"point":"","shards":1,"count":[],"files":[{"path":"a","bytes":1,"shard":1}]})",
                             "shard"},
                         Row{R"({"plan":1,"interval_ns":1,"point":"","shards":1,"count":[["a"]],"files":[]})", "out of range"}})
    EXPECT_NE(refusal(row.text).find(row.words), std::string::npos) << refusal(row.text);
}

}  // namespace
}  // namespace tidegauge
