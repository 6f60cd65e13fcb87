// Places where reading of a capture can begin other than its first byte.
//
// Two uses: going on where an earlier run stopped (or fetching the packets of a label) without inflating all
// that lies before, and giving the parts of one compressed file to several threads.
// Tested by tests/ingest/entry_point_test.cpp.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernels/core/status.hpp"

namespace tidegauge {

class ByteSource;

/// Where reading of a (decompressed) stream can begin.
struct EntryPoint {
  std::uint64_t stream_offset = 0;  ///< in the decompressed stream; whoever does not know it keeps count himself
  std::uint64_t input_offset = 0;   ///< byte of the file where it lies
  std::vector<std::uint8_t> state;  ///< decoder state to begin with; empty where a member, frame or block begins
};

/// A source whose first byte is `at`'s. Errors in words: a state of another ISA-L or a damaged one, an offset
/// where no member begins, a pipe. The caller can then begin at the beginning. The state may come from
/// anywhere: it is checked before it is used.
Expected<std::unique_ptr<ByteSource>> open_source_at(const std::string& path, const EntryPoint& at);

/// Offsets in a compressed file where decoding can begin independently.
struct MemberStarts {
  std::vector<std::uint64_t> input_offsets;  ///< ascending, begins with 0
  bool exact = true;  ///< otherwise they were searched for: bytes in the middle of a member can look like its start
};

/// BGZF blocks and zstd frames are found by hopping from header to header, a small read each; members of other
/// gzip files by searching for their headers, which reads the compressed file once (about the rate of the
/// memory, or of the disk). Of other formats only the beginning is given. Starts lie at least `spacing_bytes`
/// apart.
Expected<MemberStarts> find_member_starts(const std::string& path, std::uint64_t spacing_bytes);

}  // namespace tidegauge
