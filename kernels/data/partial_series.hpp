// The one combiner. A PartialSeries is what a stretch of one capture adds to a series: counters per interval, quality,
// the account of records, and the state at its two ends. merge() of adjacent stretches is associative; threads, device
// batches, shards, resume and live combine through it and nothing else.
//
// Problem: whether a record is absurd depends on its neighbours, whether it is late or backward on the last kept record
// before it, and where damage is booked on that record too; a stretch does not know what lies before and after it.
// Definitions, on the records of one capture in their order, far(a, b) = more than a day apart:
//   absurd    record i with far(i-1, i), far(i, i+1) and not far(i-1, i+1); the first with far(0, 1), far(0, 2) and not
//             far(1, 2), the last likewise; none in a capture of fewer than three. Set aside, not counted.
//   kept      every other record.
//   filtered  a kept record that was not asked for: refused by that name, it adds no counters.
//   backward  a kept record earlier than the kept record before it; late: in an earlier interval than that one.
//   booking   absurd, damaged, duplicates and lost belong to the interval of the kept record before them, to the first
//             kept one where there is none before.
// So absurdity is a matter of three neighbours: inside a stretch only its first and its last record can be undecided,
// and those only if they are far from the one neighbour that is known. Model of a stretch, in the order of its records:
//
//   marks_before | head | marks_after_head | first kept ... last kept | tail | marks_after_tail
//
// head and tail are the undecided records (kept whole, as the row that they would add), marks are bookings that wait
// for a kept record, the middle is decided but for the order of its first record. Everything else is in the rows.
// close() settles the two ends as the capture's ends; closed partials, of one capture or of many, add up.
//
// Cost: constant a merge besides adding rows. Memory: the rows, which take_rows() moves out at any time; rows of one
// interval add up over portions. Not thread-safe; one stretch a thread.
// Tested by tests/kernels/partial_series_test.cpp (any split equals no split; associativity; the naive whole-capture
// oracle tests/oracle/naive_order.hpp).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

#include "kernels/core/host_device.hpp"
#include "kernels/data/interval_columns.hpp"
#include "kernels/data/keyed_rows.hpp"

namespace tidegauge {

/// Why a record was not counted. Every record is counted or refused by name: read = counted + sum of refusals.
enum class Refusal : std::uint8_t {
  absurd_time,    ///< a day off both neighbours while those agree
  no_time,        ///< pcapng simple packet blocks carry no timestamp
  bad_interface,  ///< pcapng packet of an interface that was not described
  unknown_link,   ///< link type that is not decoded, in a file that has others
  damaged,        ///< record header or block that cannot be
  truncated,      ///< cut off by the end of the file
  duplicate,      ///< repeated record (--dedup)
  filtered,       ///< not asked for (--filter, --only); has its place in the order of records and in the span all the same
};
inline constexpr std::array<std::string_view, 8> refusal_names{
    "absurd_time", "no_time", "bad_interface", "unknown_link", "damaged", "truncated", "duplicate", "filtered"};

struct RecordAccount {
  std::uint64_t read = 0;     ///< records met, whole or not
  std::uint64_t counted = 0;  ///< records in the counters
  std::array<std::uint64_t, refusal_names.size()> refused{};
  std::uint64_t skipped_bytes = 0;   ///< bytes passed over while resynchronising or at a cut end
  std::uint64_t captured_bytes = 0;  ///< captured bytes of the records handed over, as stored
  std::uint64_t& operator[](Refusal why) { return refused[static_cast<std::size_t>(why)]; }
  std::uint64_t operator[](Refusal why) const { return refused[static_cast<std::size_t>(why)]; }
  RecordAccount& operator+=(const RecordAccount& other);
  bool adds_up() const;
  friend bool operator==(const RecordAccount&, const RecordAccount&) = default;
};

inline constexpr std::int64_t day_ns = 86'400'000'000'000;

/// More than a day apart; right for any two 64-bit times.
TG_HD TG_INLINE bool far_apart(std::int64_t a, std::int64_t b) {
  const auto ua = static_cast<std::uint64_t>(a), ub = static_cast<std::uint64_t>(b);
  return (a > b ? ua - ub : ub - ua) > static_cast<std::uint64_t>(day_ns);
}

/// Interval number to counters.
using IntervalRows = std::map<std::int64_t, IntervalRow>;
void add_rows(IntervalRows& into, IntervalRows&& from);

/// What one record adds to its interval if it is kept, without late and backward, which its place in the order decides.
/// A filtered record adds nothing else, but orders, spans and waits for its neighbours like any other.
struct RecordCounts {
  IntervalRow row;
  KeyedRow keyed{};
  bool filtered = false;
};

class PartialSeries {
 public:
  /// Bookings that belong to the kept record before them.
  struct Marks {
    std::uint64_t absurd = 0, damaged = 0, duplicates = 0, lost = 0;
    Marks& operator+=(const Marks& other);
    bool any() const { return (absurd | damaged | duplicates | lost) != 0; }
    friend bool operator==(const Marks&, const Marks&) = default;
  };

  explicit PartialSeries(std::int64_t interval_ns) : interval_ns_(interval_ns) {}

  // The open stretch grows at its end -----

  /// One record and what it adds to its interval if it is kept (without late and backward, which are decided here).
  void record(std::int64_t ts_ns, const IntervalRow& counts) { record(ts_ns, RecordCounts{.row = counts}); }
  void record(std::int64_t ts_ns, RecordCounts counts);
  /// Records refused and bytes passed over at this place.
  void refuse(Refusal why, std::uint64_t records, std::uint64_t bytes);
  /// Packets that the capture reports as lost at this place.
  void lost(std::uint64_t packets);
  void captured(std::uint64_t bytes) { account_.captured_bytes += bytes; }

  /// The last record is certainly kept, so that a record near it is too, and may be counted elsewhere (ordered_stretch
  /// in ingest/sinks does, at full speed) as long as continue_to() is told before anything else happens.
  bool settled() const { return records_ >= 2 && !tail_; }
  std::uint64_t records() const { return records_; }  ///< with a timestamp, in the stretch
  std::int64_t last_ns() const { return latest_[0]; }
  std::int64_t before_last_ns() const { return latest_[1]; }
  /// `records` kept ones were counted elsewhere since, the last two at before_last and last; `filtered` of them were.
  void continue_to(std::int64_t before_last_ns, std::int64_t last_ns, std::uint64_t records, std::uint64_t filtered = 0);
  /// The kept times include this one.
  void span(std::int64_t ts_ns);

  // Combining -----

  /// Appends the stretch that follows directly; both open.
  void merge(PartialSeries&& next);
  /// Settles both ends as the ends of a capture. Idempotent.
  void close();
  /// Adds another closed partial to this closed one.
  void add(PartialSeries&& other);

  // Results -----

  std::size_t rows_held() const { return rows_.size(); }
  const IntervalRows& rows() const { return rows_; }
  IntervalRows take_rows();
  /// Rows that were counted elsewhere for this stretch.
  void add_rows(IntervalRows&& rows) { tidegauge::add_rows(rows_, std::move(rows)); }
  /// The same for keyed rows, which are there only where keys or sketches were asked for.
  const KeyedRows& keyed_rows() const { return keyed_rows_; }
  KeyedRows take_keyed_rows();
  void add_rows(KeyedRows&& rows) { tidegauge::add_rows(keyed_rows_, std::move(rows)); }
  /// Adds up once closed.
  const RecordAccount& account() const { return account_; }
  /// Smallest and largest kept timestamp, once closed; none if nothing was kept.
  std::optional<std::int64_t> first_ns() const { return first_ns_; }
  std::optional<std::int64_t> last_kept_ns() const { return last_ns_; }
  /// What a capture without any kept record could book nowhere, once closed.
  const Marks& unplaced() const { return marks_before_; }

 private:
  struct Undecided {
    std::int64_t ts_ns;
    RecordCounts counts;
  };
  struct Kept {
    std::int64_t first_ns, last_ns;  ///< in the order of records, not of time
  };

  void keep(Undecided&& record);
  void set_aside();
  void follow(const Kept& next);
  void mark(const Marks& marks);
  void settle_last(const PartialSeries& next);
  void append_first(PartialSeries& next);
  void append_rest(PartialSeries& next);
  void close_head();
  void close_tail();
  void note_order(std::int64_t before_ns, std::int64_t ts_ns);
  void count_times(const PartialSeries& next);
  void widen(const PartialSeries& other);
  IntervalRow& row_of(std::int64_t ts_ns) { return rows_[interval_of(ts_ns, interval_ns_)]; }

  std::int64_t interval_ns_;
  bool closed_ = false;
  std::uint64_t records_ = 0;
  std::array<std::int64_t, 3> earliest_{};  ///< times of the first records, first one first
  std::array<std::int64_t, 3> latest_{};    ///< times of the last records, last one first
  Marks marks_before_, marks_after_head_, marks_after_tail_;
  std::optional<Undecided> head_, tail_;  ///< of a single record only the head
  std::optional<Kept> kept_;              ///< the decided middle; the order of its first record is not
  IntervalRows rows_;
  KeyedRows keyed_rows_;
  RecordAccount account_;
  std::optional<std::int64_t> first_ns_, last_ns_;
};

}  // namespace tidegauge
