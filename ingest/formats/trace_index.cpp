#include "ingest/formats/trace_index.hpp"

#include <cstddef>

namespace tidegauge {

bool is_sound(const std::vector<IndexEntry>& index) {
  for (std::size_t i = 0; i < index.size(); ++i) {
    const IndexEntry& entry = index[i];
    if (entry.first_k > entry.last_k || entry.packets == 0 || entry.entry.stream_offset > entry.stream_offset) return false;
    if (entry.before.has_value() != (i != 0) || (entry.head != nullptr) != (i != 0)) return false;
    if (i == 0) continue;
    const IndexEntry& before = index[i - 1];
    if (entry.stream_offset <= before.stream_offset || entry.times.offset < before.times.offset) return false;
    if (before.packets > entry.stream_offset - before.stream_offset) return false;  // a record has bytes
  }
  return true;
}

}  // namespace tidegauge
