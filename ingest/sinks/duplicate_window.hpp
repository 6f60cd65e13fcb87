// `--dedup N`: whether one of the N records before was the same packet.
//
// Same: equal captured bytes (by XXH3-64), wire length and captured length; times do not matter, nor does the interface.
// The window holds the last N records read, repeated ones and filtered ones too, so a packet that comes three times in a
// row counts once. Refused records are not in it. What is a duplicate is a function of one capture's record order.
// Cost: a hash over the captured bytes and N compares a packet. Not thread-safe.
// Tested by tests/ingest/keyed_sink_test.cpp.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/data/packet_view.hpp"

namespace tidegauge {

class DuplicateWindow {
 public:
  explicit DuplicateWindow(std::size_t records) : hashes_(records), sizes_(records) {}

  /// Takes the packet into the window; true if it was there.
  bool repeats(const PacketView& packet);

 private:
  std::vector<std::uint64_t> hashes_, sizes_;  ///< two arrays: the compares run over one of them alone
  std::size_t held_ = 0, next_ = 0;
};

}  // namespace tidegauge
