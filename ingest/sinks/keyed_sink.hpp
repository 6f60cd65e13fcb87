// The sink for everything that is asked for beyond the default counters: filters, duplicates, keys, distinct addresses,
// tunnels left alone. One sink with options of the run, so that formats, tunnels, filters and keys never multiply;
// CountSink stays the fast one.
//
// What becomes of a record, in this order:
//   duplicate  equal to one of the records before it (--dedup): refused by that name and booked in the `duplicates` column
//              like every refusal; it takes no part in the order of records or in the span, and counts nothing
//   filtered   not asked for (--filter and --only, both where both are given): refused by that name, counts nothing, but
//              has its place in the order and in the span. Coverage, late, backward and absurd speak of the capture, and
//              zero in a covered interval means that nothing matched.
//   counted    in every column, under one key of every dimension, its addresses in the sketches
// Absurd records are set aside by PartialSeries, whatever they were asked for; order and closing are its rules, too.
//
// Cost: tens of nanoseconds a packet, by what is asked for. Memory: rows are handed over once they fill the portions.
// Not thread-safe; one sink a stretch, and one for a whole capture where KeyedOptions::serial().
// Tested by tests/ingest/keyed_sink_test.cpp against tests/oracle/naive_keys.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "ingest/formats/packet_sink.hpp"
#include "ingest/sinks/duplicate_window.hpp"
#include "ingest/sinks/key_plan.hpp"
#include "ingest/sinks/keyed_counts.hpp"
#include "ingest/sinks/keyed_options.hpp"
#include "ingest/sinks/packet_selection.hpp"
#include "ingest/sinks/row_portions.hpp"
#include "ingest/sinks/stretch_marker.hpp"
#include "kernels/core/contract.hpp"

namespace tidegauge {

/// @tparam Counts where it is counted (keyed_counts.hpp)
template <class Counts>
class BasicKeyedSink {
 public:
  /// @param path of the capture; its name may say the direction
  /// @param counts what Counts is made of beside the options and the portions
  template <class... CountsArguments>
  BasicKeyedSink(std::int64_t interval_ns, const KeyedOptions& options, const std::string& path, RowPortions& portions,
                 CountsArguments&&... counts)
      : interval_ns_(interval_ns),
        plan_(options, path),
        outer_(options.outer),
        distinct_(options.distinct),
        selection_(options),
        window_(options.dedup),
        counts_(options, portions, std::forward<CountsArguments>(counts)...),
        partial_(interval_ns),
        portions_(portions) {
    TG_REQUIRE(interval_ns > 0 && interval_ns <= day_ns, "an interval is between 1 ns and a day");
  }

  TG_INLINE void packet(const PacketView& packet) { take(packet); }
  void refuse(Refusal why, std::uint64_t records, std::uint64_t bytes);
  void captured(std::uint64_t bytes) { partial_.captured(bytes); }
  void lost(std::uint64_t packets);

  /// The stretch with all rows not handed over yet, open at both ends. The end of this sink's use.
  PartialSeries finish();
  /// For the time index: what came since the last mark.
  std::optional<StretchMark> mark(bool at_end);

 private:
  struct Examined : KeyedPacket {
    bool matches = true;
  };

  void take(const PacketView& packet);
  Examined examine(const PacketView& packet);
  void keep(std::int64_t ts_ns, Examined& record);
  void decide(std::int64_t ts_ns, const Examined& record);
  RecordCounts counts_of(const Examined& record) const;
  void enter(std::int64_t ts_ns);
  void take_portion();
  void report();

  std::int64_t interval_ns_;
  KeyPlan plan_;
  bool outer_, distinct_;
  PacketSelection selection_;
  DuplicateWindow window_;

  Counts counts_;
  PartialSeries partial_;
  RowPortions& portions_;
  StretchMarker marker_;
  std::uint64_t handed_ = 0;  ///< packets by the walker
  std::size_t decided_bytes_ = 0;  ///< at most so much of keyed rows is the partial's

  // As in OrderedStretch: a record near a kept one is kept, and is counted past the partial until report().
  bool settled_ = false;
  std::int64_t begin_ = 0, end_ = 0, k_ = 0;  ///< the current interval
  std::int64_t before_last_ = 0, last_ = 0;
  std::uint64_t unreported_ = 0, unreported_filtered_ = 0;
};
extern template class BasicKeyedSink<CoreCounts>;
extern template class BasicKeyedSink<BatchCounts>;

using KeyedSink = BasicKeyedSink<CoreCounts>;
/// Made of a CounterPool beside the rest.
using KeyedPackSink = BasicKeyedSink<BatchCounts>;
static_assert(PacketSink<KeyedSink> && PacketSink<KeyedPackSink>);

}  // namespace tidegauge
