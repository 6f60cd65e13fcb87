// The keys with the most bytes, in a table of a fixed number of them.
//
// Problem: of prefixes or MAC addresses there may be millions, and a counter for each does not fit. Model: SpaceSaving
// (Metwally, Agrawal, El Abbadi, "Efficient computation of frequent and top-k elements in data streams", ICDT 2005),
// weighted by bytes. A key that comes into a full table takes the place of the one that may have had the fewest bytes,
// and that one's counts go to other(). So of each key held
//   counted  what came since it was taken up, exactly
//   before   the most that may have come earlier, and went to other(): what the last ones that had to go may have had
// and missed() is that bound for a key taken up next, which holds for every key, held or not:
//   counted <= true <= counted + missed(), counted = 0 where it is not held.
// Result: missed().bytes <= bytes added / capacity, so every key with more than that is held. Packets have the same
// bound by the same rule, but since bytes decide who goes it may be larger than a share of the packets. Counts, other()
// and missed() of two tables add up to those of both streams, so pieces of an interval, intervals and captures combine.
//
// Cost: a look-up a packet; where the key is new and the table full, a few steps in a heap whose entries are brought up
// to date when they come to its top (counts only grow). Memory: about 80 bytes a key held, only as they come.
// A function of the order of what is added. Not thread-safe. Tested by tests/kernels/space_saving_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tidegauge {

class SpaceSaving {
 public:
  struct Counts {
    std::uint64_t packets = 0, bytes = 0;
    Counts& operator+=(const Counts& more) { return packets += more.packets, bytes += more.bytes, *this; }
    friend Counts operator+(Counts a, const Counts& b) { return a += b; }
    friend bool operator==(const Counts&, const Counts&) = default;
  };
  struct Held {
    std::uint32_t space = 0;  ///< codes of one space are keys of one sort
    std::uint64_t code = 0;
    Counts counted{}, before{};
    std::uint64_t most_bytes() const { return counted.bytes + before.bytes; }
  };

  /// @param capacity keys held, at least 1
  explicit SpaceSaving(std::size_t capacity);

  /// One packet of this key.
  void add(std::uint32_t space, std::uint64_t code, std::uint32_t bytes);

  std::span<const Held> held() const { return held_; }  ///< in no order
  const Counts& other() const { return other_; }
  const Counts& missed() const { return missed_; }
  /// As new. Costs as much as it holds.
  void clear();

 private:
  struct Floor {  ///< in the heap: how many bytes this one had at least when it was looked at
    std::uint64_t bytes;
    std::uint32_t place;
  };
  static constexpr std::uint32_t nothing = 0xffffffff;

  std::size_t home(std::uint32_t space, std::uint64_t code) const;
  std::size_t find(std::uint32_t space, std::uint64_t code) const;
  void take_out(std::size_t slot);
  std::uint32_t make_room();
  void grow();

  std::size_t capacity_;
  std::vector<Held> held_;
  std::vector<std::uint32_t> slots_;  ///< open addressing: places in held_
  std::vector<Floor> heap_;           ///< smallest first; empty until the table is full
  Counts other_, missed_;
};

}  // namespace tidegauge
