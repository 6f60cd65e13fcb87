// Binning: packets to counters per interval.
// Two ways in, one arithmetic (binning_rule.hpp): the CPU path counts each packet as it is decoded (IntervalCounter in
// interval_counter.hpp, inlined into the sink); other devices take batches of packets (PacketBatchCounter).
// Cost: 6 bytes a packet to a device, and what was asked for beside (packet_batch.hpp). Counters are exact integers, the
// same on every path.
// Tested by tests/kernels/binning_test.cpp against tests/oracle.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

#include "kernels/binning/packet_batch.hpp"
#include "kernels/core/status.hpp"
#include "kernels/data/header_facts.hpp"
#include "kernels/data/interval_columns.hpp"
#include "kernels/data/keyed_rows.hpp"

namespace tidegauge {

/// What a kept packet counts. The order-dependent quality bits (late, backward) are set by whoever knows the record order
/// of the capture; absurd records are never counted.
struct PackedPacket {
  std::uint32_t wire_bytes;
  std::uint32_t ip_bytes;
  std::uint32_t bits;  ///< layout in binning_rule.hpp
};

/// Rows by interval number. Keyed rows are there only where keys or sketches were asked for.
struct CountedRows {
  std::map<std::int64_t, IntervalRow> rows;
  KeyedRows keyed;
};

/// Counts batches on a device. The memory of the batches is its own, so that a packet is written once and copied by the
/// device; several are on their way at a time. One thread at a time, not always the same.
/// After an error it is of no further use, but its batch may still be written to.
class PacketBatchCounter {
 public:
  virtual ~PacketBatchCounter() = default;
  /// The batch to be filled; its room may be less than was asked for.
  virtual PacketBatch& batch() = 0;
  /// Starts counting what batch() holds, and makes it an empty one; waits where all are on their way.
  virtual Status submit() = 0;
  /// Moves out what was submitted since the last call; waits for it.
  virtual Expected<CountedRows> take() = 0;
  /// About how many bytes of keyed rows take() would move out now.
  virtual std::size_t keyed_bytes() const = 0;
};

/// The CPU's: the plain version that every other one equals, for any number of batches.
std::unique_ptr<PacketBatchCounter> make_batch_counter_cpu(const BatchShape& shape);

}  // namespace tidegauge
