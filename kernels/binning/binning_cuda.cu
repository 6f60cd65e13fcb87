#include "kernels/binning/binning_cuda.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <vector>

#include "kernels/binning/batch_pieces.hpp"
#include "kernels/binning/binning_kernel.hpp"
#include "kernels/device/cuda_context.hpp"
#include "kernels/device/cuda_owners.hpp"

namespace tidegauge {

namespace {

using namespace binning;

__global__ void __launch_bounds__(block_threads) binning_on_device(KernelWork work) {
  CudaContext context;
  binning_kernel(context, work);
}

using Rows = std::map<std::int64_t, IntervalRow>;

/// One piece on its way to the device and back.
class Slot {
 public:
  static Expected<Slot> make(std::uint32_t most_blocks) {
    auto stream = make_cuda_stream();
    if (!stream) return stream.error();
    return Slot(*std::move(stream), most_blocks);
  }
  Slot(Slot&&) = default;
  Slot& operator=(Slot&&) = delete;
  ~Slot() {
    if (stream_.get()) cudaStreamSynchronize(stream_.get());  // nothing may still use the buffers
  }

  /// Starts counting; returns before it is done.
  Status start(const PacketBatch& batch, std::span<const PackedPacket> piece) {
    TG_TRY(staged_.reserve(piece.size(), "taking pinned memory for packets"));
    TG_TRY(packets_.reserve(piece.size(), "taking device memory for packets"));
    stage_piece(staged_.data(), row_k_, batch, piece);
    const std::size_t cells = row_k_.size() * row_cells;
    TG_TRY(rows_.reserve(cells, "taking device memory for counters"));
    TG_TRY(counted_.reserve(cells, "taking pinned memory for counters"));

    cudaStream_t stream = stream_.get();
    TG_TRY(cuda_status(
        cudaMemcpyAsync(packets_.data(), staged_.data(), piece.size_bytes(), cudaMemcpyHostToDevice, stream),
        "copying packets"));
    TG_TRY(cuda_status(cudaMemsetAsync(rows_.data(), 0, cells * sizeof(AtomicCount), stream),
                       "clearing counters"));
    const auto intervals = static_cast<std::uint32_t>(row_k_.size());
    const KernelGrid grid = kernel_grid(piece.size(), intervals, most_blocks_);
    binning_on_device<<<grid.blocks, block_threads, grid.shared_bytes, stream>>>(
        {packets_.data(), piece.size(), grid.packets_per_block, rows_.data(), intervals, grid.partial_rows});
    TG_TRY(cuda_status(cudaGetLastError(), "starting the binning kernel"));
    TG_TRY(cuda_status(cudaMemcpyAsync(counted_.data(), rows_.data(), cells * sizeof(AtomicCount),
                                       cudaMemcpyDeviceToHost, stream),
                       "copying counters"));
    busy_ = true;
    return {};
  }

  /// Waits for what was started and adds it up.
  Status finish(Rows& rows) {
    if (!busy_) return {};
    busy_ = false;
    TG_TRY(cuda_status(cudaStreamSynchronize(stream_.get()), "counting packets"));
    for (std::size_t r = 0; r < row_k_.size(); ++r) {
      IntervalRow row;
      static_assert(sizeof row.value == row_cells * sizeof(AtomicCount));
      std::memcpy(row.value.data(), counted_.data() + r * row_cells, sizeof row.value);
      if (row[Column::packets] != 0) rows[row_k_[r]] += row;
    }
    return {};
  }

 private:
  Slot(CudaStream stream, std::uint32_t most_blocks)
      : stream_(std::move(stream)), most_blocks_(most_blocks) {}

  CudaStream stream_;
  std::uint32_t most_blocks_;
  PinnedBuffer<PackedPacket> staged_;
  DeviceBuffer<PackedPacket> packets_;
  DeviceBuffer<AtomicCount> rows_;
  PinnedBuffer<AtomicCount> counted_;
  std::vector<std::int64_t> row_k_;  ///< interval number of each row
  bool busy_ = false;
};

class CudaBatchCounter final : public PacketBatchCounter {
 public:
  CudaBatchCounter(int device, Slot first, Slot second)
      : device_(device), slots_{std::move(first), std::move(second)} {}

  Status add(const PacketBatch& batch) override {
    TG_TRY(use_device(device_));
    const std::size_t most = most_packets_in_piece(batch);
    for (std::size_t from = 0; from < batch.packets.size(); from += most) {
      Slot& slot = slots_[turn_++ % slots_.size()];
      TG_TRY(slot.finish(rows_));
      TG_TRY(slot.start(batch, batch.packets.subspan(from, std::min(most, batch.packets.size() - from))));
    }
    return {};
  }

  Expected<Rows> take() override {
    TG_TRY(use_device(device_));
    for (Slot& slot : slots_) TG_TRY(slot.finish(rows_));
    return std::exchange(rows_, {});
  }

 private:
  int device_;
  std::array<Slot, 2> slots_;
  std::size_t turn_ = 0;
  Rows rows_;
};

}  // namespace

Expected<std::unique_ptr<PacketBatchCounter>> make_batch_counter_cuda(int device) {
  TG_TRY(use_device(device));
  int processors = 0, blocks_each = 0;
  TG_TRY(cuda_status(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device),
                     "asking for the device's size"));
  TG_TRY(cuda_status(
      cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks_each, binning_on_device, block_threads,
                                                    shared_rows * row_cells * sizeof(AtomicCount)),
      "asking how many blocks fit"));
  const auto most_blocks = static_cast<std::uint32_t>(std::max(1, processors * blocks_each));
  auto first = Slot::make(most_blocks);
  if (!first) return first.error();
  auto second = Slot::make(most_blocks);
  if (!second) return second.error();
  return std::unique_ptr<PacketBatchCounter>(
      std::make_unique<CudaBatchCounter>(device, *std::move(first), *std::move(second)));
}

}  // namespace tidegauge
