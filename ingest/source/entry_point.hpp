// Where reading of a capture's (decompressed) stream can begin.
// Tested by tests/ingest/byte_source_test.cpp.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ingest/source/byte_source.hpp"
#include "kernels/core/status.hpp"

namespace tidegauge {

struct EntryPoint {
  std::uint64_t stream_offset = 0;  ///< in the decompressed stream
  std::uint64_t input_offset = 0;   ///< in the file
  std::vector<std::uint8_t> state;  ///< of the decoder; empty where a member, frame or block begins
};

/// A source whose first byte is the entry's.
Expected<std::unique_ptr<ByteSource>> open_source_at(const std::string& path, const EntryPoint& at);

}  // namespace tidegauge
