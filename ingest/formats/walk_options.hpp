// What is asked of a walk over a capture, and what it says about itself. Tested by
// tests/ingest/capture_test.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace tidegauge {

class IndexBuilder;
struct ResumeHead;

struct WalkOptions {
  bool strict = false;  ///< damage is an error (ErrorKind::damage) instead of resynchronising
  /// Called about every 16 MiB of input and at the end: input bytes done, input bytes in all.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress{};
  /// Of a stretch in the middle of a file, whose stream begins with the head's bytes: what is known already, whatever the
  /// first records look like.
  const ResumeHead* resume = nullptr;
  IndexBuilder* index = nullptr;  ///< writes down which bytes hold which intervals, where the sink can say
};

/// Where the time of a walk went, in seconds of its threads.
struct StageSeconds {
  double read = 0;     ///< the file's bytes from the operating system
  double inflate = 0;  ///< decompressing them
  double walk = 0;     ///< records found, decoded and counted
  StageSeconds& operator+=(const StageSeconds& other) {
    read += other.read;
    inflate += other.inflate;
    walk += other.walk;
    return *this;
  }
};

struct WalkResult {
  std::string format;             ///< "pcap", "pcapng", "erf"; with " in gzip" where compressed
  std::uint64_t input_bytes = 0;  ///< bytes of the file
  std::string damage;             ///< words about damage met and passed over; empty if none
  StageSeconds seconds{};
};

}  // namespace tidegauge
