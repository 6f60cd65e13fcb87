// A job shared out by `plan` and `bin --shard`, and put together by `merge`.
#include <fmt/format.h>

#include "tests/capture_writer.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

class MergeVerb : public testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 5; ++i) {
      test::CaptureWriter writer;
      for (int k = 0; k < 20 + i; ++k) writer.packet(1'452'315'600'000'000 + i * 7'000'000 + k * 500'000, 100);
      writer.save(scratch / fmt::format("c{}.pcap", i));
      captures += path(fmt::format("c{}.pcap", i)) + " ";
    }
  }
  std::string path(const std::string& name) const { return (scratch / name).string(); }
  static std::string ok(const std::string& arguments, const std::string& before = {}) {
    const auto result = test::run_command(arguments, before);
    EXPECT_EQ(result.status, 0) << arguments << "\n" << result.err;
    return result.out;
  }
  test::ScratchFolder scratch;
  std::string captures;
};

TEST_F(MergeVerb, PlannedShardsAreTheSingleRun) {
  const std::string count = "--by prefix --keys auto:3 --interval 2s";
  ok(fmt::format("plan {} --shards 2 {} -o {}", captures, count, path("plan")));
  ok(fmt::format("bin --plan {} --shard 0/2 -o {}", path("plan"), path("s0.series")));
  ok(fmt::format("bin --plan {} --shard auto -o {}", path("plan"), path("s1.series")),
     "SLURM_ARRAY_TASK_ID=1 SLURM_ARRAY_TASK_COUNT=2");
  EXPECT_EQ(ok(fmt::format("merge {0} {1} {0} -o {2}", path("s1.series"), path("s0.series"), path("merged.series"))),
            path("merged.series") + ": 5 traces added, 2 already in; of 3 series files\n");
  ok(fmt::format("bin {} {} -o {}", captures, count, path("whole.series")));
  EXPECT_EQ(ok("export --canonical " + path("merged.series")), ok("export --canonical " + path("whole.series")));
}

TEST_F(MergeVerb, TheSlurmScriptIsOneShard) {
  ok(fmt::format("plan {} --shards 2 -o {}", captures, path("plan")));
  const std::string script = test::fs::path(TIDEGAUGE_TEST_DATA).parent_path() / "tools/cluster/slurm_bin.sh";
  const std::string command_folder = test::fs::path(TIDEGAUGE_COMMAND).parent_path();
  for (int i = 0; i < 2; ++i)
    ASSERT_EQ(std::system(fmt::format("PATH='{}':$PATH SLURM_ARRAY_TASK_ID={} SLURM_ARRAY_TASK_COUNT=2 SLURM_CPUS_PER_TASK=2 '{}' {} {}"
                                      " >/dev/null", command_folder, i, script, path("plan"), path("shards")).c_str()), 0);
  ok(fmt::format("merge {0}/shard-0.series {0}/shard-1.series -o {1}", path("shards"), path("merged.series")));
  ok(fmt::format("bin {} -o {}", captures, path("whole.series")));
  EXPECT_EQ(ok("export --canonical " + path("merged.series")), ok("export --canonical " + path("whole.series")));
}

TEST_F(MergeVerb, MistakesSayWhatToTry) {
  ok(fmt::format("plan {} --shards 2 -o {}", captures, path("plan")));
  struct Row { std::string arguments; const char* words; };
  for (const Row& row : {
           Row{fmt::format("bin --plan {} --shard 1/3 -o x.series", path("plan")), "the plan has 2 shards"},
           Row{fmt::format("bin --plan {} --by dport -o x.series", path("plan")), "leave those options out"},
           Row{fmt::format("bin --plan {} {} -o x.series", path("plan"), captures), "--plan excludes"},
           Row{fmt::format("bin {} --shard 5/3 -o x.series", captures), "they count from 0"},
           Row{fmt::format("bin {} --by prefix --keys auto --shard 0/3 -o x.series", captures), "tidegauge plan"},
           Row{"bin -o x.series", "captures is required"},
           Row{"plan none.pcap", "none.pcap"},
       }) {
    const auto result = test::run_command(row.arguments);
    EXPECT_EQ(result.status, 2) << row.arguments;
    EXPECT_NE(result.err.find(row.words), std::string::npos) << row.arguments << "\n" << result.err;
  }
}

}  // namespace
}  // namespace tidegauge
