#include "kernels/binning/keyed_cuda.hpp"

#include <algorithm>
#include <bit>
#include <cub/device/device_radix_sort.cuh>
#include <cub/device/device_reduce.cuh>
#include <cuda/std/functional>

#include "kernels/binning/keyed_kernel.hpp"
#include "kernels/device/cuda_context.hpp"

namespace tidegauge::binning {

namespace {

constexpr std::size_t ranks_of_row = sketches_of_row * sketch::registers;
constexpr std::size_t words_of_row = ranks_of_row / 4;

__global__ void __launch_bounds__(block_threads) sketch_on_device(SketchWork work) {
  CudaContext context;
  sketch_kernel(context, work);
}

__global__ void __launch_bounds__(block_threads)
    narrow_on_device(std::uint32_t* narrow, const std::uint32_t* ranks, std::uint32_t words) {
  CudaContext context;
  narrow_kernel(context, narrow, ranks, words);
}

__global__ void __launch_bounds__(block_threads) key_on_device(KeyWork work) {
  CudaContext context;
  key_kernel(context, work);
}

using SortedColumn = cub::DoubleBuffer<std::uint64_t>;

/// By the lowest `bits` of the keys.
auto sort_pairs(SortedColumn& keys, SortedColumn& counts, int packets, int bits, cudaStream_t stream) {
  return [&keys, &counts, packets, bits, stream](void* place, std::size_t& bytes) {
    return cub::DeviceRadixSort::SortPairs(place, bytes, keys, counts, packets, 0, bits, stream);
  };
}

/// @param results [2][room]: keys, then their sums
auto add_up(std::uint64_t* results, std::size_t room, std::uint32_t* found, SortedColumn& keys, SortedColumn& counts,
            int packets, cudaStream_t stream) {
  return [=, &keys, &counts](void* place, std::size_t& bytes) {
    return cub::DeviceReduce::ReduceByKey(place, bytes, keys.Current(), results, counts.Current(), results + room, found,
                                          cuda::std::plus<>{}, packets, stream);
  };
}

}  // namespace

Status DeviceSketches::reserve(const BatchShape& shape) {
  TG_TRY(ranks_.reserve(shape.rows * ranks_of_row, "taking device memory for sketches"));
  TG_TRY(narrow_.reserve(shape.rows * words_of_row, "taking device memory for sketches"));
  return back_.reserve(shape.rows * words_of_row, "taking pinned memory for sketches");
}

Status DeviceSketches::start(const std::uint64_t* addresses, const Stretches& stretches, std::uint32_t blocks,
                             std::size_t rows, cudaStream_t stream) {
  TG_TRY(cuda_status(cudaMemsetAsync(ranks_.data(), 0, rows * ranks_of_row * sizeof(std::uint32_t), stream),
                     "clearing sketches"));
  sketch_on_device<<<blocks, block_threads, 0, stream>>>({addresses, stretches, ranks_.data()});
  TG_TRY(cuda_status(cudaGetLastError(), "starting the sketch kernel"));
  const auto words = static_cast<std::uint32_t>(rows * words_of_row);
  narrow_on_device<<<words / block_threads, block_threads, 0, stream>>>(narrow_.data(), ranks_.data(), words);
  TG_TRY(cuda_status(cudaGetLastError(), "starting the kernel that packs sketches"));
  return cuda_status(cudaMemcpyAsync(back_.data(), narrow_.data(), words * sizeof(std::uint32_t), cudaMemcpyDeviceToHost,
                                     stream),
                     "copying sketches");
}
static_assert(words_of_row % block_threads == 0, "whole blocks pack a row");

void DeviceSketches::finish(std::span<KeyedRow> rows) const {
  const std::uint32_t* word = back_.data();
  for (KeyedRow& row : rows)
    for (Hll& sketch : row.addresses)
      for (std::uint32_t place = 0; place < sketch::registers; place += 4, ++word)
        for (std::uint32_t i = 0; i < 4; ++i)
          if (const std::uint32_t rank = *word >> 8 * i & 0xff; rank != 0) sketch.raise(place + i, rank);
}

Status DeviceKeys::reserve(const BatchShape& shape) {
  room_ = shape.packets;
  key_bits_.assign(shape.dimensions, 0);
  TG_TRY(pairs_.reserve(4 * room_, "taking device memory for keys"));
  TG_TRY(results_.reserve(2 * room_ * shape.dimensions, "taking device memory for keys"));
  TG_TRY(found_.reserve(shape.dimensions, "taking device memory for keys"));
  // Now, where too little memory still makes fewer counters, and not in the middle of a capture.
  SortedColumn keys = sorted_keys(), counts = sorted_counts();
  const int packets = static_cast<int>(room_);
  constexpr int all_bits = 64;
  const char* const doing = "taking device memory for sorting";
  TG_TRY(memory_.reserve(doing, sort_pairs(keys, counts, packets, all_bits, nullptr)));
  TG_TRY(memory_.reserve(doing, add_up(results_of(0), room_, found_.data(), keys, counts, packets, nullptr)));
  return found_back_.reserve(shape.dimensions, "taking pinned memory for keys");
}

Status DeviceKeys::start(std::uint32_t dimension, const std::uint32_t* keys, const std::uint32_t* lengths,
                         std::uint32_t key_bits, const Stretches& stretches, std::uint32_t blocks, std::size_t rows,
                         cudaStream_t stream) {
  key_bits_[dimension] = key_bits;
  SortedColumn row_keys = sorted_keys(), counts = sorted_counts();
  key_on_device<<<blocks, block_threads, 0, stream>>>(
      {lengths, keys, key_bits, stretches, row_keys.Current(), counts.Current()});
  TG_TRY(cuda_status(cudaGetLastError(), "starting the key kernel"));

  const int packets = static_cast<int>(stretches.packets);
  const int bits = static_cast<int>(key_bits) + std::bit_width(rows - 1);
  if (bits != 0) TG_TRY(memory_.run("sorting keys", stream, sort_pairs(row_keys, counts, packets, bits, stream)));
  return memory_.run("adding up by key", stream,
                     add_up(results_of(dimension), room_, found_.data() + dimension, row_keys, counts, packets, stream));
}

Status DeviceKeys::start_back(cudaStream_t stream) {
  return cuda_status(cudaMemcpyAsync(found_back_.data(), found_.data(), key_bits_.size() * sizeof(std::uint32_t),
                                     cudaMemcpyDeviceToHost, stream),
                     "copying the numbers of keys");
}

Status DeviceKeys::finish(std::span<KeyedRow> rows, cudaStream_t stream) {
  for (std::uint32_t d = 0; d < key_bits_.size(); ++d) {
    const std::size_t found = found_back_.data()[d];
    TG_TRY(back_.reserve(2 * found, "taking pinned memory for keys"));
    for (const std::size_t half : {0, 1})
      TG_TRY(cuda_status(cudaMemcpyAsync(back_.data() + half * found, results_of(d) + half * room_,
                                         found * sizeof(std::uint64_t), cudaMemcpyDeviceToHost, stream),
                         "copying keys"));
    TG_TRY(cuda_status(cudaStreamSynchronize(stream), "copying keys"));
    for (std::size_t i = 0; i < found; ++i) {
      const std::uint64_t row_key = back_.data()[i], count = back_.data()[found + i];
      const std::uint64_t mask = (std::uint64_t{1} << key_bits_[d]) - 1, bytes = (std::uint64_t{1} << key_packets_shift) - 1;
      rows[row_key >> key_bits_[d]].counts.push_back(
          {d, row_key & mask, count >> key_packets_shift, count & bytes});
    }
  }
  return {};
}

}  // namespace tidegauge::binning
