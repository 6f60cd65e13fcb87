#include "ingest/sinks/merge_packets.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <tuple>
#include <utility>

namespace tidegauge {
namespace {

/// Where the merge stands in one capture: at a packet in memory, or before a stretch of which only a bound is known.
struct Cursor {
  std::int64_t ns;
  std::size_t capture;
  friend bool operator>(const Cursor& a, const Cursor& b) {
    return std::tie(a.ns, a.capture) > std::tie(b.ns, b.capture);
  }
};

struct Loaded {
  PacketBuffer packets;
  std::size_t at = 0;
  bool at_packet() const { return at < packets.size(); }
};

}  // namespace

Status merge_packets(std::vector<StretchReader>& captures, const std::function<Expected<bool>(const PacketView&)>& take) {
  std::vector<Loaded> loaded(captures.size());
  std::vector<Cursor> heap;  // the earliest on top
  const auto push = [&](std::size_t capture) {
    const Loaded& own = loaded[capture];
    const auto ns = own.at_packet() ? own.packets.ts_ns(own.at) : captures[capture].next_bound_ns();
    if (!ns) return;
    heap.push_back({*ns, capture});
    std::ranges::push_heap(heap, std::greater<>());
  };
  for (std::size_t capture = 0; capture < captures.size(); ++capture) push(capture);

  while (!heap.empty()) {
    std::ranges::pop_heap(heap, std::greater<>());
    const std::size_t capture = heap.back().capture;
    heap.pop_back();
    Loaded& own = loaded[capture];
    if (own.at_packet()) {
      auto more = take(own.packets[own.at]);
      if (!more) return std::move(more).error();
      if (!*more) return {};
      if (++own.at == own.packets.size()) own = {};
    } else {
      auto packets = captures[capture].next();
      if (!packets) return std::move(packets).error();
      own = {*std::move(packets), 0};
    }
    push(capture);
  }
  return {};
}

}  // namespace tidegauge
