#include "ingest/sinks/stretch_reader.hpp"

#include <algorithm>
#include <limits>
#include <span>
#include <utility>

#include "ingest/formats/capture.hpp"
#include "ingest/sinks/kept_packets.hpp"
#include "ingest/sinks/timed_sink.hpp"

namespace tidegauge {
namespace {

/// Passes on as many packets as the stretch has; what the walker meets beyond it belongs to the next one.
template <PacketSink Inner>
class StretchSink {
 public:
  StretchSink(std::uint64_t packets, Inner& inner, StretchSource& source) : left_(packets), inner_(inner), source_(source) {}
  TG_INLINE void packet(const PacketView& packet) {
    if (left_ == 0) return;
    inner_.packet(packet);
    if (--left_ == 0) source_.enough();
  }
  void refuse(Refusal why, std::uint64_t records, std::uint64_t bytes) {
    if (left_ != 0) inner_.refuse(why, records, bytes);
  }
  void lost(std::uint64_t) {}
  std::uint64_t left() const { return left_; }

 private:
  std::uint64_t left_;
  Inner& inner_;
  StretchSource& source_;
};

/// In the order in which KeyedSink decides: repetitions are no records of the order, in which the others are kept or set
/// aside.
template <class Kept>
class ReadSink {
 public:
  /// @param kept none: the packets are only remembered
  ReadSink(DuplicateWindow& window, Kept* kept) : window_(window), kept_(kept) {}
  TG_INLINE void packet(const PacketView& packet) {
    if (!window_.repeats(packet) && kept_ != nullptr) kept_->packet(packet);
  }
  void refuse(Refusal, std::uint64_t, std::uint64_t) {}
  void lost(std::uint64_t) {}

 private:
  DuplicateWindow& window_;
  Kept* kept_;
};

}  // namespace

StretchReader::StretchReader(std::string path, std::int64_t interval_ns, std::vector<IndexEntry> index,
                             std::vector<IntervalRange> wanted, StretchOptions options)
    : path_(std::move(path)), interval_ns_(interval_ns), index_(std::move(index)), wanted_(std::move(wanted)),
      options_(std::move(options)), source_(path_, options_.block_bytes), window_(options_.dedup) {
  find_next();
}

std::optional<std::int64_t> StretchReader::first_wanted(const IndexEntry& stretch) const {
  const auto range = std::ranges::lower_bound(wanted_, stretch.first_k, {}, &IntervalRange::last_k);
  if (range == wanted_.end() || range->first_k > stretch.last_k) return std::nullopt;
  return std::max(range->first_k, stretch.first_k);
}

bool StretchReader::wants(const PacketView& packet) const {
  const std::int64_t k = interval_of(packet.ts_ns, interval_ns_);
  const auto range = std::ranges::lower_bound(wanted_, k, {}, &IntervalRange::last_k);
  if (range == wanted_.end() || range->first_k > k) return false;
  return !options_.selection || options_.selection->matches(packet);
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
  PacketBuffer packets;
  TG_TRY(fill_window());
  TG_TRY(read(at_, &packets));
  window_at_ = ++at_;
  find_next();
  if (at_ == index_.size()) close();
  if (options_.selection) TG_TRY(options_.selection->status());
  return packets;
}

/// The records before the stretch that its first ones may repeat: whatever the walker hands over is remembered, also what
/// is set aside or filtered, and nothing that it refuses. So the index counts them.
Status StretchReader::fill_window() {
  if (options_.dedup == 0) return {};
  std::size_t from = at_;
  for (std::uint64_t records = 0; from > window_at_ && records < options_.dedup;) records += index_[--from].packets;
  if (from > window_at_) window_ = DuplicateWindow(options_.dedup);  // what it holds is too old to matter
  for (; from < at_; ++from) TG_TRY(read(from, nullptr));
  return {};
}

/// @param out none: the packets are only remembered
Status StretchReader::read(std::size_t at, PacketBuffer* out) {
  const IndexEntry& stretch = index_[at];
  const bool last = at + 1 == index_.size();
  TG_TRY(source_.begin(stretch.entry, stretch.stream_offset,
                       stretch.head ? std::span<const std::uint8_t>(stretch.head->bytes) : std::span<const std::uint8_t>(),
                       last ? std::numeric_limits<std::uint64_t>::max() : index_[at + 1].stream_offset));
  const auto take = [&](const PacketView& packet) {
    if (wants(packet)) out->add(packet);
  };
  KeptPackets kept(stretch.before, take);
  ReadSink sink(window_, out != nullptr ? &kept : nullptr);
  if (options_.times.empty()) {
    TG_TRY(walk(stretch, sink));
  } else {
    TG_TRY(go_to_times(stretch));
    TimedSink timed(sink, *times_);
    TG_TRY(walk(stretch, timed));
    TG_TRY(timed.so_far());
  }
  if (last && out != nullptr) kept.end();
  return {};
}

template <PacketSink Sink>
Status StretchReader::walk(const IndexEntry& stretch, Sink& inner) {
  StretchSink sink(stretch.packets, inner, source_);
  auto walked = walk_source(path_, source_, sink, {.resume = stretch.head.get()});
  if (!walked) return std::move(walked).error();
  if (sink.left() == 0) return {};
  return Error{"has fewer packets from byte " + std::to_string(stretch.stream_offset) + " on than when it was counted", path_,
               "check that it is the file that was counted"};
}

Status StretchReader::go_to_times(const IndexEntry& stretch) {
  if (!times_) {
    auto times = TimesReader::open(options_.times);
    if (!times) return std::move(times).error();
    times_ = *std::move(times);
  }
  return times_->go_to(stretch.times);
}

void StretchReader::close() {
  source_.close();
  if (times_) times_before_ += times_->input_done();
  times_.reset();
}

}  // namespace tidegauge
