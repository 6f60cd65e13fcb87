// Binning on a card: the rows of the CPU version and of the oracle, twice.
#include "kernels/binning/binning_kernel.hpp"
#include "tests/cuda_device.hpp"
#include "tests/kernels/packet_cases.hpp"

namespace tidegauge {
namespace {

using test::KeyCase;
using test::Order;
using test::PacketCase;

CountedRows counted_by(PacketBatchCounter& counter, const PacketCase& made, const KeyCase* keyed, const std::string& what) {
  auto counted = test::count_in_batches(counter, made, keyed);
  EXPECT_TRUE(counted) << what << ": " << counted.error().message();
  return counted ? *std::move(counted) : CountedRows{};
}

struct Size {
  std::size_t packets;
  std::uint32_t intervals;
};

void expect_oracle(Backend& cuda, const std::vector<Size>& sizes) {
  auto on_gpu = cuda.batch_counter({}, 1);
  ASSERT_TRUE(on_gpu) << on_gpu.error().message();
  const auto on_cpu = make_batch_counter_cpu({});
  for (const Size& row : sizes)
    for (const Order order : {Order::ordered, Order::late, Order::shuffled})
      for (const std::uint32_t longest : {1514u, 0xffffffffu}) {
        const std::string what = std::to_string(row.packets) + " packets, " + std::to_string(row.intervals) +
                                 " intervals, order " + std::to_string(static_cast<int>(order)) +
                                 ", longest " + std::to_string(longest);
        const PacketCase made = test::random_packets(row.packets, row.intervals, order, longest, 1);
        const test::Rows wanted = oracle::count(made.known);
        test::expect_same_rows(counted_by(*on_cpu, made, nullptr, what).rows, wanted, "CPU, " + what);
        test::expect_same_rows(counted_by(**on_gpu, made, nullptr, what).rows, wanted, "GPU, " + what);
        test::expect_same_rows(counted_by(**on_gpu, made, nullptr, what).rows, wanted, "GPU again, " + what);
      }
}

TEST(BinningCuda, SameRowsAsTheCpuAndTheOracleTwice) {
  TG_NEEDS_CUDA(cuda);
  constexpr std::uint32_t step = binning::step_packets;
  expect_oracle(*cuda, {{0, 1}, {1, 1}, {31, 2}, {32, 2}, {33, 2}, {step - 1, 3}, {step, 3}, {step + 1, 3}, {10'000, 100},
                        {10'000, 5000}, {5, 0xffffffffu}});
}

TEST(BinningCuda, LargeAndManyBatches) {
  TG_NEEDS_CUDA(cuda);
  constexpr std::uint32_t room = BatchShape{}.packets;
  expect_oracle(*cuda, {{100'000, 4'000'000'000u}, {room - 1, 60}, {room, 60}, {7 * room + 7, 60}});
}

TEST(BinningCuda, SameKeysAndSketchesAsTheOracleTwice) {
  TG_NEEDS_CUDA(cuda);
  struct Row {
    std::vector<std::uint32_t> domains;
    bool distinct;
  };
  for (const Row& row : {Row{{}, true}, Row{{1}, false}, Row{{257, 65'537}, false}, Row{{3, 0xffffffffu}, true}}) {
    const BatchShape shape{.dimensions = static_cast<std::uint32_t>(row.domains.size()), .distinct = row.distinct};
    auto counter = cuda->batch_counter(shape, 1);
    ASSERT_TRUE(counter) << counter.error().message();
    for (const std::size_t size : {0u, 1u, 33u, 20'000u})
      for (const std::uint32_t intervals : {1u, 700u}) {
        const PacketCase made = test::random_packets(size, intervals, Order::late, 1514, 1);
        const KeyCase keyed = test::random_keys(made, row.domains, row.distinct, 1);
        const std::string what = std::to_string(size) + " packets, " + std::to_string(intervals) + " intervals, " +
                                 std::to_string(row.domains.size()) + " dimensions";
        for (int time = 0; time < 2; ++time) {
          const CountedRows counted = counted_by(**counter, made, &keyed, what);
          test::expect_same_rows(counted.rows, oracle::count(made.known), what);
          EXPECT_TRUE(counted.keyed == keyed.rows) << what;
        }
      }
  }
}

TEST(BinningCuda, ManyBatchesOfKeysAndSketches) {
  TG_NEEDS_CUDA(cuda);
  auto counter = cuda->batch_counter({.dimensions = 2, .distinct = true}, 1);
  ASSERT_TRUE(counter) << counter.error().message();
  const PacketCase made = test::random_packets(4 * BatchShape{}.packets + 5, 9, Order::late, 1514, 1);
  const KeyCase keyed = test::random_keys(made, {257, 5'000}, true, 1);
  const CountedRows counted = counted_by(**counter, made, &keyed, "many batches");
  test::expect_same_rows(counted.rows, oracle::count(made.known), "many batches");
  EXPECT_TRUE(counted.keyed == keyed.rows);
}

TEST(BinningCuda, TwoCountersAtOnceDoNotMix) {
  TG_NEEDS_CUDA(cuda);
  auto one = cuda->batch_counter({}, 2), other = cuda->batch_counter({}, 1);
  ASSERT_TRUE(one && other);
  const PacketCase a = test::random_packets(50'000, 7, Order::ordered, 1514, 1);
  const PacketCase b = test::random_packets(50'000, 9, Order::ordered, 1514, 2);
  BatchWriter to_one(**one), to_other(**other);
  for (std::size_t i = 0; i < a.packed.size(); ++i) {
    to_one.enter(a.known[i].k);
    to_one.count(a.packed[i].wire_bytes, a.packed[i].ip_bytes, a.packed[i].bits);
    to_other.enter(b.known[i].k);
    to_other.count(b.packed[i].wire_bytes, b.packed[i].ip_bytes, b.packed[i].bits);
  }
  const auto rows_a = to_one.take(), rows_b = to_other.take();
  ASSERT_TRUE(rows_a && rows_b);
  test::expect_same_rows(rows_a->rows, oracle::count(a.known), "one");
  test::expect_same_rows(rows_b->rows, oracle::count(b.known), "other");
}

}  // namespace
}  // namespace tidegauge
