// Cuts a packet batch into pieces that fit a device's fixed staging room, whatever the batch looks like: at most
// piece_packets packets and piece_rows rows. Usually a row is an interval offset. Where a batch names far more
// intervals than it has packets (a clock that jumps, a long silence), rows are numbered by the intervals that occur,
// so that memory follows the packets and not the time between them.
// Cost: a copy of the packets; a sort of at most piece_rows offsets in the odd case.
// Thread safety: none needed, no state. Tested by tests/kernels/binning_kernel_test.cpp.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "kernels/binning/binning.hpp"
#include "kernels/core/contract.hpp"

namespace tidegauge::binning {

/// 8 MiB: at 55 GB/s, the most that a PCIe 5 link copies, 0.15 ms, many times a launch.
inline constexpr std::size_t piece_packets = std::size_t{1} << 19;
/// 16 MiB of counters.
inline constexpr std::uint32_t piece_rows = 1u << 16;
/// Below this, rows by offset are cheaper than any sort, however few the packets.
inline constexpr std::uint32_t always_dense_rows = 1024;

/// Rows are interval offsets: few enough for the room, and not many more than there are packets to fill them.
inline bool rows_are_offsets(const PacketBatch& batch) {
  return batch.intervals <= always_dense_rows ||
         (batch.intervals <= piece_rows && batch.intervals <= batch.packets.size());
}

inline std::size_t most_packets_in_piece(const PacketBatch& batch) {
  return rows_are_offsets(batch) ? piece_packets : std::size_t{piece_rows};
}

/// Copies a piece of the batch to `staged`, its offsets replaced by rows.
/// @param row_k  interval number of each row, replaced
inline void stage_piece(PackedPacket* staged, std::vector<std::int64_t>& row_k, const PacketBatch& batch,
                        std::span<const PackedPacket> piece) {
  std::uint32_t largest = 0;
  for (const PackedPacket& packet : piece) largest = std::max(largest, packet.interval_offset);
  TG_REQUIRE(piece.empty() || largest < batch.intervals, "interval offsets are below the batch's intervals");

  if (rows_are_offsets(batch)) {
    std::copy(piece.begin(), piece.end(), staged);
    row_k.resize(batch.intervals);
    std::iota(row_k.begin(), row_k.end(), batch.base_k);
    return;
  }
  std::vector<std::uint32_t> offsets(piece.size());
  std::transform(piece.begin(), piece.end(), offsets.begin(),
                 [](const PackedPacket& p) { return p.interval_offset; });
  std::sort(offsets.begin(), offsets.end());
  offsets.erase(std::unique(offsets.begin(), offsets.end()), offsets.end());
  row_k.resize(offsets.size());
  std::transform(offsets.begin(), offsets.end(), row_k.begin(),
                 [&](std::uint32_t o) { return batch.base_k + o; });
  std::transform(piece.begin(), piece.end(), staged, [&](PackedPacket packet) {
    const auto row =
        std::lower_bound(offsets.begin(), offsets.end(), packet.interval_offset) - offsets.begin();
    packet.interval_offset = static_cast<std::uint32_t>(row);
    return packet;
  });
}

}  // namespace tidegauge::binning
