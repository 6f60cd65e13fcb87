// Gives each record the time that a `.times` file holds for it (times_reader.hpp) before it goes to another
// sink.
//   TimedSink timed(counter, times);
//   auto walked = walk_capture(path, timed, options);
//   TG_TRY(timed.finish());
// Lines belong to records by their order alone. So a line too few or too many is an error, and so is a
// capture with damage, in which nobody can tell how many records are missing; and a time more than a second
// off the record's own, since that is the file of another capture. After the first of these nothing more is
// delivered. Cost: that of reading the line. Not thread-safe. Tested by tests/ingest/timed_sink_test.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "ingest/formats/index_builder.hpp"
#include "ingest/formats/packet_sink.hpp"
#include "ingest/sinks/times_reader.hpp"

namespace tidegauge {

template <PacketSink Inner>
class TimedSink {
 public:
  TimedSink(Inner& inner, TimesReader& times) : inner_(inner), times_(times) {}

  TG_INLINE void packet(const PacketView& packet) {
    ++records_;
    PacketView timed = packet;
    if (aligned_ && take_time(packet.ts_ns, timed.ts_ns)) inner_.packet(timed);
  }
  void refuse(Refusal why, std::uint64_t records, std::uint64_t bytes) {
    if (why == Refusal::damaged || why == Refusal::truncated) {
      aligned_ = false;
      broken_ += records;
    } else {
      records_ += records;
      std::int64_t unused;
      for (std::uint64_t i = 0; i < records && aligned_; ++i) aligned_ = times_.next(unused);
    }
    inner_.refuse(why, records, bytes);
  }
  void captured(std::uint64_t bytes) { tell_captured(inner_, bytes); }
  void lost(std::uint64_t packets) { inner_.lost(packets); }

  /// As the inner sink's, with the place in the `.times` file. None once records and lines are not aligned.
  std::optional<StretchMark> mark(bool at_end)
    requires MarkingSink<Inner>
  {
    auto mark = aligned_ ? inner_.mark(at_end) : std::nullopt;
    if (mark) mark->times = times_.place();
    return mark;
  }

  /// After the walk of a part of the capture: an error where a record had no line of its own.
  Status so_far() const;
  /// After the walk: an error where not every record had its line, and every line its record.
  Status finish();

 private:
  static constexpr std::int64_t kLargestDifference_ns = 1'000'000'000;

  bool take_time(std::int64_t own_ns, std::int64_t& ns) {
    aligned_ = times_.next(ns);
    if (!aligned_) return false;
    std::int64_t difference;
    if (!__builtin_sub_overflow(ns, own_ns, &difference) && difference >= -kLargestDifference_ns &&
        difference <= kLargestDifference_ns)
      return true;
    status_ = Error{"is more than a second off the time of its record", times_.here(),
                    "the .times file of this very capture, or leave it out"};
    return aligned_ = false;
  }

  Inner& inner_;
  TimesReader& times_;
  bool aligned_ = true;
  std::uint64_t records_ = 0, broken_ = 0;
  Status status_;
};

template <PacketSink Inner>
Status TimedSink<Inner>::so_far() const {
  if (!status_) return status_;
  if (!times_.status()) return times_.status();
  if (aligned_) return {};
  return Error{"its lines and the records of its capture do not match", times_.here(), "check that it is the file that was counted"};
}

template <PacketSink Inner>
Status TimedSink<Inner>::finish() {
  if (!status_) return status_;
  if (!times_.status()) return times_.status();
  const std::uint64_t taken = times_.line();
  auto rest = times_.skip_rest();
  if (!rest) return std::move(rest).error();
  if (aligned_ && *rest == 0 && broken_ == 0) return {};
  std::string what =
      "has " + std::to_string(taken + *rest) + " lines for " + std::to_string(records_) + " records";
  if (broken_ != 0)
    what += " and " + std::to_string(broken_) +
            " damaged or cut off, so that lines and records cannot be aligned";
  if (!times_.damage().empty()) what += " (" + times_.damage().words() + ")";
  return Error{what, times_.path(), "the .times file of this very capture, whole, or leave it out"};
}

}  // namespace tidegauge
