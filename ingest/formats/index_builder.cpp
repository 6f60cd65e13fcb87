#include "ingest/formats/index_builder.hpp"

#include <algorithm>
#include <memory>

namespace tidegauge {
namespace {
// A decompressor's state is some 32 KiB: a place each 64 MiB keeps the index below a thousandth of what it indexes.
constexpr std::uint64_t kStateSteps = 4;
}  // namespace

EntryPoint IndexBuilder::place_of(const ByteSource& source) const {
  auto place = source.checkpoint();
  if (!place) return open_.entry;
  place->stream_offset -= origin_;
  return *std::move(place);
}

void IndexBuilder::close(const StretchMark& mark) {
  if (mark.packets == 0) return;
  open_.first_k = mark.first_k;
  open_.last_k = mark.last_k;
  open_.packets = mark.packets;
  entries_.push_back(open_);
}

void IndexBuilder::begin_stretch(const StretchMark& mark, std::uint64_t offset, const ResumeView& head) {
  close(mark);
  due_ = offset + step_bytes_ * (place_->state.empty() ? 1 : kStateSteps);
  auto shared = std::move(open_.head);
  if (!shared || !shared->equals(head)) shared = std::make_shared<const ResumeHead>(head);
  open_ = IndexEntry{.stream_offset = offset, .entry = *std::exchange(place_, std::nullopt), .before = mark.next,
                     .head = std::move(shared), .times = mark.times};
}

void append_index(std::vector<IndexEntry>& index, std::vector<IndexEntry>&& next, std::uint64_t base) {
  bool first = true;
  for (IndexEntry& entry : next) {
    const bool goes_on = std::exchange(first, false) && !entry.before;
    if (goes_on && !index.empty()) {
      IndexEntry& last = index.back();
      last.first_k = std::min(last.first_k, entry.first_k);
      last.last_k = std::max(last.last_k, entry.last_k);
      last.packets += entry.packets;
      continue;
    }
    // Where all before it was empty, reading begins at the beginning.
    entry.stream_offset = goes_on ? 0 : entry.stream_offset + base;
    entry.entry.stream_offset = goes_on ? 0 : entry.entry.stream_offset + base;
    if (goes_on) entry.entry = {};
    index.push_back(std::move(entry));
  }
}

}  // namespace tidegauge
