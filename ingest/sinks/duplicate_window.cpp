#include "ingest/sinks/duplicate_window.hpp"

#include <xxhash.h>

namespace tidegauge {

bool DuplicateWindow::repeats(const PacketView& packet) {
  if (hashes_.empty()) return false;
  const std::uint64_t hash = XXH3_64bits(packet.bytes, packet.captured_bytes);
  const std::uint64_t sizes = std::uint64_t{packet.wire_bytes} << 32 | packet.captured_bytes;
  bool found = false;
  for (std::size_t i = 0; i < held_; ++i) found |= hashes_[i] == hash && sizes_[i] == sizes;
  hashes_[next_] = hash;
  sizes_[next_] = sizes;
  next_ = next_ + 1 == hashes_.size() ? 0 : next_ + 1;
  held_ += held_ < hashes_.size();
  return found;
}

}  // namespace tidegauge
