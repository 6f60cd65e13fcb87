// A batch of packets on its way to a device: columns in memory that the device copies from, written by a sink packet by
// packet (batch_writer.hpp) and counted as a whole (PacketBatchCounter in binning.hpp).
//
// What crosses the link is what the counters need and no more:
//   lengths    4 bytes a packet   wire length in the low half, IP length in the high half
//   bits       2 bytes a packet   kind, order and TCP flags (binning_rule.hpp)
//   keys       4 bytes a packet and dimension, where keys were asked for
//   addresses  8 bytes a packet, where distinct addresses were asked for: two entries of a HyperLogLog sketch
//   runs       8 bytes a run
// A packet's interval costs nothing: packets come in the order of time, nearly all in the interval of the packet before,
// so the batch says where a run of one interval begins and which row it adds to. So the default counters take 6 bytes a
// packet; an offset a packet would be four more. Lengths of 64 KiB and more do not fit: such packets (segments beyond
// what IPv4 can name) are counted where they are met. Rows are numbered as intervals occur, so memory follows the
// packets and not the time between them, whatever a clock does.
#pragma once

#include <cstdint>
#include <vector>

namespace tidegauge {

/// Packets of one interval: from `first` to the next run's first.
struct BatchRun {
  std::uint32_t first;
  std::uint32_t row;  ///< below PacketBatch::row_k.size()
};

/// What a batch has room for.
struct BatchShape {
  /// 3 MiB: at 55 GB/s, the most that a PCIe 5 link copies, 57 us, many times a launch. At most longest_batch.
  std::uint32_t packets = 1u << 19;
  std::uint32_t runs = 1u << 14;
  std::uint32_t rows = 1u << 12;     ///< intervals: 256 bytes each come back
  std::uint32_t dimensions = 0;      ///< columns of keys, at most largest_dimensions
  bool distinct = false;             ///< a column of addresses; 40 KiB a row on the device, 8 KiB come back

  static constexpr std::uint32_t longest_batch = (1u << 24) - 1, largest_dimensions = 16;
  /// Rows of a batch with sketches.
  static constexpr std::uint32_t distinct_rows = 512;
  friend bool operator==(const BatchShape&, const BatchShape&) = default;
};

/// Two Hll::Entry in a word: the source's low, the destination's high. 0 of a packet without addresses: rank 0 raises no
/// register.
constexpr std::uint64_t address_entries(std::uint32_t source, std::uint32_t destination) {
  return source | static_cast<std::uint64_t>(destination) << 32;
}

struct PacketBatch {
  BatchShape room;
  std::uint32_t* lengths = nullptr;    ///< [room.packets]
  std::uint16_t* bits = nullptr;       ///< [room.packets]
  std::uint32_t* keys = nullptr;       ///< [room.dimensions][room.packets]
  std::uint64_t* addresses = nullptr;  ///< [room.packets] if room.distinct
  BatchRun* runs = nullptr;            ///< [room.runs]; the first begins with packet 0

  std::uint32_t packets = 0, run_count = 0;  ///< filled
  std::vector<std::int64_t> row_k;           ///< interval number of each row; each interval has one row
  std::uint32_t key_bits[BatchShape::largest_dimensions] = {};  ///< all bits of the keys of a dimension, or-ed

  std::uint32_t* keys_of(std::uint32_t dimension) const { return keys + std::size_t{dimension} * room.packets; }
  void clear() {
    packets = run_count = 0;
    row_k.clear();
    for (std::uint32_t& bits_of_dimension : key_bits) bits_of_dimension = 0;
  }
};

}  // namespace tidegauge
