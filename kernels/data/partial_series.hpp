// The one combiner. A PartialSeries is what a stretch of one capture adds to a series: counters per interval, quality,
// the account of records, and the state at its two ends. merge(a, b) is associative; threads, device batches, shards,
// resume and live combine through it and nothing else.
//
// A stretch starts open at both ends: whether its first and last records are absurd or backward depends on records it
// has not seen. merge(a, b) of adjacent stretches (b directly after a) settles them; close() settles the ends as the
// capture's ends. Closed partials of different captures merge by addition.
// Tested by tests/kernels/partial_series_test.cpp (any split equals no split; associativity).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "kernels/data/interval_columns.hpp"

namespace tidegauge {

/// Why a record was not counted. Every record is counted or refused by name: read = counted + sum of refusals.
enum class Refusal : std::uint8_t {
  absurd_time,      ///< a day off both neighbours while those agree
  no_time,          ///< pcapng simple packet blocks carry no timestamp
  bad_interface,    ///< pcapng packet of an interface that was not described
  unknown_link,     ///< link type that is not decoded, in a file that has others
  damaged,          ///< record header or block that cannot be
  truncated,        ///< cut off by the end of the file
  duplicate,        ///< repeated record (--dedup)
};
inline constexpr std::array<std::string_view, 7> refusal_names{"absurd_time", "no_time",   "bad_interface", "unknown_link",
                                                               "damaged",     "truncated", "duplicate"};

struct RecordAccount {
  std::uint64_t read = 0;     ///< records met, whole or not
  std::uint64_t counted = 0;  ///< records in the counters
  std::array<std::uint64_t, refusal_names.size()> refused{};
  std::uint64_t skipped_bytes = 0;   ///< bytes passed over while resynchronising or at a cut end
  std::uint64_t captured_bytes = 0;  ///< captured bytes of the records read
  RecordAccount& operator+=(const RecordAccount& other);
  bool adds_up() const;
  friend bool operator==(const RecordAccount&, const RecordAccount&) = default;
};

}  // namespace tidegauge
