// A place at which the reading of a capture can begin, other than its start. Tested by tests/ingest/extract_test.cpp.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ingest/source/byte_source.hpp"

namespace tidegauge {

/// Opens `path` so that the next byte read is the one at `entry.stream_offset` of the (decompressed) stream.
Expected<std::unique_ptr<ByteSource>> open_source_at(const std::string& path, const EntryPoint& entry);

}  // namespace tidegauge
