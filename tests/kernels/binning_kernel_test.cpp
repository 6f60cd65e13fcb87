// The binning kernel's body under the host's emulation of a GPU, fed as a sink feeds it.
#include "kernels/binning/binning_kernel.hpp"

#include "tests/kernel_on_host/batch_on_host.hpp"
#include "tests/kernel_on_host/fiber_block.hpp"
#include "tests/kernel_on_host/thread_block.hpp"
#include "tests/kernels/packet_cases.hpp"

namespace tidegauge {
namespace {

using binning::step_packets;
using test::Order;
using test::PacketCase;

constexpr std::uint32_t threads = 64;
constexpr std::size_t shared_bytes = sizeof(binning::TouchedColumns);
constexpr std::uint32_t longest = 0xffffffffu, longest_packed = 0xffff;

test::Rows rows_on_fibers(const PacketCase& made, const BatchShape& shape, std::uint32_t most_blocks, test::Schedule schedule) {
  test::HostKernelCounter counter(shape, threads, most_blocks, [schedule](std::uint32_t blocks, auto&& body) {
    test::run_on_fibers(blocks, threads, shared_bytes, schedule, 1, body);
  });
  auto counted = test::count_in_batches(counter, made);
  EXPECT_TRUE(counted);
  return counted ? std::move(counted->rows) : test::Rows{};
}

void expect_oracle(const PacketCase& made, const BatchShape& shape, std::uint32_t most_blocks, const std::string& what) {
  const test::Rows wanted = oracle::count(made.known);
  for (const test::Schedule schedule : test::all_schedules)
    test::expect_same_rows(rows_on_fibers(made, shape, most_blocks, schedule), wanted,
                           what + ", schedule " + std::to_string(static_cast<int>(schedule)));
}

TEST(BinningKernel, EqualsTheOracleAtEverySize) {
  constexpr std::uint32_t stretch = binning::least_stretch;
  for (const std::size_t size : {0u, 1u, 3u, 4u, 5u, 31u, 32u, 33u, step_packets - 1, step_packets, step_packets + 1,
                                 stretch - 1, stretch, stretch + 1, 2 * stretch + 1, 5 * stretch + 77})
    for (const std::uint32_t intervals : {1u, 3u})
      for (const std::uint32_t most_blocks : {1u, 2u})
        expect_oracle(test::random_packets(size, intervals, Order::late, longest, size + intervals), {}, most_blocks,
                      std::to_string(size) + " packets, " + std::to_string(intervals) + " intervals, " +
                          std::to_string(most_blocks) + " blocks");
}

TEST(BinningKernel, EqualsTheOracleForLongAndShortRuns) {
  for (const Order order : {Order::ordered, Order::late, Order::shuffled})
    for (const std::uint32_t intervals : {1u, 7u, 100u, 1500u})
      for (const BatchShape& shape : {BatchShape{}, BatchShape{.packets = 500, .runs = 90, .rows = 20}})
        expect_oracle(test::random_packets(1500, intervals, order, 1514, intervals), shape, 3,
                      std::to_string(intervals) + " intervals, order " + std::to_string(static_cast<int>(order)) +
                          ", batches of " + std::to_string(shape.packets));
}

// One warp counts so many of the longest packets that its counters are as full as they get, and once more.
TEST(BinningKernel, RunsThatFillTheCounters) {
  constexpr std::size_t full = binning::LaneCounts::most_steps * step_packets;
  for (const std::size_t size : {2 * full - 1, 2 * full, 4 * full + 5}) {
    PacketCase made = test::random_packets(size, 1, Order::ordered, longest_packed, 1);
    for (std::size_t i = 0; i < size; ++i) {
      oracle::KnownPacket& known = made.known[i];
      known.wire_bytes = known.facts.ip_bytes = longest_packed;
      known.facts.transport = Transport::tcp;
      known.facts.tcp_flags = 0xff;
      made.packed[i] = binning::pack(longest_packed, known.facts,
                                     (known.late ? binning::late_bit : 0) | (known.backward ? binning::backward_bit : 0));
    }
    const test::Rows wanted = oracle::count(made.known);
    EXPECT_EQ(wanted.begin()->second[Column::tcp_bytes], size * longest_packed);
    test::expect_same_rows(rows_on_fibers(made, {}, 1, test::Schedule::greedy), wanted, std::to_string(size));
  }
}

TEST(BinningKernel, EveryKindOrderAndFlagByteAtEveryEdgeOfTheSizes) {
  constexpr std::uint32_t sizes[] = {0, 1, 63, 64, 127, 128, 255, 256, 511, 512, 1023, 1024, 2047, 2048, 65'535};
  PacketCase made;
  for (std::uint32_t bits = 0; bits < 1u << 16; ++bits) {
    oracle::KnownPacket known;
    known.facts = unpack_facts({bits & binning::kind_mask, bits >> 8, bits % 1501});
    known.late = bits & binning::late_bit;
    known.backward = bits & binning::backward_bit;
    known.wire_bytes = sizes[bits % std::size(sizes)];
    known.k = bits >> 9;
    if (static_cast<int>(known.facts.family) == 3) continue;  // no family
    made.known.push_back(known);
    made.packed.push_back({known.wire_bytes, known.facts.ip_bytes, bits});
  }
  test::expect_same_rows(rows_on_fibers(made, {}, 7, test::Schedule::forward), oracle::count(made.known), "all");
}

TEST(BinningKernel, LengthsAroundWhatABatchHolds) {
  for (const std::uint32_t length : {0u, 0xfffeu, 0xffffu, 0x10000u, 0x10001u, longest}) {
    PacketCase made = test::random_packets(40, 1, Order::ordered, length, 1);
    for (std::size_t i = 0; i < made.packed.size(); ++i)
      made.packed[i].wire_bytes = made.known[i].wire_bytes = length;
    expect_oracle(made, {}, 1, "length " + std::to_string(length));
  }
}

TEST(BinningKernel, AddsToWhatIsThere) {
  const std::uint32_t lengths[step_packets] = {60 | 46 << 16, 1500 | 1486u << 16};
  const std::uint16_t bits[step_packets] = {};
  const BatchRun runs[] = {{0, 1}, {1, 1}};  // two runs of one row
  std::vector<AtomicCount> cells(2 * column_count, 7);
  const binning::CountWork work{reinterpret_cast<const binning::FourLengths*>(lengths),
                                reinterpret_cast<const binning::FourBits*>(bits), {runs, 2, 2, step_packets}, cells.data()};
  test::run_on_fibers(1, threads, shared_bytes, test::Schedule::greedy, 1,
                      [&](auto& context) { binning::binning_kernel(context, work); });
  for (std::size_t c = 0; c < column_count; ++c) EXPECT_EQ(cells[c], 7u) << "another row";
  const auto cell = [&](Column column) { return cells[column_count + static_cast<std::size_t>(column)]; };
  EXPECT_EQ(cell(Column::packets), 9u);
  EXPECT_EQ(cell(Column::bytes), 1567u);
  EXPECT_EQ(cell(Column::ip_bytes), 1539u);
  EXPECT_EQ(cell(Column::lost), 7u);
}

TEST(BinningKernel, GridCoversEveryPacketOnce) {
  constexpr std::uint64_t warps = binning::block_threads / warp_size;
  for (const std::uint32_t packets : {0u, 1u, 1023u, 1024u, 1025u, 100'000u, 524'288u, 0xffffffffu})
    for (const std::uint32_t most : {1u, 2u, 7u, 1056u}) {
      const binning::KernelGrid grid = binning::kernel_grid(packets, most);
      EXPECT_LE(grid.blocks, most);
      EXPECT_EQ(grid.stretch % step_packets, 0u);
      EXPECT_GE(grid.blocks * warps * grid.stretch, packets);
      EXPECT_EQ(grid.blocks == 0, packets == 0);
      EXPECT_TRUE(packets == 0 || (grid.blocks - 1) * warps * grid.stretch < packets) << "an idle block";
    }
}

TEST(ThreadsBinningKernel, EqualsTheOracle) {
  struct Row {
    std::size_t packets;
    std::uint32_t intervals;
    Order order;
  };
  for (const Row& row : {Row{33, 1, Order::ordered}, Row{2 * binning::least_stretch + 9, 3, Order::ordered},
                         Row{200, 40, Order::late}}) {
    const PacketCase made = test::random_packets(row.packets, row.intervals, row.order, 1514, 1);
    test::HostKernelCounter counter({}, threads, 2, [](std::uint32_t blocks, auto&& body) {
      test::run_on_threads(blocks, threads, shared_bytes, body);
    });
    const auto counted = test::count_in_batches(counter, made);
    ASSERT_TRUE(counted);
    test::expect_same_rows(counted->rows, oracle::count(made.known), std::to_string(row.packets) + " packets");
  }
}

}  // namespace
}  // namespace tidegauge
