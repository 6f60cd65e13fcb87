#include "kernels/core/backend.hpp"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <thread>

#include "kernels/binning/batch_writer.hpp"
#include "kernels/core/cuda_module.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

/// Sets a variable of the environment for a scope.
class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    setenv(name, value.c_str(), 1);
  }
  ~Environment() {
    if (before_)
      setenv(name_, before_->c_str(), 1);
    else
      unsetenv(name_);
  }

 private:
  const char* name_;
  std::optional<std::string> before_;
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Backend, RequestsThatMakeNoSense) {
  for (const char* request : {"", "CPU", "gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:+1", "cuda:1x", "cuda: 1",
                              "cuda1", "cuda:0.5", "cuda:99999999999999999999", "cpu:0", "auto "}) {
    const auto choice = choose_device(request);
    ASSERT_FALSE(choice) << request;
    EXPECT_EQ(choice.error().kind, ErrorKind::usage) << request;
    EXPECT_TRUE(contains(choice.error().message(), "auto, cpu, cuda or cuda:N")) << choice.error().message();
  }
}

TEST(Backend, CpuSaysWhatItIs) {
  EXPECT_TRUE(make_cpu_backend(1)->name().ends_with(", 1 thread)")) << make_cpu_backend(1)->name();
  EXPECT_TRUE(make_cpu_backend(3)->name().ends_with(", 3 threads)")) << make_cpu_backend(3)->name();
  const std::string all = std::to_string(std::max(1u, std::thread::hardware_concurrency()));
  EXPECT_TRUE(contains(std::string(make_cpu_backend()->name()), all + " thread"))
      << make_cpu_backend()->name();
  const auto choice = choose_device("cpu", 2);
  ASSERT_TRUE(choice);
  EXPECT_TRUE(choice->backend->name().starts_with("cpu ("));
  EXPECT_EQ(choice->why, "device: " + std::string(choice->backend->name()) + ", as asked");
}

TEST(Backend, CpuOffersEveryOperation) {
  const auto cpu = make_cpu_backend(1);
  auto counter = cpu->batch_counter({}, 1);
  ASSERT_TRUE(counter);
  BatchWriter writer(**counter);
  writer.enter(40);
  writer.count(60, 46, 1);
  writer.enter(42);
  writer.count(1500, 1486, 2);
  const auto counted = writer.take();
  ASSERT_TRUE(counted);
  ASSERT_EQ(counted->rows.size(), 2u);
  EXPECT_EQ(counted->rows.at(40)[Column::tcp_bytes], 60u);
  EXPECT_EQ(counted->rows.at(42)[Column::udp_bytes], 1500u);

  const std::vector<double> values{2, 6};
  const std::vector<std::int64_t> k{0, 1};
  std::vector<double> slopes(2);
  ASSERT_TRUE(cpu->slopes(slopes, {values, k, {}, 1'000'000'000}, {SlopeKind::absolute}));
  EXPECT_EQ(slopes[1], 4);

  auto network =
      cpu->lstm({.features = 1, .hidden = 4, .layers = 1, .look_back = 2, .horizon = 1, .skip = true}, 7);
  ASSERT_TRUE(network);
  EXPECT_EQ((*network)->shape().hidden, 4u);
}

struct CudaRow {
  const char* state;  ///< of the stand-in module
  const char* request;
  const char* what;  ///< part of the error; empty where the device is given
  const char* remedy;
};

class BackendCuda : public testing::TestWithParam<CudaRow> {};

TEST_P(BackendCuda, SaysWhatIsMissing) {
  const CudaRow& row = GetParam();
  const Environment folder("TIDEGAUGE_MODULE_DIR", TIDEGAUGE_STAND_IN_FOLDER),
      state("TIDEGAUGE_STAND_IN", row.state);
  const auto choice = choose_device(row.request);
  if (*row.what == '\0') {
    ASSERT_TRUE(choice) << choice.error().message();
    EXPECT_TRUE(contains(choice->why, "as asked")) << choice->why;
    return;
  }
  ASSERT_FALSE(choice);
  EXPECT_EQ(choice.error().kind, ErrorKind::failed);
  EXPECT_TRUE(contains(choice.error().what, row.what)) << choice.error().message();
  EXPECT_TRUE(contains(choice.error().remedy, row.remedy)) << choice.error().message();

  const auto automatic = choose_device("auto", 1);
  ASSERT_TRUE(automatic) << "auto falls back to the CPU, whatever is wrong with CUDA";
  EXPECT_TRUE(automatic->backend->name().starts_with("cpu ("));
  const bool about_the_machine =
      std::string_view(row.state) != "usable" && std::string_view(row.state) != "unfit";
  EXPECT_TRUE(!about_the_machine || contains(automatic->why, row.what)) << automatic->why;
}

INSTANTIATE_TEST_SUITE_P(
    States, BackendCuda,
    testing::Values(CudaRow{"usable", "cuda", "", ""}, CudaRow{"usable", "cuda:1", "", ""},
                    CudaRow{"usable", "cuda:2", "there is no GPU 2, only 0 to 1", "tidegauge doctor"},
                    CudaRow{"no_driver", "cuda", "no NVIDIA driver is installed", "install the driver"},
                    CudaRow{"driver_too_old", "cuda", "serves CUDA 11.8 at most, the CUDA module needs 13.0",
                            "newer driver"},
                    CudaRow{"no_device", "cuda", "shows no GPU", "CUDA_VISIBLE_DEVICES"},
                    CudaRow{"broken", "cuda", "the CUDA runtime does not start: out of luck", "nvidia-smi"},
                    CudaRow{"other_build", "cuda",
                            "belongs to another build (interface ", "together"},
                    CudaRow{"unfit", "cuda:1", "GPU 1 cannot be used: it is unfit", "--device cpu"}),
    [](const auto& row) {
      std::string name = std::string(row.param.state) + "_" + row.param.request;
      std::replace(name.begin(), name.end(), ':', '_');
      return name;
    });

TEST(Backend, DevicesToShareWorkOutOver) {
  const Environment folder("TIDEGAUGE_MODULE_DIR", TIDEGAUGE_STAND_IN_FOLDER), state("TIDEGAUGE_STAND_IN", "usable");
  struct Row {
    const char* request;
    std::size_t devices;
    bool says;
  };
  for (const Row& row : {Row{"auto", 0, false}, Row{"cpu", 0, true}, Row{"cuda", 2, true}, Row{"cuda:1", 1, true}}) {
    const auto choice = choose_devices(row.request);
    ASSERT_TRUE(choice) << row.request;
    EXPECT_EQ(choice->backends.size(), row.devices) << row.request;
    EXPECT_EQ(!choice->why.empty(), row.says) << choice->why;
  }
  EXPECT_EQ(choose_devices("cuda:2").error().kind, ErrorKind::failed);
  EXPECT_EQ(choose_devices("gpu").error().kind, ErrorKind::usage);
  const Environment missing("TIDEGAUGE_STAND_IN", "no_driver");
  EXPECT_TRUE(contains(choose_devices("cuda").error().what, "no NVIDIA driver"));
  EXPECT_TRUE(choose_devices("auto"));
}

TEST(Backend, CudaWithoutTheModule) {
  const test::ScratchFolder empty;
  const Environment folder("TIDEGAUGE_MODULE_DIR", empty.path().string());
  const auto choice = choose_device("cuda");
  ASSERT_FALSE(choice);
  EXPECT_EQ(choice.error().kind, ErrorKind::failed);
  const std::string expected =
      cuda_module_built() ? "was not found in " + empty.path().string() : "built without its CUDA module";
  EXPECT_TRUE(contains(choice.error().what, expected)) << choice.error().message();
}

TEST(Backend, CudaWithAModuleThatIsNone) {
  const test::ScratchFolder scratch;
  const Environment folder("TIDEGAUGE_MODULE_DIR", scratch.path().string());
  test::write_text(scratch / cuda_module_file, "no library");
  const auto choice = choose_device("cuda");
  ASSERT_FALSE(choice);
  EXPECT_TRUE(contains(choice.error().what, "cannot be loaded")) << choice.error().message();
}

TEST(Backend, AutoChoosesTheCpuAndSaysWhyInOneLine) {
  for (const char* state : {"usable", "no_driver"}) {
    const Environment folder("TIDEGAUGE_MODULE_DIR", TIDEGAUGE_STAND_IN_FOLDER),
        stand_in("TIDEGAUGE_STAND_IN", state);
    const auto choice = choose_device("auto", 1);
    ASSERT_TRUE(choice);
    EXPECT_TRUE(choice->why.starts_with("device: cpu (")) << choice->why;
    EXPECT_TRUE(contains(choice->why, "chosen by auto: ")) << choice->why;
    EXPECT_FALSE(contains(choice->why, "\n")) << choice->why;
  }
}

TEST(Backend, ModuleIsLookedForBesideTheProgramInstalledAndInTheBuildTree) {
  unsetenv("TIDEGAUGE_MODULE_DIR");
  const auto places = cuda_module_candidates();
  ASSERT_EQ(places.size(), 3u);
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  EXPECT_EQ(places[0], program / "libtidegauge_cuda.so");
  EXPECT_EQ(places[1], program.parent_path() / "lib/tidegauge/libtidegauge_cuda.so");
  EXPECT_EQ(places[2], program.parent_path() / "kernels/libtidegauge_cuda.so");
  EXPECT_EQ(load_cuda_module().has_value(), cuda_module_built())
      << "the module of this build is found and loaded";
}

TEST(Backend, CudaVersionsInWords) {
  EXPECT_EQ(cuda_version_text(13000), "13.0");
  EXPECT_EQ(cuda_version_text(12080), "12.8");
  EXPECT_EQ(cuda_version_text(0), "none");
}

TEST(Backend, InspectionNamesEverythingAGpuRunNeeds) {
  const Environment folder("TIDEGAUGE_MODULE_DIR", TIDEGAUGE_STAND_IN_FOLDER),
      state("TIDEGAUGE_STAND_IN", "usable");
  std::vector<std::string> items;
  for (const DeviceFinding& finding : inspect_devices()) {
    EXPECT_FALSE(finding.state.empty()) << finding.item;
    EXPECT_TRUE(finding.ok || !finding.remedy.empty()) << finding.item << ": what is missing has a remedy";
    items.push_back(finding.item);
  }
  EXPECT_EQ(items, (std::vector<std::string>{"CPU instruction set", "CPU cores", "memory", "NVIDIA driver",
                                             "CUDA module", "GPU 0", "GPU 0 memory", "GPU 0 MIG", "GPU 0 link", "GPU 1",
                                             "GPU 1 memory", "GPU 1 MIG", "GPU 1 link", "cuDNN 9", "DPDK"}));
}

}  // namespace
}  // namespace tidegauge
