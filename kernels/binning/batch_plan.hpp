// The memory plan of a device's batches, made before the first one: too little memory makes smaller batches, and only what
// does not hold the smallest is an error. Tested by tests/kernels/batch_plan_test.cpp.
#pragma once

#include <cstdint>

#include "kernels/binning/packet_batch.hpp"
#include "kernels/core/status.hpp"

namespace tidegauge::binning {

/// Batches of a counter: while one is filled, one is copied and one is counted.
inline constexpr std::uint32_t batches_in_flight = 3;

/// Device memory of one batch and of what is counted from it, in bytes. What CUB wants for sorting is left to the share of
/// the memory that a plan does not touch.
std::uint64_t device_bytes(const BatchShape& shape);

/// Pinned memory of one batch, in bytes: its columns, and what comes back.
std::uint64_t pinned_bytes(const BatchShape& shape);

/// What all counters of a process pin together: pinned memory is the process's own, however many cards and threads there
/// are, and this is half of what `bin` may take.
inline constexpr std::uint64_t most_pinned_bytes = std::uint64_t{256} << 20;

/// The largest shape of at most `wanted` (or the smallest that pays) with which so many counters pin no more.
BatchShape plan_pinned(const BatchShape& wanted, std::size_t counters);

/// The largest shape of at most `wanted` of which batches_in_flight fit into half of a share of the free memory.
/// @param free_bytes of the device
/// @param sharing counters that take their memory from it, this one and those still to come
Expected<BatchShape> plan_batches(const BatchShape& wanted, std::uint64_t free_bytes, std::uint32_t sharing);

}  // namespace tidegauge::binning
