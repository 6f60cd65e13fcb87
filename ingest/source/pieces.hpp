// Where a file can be cut so that several threads read it. Tested by tests/ingest/split_walk_test.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/core/status.hpp"

namespace tidegauge {

/// How much smaller captures get, roughly: pieces of compressed files are that much shorter.
inline constexpr std::uint64_t kUsualCompression = 4;

/// Input offsets, ascending, the first 0, at which reading can begin by itself, about `piece_bytes` apart (0: so that
/// threads end together, but a piece is worth its beginning: 1/64 of the file from 4 to 32 MiB); the beginning alone for
/// what cannot be split. Those of gzip members are guesses where stop_before() has to prove them.
/// @param compressed_too whether to look for members and frames; of gzip that is not BGZF that is a search through the whole
///   file, 2 % of inflating it once it is in the page cache
Expected<std::vector<std::uint64_t>> find_pieces(const std::string& path, std::uint64_t piece_bytes, bool compressed_too);

}  // namespace tidegauge
