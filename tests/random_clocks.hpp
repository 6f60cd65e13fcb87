// Capture clocks as they occur and as they should not: steady, jumping, alternating, garbage; with damage and losses
// between the records.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/core/random.hpp"
#include "tests/oracle/naive_order.hpp"

namespace tidegauge::test {

inline std::int64_t random_time(RandomStream& random, std::uint64_t model, std::int64_t before) {
  constexpr std::int64_t second = 1'000'000'000, day = 86'400 * second, start = 1'700'000'000 * second;
  const auto small = [&](std::int64_t bound) {
    return static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(bound)));
  };
  switch (model) {
    case 0: return before + small(2 * second);           // steady
    case 1: return before + small(3 * second) - second;  // jitter, backward and late
    case 2:
      return random.below(8) ? before + small(second) : before + day + small(2);  // just at and over a day
    case 3: return random.below(2) ? start + small(second) : start + 9 * day + small(second);  // two clocks
    case 4:
      return random.below(6) ? before + small(second)
                             : static_cast<std::int64_t>(random());  // garbage now and then
    case 5: return static_cast<std::int64_t>(random());              // nothing but garbage
    case 6: return start + small(3) * 2 * day + small(5) * second;   // three clocks
    default: return random.below(20) ? before + small(second) : start - small(4 * day);  // resets
  }
}

/// @param n records; markers come on top
inline std::vector<oracle::Event> random_events(RandomStream& random, std::uint64_t model, std::size_t n) {
  using Kind = oracle::Event::Kind;
  std::vector<oracle::Event> events;
  std::int64_t ts = 1'700'000'000'000'000'000;
  const auto markers = [&] {
    while (random.below(5) == 0) {
      const Refusal refusals[] = {Refusal::damaged, Refusal::truncated, Refusal::duplicate, Refusal::no_time};
      oracle::Event marker;
      marker.kind = random.below(2) ? Kind::refusal : Kind::lost;
      marker.why = refusals[random.below(4)];
      marker.number = random.below(3);
      marker.bytes = random.below(100);
      events.push_back(marker);
    }
  };
  for (std::size_t i = 0; i < n; ++i) {
    markers();
    ts = random_time(random, model, ts);
    oracle::Event record;
    record.ts_ns = ts;
    record.counts[Column::packets] = 1;
    record.counts[Column::bytes] = random.below(1500);
    record.filtered = random.below(4) == 0;
    for (std::uint32_t dimension = 0; dimension < 3; ++dimension)
      if (random.below(4) != 0)
        record.keys.push_back({dimension, static_cast<std::uint32_t>(random.below(5)), 1, record.counts[Column::bytes]});
    if (random.below(2)) record.source_hashes.push_back(mix64(random.below(9)));
    if (random.below(2)) record.destination_hashes.push_back(mix64(random.below(9)));
    events.push_back(record);
  }
  markers();
  return events;
}
inline constexpr std::uint64_t clock_models = 8;

}  // namespace tidegauge::test
