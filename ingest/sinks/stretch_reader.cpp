#include "ingest/sinks/stretch_reader.hpp"

#include <algorithm>
#include <limits>
#include <span>
#include <utility>

#include "ingest/formats/capture.hpp"
#include "ingest/sinks/kept_packets.hpp"

namespace tidegauge {
namespace {

/// Takes as many packets as the stretch has; what the walker meets beyond it belongs to the next one.
template <class Kept>
class StretchSink {
 public:
  StretchSink(std::uint64_t packets, Kept& kept, StretchSource& source) : left_(packets), kept_(kept), source_(source) {}
  TG_INLINE void packet(const PacketView& packet) {
    if (left_ == 0) return;
    kept_.packet(packet);
    if (--left_ == 0) source_.enough();
  }
  void refuse(Refusal, std::uint64_t, std::uint64_t) {}
  void lost(std::uint64_t) {}
  std::uint64_t left() const { return left_; }

 private:
  std::uint64_t left_;
  Kept& kept_;
  StretchSource& source_;
};

}  // namespace

std::vector<IntervalRange> united(std::vector<IntervalRange> ranges) {
  std::ranges::sort(ranges, {}, &IntervalRange::first_k);
  std::vector<IntervalRange> result;
  for (const IntervalRange& range : ranges) {
    if (range.last_k < range.first_k) continue;
    if (result.empty() || range.first_k > result.back().last_k) result.push_back(range);
    else result.back().last_k = std::max(result.back().last_k, range.last_k);
  }
  return result;
}

StretchReader::StretchReader(std::string path, std::int64_t interval_ns, std::vector<IndexEntry> index,
                             std::vector<IntervalRange> wanted, std::size_t block_bytes)
    : path_(std::move(path)), interval_ns_(interval_ns), index_(std::move(index)), wanted_(std::move(wanted)),
      source_(path_, block_bytes) {
  find_next();
}

std::optional<std::int64_t> StretchReader::first_wanted(const IndexEntry& stretch) const {
  const auto range = std::ranges::lower_bound(wanted_, stretch.first_k, {}, &IntervalRange::last_k);
  if (range == wanted_.end() || range->first_k > stretch.last_k) return std::nullopt;
  return std::max(range->first_k, stretch.first_k);
}

bool StretchReader::wants(std::int64_t ts_ns) const {
  const std::int64_t k = interval_of(ts_ns, interval_ns_);
  const auto range = std::ranges::lower_bound(wanted_, k, {}, &IntervalRange::last_k);
  return range != wanted_.end() && range->first_k <= k;
}

void StretchReader::find_next() {
  while (at_ < index_.size() && !first_wanted(index_[at_])) ++at_;
}

std::optional<std::int64_t> StretchReader::next_bound_ns() const {
  if (at_ == index_.size()) return std::nullopt;
  std::int64_t ns = 0;
  // The interval at the lower end of representable time begins before it.
  if (__builtin_mul_overflow(*first_wanted(index_[at_]), interval_ns_, &ns)) return std::numeric_limits<std::int64_t>::min();
  return ns;
}

Expected<PacketBuffer> StretchReader::next() {
  const bool last = at_ + 1 == index_.size();
  const IndexEntry& stretch = index_[at_];
  PacketBuffer packets;
  TG_TRY(source_.begin(stretch.entry, stretch.stream_offset,
                       stretch.head ? std::span<const std::uint8_t>(*stretch.head) : std::span<const std::uint8_t>(),
                       last ? std::numeric_limits<std::uint64_t>::max() : index_[at_ + 1].stream_offset));
  TG_TRY(walk(stretch, last, packets));
  ++at_;
  find_next();
  if (at_ == index_.size()) source_.close();
  return packets;
}

Status StretchReader::walk(const IndexEntry& stretch, bool last, PacketBuffer& out) {
  const auto take = [&](const PacketView& packet) {
    if (wants(packet.ts_ns)) out.add(packet);
  };
  KeptPackets kept(stretch.before, take);
  StretchSink sink(stretch.packets, kept, source_);
  auto walked = walk_source(path_, source_, sink, {.layout_by_magic = stretch.head != nullptr});
  if (!walked) return std::move(walked).error();
  if (sink.left() != 0)
    return Error{"has fewer packets from byte " + std::to_string(stretch.stream_offset) + " on than when it was counted",
                 path_, "check that it is the file that was counted"};
  if (last) kept.end();
  return {};
}

}  // namespace tidegauge
