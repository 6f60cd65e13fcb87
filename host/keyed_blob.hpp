// The chunk blobs of a series file: what 4096 intervals hold of one key, or of one kind of sketch. The format is described
// in host/store_schema.sql, and is a function of the content alone. Blobs read are hostile until decoded.
// Thread safety: pure functions. Tested by tests/host/keyed_blob_test.cpp.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "kernels/sketch/hll.hpp"

namespace tidegauge {

inline constexpr std::int64_t chunk_intervals = 4096;

struct ChunkCount {
  std::uint32_t place = 0;  ///< interval in the chunk
  std::uint64_t packets = 0, bytes = 0;
  friend bool operator==(const ChunkCount&, const ChunkCount&) = default;
};
using ChunkCounts = std::vector<ChunkCount>;          ///< ascending by place, each once
using ChunkSketches = std::map<std::uint32_t, Hll>;   ///< by place

using Blob = std::vector<std::uint8_t>;
Blob encode_counts(const ChunkCounts& counts);
Blob encode_sketches(const ChunkSketches& sketches);
/// None for what encode_... cannot have written.
std::optional<ChunkCounts> decode_counts(std::span<const std::uint8_t> blob);
std::optional<ChunkSketches> decode_sketches(std::span<const std::uint8_t> blob);

/// Adds other counts of the same key and chunk.
void add_counts(ChunkCounts& into, const ChunkCounts& from);
void merge_sketches(ChunkSketches& into, ChunkSketches&& from);

}  // namespace tidegauge
