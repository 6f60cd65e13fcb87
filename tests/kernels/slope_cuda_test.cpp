// Slopes on a card: the bits of the CPU version and of the oracle, twice.
#include "tests/cuda_device.hpp"
#include "tests/kernels/slope_cases.hpp"
#include "tests/oracle/naive_slopes.hpp"

namespace tidegauge {
namespace {

TEST(SlopeCuda, SameBitsAsTheCpuAndTheOracleTwice) {
  TG_NEEDS_CUDA(cuda);
  const auto cpu = make_cpu_backend(1);
  for (const std::size_t size : {0u, 1u, 31u, 32u, 33u, 255u, 256u, 257u, 3'000'017u})
    for (std::uint64_t seed = 1; seed <= (size > 1000 ? 2u : 20u); ++seed) {
      const test::SlopeCase made = test::random_slope_case(size, seed);
      for (const SlopeKind kind : {SlopeKind::ratio, SlopeKind::absolute, SlopeKind::robust}) {
        const std::string what = std::to_string(size) + " points, seed " + std::to_string(seed) + ", kind " +
                                 std::to_string(static_cast<int>(kind));
        std::vector<double> on_cpu(size, -1.0), first(size, -2.0), second(size, -3.0);
        ASSERT_TRUE(cpu->slopes(on_cpu, made.input(), {kind}));
        test::expect_same_bits(on_cpu, oracle::slopes(made.input(), kind), "CPU, " + what);
        for (std::vector<double>* on_gpu : {&first, &second}) {
          const Status done = cuda->slopes(*on_gpu, made.input(), {kind});
          ASSERT_TRUE(done) << done.error().message();
        }
        test::expect_same_bits(first, on_cpu, "GPU, " + what);
        test::expect_same_bits(second, first, "GPU again, " + what);
      }
    }
}

}  // namespace
}  // namespace tidegauge
