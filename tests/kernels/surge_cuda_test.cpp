// Surges on a card: the answers of the CPU version, bit for bit, twice.
#include "tests/cuda_device.hpp"
#include "tests/kernels/surge_cases.hpp"

namespace tidegauge {
namespace {

TEST(SurgeCuda, SameAnswersAsTheCpuTwice) {
  TG_NEEDS_CUDA(cuda);
  struct Row {
    std::size_t series, longest;
  };
  for (const Row& row : {Row{0, 1}, Row{1, 1}, Row{1, 100'000}, Row{40, 33}, Row{2'000, 3}, Row{1'000, 3'000}})
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      const test::SurgeCase made = test::random_surge_case(row.series, row.longest, seed);
      for (const SurgeRule& rule : test::every_surge_rule()) {
        const std::string what = std::to_string(row.series) + " series, seed " + std::to_string(seed) + ", " + test::words_of(rule);
        Surges on_cpu;
        surges_cpu(on_cpu, made.input(), rule);
        for (int time = 0; time < 2; ++time) {
          Surges on_gpu;
          const Status done = cuda->surges(on_gpu, made.input(), rule);
          ASSERT_TRUE(done) << what << ": " << done.error().message();
          test::expect_same_surges(on_gpu, on_cpu, what);
          if (HasFatalFailure()) return;
        }
      }
    }
}

}  // namespace
}  // namespace tidegauge
