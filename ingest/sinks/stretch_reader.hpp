// Reads the packets of chosen intervals out of one capture, stretch by stretch of its time index: exactly those that
// were counted into these intervals. Stretches that hold none of them are not read.
// Cost: the walk of the stretches read. Memory: one stretch's wanted packets at a time. Not thread-safe.
// Tested by tests/ingest/extract_test.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ingest/formats/trace_index.hpp"
#include "ingest/sinks/packet_buffer.hpp"
#include "ingest/source/stretch_source.hpp"
#include "kernels/core/status.hpp"

namespace tidegauge {

/// Intervals first_k to last_k, both included.
struct IntervalRange {
  std::int64_t first_k = 0, last_k = 0;
  friend bool operator==(const IntervalRange&, const IntervalRange&) = default;
};

/// Ordered and disjoint.
std::vector<IntervalRange> united(std::vector<IntervalRange> ranges);

class StretchReader {
 public:
  /// @param index the capture's whole time index, in file order
  /// @param wanted ordered and disjoint
  StretchReader(std::string path, std::int64_t interval_ns, std::vector<IndexEntry> index,
                std::vector<IntervalRange> wanted, std::size_t block_bytes = std::size_t{256} << 10);

  /// Whether a stretch is left, and a time before which none of its wanted packets is.
  std::optional<std::int64_t> next_bound_ns() const;
  /// The wanted packets of the next stretch, in the capture's order; perhaps none.
  Expected<PacketBuffer> next();
  std::uint64_t input_bytes() const { return source_.input_done(); }
  bool from_beginning() const { return source_.from_beginning(); }
  const std::string& path() const { return path_; }

 private:
  /// The first wanted interval that a stretch may hold.
  std::optional<std::int64_t> first_wanted(const IndexEntry& stretch) const;
  bool wants(std::int64_t ts_ns) const;
  Status walk(const IndexEntry& stretch, bool last, PacketBuffer& out);
  void find_next();

  std::string path_;
  std::int64_t interval_ns_;
  std::vector<IndexEntry> index_;
  std::vector<IntervalRange> wanted_;
  std::size_t at_ = 0;  ///< the next stretch to read
  StretchSource source_;
};

}  // namespace tidegauge
