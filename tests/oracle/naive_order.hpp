// Which records of a whole capture are kept, absurd, late or backward, and where everything is booked: the definitions of
// partial_series.hpp read off the complete list, with nothing incremental.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "kernels/data/interval_columns.hpp"
#include "kernels/data/partial_series.hpp"

namespace tidegauge::oracle {

/// One thing that a walker reports, in the order of the capture.
struct Event {
  enum class Kind { record, refusal, lost } kind = Kind::record;
  std::int64_t ts_ns = 0;
  IntervalRow counts{};
  std::vector<KeyCount> keys{};                          // of a record
  std::vector<std::uint64_t> source_hashes{}, destination_hashes{};
  bool filtered = false;
  Refusal why = Refusal::damaged;
  std::uint64_t number = 0, bytes = 0;
};

/// What an interval holds of keys and addresses, one map entry or set member each.
struct KeyedInterval {
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::pair<std::uint64_t, std::uint64_t>> counts;
  std::set<std::uint64_t> sources, destinations;
};

struct WholeCapture {
  std::map<std::int64_t, IntervalRow> rows;
  std::map<std::int64_t, KeyedInterval> keyed;
  RecordAccount account;
  std::optional<std::int64_t> first_ns, last_ns;
  std::uint64_t unplaced = 0;
};

inline bool far(std::int64_t a, std::int64_t b) {
  const auto wide = static_cast<long double>(a) - static_cast<long double>(b);
  return wide > 86'400e9L || wide < -86'400e9L;
}

/// Absurd or not, for each of the capture's times.
inline std::vector<bool> absurd_ones(const std::vector<std::int64_t>& t) {
  const std::size_t n = t.size();
  std::vector<bool> absurd(n, false);
  if (n < 3) return absurd;
  for (std::size_t i = 1; i + 1 < n; ++i)
    absurd[i] = far(t[i - 1], t[i]) && far(t[i], t[i + 1]) && !far(t[i - 1], t[i + 1]);
  absurd[0] = far(t[0], t[1]) && far(t[0], t[2]) && !far(t[1], t[2]);
  absurd[n - 1] = far(t[n - 1], t[n - 2]) && far(t[n - 1], t[n - 3]) && !far(t[n - 2], t[n - 3]);
  return absurd;
}

inline std::int64_t floor_interval(std::int64_t ts_ns, std::int64_t interval_ns) {
  std::int64_t k = ts_ns / interval_ns;
  if (k * interval_ns > ts_ns) --k;
  return k;
}

inline WholeCapture count_whole(const std::vector<Event>& events, std::int64_t interval_ns) {
  std::vector<std::int64_t> times;
  for (const Event& event : events)
    if (event.kind == Event::Kind::record) times.push_back(event.ts_ns);
  const std::vector<bool> absurd = absurd_ones(times);
  std::optional<std::int64_t> first_kept;
  for (std::size_t i = 0; i < times.size() && !first_kept; ++i)
    if (!absurd[i]) first_kept = times[i];

  WholeCapture whole;
  std::optional<std::int64_t> kept;  // the kept record before
  const auto book = [&](Column column, std::uint64_t number) {
    const auto where = kept ? kept : first_kept;
    if (where)
      whole.rows[floor_interval(*where, interval_ns)][column] += number;
    else
      whole.unplaced += number;
  };
  std::size_t next = 0;
  for (const Event& event : events) {
    if (event.kind == Event::Kind::lost) {
      book(Column::lost, event.number);
    } else if (event.kind == Event::Kind::refusal) {
      whole.account.read += event.number;
      whole.account[event.why] += event.number;
      whole.account.skipped_bytes += event.bytes;
      if (event.why == Refusal::damaged || event.why == Refusal::truncated) book(Column::damaged, 1);
      if (event.why == Refusal::duplicate) book(Column::duplicates, event.number);
    } else if (whole.account.read += 1; absurd[next++]) {
      whole.account[Refusal::absurd_time] += 1;
      book(Column::absurd, 1);
    } else {
      const std::int64_t k = floor_interval(event.ts_ns, interval_ns);
      IntervalRow& row = whole.rows[k];
      if (event.filtered) {
        whole.account[Refusal::filtered] += 1;
      } else {
        whole.account.counted += 1;
        row += event.counts;
        for (const KeyCount& key : event.keys) {
          auto& [packets, bytes] = whole.keyed[k].counts[{key.dimension, key.code}];
          packets += key.packets, bytes += key.bytes;
        }
        for (const auto hash : event.source_hashes) whole.keyed[k].sources.insert(hash);
        for (const auto hash : event.destination_hashes) whole.keyed[k].destinations.insert(hash);
      }
      if (kept && event.ts_ns < *kept) row[Column::backward] += 1;
      if (kept && floor_interval(event.ts_ns, interval_ns) < floor_interval(*kept, interval_ns))
        row[Column::late] += 1;
      kept = event.ts_ns;
      whole.first_ns = whole.first_ns ? std::min(*whole.first_ns, event.ts_ns) : event.ts_ns;
      whole.last_ns = whole.last_ns ? std::max(*whole.last_ns, event.ts_ns) : event.ts_ns;
    }
  }
  for (auto it = whole.rows.begin(); it != whole.rows.end();)
    it = it->second == IntervalRow{} ? whole.rows.erase(it) : ++it;
  return whole;
}

/// The same as rows, to compare.
inline KeyedRows keyed_rows(const WholeCapture& whole) {
  KeyedRows rows;
  for (const auto& [k, interval] : whole.keyed) {
    KeyedRow& row = rows[k];
    for (const auto& [key, sums] : interval.counts)
      row.counts.push_back({key.first, key.second, sums.first, sums.second});
    for (const auto hash : interval.sources) row.addresses[KeyedRow::sources].add(hash);
    for (const auto hash : interval.destinations) row.addresses[KeyedRow::destinations].add(hash);
  }
  std::erase_if(rows, [](const auto& item) { return item.second.empty(); });
  return rows;
}

}  // namespace tidegauge::oracle
