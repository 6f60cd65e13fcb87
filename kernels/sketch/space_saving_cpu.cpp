#include <algorithm>

#include "kernels/core/contract.hpp"
#include "kernels/core/random.hpp"  // mix64
#include "kernels/sketch/space_saving.hpp"

namespace tidegauge {

namespace {

/// Equal bytes: the lower place goes first, so that the answer depends on what was added alone.
constexpr auto later = [](const auto& a, const auto& b) {
  return a.bytes != b.bytes ? a.bytes > b.bytes : a.place > b.place;
};

constexpr std::size_t fewest_slots = 64;

}  // namespace

SpaceSaving::SpaceSaving(std::size_t capacity) : capacity_(capacity), slots_(fewest_slots, nothing) {
  TG_REQUIRE(capacity >= 1 && capacity < nothing, "a table holds a key at least");
}

std::size_t SpaceSaving::home(std::uint32_t space, std::uint64_t code) const {
  return (mix64(code) + space) & (slots_.size() - 1);
}

/// The slot of this key, or the free one where it belongs.
std::size_t SpaceSaving::find(std::uint32_t space, std::uint64_t code) const {
  std::size_t slot = home(space, code);
  while (slots_[slot] != nothing && (held_[slots_[slot]].code != code || held_[slots_[slot]].space != space))
    slot = (slot + 1) & (slots_.size() - 1);
  return slot;
}

void SpaceSaving::add(std::uint32_t space, std::uint64_t code, std::uint32_t bytes) {
  std::size_t slot = find(space, code);
  if (slots_[slot] == nothing) {
    std::uint32_t place = static_cast<std::uint32_t>(held_.size());
    if (held_.size() < capacity_) held_.emplace_back();
    else place = make_room();
    held_[place] = {.space = space, .code = code, .counted = {}, .before = missed_};
    if (held_.size() * 2 > slots_.size()) grow();
    slot = find(space, code);  // making room may have moved it
    slots_[slot] = place;
  }
  held_[slots_[slot]].counted += {1, bytes};
}

void SpaceSaving::grow() {
  slots_.assign(slots_.size() * 2, nothing);
  for (std::uint32_t place = 0; place + 1 < held_.size(); ++place)  // the last one has no slot yet
    slots_[find(held_[place].space, held_[place].code)] = place;
}

/// Empties a slot, and moves those that were pushed on by it back (Knuth, The Art of Computer Programming 3, 6.4 R).
void SpaceSaving::take_out(std::size_t slot) {
  const std::size_t mask = slots_.size() - 1;
  slots_[slot] = nothing;
  for (std::size_t next = (slot + 1) & mask; slots_[next] != nothing; next = (next + 1) & mask) {
    const Held& there = held_[slots_[next]];
    const std::size_t from_home = (next - home(there.space, there.code)) & mask;
    if (from_home < ((next - slot) & mask)) continue;
    slots_[slot] = slots_[next];
    slots_[next] = nothing;
    slot = next;
  }
}

/// The place of the key that may have had the fewest bytes, which goes.
std::uint32_t SpaceSaving::make_room() {
  if (heap_.empty()) {
    for (std::uint32_t place = 0; place < held_.size(); ++place) heap_.push_back({held_[place].most_bytes(), place});
    std::make_heap(heap_.begin(), heap_.end(), later);
  }
  while (true) {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    Floor& first = heap_.back();
    const Held& key = held_[first.place];
    const std::uint32_t place = first.place;
    const bool fewest = key.most_bytes() == first.bytes;
    if (fewest) {
      take_out(find(key.space, key.code));
      other_ += key.counted;
      const Counts most = key.counted + key.before;
      missed_ = {std::max(missed_.packets, most.packets), std::max(missed_.bytes, most.bytes)};
      first.bytes = missed_.bytes;  // what comes into its place has that much before its first packet
    } else {
      first.bytes = key.most_bytes();
    }
    std::push_heap(heap_.begin(), heap_.end(), later);
    if (fewest) return place;
  }
}

void SpaceSaving::clear() {
  for (const Held& key : held_) {
    // Any slot along the way of this key; those that lie between are of keys held as well.
    for (std::size_t slot = home(key.space, key.code); slots_[slot] != nothing; slot = (slot + 1) & (slots_.size() - 1))
      slots_[slot] = nothing;
  }
  held_.clear();
  heap_.clear();
  other_ = missed_ = {};
}

}  // namespace tidegauge
