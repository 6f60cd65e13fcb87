// The memory of a batch's columns, whoever owns it: vectors, pinned memory with a copy on a device. How many elements
// each column has stands here and nowhere else.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/binning/packet_batch.hpp"
#include "kernels/core/status.hpp"

namespace tidegauge {

/// @tparam Column `Column<T>` has data()
template <template <class> class Column>
struct BatchColumns {
  Column<std::uint32_t> lengths, keys;
  Column<std::uint16_t> bits;
  Column<std::uint64_t> addresses;
  Column<BatchRun> runs;

  /// @param reserve `reserve(column, elements)`, a Status
  /// @return an empty batch over the columns
  template <class Reserve>
  Expected<PacketBatch> reserve(const BatchShape& shape, Reserve&& reserve) {
    TG_TRY(reserve(lengths, std::size_t{shape.packets}));
    TG_TRY(reserve(bits, std::size_t{shape.packets}));
    TG_TRY(reserve(keys, std::size_t{shape.dimensions} * shape.packets));
    TG_TRY(reserve(addresses, std::size_t{shape.distinct ? shape.packets : 0}));
    TG_TRY(reserve(runs, std::size_t{shape.runs}));
    PacketBatch batch;
    batch.room = shape;
    batch.lengths = lengths.data();
    batch.bits = bits.data();
    batch.keys = keys.data();
    batch.addresses = addresses.data();
    batch.runs = runs.data();
    return batch;
  }
};

}  // namespace tidegauge
