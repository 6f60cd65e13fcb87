// The slope kernel's body under the host's emulation of a GPU.
#include "kernels/slope/slope_kernel.hpp"

#include "tests/kernel_on_host/fiber_block.hpp"
#include "tests/kernel_on_host/thread_block.hpp"
#include "tests/kernels/slope_cases.hpp"
#include "tests/oracle/naive_slopes.hpp"

namespace tidegauge {
namespace {

constexpr std::uint32_t threads = 64;

SlopePoints points_of(const test::SlopeCase& made, SlopeKind kind) {
  return {made.values.data(), made.k.data(), made.complete.empty() ? nullptr : made.complete.data(),
          slope_seconds(made.interval_ns), kind == SlopeKind::ratio};
}

std::string name_of(std::size_t size, std::uint32_t blocks, SlopeKind kind) {
  return std::to_string(size) + " points, " + std::to_string(blocks) + " blocks, kind " +
         std::to_string(static_cast<int>(kind));
}

template <class Run>
void expect_oracle(std::size_t size, std::uint32_t blocks, Run&& run) {
  const test::SlopeCase made = test::random_slope_case(size, size + blocks);
  for (const SlopeKind kind : {SlopeKind::ratio, SlopeKind::absolute}) {
    std::vector<double> out(size, -77.0);
    const SlopePoints points = points_of(made, kind);
    run([&](auto& context) { slope_kernel(context, out.data(), points, size); });
    test::expect_same_bits(out, oracle::slopes(made.input(), kind), name_of(size, blocks, kind));
  }
}

TEST(SlopeKernel, EqualsTheOracleOnFibers) {
  for (const std::size_t size : {0u, 1u, 31u, 32u, 33u, threads - 1, threads, threads + 1, 5 * threads + 7})
    for (const std::uint32_t blocks : {1u, 2u, 3u})
      for (const test::Schedule schedule : test::all_schedules)
        expect_oracle(size, blocks,
                      [&](auto&& body) { test::run_on_fibers(blocks, threads, 0, schedule, 1, body); });
}

TEST(ThreadsSlopeKernel, EqualsTheOracle) {
  for (const std::size_t size : {0u, 33u, threads + 1})
    expect_oracle(size, 2, [&](auto&& body) { test::run_on_threads(2, threads, 0, body); });
}

}  // namespace
}  // namespace tidegauge
