// Sketches and keys of one batch on a GPU, for binning_cuda.cu only. Each start() puts work on the stream and returns;
// finish() follows once the stream is done.
// Cost: sketches 8 bytes a packet over the link and 8 KiB a row back; keys 4 bytes a packet and dimension, a radix sort
// of 16-byte pairs over the bits that are in use, and 16 bytes back a key and row that occurred.
// Tested by tests/kernels/binning_cuda_test.cpp on a card.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <cub/util_type.cuh>
#include <span>
#include <vector>

#include "kernels/binning/batch_stretches.hpp"
#include "kernels/data/keyed_rows.hpp"
#include "kernels/device/cub_memory.hpp"
#include "kernels/device/cuda_owners.hpp"

namespace tidegauge::binning {

class DeviceSketches {
 public:
  Status reserve(const BatchShape& shape);
  Status start(const std::uint64_t* addresses, const Stretches& stretches, std::uint32_t blocks, std::size_t rows,
               cudaStream_t stream);
  /// @param rows keyed row of each row of the batch
  void finish(std::span<KeyedRow> rows) const;

 private:
  DeviceBuffer<std::uint32_t> ranks_, narrow_;
  PinnedBuffer<std::uint32_t> back_;
};

class DeviceKeys {
 public:
  Status reserve(const BatchShape& shape);
  /// @param keys, lengths columns on the device
  /// @param key_bits every key of the dimension is below 2^key_bits
  Status start(std::uint32_t dimension, const std::uint32_t* keys, const std::uint32_t* lengths, std::uint32_t key_bits,
               const Stretches& stretches, std::uint32_t blocks, std::size_t rows, cudaStream_t stream);
  /// Starts what comes back when every dimension has been started.
  Status start_back(cudaStream_t stream);
  /// Appends to the counts of each row, ascending by dimension and code. Waits for the stream.
  Status finish(std::span<KeyedRow> rows, cudaStream_t stream);

 private:
  cub::DoubleBuffer<std::uint64_t> sorted_keys() const { return {pairs_.data(), pairs_.data() + room_}; }
  cub::DoubleBuffer<std::uint64_t> sorted_counts() const { return {pairs_.data() + 2 * room_, pairs_.data() + 3 * room_}; }
  std::uint64_t* results_of(std::uint32_t dimension) const { return results_.data() + 2 * dimension * room_; }

  std::size_t room_ = 0;                    ///< packets
  std::vector<std::uint32_t> key_bits_;     ///< of each dimension
  DeviceBuffer<std::uint64_t> pairs_;       ///< [4][room]: row keys and counts, each twice for sorting
  DeviceBuffer<std::uint64_t> results_;     ///< [dimensions][2][room]: row keys that occurred, and their sums
  DeviceBuffer<std::uint32_t> found_;       ///< [dimensions]: how many
  CubMemory memory_;
  PinnedBuffer<std::uint32_t> found_back_;
  PinnedBuffer<std::uint64_t> back_;
};

}  // namespace tidegauge::binning
