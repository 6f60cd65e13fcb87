// A PacketBatchCounter that counts with the kernels' bodies on the host, as binning_cuda.cu does on a card: what is
// CUB's there (sorting, adding up by key) is the standard library's here. Memory of the device starts as garbage.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include "kernels/binning/batch_columns.hpp"
#include "kernels/binning/binning.hpp"
#include "kernels/binning/binning_kernel.hpp"
#include "kernels/binning/keyed_kernel.hpp"
#include "kernels/device/kernel_context.hpp"

namespace tidegauge::test {

/// @tparam Run `run(blocks, body)` runs a grid of `threads` threads a block
template <class Run>
class HostKernelCounter final : public PacketBatchCounter {
 public:
  HostKernelCounter(const BatchShape& shape, std::uint32_t threads, std::uint32_t most_blocks, Run run)
      : threads_(threads),
        most_blocks_(most_blocks),
        run_(std::move(run)) {
    batch_ = *columns_.reserve(shape, [](auto& column, std::size_t count) {
      column.resize(binning::whole_steps(count));
      if (count > 0) std::memset(column.data(), 0xcd, column.size() * sizeof column[0]);
      return Status{};
    });
  }

  PacketBatch& batch() override { return batch_; }

  Status submit() override {
    const std::size_t rows = batch_.row_k.size();
    const binning::KernelGrid grid = binning::kernel_grid(batch_.packets, most_blocks_, threads_);
    const binning::Stretches stretches{batch_.runs, batch_.run_count, batch_.packets, grid.stretch};
    std::vector<AtomicCount> cells(rows * binning::row_cells, 0);
    const binning::CountWork counting{reinterpret_cast<const binning::FourLengths*>(batch_.lengths),
                                      reinterpret_cast<const binning::FourBits*>(batch_.bits), stretches, cells.data()};
    run_(grid.blocks, [&](auto& context) { binning::binning_kernel(context, counting); });
    for (std::size_t r = 0; r < rows; ++r) {
      IntervalRow row;
      std::copy_n(cells.begin() + static_cast<std::ptrdiff_t>(r * column_count), column_count, row.value.begin());
      if (row[Column::packets] != 0) counted_.rows[batch_.row_k[r]] += row;
    }
    std::vector<KeyedRow> keyed(rows);
    if (batch_.room.distinct) add_sketches(keyed, stretches, grid.blocks);
    for (std::uint32_t d = 0; d < batch_.room.dimensions; ++d) add_keys(keyed, d, stretches, grid.blocks);
    for (std::size_t r = 0; r < rows; ++r)
      if (!keyed[r].empty()) counted_.keyed[batch_.row_k[r]] += std::move(keyed[r]);
    batch_.clear();
    return {};
  }
  Expected<CountedRows> take() override { return std::exchange(counted_, {}); }
  std::size_t keyed_bytes() const override { return 0; }

 private:
  static constexpr std::uint32_t garbage = 0xcdcdcdcdu;
  template <class T>
  using DeviceColumn = std::vector<T>;

  void add_sketches(std::vector<KeyedRow>& rows, const binning::Stretches& stretches, std::uint32_t blocks) {
    constexpr std::size_t ranks_of_row = binning::sketches_of_row * sketch::registers;
    std::vector<std::uint32_t> ranks(rows.size() * ranks_of_row, 0), narrow(ranks.size() / 4, garbage);
    const binning::SketchWork work{batch_.addresses, stretches, ranks.data()};
    run_(blocks, [&](auto& context) { binning::sketch_kernel(context, work); });
    run_(2, [&](auto& context) {
      binning::narrow_kernel(context, narrow.data(), ranks.data(), static_cast<std::uint32_t>(narrow.size()));
    });
    std::vector<std::uint8_t> bytes(ranks.size());
    std::memcpy(bytes.data(), narrow.data(), bytes.size());
    for (std::size_t i = 0; i < bytes.size(); ++i)
      if (bytes[i] != 0)
        rows[i / ranks_of_row].addresses[i / sketch::registers % 2].raise(static_cast<std::uint32_t>(i % sketch::registers),
                                                                         bytes[i]);
  }

  void add_keys(std::vector<KeyedRow>& rows, std::uint32_t dimension, const binning::Stretches& stretches,
                std::uint32_t blocks) {
    const auto key_bits = static_cast<std::uint32_t>(std::bit_width(batch_.key_bits[dimension]));
    std::vector<std::uint64_t> row_keys(batch_.packets, ~0ull), counts(batch_.packets, ~0ull);
    const binning::KeyWork work{batch_.lengths, batch_.keys_of(dimension), key_bits, stretches, row_keys.data(), counts.data()};
    run_(blocks, [&](auto& context) { binning::key_kernel(context, work); });
    std::map<std::uint64_t, std::uint64_t> sums;
    for (std::size_t i = 0; i < row_keys.size(); ++i) sums[row_keys[i]] += counts[i];
    for (const auto& [row_key, count] : sums)
      rows.at(row_key >> key_bits).counts.push_back({dimension, row_key & ((std::uint64_t{1} << key_bits) - 1),
                                                     count >> binning::key_packets_shift,
                                                     count & ((std::uint64_t{1} << binning::key_packets_shift) - 1)});
  }

  std::uint32_t threads_, most_blocks_;
  Run run_;
  BatchColumns<DeviceColumn> columns_;
  PacketBatch batch_;
  CountedRows counted_;
};

}  // namespace tidegauge::test
