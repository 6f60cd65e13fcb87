// How a walker passes over damage: every offset is tried until one is a good place to go on, and what was passed over
// is refused as one damaged stretch, counted as one record, because how many it held cannot be known. The same search,
// in silence, finds where a walk that starts in the middle of a file can begin.
// Cost: one look at every byte passed over. Tested by tests/ingest/pcap_test.cpp, pcapng_test.cpp, split_walk_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "ingest/formats/damage_log.hpp"
#include "ingest/formats/packet_sink.hpp"

namespace tidegauge {

/// The bytes that a walker looks at, and where in the stream they lie.
struct WalkWindow {
  const std::uint8_t *begin, *end;
  std::uint64_t offset;  ///< of `begin`
  bool final;            ///< nothing comes after `end`

  std::uint64_t offset_of(const std::uint8_t* p) const { return offset + static_cast<std::uint64_t>(p - begin); }
  std::size_t rest(const std::uint8_t* p) const { return static_cast<std::size_t>(end - p); }
  /// The first byte at or after stream offset `stop`, at most the end.
  const std::uint8_t* at(std::uint64_t stop) const {
    if (stop <= offset) return begin;
    return stop - offset < rest(begin) ? begin + (stop - offset) : end;
  }
};

/// Where a walker wants to go on, and whether it can with the bytes that it has.
struct WalkStep {
  const std::uint8_t* next;
  bool go_on;
};

/// Whether a place holds what it should.
enum class Verdict { yes, no, need_more };

template <PacketSink Sink>
class Resynchroniser {
 public:
  Resynchroniser(Sink& sink, DamageLog& log) : sink_(sink), log_(log) {}

  bool scanning() const { return mode_ != Mode::idle; }
  /// Looks for a place to begin; what lies before it is another's.
  void search() { mode_ = Mode::searching; }
  /// The stream offset that search() led to.
  std::optional<std::uint64_t> found() const { return found_; }

  /// What lies at `offset` is damage. False if the log stops the walk.
  bool begin(std::uint64_t offset, const char* why) {
    if (!log_.begin_stretch(offset, why)) return false;
    offset_ = offset;
    mode_ = Mode::damaged;
    return true;
  }

  /// Tries every offset from `p` on that leaves `least_bytes`; `good(p)` gives the Verdict.
  template <class Good>
  WalkStep scan(const WalkWindow& window, const std::uint8_t* p, std::size_t least_bytes, const Good& good) {
    for (; window.rest(p) >= least_bytes; ++p) {
      const Verdict verdict = good(p);
      if (verdict == Verdict::need_more) return {p, false};
      if (verdict == Verdict::yes) return arrive(window, p, true);
    }
    return window.final ? arrive(window, window.end, false) : WalkStep{p, false};
  }

 private:
  enum class Mode { idle, searching, damaged };

  WalkStep arrive(const WalkWindow& window, const std::uint8_t* p, bool good) {
    const std::uint64_t offset = window.offset_of(p);
    if (mode_ == Mode::damaged) {
      log_.end_stretch(offset - offset_);
      sink_.refuse(Refusal::damaged, 1, offset - offset_);
    } else if (good) {
      found_ = offset;
    }
    mode_ = Mode::idle;
    return {p, good};
  }

  Sink& sink_;
  DamageLog& log_;
  Mode mode_ = Mode::idle;
  std::uint64_t offset_ = 0;  ///< where the damage begins
  std::optional<std::uint64_t> found_;
};

}  // namespace tidegauge
