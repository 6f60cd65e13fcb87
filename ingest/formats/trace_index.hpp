// The time index of a capture: which stretches of its bytes hold which intervals, so that the packets of a label are
// found again without reading months of traces.
//
// A stretch runs from one record to another. It begins where whatever came before is decided: the walker stands at a
// record (or block), and the record before is certainly kept (PartialSeries::settled), so that a reader that starts
// there decides about every record of the stretch as the whole walk did. `head` is what the walker has to know of what
// lies before (resume_head.hpp).
// Cost: an entry each 16 MiB of stream (64 MiB where a decompressor's state is kept); nothing per packet.
// Tested by tests/ingest/extract_test.cpp.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "ingest/formats/resume_head.hpp"
#include "ingest/source/byte_source.hpp"

namespace tidegauge {

inline constexpr std::uint64_t index_step_default_bytes = std::uint64_t{16} << 20;

/// Times of the last two records before a place, kept or set aside; at least two were there, the last one is kept.
struct RecordsBefore {
  std::int64_t last_ns = 0, before_last_ns = 0;
  friend bool operator==(const RecordsBefore&, const RecordsBefore&) = default;
};

/// Where a line of a `.times` file begins (ingest/sinks/times_reader.hpp).
struct TimesPlace {
  std::uint64_t line = 0;    ///< lines before it
  std::uint64_t offset = 0;  ///< in the file's decompressed stream
  friend bool operator==(const TimesPlace&, const TimesPlace&) = default;
};

struct IndexEntry {
  std::int64_t first_k = 0, last_k = 0;  ///< its kept records lie in these intervals (not each of which needs to hold one)
  std::uint64_t packets = 0;             ///< records with a time that the walker hands over in it, kept or set aside
  std::uint64_t stream_offset = 0;       ///< where it begins in the decompressed stream; it ends where the next one begins
  EntryPoint entry{};                    ///< where reading can begin, at or before stream_offset
  std::optional<RecordsBefore> before{};  ///< none at the start of the capture
  std::shared_ptr<const ResumeHead> head{};  ///< none at the start of the capture
  TimesPlace times{};  ///< of its first record, in a capture whose times came from a `.times` file
};

/// Whether a walk can have made this index, which may come out of a file: places ascend, with room for the packets between
/// them, each can be reached from its entry, and all but the first know what lies before them.
bool is_sound(const std::vector<IndexEntry>& index);

/// What a sink that orders records says about those since its last mark.
struct StretchMark {
  std::int64_t first_k = 0, last_k = 0;
  std::uint64_t packets = 0;
  RecordsBefore next{};  ///< what the stretch that begins here has before it
  TimesPlace times{};    ///< where its times begin
};

}  // namespace tidegauge
