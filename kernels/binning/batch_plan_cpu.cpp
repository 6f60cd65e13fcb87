#include <fmt/format.h>

#include <algorithm>

#include "kernels/binning/batch_plan.hpp"
#include "kernels/binning/keyed_kernel.hpp"
#include "kernels/core/contract.hpp"
#include "kernels/data/interval_columns.hpp"

namespace tidegauge::binning {

namespace {

/// A launch for less would cost more than counting does.
constexpr std::uint32_t least_packets = 1u << 12;

std::uint64_t column_bytes(const BatchShape& shape) {
  return 4 + 2 + std::uint64_t{4} * shape.dimensions + (shape.distinct ? 8 : 0);
}

/// Sketches make rows dear.
BatchShape with_few_rows(BatchShape shape) {
  if (shape.distinct) shape.rows = std::min(shape.rows, BatchShape::distinct_rows);
  return shape;
}

void halve(BatchShape& shape) {
  shape.packets /= 2;
  shape.runs = std::max(shape.runs / 2, 1u);
  shape.rows = std::max(shape.rows / 2, 1u);
}

}  // namespace

std::uint64_t device_bytes(const BatchShape& shape) {
  const std::uint64_t columns = column_bytes(shape);
  const std::uint64_t pairs = shape.dimensions == 0 ? 0 : 2 * 16 + std::uint64_t{16} * shape.dimensions;
  const std::uint64_t sketches = shape.distinct ? std::uint64_t{sketches_of_row} * sketch::registers * (4 + 1) : 0;
  return shape.packets * (columns + pairs) + shape.runs * sizeof(BatchRun) +
         shape.rows * (column_count * sizeof(std::uint64_t) + sketches);
}

std::uint64_t pinned_bytes(const BatchShape& shape) {
  const std::uint64_t keys_back = shape.dimensions == 0 ? 0 : 16;  // a pair a packet, should no two be equal
  const std::uint64_t sketches = shape.distinct ? std::uint64_t{sketches_of_row} * sketch::registers : 0;
  return shape.packets * (column_bytes(shape) + keys_back) + shape.runs * sizeof(BatchRun) +
         shape.rows * (column_count * sizeof(std::uint64_t) + sketches);
}

BatchShape plan_pinned(const BatchShape& wanted, std::size_t counters) {
  BatchShape shape = with_few_rows(wanted);
  while (shape.packets > least_packets && counters * batches_in_flight * pinned_bytes(shape) > most_pinned_bytes)
    halve(shape);
  return shape;
}

Expected<BatchShape> plan_batches(const BatchShape& wanted, std::uint64_t free_bytes, std::uint32_t sharing) {
  TG_REQUIRE(wanted.packets <= BatchShape::longest_batch && wanted.dimensions <= BatchShape::largest_dimensions,
             "a batch is within its limits");
  TG_REQUIRE(sharing > 0, "somebody counts");
  BatchShape shape = with_few_rows(wanted);
  const std::uint64_t share = free_bytes / 2 / sharing;
  while (batches_in_flight * device_bytes(shape) > share) {
    if (shape.packets <= least_packets)
      return Error{fmt::format("the device has {} MiB of memory left for {} counters, each of which needs {} MiB at least",
                               free_bytes >> 20, sharing, (2 * batches_in_flight * device_bytes(shape) >> 20) + 1),
                   "--device", "close what else uses the card, --threads with fewer, or --device cpu"};
    halve(shape);
  }
  return shape;
}

}  // namespace tidegauge::binning
