// Walks the records of a pcap file into a sink, and over damage.
//
// What a record header is depends only on the file header and the bytes from its offset on, so that a walk
// that starts in the middle agrees with one that comes from the start:
// - Expected: what writers write. Three compares, on the hot path; the record is delivered.
// - Odd: captured more than the wire or the snaplen, nothing captured, an enormous wire length, a fraction of
//   a second or more. Real captures hold such records: delivered if the headers that follow from it hold together,
//   near each other in time or, after a silence of any length, as expected.
// - Otherwise damage: every offset is tried until three expected records, near each other in time, follow from one (or
//   reach the end of the file). What was passed over is refused as one damaged stretch, counted as one record, because
//   how many it held cannot be known.
// A capture carried in the payload of a damaged record cannot be told from the capture itself.
//
// Cost: bench/ingest_bench: of 98-byte records in the page cache, 0.65 of a bare read() of the file and 5 times the loop of
// libpcap. Resynchronising looks at every byte, with at most three headers each. Tested by tests/ingest/pcap_test.cpp
// against tests/oracle/capture_oracle.hpp.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

#include "ingest/formats/damage_log.hpp"
#include "ingest/formats/packet_sink.hpp"
#include "ingest/formats/pcap_header.hpp"
#include "ingest/formats/resume_head.hpp"
#include "ingest/formats/resynchronise.hpp"
#include "kernels/core/host_device.hpp"
#include "kernels/core/status.hpp"

namespace tidegauge {

template <class Layout, PacketSink Sink>
class PcapWalker {
 public:
  PcapWalker(const PcapHeader& header, LinkType link, Sink& sink, DamageLog& log)
      : layout_(header),
        link_(link),
        hard_limit_(std::clamp(header.snaplen, kUsualLimit, kLargestLimit)),
        expected_limit_(header.snaplen == 0 ? hard_limit_ : std::min(header.snaplen, hard_limit_)),
        sink_(sink),
        log_(log),
        resync_(sink, log),
        head_(header.as_written) {}

  /// What a walker remembers between two records: nothing.
  struct State {
    friend bool operator==(const State&, const State&) = default;
    std::optional<Error> nothing_decoded() const { return std::nullopt; }  // its one link type was looked at before
  };
  State state() const { return {}; }
  void resume(const State&) {}
  /// Begins at the first offset from which records hold together, found() then; for a walk that starts in the middle.
  void search() { resync_.search(); }
  std::optional<std::uint64_t> found() const { return resync_.found(); }
  bool scanning() const { return resync_.scanning(); }
  /// Ends the walk at the first record that begins at this stream offset or behind it.
  void stop_at(std::uint64_t offset) { stop_ = offset; }

  /// Takes what can be taken of [begin, end), which begins at `offset` of the stream and, if `final`, is its
  /// last. Returns where it wants to go on; `end` if final, unless it was stopped.
  const std::uint8_t* walk(const std::uint8_t* begin, const std::uint8_t* end, bool final,
                           std::uint64_t offset) {
    window_ = {begin, end, offset, final};
    const std::uint8_t* p = begin;
    for (;;) {
      if (!resync_.scanning()) {
        p = expected_records(p, end);
        if (window_.offset_of(p) >= stop_) return p;
      }
      const WalkStep step = resync_.scanning() ? resynchronise(p) : settle(p);
      p = step.next;
      if (!step.go_on) return p;
    }
  }

  /// What a walk that begins where this one stands has to know. None while this one looks for a place to go on after
  /// damage.
  std::optional<ResumeView> resume_head() const {
    if (scanning()) return std::nullopt;
    return ResumeView{CaptureFormat::pcap, static_cast<std::uint32_t>(layout_.header_bytes()), head_};
  }

 private:
  // libpcap's largest snapshot length for networks, and a bound on what a hostile header can make us hold.
  static constexpr std::uint32_t kUsualLimit = 262'144, kLargestLimit = 1 << 20;
  // How much longer than captured a packet may claim to be without a second look.
  static constexpr std::uint32_t kExpectedCut = 1 << 20;
  // How near in time (48 days) consecutive records must be where a chain of records has to prove itself.
  static constexpr std::uint32_t kNearSeconds = 1 << 22;
  static constexpr int kChain = 3;
  // Writers round up to 1,000,000 us, or write nanoseconds under the magic of microseconds: no more than this.
  static constexpr std::uint32_t kFractionLimit = 1'000'000'000;

  enum class Rule { expected, possible };

  TG_INLINE bool expected(const PcapRecord& r) const { return expected(r, expected_limit_, layout_); }
  TG_INLINE static bool expected(const PcapRecord& r, std::uint32_t limit, const Layout& layout) {
    // Unsigned on purpose: nothing captured, and more captured than there was, wrap to huge values.
    return r.captured - 1 < limit && r.fraction < layout.fraction_limit() &&
           r.wire - r.captured <= kExpectedCut;
  }
  bool possible(const PcapRecord& r) const {
    const bool hole = r.seconds == 0 && r.captured == 0 && r.wire == 0;  // a disk block never written
    return r.captured <= hard_limit_ && r.fraction < kFractionLimit && !hole;
  }

  TG_INLINE static PacketView view(const PcapRecord& r, const std::uint8_t* payload, LinkType link, const Layout& layout) {
    std::uint32_t wire = r.wire, captured = r.captured;
    if (const std::uint32_t fcs = layout.fcs_bytes()) {
      const std::uint32_t longest = std::max(wire, captured);
      captured = std::min(captured, longest - std::min(fcs, longest));
      wire -= std::min(fcs, wire);
    }
    const std::int64_t ts_ns =
        std::int64_t{r.seconds} * 1'000'000'000 + std::int64_t{r.fraction} * layout.fraction_ns();
    return {ts_ns, wire, captured, payload, link};
  }

  /// Up to the first record that is not expected, or behind which no other begins here before the walk stops.
  const std::uint8_t* expected_records(const std::uint8_t* p, const std::uint8_t* end) {
    if (static_cast<std::size_t>(end - p) < 2 * layout_.header_bytes() || p >= window_.at(stop_)) return p;
    const std::uint8_t* const last = std::min(end - layout_.header_bytes(), window_.at(stop_) - 1);
    // A loop for the usual link type: what is known beforehand is not compared for every packet.
    return link_ == LinkType::ethernet ? hot_loop<true>(sink_, p, last, expected_limit_, layout_, link_)
                                       : hot_loop<false>(sink_, p, last, expected_limit_, layout_, link_);
  }

  /// Out of line, without the walker and with one bound: whatever lives beside it costs it registers, and a `next` that
  /// goes over the stack is the longest chain from packet to packet.
  /// @param p where a whole header lies
  /// @param last where the header behind a record has to begin at the latest
  template <bool kEthernet>
  [[gnu::noinline]] static const std::uint8_t* hot_loop(Sink& sink, const std::uint8_t* p, const std::uint8_t* last,
                                                        std::uint32_t captured_limit, const Layout& layout,
                                                        LinkType link) {
    // As integers: no pointer may point where a record beyond the window would end. Less the header: an addition fewer.
    const std::uintptr_t latest = reinterpret_cast<std::uintptr_t>(last) - layout.header_bytes();
    const std::uint8_t* const begin = p;
    std::size_t records = 0;
    for (;;) {
      const PcapRecord r = layout.load(p);
      if (!expected(r, captured_limit, layout)) break;
      const std::uintptr_t next = reinterpret_cast<std::uintptr_t>(p) + r.captured;
      if (next > latest) break;
      records += 1;
      const PacketView packet = view(r, p + layout.header_bytes(), kEthernet ? LinkType::ethernet : link, layout);
      if constexpr (requires { sink.usual(packet); }) {
        if (!sink.usual(packet)) [[unlikely]] hand_over_at(sink, p, layout, link);
      } else {
        sink.packet(packet);
      }
      p = reinterpret_cast<const std::uint8_t*>(next) + layout.header_bytes();
    }
    tell_captured(sink, static_cast<std::size_t>(p - begin) - records * layout.header_bytes());
    return p;
  }

  /// From the record alone, so that nothing else has to live as long as it may be needed.
  TG_COLD static void hand_over_at(Sink& sink, const std::uint8_t* p, const Layout& layout, LinkType link) {
    sink.packet(view(layout.load(p), p + layout.header_bytes(), link, layout));
  }

  TG_COLD WalkStep settle(const std::uint8_t* p);
  TG_COLD WalkStep resynchronise(const std::uint8_t* p) {
    return resync_.scan(window_, p, layout_.header_bytes(), [&](const std::uint8_t* at) { return chain(at, Rule::expected); });
  }
  Verdict chain(const std::uint8_t* p, Rule rule) const;
  Verdict nothing_better_within(const std::uint8_t* p, const PcapRecord& r) const;

  WalkStep deliver(const std::uint8_t* p, const PcapRecord& r) {
    hand_over(sink_, view(r, p + layout_.header_bytes(), link_, layout_));
    tell_captured(sink_, r.captured);
    return {p + layout_.header_bytes() + r.captured, true};
  }
  WalkStep cut_off(const std::uint8_t* p) {
    const auto bytes = static_cast<std::uint64_t>(window_.end - p);
    if (!log_.cut_off(window_.offset_of(p), bytes)) return {p, false};
    sink_.refuse(Refusal::truncated, 1, bytes);
    return {window_.end, false};
  }

  [[no_unique_address]] Layout layout_;
  LinkType link_;
  std::uint32_t hard_limit_, expected_limit_;
  Sink& sink_;
  DamageLog& log_;
  Resynchroniser<Sink> resync_;
  std::array<std::uint8_t, kPcapFileHeaderBytes> head_;
  WalkWindow window_{};
  std::uint64_t stop_ = std::numeric_limits<std::uint64_t>::max();
};

/// What lies at `p`: the last whole record of the window, or what is not an expected record.
template <class Layout, PacketSink Sink>
auto PcapWalker<Layout, Sink>::settle(const std::uint8_t* p) -> WalkStep {
  const auto rest = static_cast<std::size_t>(window_.end - p);
  if (rest < layout_.header_bytes()) return window_.final && rest != 0 ? cut_off(p) : WalkStep{p, false};
  const PcapRecord r = layout_.load(p);
  if (expected(r)) {
    if (rest - layout_.header_bytes() >= r.captured) return deliver(p, r);
    return window_.final ? cut_off(p) : WalkStep{p, false};
  }
  Verdict verdict = chain(p, Rule::possible);
  if (verdict == Verdict::yes && r.captured > r.wire) verdict = nothing_better_within(p, r);
  switch (verdict) {
    case Verdict::need_more:
      return {p, false};
    case Verdict::yes:
      return deliver(p, r);
    case Verdict::no:
      break;
  }
  if (!resync_.begin(window_.offset_of(p), "a record header that cannot be")) return {p, false};
  return {p + 1, true};
}

/// A damaged captured length may by chance end where a record begins, and pass over all between. It is more than the
/// wire length then, and the records that it passes over hold together.
template <class Layout, PacketSink Sink>
auto PcapWalker<Layout, Sink>::nothing_better_within(const std::uint8_t* p, const PcapRecord& r) const -> Verdict {
  const std::uint8_t* const end = p + layout_.header_bytes() + r.captured;
  for (p += layout_.header_bytes(); p < end; ++p) {
    const Verdict verdict = chain(p, Rule::expected);
    if (verdict != Verdict::no) return verdict == Verdict::yes ? Verdict::no : Verdict::need_more;
  }
  return Verdict::yes;
}

/// Whether records hold together from `p` on: kChain of them, or fewer that reach the end of the file.
template <class Layout, PacketSink Sink>
auto PcapWalker<Layout, Sink>::chain(const std::uint8_t* p, Rule rule) const -> Verdict {
  const std::size_t header_bytes = layout_.header_bytes();
  const auto at_the_end = [&](bool enough) {
    return !window_.final ? Verdict::need_more : enough ? Verdict::yes : Verdict::no;
  };
  std::uint32_t seconds = 0;
  for (int whole = 0; whole < kChain; ++whole) {
    const auto rest = static_cast<std::size_t>(window_.end - p);
    if (rest == 0) return at_the_end(whole >= 1);
    // A cut header proves little: when looking for a place to go on, two whole records must precede it.
    if (rest < header_bytes) return at_the_end(whole >= (rule == Rule::expected ? 2 : 1));
    const PcapRecord r = layout_.load(p);
    if (!(rule == Rule::expected ? expected(r) : possible(r))) return Verdict::no;
    const bool near = whole == 0 || r.seconds - seconds + kNearSeconds <= 2 * kNearSeconds;
    // A silence is real, but what comes after it has to look like a record all the more.
    if (!near && (rule == Rule::expected || !expected(r))) return Verdict::no;
    if (rest - header_bytes < r.captured) return at_the_end(whole >= 1);
    seconds = r.seconds;
    p += header_bytes + r.captured;
  }
  return Verdict::yes;
}

}  // namespace tidegauge
