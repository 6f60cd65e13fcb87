// Binning on a card: the rows of the CPU version and of the oracle, twice.
#include "kernels/binning/batch_pieces.hpp"
#include "kernels/binning/binning_kernel.hpp"
#include "tests/cuda_device.hpp"
#include "tests/kernels/packet_cases.hpp"

namespace tidegauge {
namespace {

using test::Order;
using test::PacketCase;
using test::Rows;

Rows rows_of(PacketBatchCounter& counter, const PacketCase& made, const std::string& what) {
  const Status added = counter.add(made.batch());
  EXPECT_TRUE(added) << what << ": " << added.error().message();
  auto rows = counter.take();
  EXPECT_TRUE(rows) << what << ": " << rows.error().message();
  return rows ? *std::move(rows) : Rows{};
}

TEST(BinningCuda, SameRowsAsTheCpuAndTheOracleTwice) {
  TG_NEEDS_CUDA(cuda);
  auto on_gpu = cuda->batch_counter(), on_cpu = make_cpu_backend(1)->batch_counter();
  ASSERT_TRUE(on_gpu) << on_gpu.error().message();
  ASSERT_TRUE(on_cpu);
  struct Row {
    std::size_t packets;
    std::uint32_t intervals;
  };
  constexpr std::uint32_t block = binning::block_threads, shared = binning::shared_rows,
                          room = binning::piece_rows;
  for (const Row& row :
       {Row{0, 1}, Row{1, 1}, Row{31, 2}, Row{32, 2}, Row{33, 2}, Row{block - 1, 3}, Row{block, 3},
        Row{block + 1, 3}, Row{100'000, shared - 1}, Row{100'000, shared}, Row{100'000, shared + 1},
        Row{100'000, 5000}, Row{5, 0xffffffffu}, Row{room + 5, room}, Row{room + 5, 4'000'000'000u},
        Row{binning::piece_packets - 1, 60}, Row{binning::piece_packets, 60},
        Row{3 * binning::piece_packets + 7, 60}})
    for (const Order order : {Order::ordered, Order::late, Order::shuffled})
      for (const std::uint32_t longest : {1514u, 0xffffffffu}) {
        const std::string what = std::to_string(row.packets) + " packets, " + std::to_string(row.intervals) +
                                 " intervals, order " + std::to_string(static_cast<int>(order)) +
                                 ", longest " + std::to_string(longest);
        const PacketCase made = test::random_packets(row.packets, row.intervals, order, longest, 1);
        const Rows wanted = oracle::count(made.known);
        test::expect_same_rows(rows_of(**on_cpu, made, what), wanted, "CPU, " + what);
        test::expect_same_rows(rows_of(**on_gpu, made, what), wanted, "GPU, " + what);
        test::expect_same_rows(rows_of(**on_gpu, made, what), wanted, "GPU again, " + what);
      }
}

TEST(BinningCuda, BatchesAddUpUntilTheyAreTaken) {
  TG_NEEDS_CUDA(cuda);
  auto counter = cuda->batch_counter();
  ASSERT_TRUE(counter) << counter.error().message();
  std::vector<oracle::KnownPacket> all;
  for (std::uint64_t seed = 1; seed <= 9; ++seed) {
    PacketCase made = test::random_packets(10'000, 40, Order::late, 1514, seed);
    ASSERT_TRUE((*counter)->add(made.batch()));
    all.insert(all.end(), made.known.begin(), made.known.end());
    std::fill(made.packed.begin(), made.packed.end(), PackedPacket{});  // the caller may reuse them at once
  }
  const auto rows = (*counter)->take();
  ASSERT_TRUE(rows) << rows.error().message();
  test::expect_same_rows(*rows, oracle::count(all), "nine batches");
  const auto nothing = (*counter)->take();
  ASSERT_TRUE(nothing);
  EXPECT_TRUE(nothing->empty());
}

TEST(BinningCuda, TwoCountersAtOnceDoNotMix) {
  TG_NEEDS_CUDA(cuda);
  auto one = cuda->batch_counter(), other = cuda->batch_counter();
  ASSERT_TRUE(one && other);
  const PacketCase a = test::random_packets(50'000, 7, Order::ordered, 1514, 1);
  const PacketCase b = test::random_packets(50'000, 9, Order::ordered, 1514, 2);
  ASSERT_TRUE((*one)->add(a.batch()));
  ASSERT_TRUE((*other)->add(b.batch()));
  const auto rows_a = (*one)->take(), rows_b = (*other)->take();
  ASSERT_TRUE(rows_a && rows_b);
  test::expect_same_rows(*rows_a, oracle::count(a.known), "one");
  test::expect_same_rows(*rows_b, oracle::count(b.known), "other");
}

}  // namespace
}  // namespace tidegauge
