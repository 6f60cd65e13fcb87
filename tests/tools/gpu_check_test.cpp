// tools/gpu_check is for machines with a card; elsewhere it must say what is missing and stop.
#include "tests/support.hpp"

namespace tidegauge {
namespace {

using namespace test;

const std::string script = (fs::path(TIDEGAUGE_TEST_DATA).parent_path() / "tools" / "gpu_check").string();

TEST(GpuCheck, WithoutACardSaysWhatIsMissingAndStops) {
  if (run_shell("nvidia-smi -L").status == 0) GTEST_SKIP() << "this machine has a card";
  const CommandResult result = run_shell(script);
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("no NVIDIA card"), std::string::npos) << result.err;
}

TEST(GpuCheck, WrongUsageShowsTheUsage) {
  const CommandResult result = run_shell(script + " --bogus");
  EXPECT_EQ(result.status, 2);
  EXPECT_NE(result.err.find("tools/gpu_check --pack DIR"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace tidegauge
