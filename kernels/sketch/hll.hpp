// HyperLogLog: how many distinct addresses were seen, in at most 4 KiB.
//
// Merging takes the larger rank of each register, so a merge of sketches is exactly the sketch of the union, in any order
// and any number of times. The estimate is Ertl's improved raw estimator ("New cardinality estimation algorithms for
// HyperLogLog sketches", arXiv 1702.01284, algorithm 6): one formula from 0 to 2^64 without thresholds or tables. Its
// standard error is 1.04 / sqrt(4096) = 1.6 %, less where few registers are touched (below 1,000 nearly exact).
//
// A sketch holds its touched registers in a list while they are few and all of them later; which one, and encode(), are
// functions of the registers alone. Not thread-safe. Tested by tests/kernels/sketch_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kernels/sketch/hll_rule.hpp"

namespace tidegauge {

class Hll {
 public:
  /// A touched register: its number, and its rank in the low byte.
  using Entry = std::uint32_t;
  static constexpr Entry entry(std::uint32_t place, std::uint32_t rank) { return place << 8 | rank; }
  static constexpr std::uint32_t place_of(Entry e) { return e >> 8; }
  static constexpr std::uint32_t rank_of(Entry e) { return e & 0xff; }

  void add(std::uint64_t hash) { raise(sketch::register_of(hash), sketch::rank_of(hash)); }
  /// Sets a register to the larger of its rank and this one.
  void raise(std::uint32_t place, std::uint32_t rank);
  void merge(const Hll& other);

  bool empty() const { return list_.empty() && all_.empty(); }
  /// Estimate of how many distinct hashes were added; 0 for an empty sketch. Not rounded.
  double estimate() const;
  /// Touched registers in order.
  std::vector<Entry> entries() const;
  std::size_t bytes_held() const { return list_.capacity() * sizeof(Entry) + all_.capacity(); }

  /// The one encoding of these registers. Byte 0: 0 for a list (2 bytes of number of entries n, then n times register and
  /// rank, 3 bytes, little-endian, ascending), 1 for all 4096 ranks, a byte each.
  void encode(std::vector<std::uint8_t>& out) const;
  /// Takes one encoded sketch off the front of `bytes`; none if it is not one.
  static std::optional<Hll> decode(std::span<const std::uint8_t>& bytes);

  friend bool operator==(const Hll& a, const Hll& b) { return a.entries() == b.entries(); }

 private:
  /// From here on a list would take more than the registers themselves.
  static constexpr std::size_t longest_list = sketch::registers / sizeof(Entry);
  void use_all();
  std::vector<Entry> list_;        ///< ascending; empty once all_ is in use
  std::vector<std::uint8_t> all_;  ///< ranks of all registers
};

}  // namespace tidegauge
