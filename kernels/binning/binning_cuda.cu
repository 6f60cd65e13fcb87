#include "kernels/binning/binning_cuda.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include "kernels/binning/batch_columns.hpp"
#include "kernels/binning/batch_plan.hpp"
#include "kernels/binning/binning_kernel.hpp"
#include "kernels/binning/keyed_cuda.hpp"
#include "kernels/device/cuda_context.hpp"
#include "kernels/device/cuda_owners.hpp"

namespace tidegauge {

namespace {

using namespace binning;

__global__ void __launch_bounds__(block_threads) binning_on_device(CountWork work) {
  CudaContext context;
  binning_kernel(context, work);
}

/// A column in pinned memory and its copy on the device.
template <class T>
class PinnedColumn {
 public:
  Status reserve(std::size_t count, std::size_t count_on_device) {
    TG_TRY(host_.reserve(count, "taking pinned memory for packets"));
    return device_.reserve(count_on_device, "taking device memory for packets");
  }
  Status copy(std::size_t first, std::size_t count, cudaStream_t stream) {
    return cuda_status(cudaMemcpyAsync(device_.data() + first, host_.data() + first, count * sizeof(T),
                                       cudaMemcpyHostToDevice, stream),
                       "copying packets");
  }
  T* data() const { return host_.data(); }
  T* device() const { return device_.data(); }

 private:
  PinnedBuffer<T> host_;
  DeviceBuffer<T> device_;
};

/// One batch: filled, on its way, or done.
class Slot {
 public:
  static Expected<Slot> make(const BatchShape& shape, std::uint32_t most_blocks) {
    auto stream = make_cuda_stream();
    if (!stream) return stream.error();
    Slot slot(*std::move(stream), most_blocks);
    TG_TRY(slot.reserve(shape));
    return Expected<Slot>(std::move(slot));
  }
  Slot(Slot&&) = default;
  Slot& operator=(Slot&&) = delete;
  ~Slot() {
    if (stream_.get()) cudaStreamSynchronize(stream_.get());  // nothing may still use the buffers
  }

  PacketBatch& batch() { return batch_; }

  /// Starts counting; returns before it is done.
  Status start() {
    const std::uint32_t packets = batch_.packets;
    const std::size_t rows = batch_.row_k.size();
    if (packets == 0) return {};
    cudaStream_t stream = stream_.get();
    TG_TRY(columns_.lengths.copy(0, packets, stream));
    TG_TRY(columns_.bits.copy(0, packets, stream));
    TG_TRY(columns_.runs.copy(0, batch_.run_count, stream));
    const std::size_t row_bytes = rows * row_cells * sizeof(AtomicCount);
    TG_TRY(cuda_status(cudaMemsetAsync(rows_.data(), 0, row_bytes, stream), "clearing counters"));
    const KernelGrid grid = kernel_grid(packets, most_blocks_);
    const Stretches stretches{columns_.runs.device(), batch_.run_count, packets, grid.stretch};
    binning_on_device<<<grid.blocks, block_threads, sizeof(TouchedColumns), stream>>>(
        {reinterpret_cast<const FourLengths*>(columns_.lengths.device()),
         reinterpret_cast<const FourBits*>(columns_.bits.device()), stretches, rows_.data()});
    TG_TRY(cuda_status(cudaGetLastError(), "starting the binning kernel"));
    TG_TRY(cuda_status(cudaMemcpyAsync(rows_back_.data(), rows_.data(), row_bytes, cudaMemcpyDeviceToHost, stream),
                       "copying counters"));
    TG_TRY(start_keyed(stretches, grid.blocks));
    busy_ = true;
    return {};
  }

  /// Waits for what was started, adds it up and clears the batch.
  Status finish(CountedRows& counted, std::size_t& keyed_bytes) {
    if (std::exchange(busy_, false)) {
      TG_TRY(cuda_status(cudaStreamSynchronize(stream_.get()), "counting packets"));
      add_rows(counted.rows);
      if (keyed()) TG_TRY(add_keyed(counted.keyed, keyed_bytes));
    }
    batch_.clear();
    return {};
  }

 private:
  Slot(CudaStream stream, std::uint32_t most_blocks) : stream_(std::move(stream)), most_blocks_(most_blocks) {}

  bool keyed() const { return batch_.room.dimensions != 0 || batch_.room.distinct; }

  Status reserve(const BatchShape& shape) {
    const auto batch = columns_.reserve(
        shape, [](auto& column, std::size_t count) { return column.reserve(count, whole_steps(count)); });
    if (!batch) return batch.error();
    batch_ = *batch;
    TG_TRY(rows_.reserve(std::size_t{shape.rows} * row_cells, "taking device memory for counters"));
    TG_TRY(rows_back_.reserve(std::size_t{shape.rows} * row_cells, "taking pinned memory for counters"));
    if (shape.dimensions != 0) TG_TRY(device_keys_.reserve(shape));
    return shape.distinct ? sketches_.reserve(shape) : Status();
  }

  Status start_keyed(const Stretches& stretches, std::uint32_t blocks) {
    cudaStream_t stream = stream_.get();
    const std::size_t rows = batch_.row_k.size();
    if (batch_.room.distinct) {
      TG_TRY(columns_.addresses.copy(0, batch_.packets, stream));
      TG_TRY(sketches_.start(columns_.addresses.device(), stretches, blocks, rows, stream));
    }
    for (std::uint32_t d = 0; d < batch_.room.dimensions; ++d) {
      const std::size_t first = std::size_t{d} * batch_.room.packets;
      TG_TRY(columns_.keys.copy(first, batch_.packets, stream));
      const auto key_bits = static_cast<std::uint32_t>(std::bit_width(batch_.key_bits[d]));
      TG_TRY(device_keys_.start(d, columns_.keys.device() + first, columns_.lengths.device(), key_bits, stretches, blocks,
                                rows, stream));
    }
    return batch_.room.dimensions == 0 ? Status() : device_keys_.start_back(stream);
  }

  void add_rows(std::map<std::int64_t, IntervalRow>& rows) const {
    for (std::size_t r = 0; r < batch_.row_k.size(); ++r) {
      IntervalRow row;
      static_assert(sizeof row.value == row_cells * sizeof(AtomicCount));
      std::memcpy(row.value.data(), rows_back_.data() + r * row_cells, sizeof row.value);
      if (row[Column::packets] != 0) rows[batch_.row_k[r]] += row;
    }
  }

  Status add_keyed(KeyedRows& rows, std::size_t& bytes) {
    std::vector<KeyedRow> made(batch_.row_k.size());
    if (batch_.room.distinct) sketches_.finish(made);
    if (batch_.room.dimensions != 0) TG_TRY(device_keys_.finish(made, stream_.get()));
    for (std::size_t r = 0; r < made.size(); ++r) {
      if (made[r].empty()) continue;
      bytes += made[r].counts.size() * sizeof(KeyCount);
      for (const Hll& sketch : made[r].addresses) bytes += sketch.bytes_held();
      rows[batch_.row_k[r]] += std::move(made[r]);
    }
    return {};
  }

  CudaStream stream_;
  std::uint32_t most_blocks_;
  PacketBatch batch_;
  BatchColumns<PinnedColumn> columns_;
  DeviceBuffer<AtomicCount> rows_;
  PinnedBuffer<AtomicCount> rows_back_;
  DeviceSketches sketches_;
  DeviceKeys device_keys_;
  bool busy_ = false;
};

class CudaBatchCounter final : public PacketBatchCounter {
 public:
  CudaBatchCounter(int device, std::vector<Slot> slots) : device_(device), slots_(std::move(slots)) {}

  PacketBatch& batch() override { return slots_[filled_].batch(); }

  Status submit() override {
    TG_TRY(use_device(device_));
    TG_TRY(slots_[filled_].start());
    const std::size_t next = (filled_ + 1) % slots_.size();
    TG_TRY(slots_[next].finish(counted_, keyed_bytes_));
    filled_ = next;
    return {};
  }

  Expected<CountedRows> take() override {
    TG_TRY(use_device(device_));
    for (Slot& slot : slots_) TG_TRY(slot.finish(counted_, keyed_bytes_));
    keyed_bytes_ = 0;
    return std::exchange(counted_, {});
  }
  std::size_t keyed_bytes() const override { return keyed_bytes_; }

 private:
  int device_;
  std::vector<Slot> slots_;
  std::size_t filled_ = 0;
  CountedRows counted_;
  std::size_t keyed_bytes_ = 0;
};

Expected<std::uint32_t> blocks_at_once(int device) {
  int processors = 0, blocks_each = 0;
  TG_TRY(cuda_status(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device),
                     "asking for the device's size"));
  TG_TRY(cuda_status(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks_each, binning_on_device, block_threads,
                                                                   sizeof(TouchedColumns)),
                     "asking how many blocks fit"));
  return static_cast<std::uint32_t>(std::max(1, processors * blocks_each));
}

}  // namespace

Expected<std::unique_ptr<PacketBatchCounter>> make_batch_counter_cuda(const BatchShape& shape, std::uint32_t sharing,
                                                                      int device) {
  TG_TRY(use_device(device));
  std::size_t free_bytes = 0, total_bytes = 0;
  TG_TRY(cuda_status(cudaMemGetInfo(&free_bytes, &total_bytes), "asking for free memory"));
  const auto planned = plan_batches(shape, free_bytes, sharing);
  if (!planned) return planned.error();
  const auto blocks = blocks_at_once(device);
  if (!blocks) return blocks.error();
  std::vector<Slot> slots;
  for (std::uint32_t i = 0; i < batches_in_flight; ++i) {
    auto slot = Slot::make(*planned, *blocks);
    if (!slot) return slot.error();
    slots.push_back(*std::move(slot));
  }
  return std::unique_ptr<PacketBatchCounter>(std::make_unique<CudaBatchCounter>(device, std::move(slots)));
}

}  // namespace tidegauge
