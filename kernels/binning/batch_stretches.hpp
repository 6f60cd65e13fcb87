// How the kernels share a batch out: a warp takes a stretch of packets in a row, so that it meets few intervals, and goes
// through the runs that reach into it. All lanes of a warp stay together.
// Tested by tests/kernels/binning_kernel_test.cpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "kernels/binning/packet_batch.hpp"
#include "kernels/device/kernel_context.hpp"

namespace tidegauge::binning {

inline constexpr std::uint32_t block_threads = 256;
/// Packets that a warp takes at once: four a lane, so that it loads 16 bytes of lengths a lane.
inline constexpr std::uint32_t step_packets = 4 * warp_size;
/// Elements that a column of so many has on a device.
constexpr std::size_t whole_steps(std::size_t count) { return (count + step_packets - 1) / step_packets * step_packets; }
/// Fewer are not worth what a warp does at the end of a stretch.
inline constexpr std::uint32_t least_stretch = 8 * step_packets;

/// Packets and runs of a batch on the device.
struct Stretches {
  const BatchRun* runs;
  std::uint32_t run_count;
  std::uint32_t packets;
  std::uint32_t stretch;  ///< packets a warp takes, a multiple of step_packets
};

struct KernelGrid {
  std::uint32_t blocks;   ///< 0 for no packets
  std::uint32_t stretch;
};

/// @param most_blocks how many the device runs at once
inline KernelGrid kernel_grid(std::uint32_t packets, std::uint32_t most_blocks, std::uint32_t threads = block_threads) {
  const std::uint64_t warps = threads / warp_size, most_warps = most_blocks * warps;
  const std::uint64_t steps = (std::uint64_t{packets} + step_packets - 1) / step_packets;
  const std::uint64_t stretch =
      std::max<std::uint64_t>(least_stretch, (steps + most_warps - 1) / most_warps * step_packets);
  const std::uint64_t taken = warps * stretch;
  return {static_cast<std::uint32_t>((packets + taken - 1) / taken), static_cast<std::uint32_t>(stretch)};
}

/// The run that holds a packet.
TG_DEVICE inline std::uint32_t run_of(const Stretches& all, std::uint32_t packet) {
  std::uint32_t low = 0, high = all.run_count;
  while (high - low > 1) {
    const std::uint32_t middle = low + (high - low) / 2;
    if (all.runs[middle].first <= packet) low = middle;
    else high = middle;
  }
  return low;
}

/// Calls take(row, first, end) for each run in this warp's stretch, cut off at its ends.
template <class Context, class Take>
TG_DEVICE inline void for_each_run(Context& context, const Stretches& all, Take&& take) {
  const std::uint64_t warp =
      std::uint64_t{context.block()} * (context.block_threads() / warp_size) + context.thread() / warp_size;
  const std::uint64_t begin = warp * all.stretch;
  if (begin >= all.packets) return;
  const std::uint32_t end =
      all.packets - begin < all.stretch ? all.packets : static_cast<std::uint32_t>(begin) + all.stretch;
  auto first = static_cast<std::uint32_t>(begin);
  for (std::uint32_t run = run_of(all, first); first < end; ++run) {
    const std::uint32_t next = run + 1 < all.run_count ? all.runs[run + 1].first : all.packets;
    const std::uint32_t stop = next < end ? next : end;
    take(all.runs[run].row, first, stop);
    first = stop;
  }
}

}  // namespace tidegauge::binning
