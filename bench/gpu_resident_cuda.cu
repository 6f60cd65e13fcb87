#include <algorithm>
#include <vector>

#include "bench/gpu_resident.hpp"
#include "bench/gpu_timer_cuda.hpp"
#include "kernels/binning/binning_kernel.hpp"
#include "kernels/data/interval_columns.hpp"
#include "kernels/device/cuda_context.hpp"

namespace tidegauge::bench {
namespace {

using namespace binning;

__global__ void __launch_bounds__(block_threads) count_resident(CountWork work) {
  CudaContext context;
  binning_kernel(context, work);
}

/// Packets like a backbone's: any length up to 1500, all kinds and flags that two tables know.
__global__ void fill_packets(std::uint32_t* lengths, std::uint16_t* bits, std::uint32_t packets) {
  const std::uint32_t stride = gridDim.x * blockDim.x;
  for (std::uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < packets; i += stride) {
    const std::uint32_t draw = (i * 2654435761u) ^ (i >> 7);
    const std::uint32_t wire = 64 + (draw >> 8) % 1437;
    lengths[i] = wire | (wire - 14) << 16;
    bits[i] = static_cast<std::uint16_t>((draw & 0x3f) | (draw >> 3 & 0xff00));
  }
}

/// An interval of a busy link.
constexpr std::uint32_t kRunPackets = 1u << 20;

}  // namespace

Expected<ResidentRate> resident_binning_rate(int device, std::size_t bytes) {
  TG_TRY(use_device(device));
  std::size_t free = 0, total = 0;
  TG_TRY(cuda_status(cudaMemGetInfo(&free, &total), "asking for free memory"));
  const std::size_t wanted = std::min(bytes, free / 2) / 6 / step_packets * step_packets;
  const auto packets = static_cast<std::uint32_t>(std::min<std::size_t>(wanted, 0xf0000000u));
  std::vector<BatchRun> runs;
  for (std::uint64_t first = 0; first < packets; first += kRunPackets)
    runs.push_back({static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(runs.size())});

  DeviceBuffer<std::uint32_t> lengths;
  DeviceBuffer<std::uint16_t> bits;
  DeviceBuffer<BatchRun> device_runs;
  DeviceBuffer<AtomicCount> rows;
  const std::size_t cells = runs.size() * row_cells;
  TG_TRY(lengths.reserve(packets, "taking device memory for packets"));
  TG_TRY(bits.reserve(packets, "taking device memory for packets"));
  TG_TRY(device_runs.reserve(runs.size(), "taking device memory for runs"));
  TG_TRY(rows.reserve(cells, "taking device memory for counters"));
  TG_TRY(cuda_status(cudaMemcpy(device_runs.data(), runs.data(), runs.size() * sizeof(BatchRun), cudaMemcpyHostToDevice),
                     "copying runs"));
  fill_packets<<<4096, block_threads>>>(lengths.data(), bits.data(), packets);
  TG_TRY(cuda_status(cudaGetLastError(), "making packets"));

  int processors = 0, blocks_each = 0;
  TG_TRY(cuda_status(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device), "asking for the device's size"));
  TG_TRY(cuda_status(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks_each, count_resident, block_threads, sizeof(TouchedColumns)),
                     "asking how many blocks fit"));
  const KernelGrid grid = kernel_grid(packets, static_cast<std::uint32_t>(processors * blocks_each));
  GpuTimer timer;
  TG_TRY(timer.make());
  const auto seconds = timer.best([&] {
    if (const cudaError_t failed = cudaMemsetAsync(rows.data(), 0, cells * sizeof(AtomicCount)); failed != cudaSuccess) return failed;
    count_resident<<<grid.blocks, block_threads, sizeof(TouchedColumns)>>>(
        {reinterpret_cast<const FourLengths*>(lengths.data()), reinterpret_cast<const FourBits*>(bits.data()),
         {device_runs.data(), static_cast<std::uint32_t>(runs.size()), packets, grid.stretch}, rows.data()});
    return cudaGetLastError();
  });
  if (!seconds) return seconds.error();

  std::vector<AtomicCount> counted(cells);
  TG_TRY(cuda_status(cudaMemcpy(counted.data(), rows.data(), cells * sizeof(AtomicCount), cudaMemcpyDeviceToHost), "copying counters"));
  ResidentRate rate{packets, std::uint64_t{packets} * 6, 0, 0};
  rate.gbps = 1e-9 * static_cast<double>(rate.bytes) / *seconds;
  for (std::size_t row = 0; row < runs.size(); ++row)
    rate.counted += counted[row * row_cells + static_cast<std::size_t>(Column::packets)];
  return rate;
}

}  // namespace tidegauge::bench
