// The bodies of the kernels for keys and sketches under the host's emulation of a GPU, and the CPU's counter.
#include "kernels/binning/keyed_kernel.hpp"

#include "tests/kernel_on_host/batch_on_host.hpp"
#include "tests/kernel_on_host/fiber_block.hpp"
#include "tests/kernel_on_host/thread_block.hpp"
#include "tests/kernels/packet_cases.hpp"

namespace tidegauge {
namespace {

using test::KeyCase;
using test::Order;
using test::PacketCase;

constexpr std::uint32_t threads = 64;
constexpr std::size_t shared_bytes = sizeof(binning::TouchedColumns);

void expect_same_keys(PacketBatchCounter& counter, const PacketCase& made, const KeyCase& keyed, const std::string& what) {
  const auto counted = test::count_in_batches(counter, made, &keyed);
  ASSERT_TRUE(counted) << what;
  test::expect_same_rows(counted->rows, oracle::count(made.known), what);
  EXPECT_TRUE(counted->keyed == keyed.rows) << what;
}

struct Asked {
  std::vector<std::uint32_t> domains;
  bool distinct;
};
// None, one key alone (no bits to sort by), ports, and keys that fill their 32 bits.
const Asked every_ask[] = {{{}, true}, {{1}, false}, {{257, 65'537}, false}, {{3, 0xffffffffu}, true}};

TEST(KeyedKernel, EqualsTheOracleOnFibersAndOnTheCpu) {
  for (const std::size_t size : {0u, 1u, 31u, 33u, 1'025u, 3'000u})
    for (const std::uint32_t intervals : {1u, 30u})
      for (const Asked& ask : every_ask) {
        const PacketCase made = test::random_packets(size, intervals, Order::late, 1514, size);
        const KeyCase keyed = test::random_keys(made, ask.domains, ask.distinct, size);
        const BatchShape shape{.packets = 2'000, .runs = 100, .rows = 12,
                               .dimensions = static_cast<std::uint32_t>(ask.domains.size()), .distinct = ask.distinct};
        const std::string what = std::to_string(size) + " packets, " + std::to_string(intervals) + " intervals, " +
                                 std::to_string(ask.domains.size()) + " dimensions";
        for (const test::Schedule schedule : test::all_schedules) {
          test::HostKernelCounter on_host(shape, threads, 2, [schedule](std::uint32_t blocks, auto&& body) {
            test::run_on_fibers(blocks, threads, shared_bytes, schedule, 1, body);
          });
          expect_same_keys(on_host, made, keyed, what);
        }
        expect_same_keys(*make_batch_counter_cpu(shape), made, keyed, "CPU, " + what);
      }
}

TEST(ThreadsKeyedKernel, EqualsTheOracle) {
  const PacketCase made = test::random_packets(300, 2, Order::late, 1514, 1);
  const KeyCase keyed = test::random_keys(made, {5}, true, 1);
  test::HostKernelCounter counter({.dimensions = 1, .distinct = true}, threads, 2, [](std::uint32_t blocks, auto&& body) {
    test::run_on_threads(blocks, threads, shared_bytes, body);
  });
  expect_same_keys(counter, made, keyed, "threads");
}

TEST(CpuBatchCounter, SaysAboutHowMuchItHolds) {
  const PacketCase made = test::random_packets(1'000, 1, Order::ordered, 1514, 1);
  const KeyCase keyed = test::random_keys(made, {100'000}, true, 1);
  const auto counter = make_batch_counter_cpu({.packets = 100, .dimensions = 1, .distinct = true});
  ASSERT_TRUE(test::count_in_batches(*counter, made, &keyed));
  EXPECT_EQ(counter->keyed_bytes(), 0u) << "taken";
  BatchWriter writer(*counter);
  writer.enter(1);
  for (std::uint32_t i = 0; i < 150; ++i) {
    writer.write(60, 46, 0);
    writer.key(0, i);
    writer.addresses(0);
  }
  EXPECT_EQ(writer.keyed_bytes(), 100 * sizeof(KeyCount)) << "of the batch that was full";
}

}  // namespace
}  // namespace tidegauge
