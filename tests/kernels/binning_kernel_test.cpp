// The binning kernel's body under the host's emulation of a GPU, and the cutting of batches into pieces.
#include "kernels/binning/binning_kernel.hpp"

#include "kernels/binning/batch_pieces.hpp"
#include "kernels/binning/interval_counter.hpp"
#include "tests/kernel_on_host/fiber_block.hpp"
#include "tests/kernel_on_host/thread_block.hpp"
#include "tests/kernels/packet_cases.hpp"

namespace tidegauge {
namespace {

using binning::KernelGrid;
using binning::KernelWork;
using test::Order;
using test::PacketCase;
using test::Rows;

constexpr std::uint32_t threads = 64;
constexpr std::uint32_t longest = 0xffffffffu;

/// Runs the kernel as binning_cuda.cu does, on `run(grid, body)`.
template <class Run>
Rows rows_of(const PacketCase& made, std::uint32_t most_blocks, Run&& run) {
  std::vector<AtomicCount> cells(std::size_t{made.intervals} * column_count, 0);
  const KernelGrid grid = binning::kernel_grid(made.packed.size(), made.intervals, most_blocks, threads);
  const KernelWork work{made.packed.data(), made.packed.size(), grid.packets_per_block,
                        cells.data(),       made.intervals,     grid.partial_rows};
  run(grid, [&](auto& context) { binning::binning_kernel(context, work); });
  Rows rows;
  for (std::uint32_t r = 0; r < made.intervals; ++r) {
    IntervalRow row;
    std::copy_n(cells.begin() + static_cast<std::ptrdiff_t>(r * column_count), column_count,
                row.value.begin());
    if (row[Column::packets] != 0) rows[made.base_k + r] = row;
  }
  return rows;
}

void expect_oracle_on_fibers(const PacketCase& made, std::uint32_t most_blocks, const std::string& what) {
  const Rows wanted = oracle::count(made.known);
  for (const test::Schedule schedule : test::all_schedules) {
    const Rows got = rows_of(made, most_blocks, [&](const KernelGrid& grid, auto&& body) {
      test::run_on_fibers(grid.blocks, threads, grid.shared_bytes, schedule, 1, body);
    });
    test::expect_same_rows(got, wanted, what + ", schedule " + std::to_string(static_cast<int>(schedule)));
  }
}

TEST(BinningKernel, EqualsTheOracleAtEverySize) {
  for (const std::size_t size : {0u, 1u, 31u, 32u, 33u, threads - 1, threads, threads + 1, 4 * threads + 5})
    for (const std::uint32_t intervals : {1u, 3u})
      for (const std::uint32_t most_blocks : {1u, 2u})
        expect_oracle_on_fibers(test::random_packets(size, intervals, Order::late, longest, size + intervals),
                                most_blocks,
                                std::to_string(size) + " packets, " + std::to_string(intervals) +
                                    " intervals, " + std::to_string(most_blocks) + " blocks");
}

TEST(BinningKernel, EqualsTheOracleForFewAndManyIntervals) {
  using binning::shared_rows;
  for (const Order order : {Order::ordered, Order::late, Order::shuffled})
    for (const std::uint32_t intervals :
         {1u, 32u, 33u, shared_rows - 1, shared_rows, shared_rows + 1, 5 * shared_rows})
      expect_oracle_on_fibers(
          test::random_packets(300, intervals, order, 1514, intervals), 3,
          std::to_string(intervals) + " intervals, order " + std::to_string(static_cast<int>(order)));
}

TEST(BinningKernel, SumsThatNeedMoreThan32Bits) {
  PacketCase made = test::random_packets(2 * threads, 1, Order::ordered, longest, 1);
  for (std::size_t i = 0; i < made.packed.size(); ++i)
    made.packed[i].wire_bytes = made.known[i].wire_bytes = made.packed[i].ip_bytes =
        made.known[i].facts.ip_bytes = longest;
  expect_oracle_on_fibers(made, 1, "every packet as long as can be");
  const Rows wanted = oracle::count(made.known);
  EXPECT_EQ(wanted.begin()->second[Column::bytes], 2ull * threads * longest);
}

TEST(BinningKernel, LengthsAroundTheSumsTwoWays) {
  constexpr std::uint32_t border = 1u << 27;  // where 32 lengths could overflow 32 bits
  for (const std::uint32_t length : {border - 1, border, border + 1, 0xffffu, 0x10000u}) {
    PacketCase made = test::random_packets(threads, 1, Order::ordered, length, 1);
    for (std::size_t i = 0; i < made.packed.size(); ++i)
      made.packed[i].wire_bytes = made.known[i].wire_bytes = length;
    expect_oracle_on_fibers(made, 1, "length " + std::to_string(length));
  }
}

TEST(BinningKernel, AddsToWhatIsThere) {
  const PacketCase made = test::random_packets(100, 2, Order::ordered, 1514, 1);
  std::vector<AtomicCount> cells(2 * column_count, 7);
  const KernelGrid grid = binning::kernel_grid(100, 2, 2, threads);
  const KernelWork work{made.packed.data(), 100, grid.packets_per_block, cells.data(), 2, grid.partial_rows};
  test::run_on_fibers(grid.blocks, threads, grid.shared_bytes, test::Schedule::greedy, 1,
                      [&](auto& context) { binning::binning_kernel(context, work); });
  const Rows wanted = oracle::count(made.known);
  for (std::size_t r = 0; r < 2; ++r)
    for (std::size_t c = 0; c < column_count; ++c)
      EXPECT_EQ(cells[r * column_count + c],
                wanted.at(made.base_k + static_cast<std::int64_t>(r)).value[c] + 7);
}

TEST(BinningKernel, GridCoversEveryPacketOnce) {
  using binning::block_threads;
  for (const std::uint64_t packets : {0ull, 1ull, 255ull, 256ull, 257ull, 100'000ull, 524'288ull, 1ull << 33})
    for (const std::uint32_t most : {1u, 2u, 7u, 1056u}) {
      const KernelGrid grid = binning::kernel_grid(packets, 4, most);
      EXPECT_LE(grid.blocks, most);
      EXPECT_EQ(grid.packets_per_block % block_threads, 0u);
      EXPECT_GE(grid.blocks * grid.packets_per_block, packets);
      EXPECT_EQ(grid.blocks == 0, packets == 0);
      EXPECT_TRUE(packets == 0 || (grid.blocks - 1) * grid.packets_per_block < packets) << "an idle block";
    }
  EXPECT_TRUE(binning::kernel_grid(1, binning::shared_rows, 1).partial_rows);
  EXPECT_LE(binning::kernel_grid(1, binning::shared_rows, 1).shared_bytes, 48u * 1024)
      << "more must be asked for";
  EXPECT_FALSE(binning::kernel_grid(1, binning::shared_rows + 1, 1).partial_rows);
  EXPECT_EQ(binning::kernel_grid(1, binning::shared_rows + 1, 1).shared_bytes, 0u);
}

TEST(ThreadsBinningKernel, EqualsTheOracle) {
  struct Row {
    std::size_t packets;
    std::uint32_t intervals;
    Order order;
  };
  for (const Row& row : {Row{0, 1, Order::ordered}, Row{33, 1, Order::ordered},
                         Row{threads + 1, 3, Order::late}, Row{40, binning::shared_rows + 1, Order::late}}) {
    const PacketCase made = test::random_packets(row.packets, row.intervals, row.order, longest, 1);
    const Rows got = rows_of(made, 2, [&](const KernelGrid& grid, auto&& body) {
      test::run_on_threads(grid.blocks, threads, grid.shared_bytes, body);
    });
    test::expect_same_rows(got, oracle::count(made.known), std::to_string(row.packets) + " packets");
  }
}

/// What the pieces say when they are counted one by one.
Rows count_pieces(const PacketBatch& batch, std::size_t& most_rows) {
  Rows rows;
  std::vector<std::int64_t> row_k;
  std::vector<PackedPacket> staged(binning::piece_packets);
  const std::size_t most = binning::most_packets_in_piece(batch);
  for (std::size_t from = 0; from < batch.packets.size(); from += most) {
    const auto piece = batch.packets.subspan(from, std::min(most, batch.packets.size() - from));
    binning::stage_piece(staged.data(), row_k, batch, piece);
    most_rows = std::max(most_rows, row_k.size());
    for (std::size_t i = 0; i < piece.size(); ++i)
      count_packet(rows[row_k.at(staged[i].interval_offset)], staged[i]);
  }
  return rows;
}

TEST(BatchPieces, CountTheSameWhateverTheBatchLooksLike) {
  struct Row {
    std::size_t packets;
    std::uint32_t intervals;
    bool offsets;  ///< rows are offsets
  };
  constexpr std::uint32_t room = binning::piece_rows;
  for (const Row& row :
       {Row{0, 0, true}, Row{1, 1, true}, Row{5, 1024, true}, Row{5, 1025, false}, Row{1025, 1025, true},
        Row{1024, 1025, false}, Row{room + 5, room, true}, Row{room + 5, room + 1, false},
        Row{100, longest, false}, Row{2 * room + 1, 4'000'000'000u, false}}) {
    const std::string what =
        std::to_string(row.packets) + " packets, " + std::to_string(row.intervals) + " intervals";
    const PacketCase made = test::random_packets(row.packets, row.intervals, Order::shuffled, 1514, 1);
    EXPECT_EQ(binning::rows_are_offsets(made.batch()), row.offsets) << what;
    std::size_t most_rows = 0;
    test::expect_same_rows(count_pieces(made.batch(), most_rows), oracle::count(made.known), what);
    EXPECT_LE(most_rows, room) << what;
  }
}

TEST(BatchPiecesDeathTest, AnOffsetOutsideTheBatchStopsTheProgram) {
  const std::vector<PackedPacket> packets{{4, 60, 46, 0}};
  std::vector<PackedPacket> staged(1);
  std::vector<std::int64_t> row_k;
  EXPECT_DEATH(binning::stage_piece(staged.data(), row_k, {0, 4, packets}, packets),
               "interval offsets are below");
}

}  // namespace
}  // namespace tidegauge
