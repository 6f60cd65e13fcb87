#include <nlohmann/json.hpp>

#include "tests/support.hpp"

namespace tidegauge {
namespace {

/// Runs doctor with the stand-in module (tests/kernels/stand_in_cuda_module.cpp) in the given state.
test::CommandResult doctor(const std::string& arguments, const std::string& state) {
  return test::run_command("doctor " + arguments, "TIDEGAUGE_MODULE_DIR='" TIDEGAUGE_STAND_IN_FOLDER
                                                  "' TIDEGAUGE_STAND_IN=" +
                                                      state);
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Doctor, AutoSaysThatItTookTheCpuAndWhy) {
  const auto result = doctor("", "no_driver");
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(contains(result.out, "device: cpu (")) << result.out;
  EXPECT_TRUE(contains(result.out, "chosen by auto: no NVIDIA driver is installed")) << result.out;
  for (const char* item : {"CPU instruction set", "CPU cores", "memory", "NVIDIA driver", "CUDA module",
                           "GPU", "cuDNN 9", "DPDK"})
    EXPECT_TRUE(contains(result.out, item)) << item << " in\n" << result.out;
}

TEST(Doctor, CudaWithoutAGpuFailsAndSaysWhatIsMissing) {
  const auto result = doctor("--device cuda", "no_driver");
  EXPECT_EQ(result.status, 1);
  EXPECT_TRUE(contains(result.err, "no NVIDIA driver is installed")) << result.err;
  EXPECT_TRUE(contains(result.err, "--device cpu")) << result.err;
}

TEST(Doctor, CudaWithoutTheModuleFailsAndSaysWhatIsMissing) {
  const auto result = test::run_command("doctor --device cuda", "TIDEGAUGE_MODULE_DIR=/nonexistent");
  EXPECT_EQ(result.status, 1);
  EXPECT_TRUE(contains(result.err, "CUDA module")) << result.err;
}

TEST(Doctor, CudaThatIsThereIsNamed) {
  const auto result = doctor("--device cuda:1", "usable");
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(contains(result.out, "Stand-in, 8.0 GiB, compute capability 9.0")) << result.out;
}

TEST(Doctor, SaysWhatACardOffersAndWhatItLacks) {
  const auto result = doctor("", "usable");
  EXPECT_EQ(result.status, 0) << result.err;
  for (const char* words : {"yes  GPU 0 memory", "6.0 of 8.0 GiB free", " no  GPU 1 memory", "0.0 of 8.0 GiB free",
                            "close what else uses the card", "yes  GPU 0 MIG", " no  GPU 1 MIG", "a slice of a card",
                            " no  GPU 0 link", "unknown: the system does not say"})
    EXPECT_TRUE(contains(result.out, words)) << words << " in\n" << result.out;
}

TEST(Doctor, DevicesThatMakeNoSenseAreWrongUsage) {
  const auto result = doctor("--device gpu", "usable");
  EXPECT_EQ(result.status, 2);
  EXPECT_TRUE(contains(result.err, "auto, cpu, cuda or cuda:N")) << result.err;
}

TEST(Doctor, Json) {
  const auto good = doctor("--json", "no_driver");
  EXPECT_EQ(good.status, 0) << good.err;
  const auto page = nlohmann::json::parse(good.out);
  EXPECT_EQ(page["device"]["request"], "auto");
  EXPECT_TRUE(page["device"]["name"].get<std::string>().starts_with("cpu ("));
  ASSERT_GE(page["findings"].size(), 8u);
  for (const auto& finding : page["findings"])
    for (const char* key : {"item", "state", "remedy", "ok"})
      EXPECT_TRUE(finding.contains(key)) << finding.dump();

  const auto bad = doctor("--json --device cuda", "no_device");
  EXPECT_EQ(bad.status, 1);
  EXPECT_TRUE(contains(nlohmann::json::parse(bad.out)["device"]["error"], "shows no GPU")) << bad.out;
}

}  // namespace
}  // namespace tidegauge
