// Opens a capture, recognises compression and format by content, and walks it into a sink.
//   auto result = walk_capture("a.pcap.gz", sink, options);
// Raw files are mapped (a file that shrinks while mapped is an error, not a signal), gzip is inflated in blocks.
// Cost: one pass, memory bounded by blocks. Tested by tests/ingest/.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "ingest/formats/packet_sink.hpp"
#include "kernels/core/status.hpp"

namespace tidegauge {

struct WalkOptions {
  bool strict = false;  ///< damage is an error (ErrorKind::damage) instead of resynchronising
  /// Called about every 16 MiB of input and at the end: input bytes done, input bytes in all.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;
};

struct WalkResult {
  std::string format;            ///< "pcap", "pcapng"; with " in gzip" where compressed
  std::uint64_t input_bytes = 0; ///< bytes of the file
  std::string damage;            ///< words about damage met and passed over; empty if none
};

/// Everything before damage is delivered; what cannot be read at all (no such file, no capture format, no decoded link
/// type) is an error.
template <PacketSink Sink>
Expected<WalkResult> walk_capture(const std::string& path, Sink& sink, const WalkOptions& options);

}  // namespace tidegauge

#include "ingest/formats/capture_walk.hpp"
