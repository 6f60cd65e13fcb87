// What an interval holds beside its counters: packets and bytes per key, and sketches of its addresses.
//
// A key is (dimension, code): which of the chosen domains (protocol, port, prefix, ...) and which of its keys, as numbers
// that the one who counts hands out (ingest/sinks/key_plan.hpp) and names at the end. Rows are sparse: only keys that were
// seen are there, once each. A dimension that is counted by a table of bounded size says beside them how much a key may lack.
// Counts add, sketches merge by maximum, so rows combine in any order.
// Not thread-safe. Tested by tests/kernels/partial_series_test.cpp.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "kernels/sketch/hll.hpp"

namespace tidegauge {

struct CountedKey {
  std::uint32_t dimension = 0;
  std::uint64_t code = 0;
  friend auto operator<=>(const CountedKey&, const CountedKey&) = default;
};

struct KeyCount {
  std::uint32_t dimension = 0;
  std::uint64_t code = 0;
  std::uint64_t packets = 0, bytes = 0;
  friend bool operator==(const KeyCount&, const KeyCount&) = default;
};

struct KeyedRow {
  static constexpr std::size_t sources = 0, destinations = 1;
  std::vector<KeyCount> counts;   ///< ascending by dimension, then code
  std::array<Hll, 2> addresses;   ///< outermost IP: distinct sources, distinct destinations

  bool empty() const { return counts.empty() && addresses[sources].empty() && addresses[destinations].empty(); }
  KeyedRow& operator+=(KeyedRow&& other);
  friend bool operator==(const KeyedRow&, const KeyedRow&) = default;
};

/// Orders counts that came in any order and adds up those of one key.
void normalise(std::vector<KeyCount>& counts);

/// Interval number to keyed row.
using KeyedRows = std::map<std::int64_t, KeyedRow>;
void add_rows(KeyedRows& into, KeyedRows&& from);

}  // namespace tidegauge
