// What a sink that orders records remembers for the time index: which intervals its stretch reaches since the last mark.
// Cost: nothing per packet; widen() where the interval changes. Tested by tests/ingest/extract_test.cpp.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>

#include "ingest/formats/trace_index.hpp"
#include "kernels/data/partial_series.hpp"

namespace tidegauge {

class StretchMarker {
 public:
  void widen(std::int64_t k) {
    low_k_ = std::min(low_k_, k);
    high_k_ = std::max(high_k_, k);
  }

  /// What came since the last mark (trace_index.hpp). None while the last record is undecided, unless `at_end`.
  /// @param packets handed over by the walker since the beginning
  std::optional<StretchMark> mark(const PartialSeries& partial, std::uint64_t packets, std::int64_t interval_ns, bool at_end) {
    if (!partial.settled() && !at_end) return std::nullopt;
    const StretchMark mark{.first_k = low_k_, .last_k = high_k_, .packets = packets - marked_,
                           .next = {partial.last_ns(), partial.before_last_ns()}};
    marked_ = packets;
    low_k_ = high_k_ = interval_of(partial.last_ns(), interval_ns);  // what follows in it does not enter it
    return mark;
  }

 private:
  std::int64_t low_k_ = std::numeric_limits<std::int64_t>::max();
  std::int64_t high_k_ = std::numeric_limits<std::int64_t>::min();
  std::uint64_t marked_ = 0;
};

}  // namespace tidegauge
