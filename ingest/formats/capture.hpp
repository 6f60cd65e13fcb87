// Opens a capture, recognises compression and format by content, and walks it into a sink.
//   auto result = walk_capture("a.pcap.gz", sink, options);
// Files are read in blocks (a file that shrinks meanwhile is an error), gzip is inflated in blocks.
// Cost: one pass, memory bounded by blocks. Tested by tests/ingest/.
#pragma once

#include <string>

#include "ingest/formats/packet_sink.hpp"
#include "ingest/formats/walk_options.hpp"
#include "kernels/core/status.hpp"

namespace tidegauge {

/// Everything before damage is delivered; what cannot be read at all (no such file, no capture format, no
/// decoded link type) is an error.
template <PacketSink Sink>
Expected<WalkResult> walk_capture(const std::string& path, Sink& sink, const WalkOptions& options);

}  // namespace tidegauge

#include "ingest/formats/capture_walk.hpp"
