// The ordering rules of PartialSeries at full speed: one stretch of a capture, packet by packet.
//
// A packet whose time is in [time of the packet before, end of the current interval) is kept, in order and in the
// current interval, because an interval is at most a day: two compares decide, and the tally counts it at once. All else
// (backward, another interval, a jump of more than a day, the first two records) is out of line, and what needs more than
// the packet before is left to PartialSeries.
//
// A Tally counts kept packets:
//   count_in_order(wire_bytes, facts)  hot: a packet of which the order needs no counting, into the interval entered
//   count(packet)           any packed packet, into the interval entered
//   enter(k)                a new interval
//   counted()               packets counted so far
//   take_portion(partial)   may move out the partial's rows and its own, to keep memory bounded; enter() follows before
//                           anything is counted
//
// Not thread-safe. Tested by tests/ingest/count_capture_test.cpp and tests/kernels/partial_series_test.cpp.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "ingest/formats/trace_index.hpp"
#include "ingest/sinks/stretch_marker.hpp"
#include "kernels/binning/binning_rule.hpp"
#include "kernels/binning/interval_counter.hpp"
#include "kernels/core/contract.hpp"
#include "kernels/core/host_device.hpp"
#include "kernels/data/partial_series.hpp"

namespace tidegauge {

template <class Tally>
class OrderedStretch {
 public:
  template <class... TallyArguments>
  explicit OrderedStretch(std::int64_t interval_ns, TallyArguments&&... tally)
      : interval_ns_(interval_ns), tally_(std::forward<TallyArguments>(tally)...), partial_(interval_ns) {
    TG_REQUIRE(interval_ns > 0 && interval_ns <= day_ns, "an interval is between 1 ns and a day");
  }
  OrderedStretch(const OrderedStretch&) = delete;
  OrderedStretch& operator=(const OrderedStretch&) = delete;

  /// The next packet if it is in order and in the current interval; false, with nothing done, if not.
  /// Plain values all the way down: what has an address, or is put together for a call, costs the hot loop too.
  TG_INLINE bool packet_in_order(std::int64_t ts_ns, std::uint32_t wire_bytes, PackedFacts facts) {
    if (ts_ns < last_ || ts_ns >= end_) [[unlikely]] return false;
    before_last_ = last_;
    last_ = ts_ns;
    tally_.count_in_order(wire_bytes, facts);
    return true;
  }
  /// Any next packet.
  void packet(std::int64_t ts_ns, std::uint32_t wire_bytes, PackedFacts facts) {
    if (!packet_in_order(ts_ns, wire_bytes, facts)) turn(ts_ns, wire_bytes, facts.ip_bytes, facts.bits());
  }

  void captured(std::uint64_t bytes) { partial_.captured(bytes); }
  TG_COLD void refuse(Refusal why, std::uint64_t records, std::uint64_t bytes) {
    report();
    partial_.refuse(why, records, bytes);
  }
  TG_COLD void lost(std::uint64_t packets) {
    report();
    partial_.lost(packets);
  }

  /// What came since the last mark (trace_index.hpp). None while the last record is undecided, unless `at_end`.
  TG_COLD std::optional<StretchMark> mark(bool at_end) {
    report();
    return marker_.mark(partial_, partial_.records(), interval_ns_, at_end);
  }

  Tally& tally() { return tally_; }

  /// The stretch, still open at both ends, without the rows that the tally holds. The end of this object's use.
  PartialSeries finish() {
    report();
    end_ = closed_window;
    return std::exchange(partial_, PartialSeries(interval_ns_));
  }

 private:
  static constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
  static constexpr std::int64_t closed_window = lowest;  ///< as end_: no packet is hot

  /// Whatever is not the next packet of the current interval.
  TG_COLD void turn(std::int64_t ts_ns, std::uint32_t wire_bytes, std::uint32_t ip_bytes,
                    std::uint32_t bits) {
    PackedPacket packet{wire_bytes, ip_bytes, bits};
    if (end_ == closed_window || far_apart(last_, ts_ns)) return decide(ts_ns, packet);
    partial_.span(last_);
    partial_.span(ts_ns);
    packet.bits |= (ts_ns < last_ ? binning::backward_bit : 0) | (ts_ns < begin_ ? binning::late_bit : 0);
    if (ts_ns < begin_ || ts_ns >= end_) enter(ts_ns);
    before_last_ = last_;
    last_ = ts_ns;
    tally_.count(packet);
  }

  /// A record that its neighbours decide.
  void decide(std::int64_t ts_ns, const PackedPacket& packet) {
    report();
    IntervalRow counts;
    count_packet(counts, packet);
    partial_.record(ts_ns, counts);
    end_ = closed_window;
    marker_.widen(interval_of(ts_ns, interval_ns_));  // also for a record that will be set aside: it may be kept
    if (!partial_.settled()) return tally_.take_portion(partial_);
    last_ = ts_ns;
    enter(ts_ns);
  }

  void enter(std::int64_t ts_ns) {
    const std::int64_t k = interval_of(ts_ns, interval_ns_);
    // Intervals at the two ends of representable time are cut off there; the last nanosecond takes the slow path.
    if (__builtin_mul_overflow(k, interval_ns_, &begin_)) begin_ = lowest;
    if (__builtin_mul_overflow(k + 1, interval_ns_, &end_)) end_ = std::numeric_limits<std::int64_t>::max();
    tally_.take_portion(partial_);
    tally_.enter(k);
    marker_.widen(k);
  }

  /// Tells the partial what was counted past it.
  void report() {
    const std::uint64_t records = tally_.counted() - reported_;
    reported_ += records;
    if (records == 0) return;
    partial_.continue_to(before_last_, last_, records);
    partial_.span(last_);
  }

  std::int64_t last_ = lowest, end_ = closed_window;  ///< the window in which a packet needs no second look
  std::int64_t before_last_ = lowest, begin_ = lowest;
  std::int64_t interval_ns_;
  std::uint64_t reported_ = 0;
  StretchMarker marker_;
  Tally tally_;
  PartialSeries partial_;
};

}  // namespace tidegauge
