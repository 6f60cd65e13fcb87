// Binning: packets to counters per interval.
// Two ways in, one arithmetic (binning_rule.hpp): the CPU path counts each packet as it is decoded (IntervalCounter in
// interval_counter.hpp, inlined into the sink); other devices take batches of packed packets (PacketBatchCounter).
// Cost: 16 bytes a packet to a device. Counters are exact integers, the same on every path.
// Tested by tests/kernels/binning_test.cpp against tests/oracle.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>

#include "kernels/core/status.hpp"
#include "kernels/data/header_facts.hpp"
#include "kernels/data/interval_columns.hpp"

namespace tidegauge {

/// One kept packet, packed for a device. The order-dependent quality bits (late, backward) are set while packing,
/// because only the record order of the capture decides them; absurd records are not packed. The alignment lets a GPU
/// fetch a packet with one 16-byte load instead of four.
struct alignas(16) PackedPacket {
  std::uint32_t interval_offset;  ///< k minus the batch's base interval
  std::uint32_t wire_bytes;
  std::uint32_t ip_bytes;
  std::uint32_t bits;  ///< layout in binning_rule.hpp
};
static_assert(sizeof(PackedPacket) == 16 && alignof(PackedPacket) == 16);

struct PacketBatch {
  std::int64_t base_k = 0;         ///< interval of offset 0
  std::uint32_t intervals = 0;     ///< every interval_offset is below this
  std::span<const PackedPacket> packets;
};

/// Adds batches to counters held on a device.
class PacketBatchCounter {
 public:
  virtual ~PacketBatchCounter() = default;
  /// Counts a batch; the packets may be reused when the call returns.
  virtual Status add(const PacketBatch& batch) = 0;
  /// Moves out what was counted since the last call: interval number to row.
  virtual Expected<std::map<std::int64_t, IntervalRow>> take() = 0;
};

/// The CPU's, for any number of batches; one thread at a time.
std::unique_ptr<PacketBatchCounter> make_batch_counter_cpu();

}  // namespace tidegauge
