#include "ingest/formats/index_builder.hpp"

#include <algorithm>
#include <memory>

namespace tidegauge {
namespace {
// A decompressor's state is some 32 KiB: a place each 64 MiB keeps the index below a thousandth of what it indexes.
constexpr std::uint64_t kStateSteps = 4;
}  // namespace

void IndexBuilder::close(const StretchMark& mark) {
  if (mark.packets == 0) return;
  open_.first_k = mark.first_k;
  open_.last_k = mark.last_k;
  open_.packets = mark.packets;
  entries_.push_back(open_);
}

void IndexBuilder::begin_stretch(const StretchMark& mark, std::uint64_t offset, std::span<const std::uint8_t> head) {
  close(mark);
  due_ = offset + step_bytes_ * (place_->state.empty() ? 1 : kStateSteps);
  auto shared = std::move(open_.head);
  if (!shared || !std::ranges::equal(*shared, head))
    shared = std::make_shared<const std::vector<std::uint8_t>>(head.begin(), head.end());
  open_ = IndexEntry{.stream_offset = offset, .entry = *std::exchange(place_, std::nullopt), .before = mark.next,
                     .head = std::move(shared)};
}

}  // namespace tidegauge
