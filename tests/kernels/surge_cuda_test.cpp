// Surges on a card: the answers of the CPU version, bit for bit, twice.
#include "tests/cuda_device.hpp"
#include "tests/kernels/surge_cases.hpp"

namespace tidegauge {
namespace {

void expect_cpu(Backend& cuda, std::size_t series, std::size_t longest, std::uint64_t seed, const SurgeRule& rule) {
  const test::SurgeCase made = test::random_surge_case(series, longest, seed);
  const std::string what = std::to_string(series) + " series, seed " + std::to_string(seed) + ", " + test::words_of(rule);
  Surges on_cpu;
  surges_cpu(on_cpu, made.input(), rule);
  for (int time = 0; time < 2; ++time) {
    Surges on_gpu;
    const Status done = cuda.surges(on_gpu, made.input(), rule);
    ASSERT_TRUE(done) << what << ": " << done.error().message();
    ASSERT_NO_FATAL_FAILURE(test::expect_same_surges(on_gpu, on_cpu, what));
  }
}

TEST(SurgeCuda, SameAnswersAsTheCpuTwice) {
  TG_NEEDS_CUDA(cuda);
  struct Row {
    std::size_t series, longest;
  };
  for (const Row& row : {Row{0, 1}, Row{1, 1}, Row{1, 1'000}, Row{40, 33}})
    for (const std::uint64_t seed : {1u, 2u})
      for (const SurgeRule& rule : test::every_surge_rule())
        ASSERT_NO_FATAL_FAILURE(expect_cpu(*cuda, row.series, row.longest, seed, rule));
}

TEST(SurgeCuda, ManyAndLongSeries) {
  TG_NEEDS_CUDA(cuda);
  for (const SlopeKind kind : {SlopeKind::ratio, SlopeKind::robust})
    for (const std::optional<double> threshold : {std::optional(1.3), std::optional<double>()}) {
      const SurgeRule rule{kind, true, true, threshold, 0.99, 5};
      ASSERT_NO_FATAL_FAILURE(expect_cpu(*cuda, 1'000, 3'000, 1, rule));
      ASSERT_NO_FATAL_FAILURE(expect_cpu(*cuda, 20'000, 3, 2, rule));
      ASSERT_NO_FATAL_FAILURE(expect_cpu(*cuda, 1, 2'000'000, 3, rule));
    }
}

}  // namespace
}  // namespace tidegauge
