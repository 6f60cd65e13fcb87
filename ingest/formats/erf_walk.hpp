// Walks the records of an ERF file into a sink, and over damage. The record: erf_record.hpp.
//
// The model is that of pcap_walk.hpp: what a record is depends only on the bytes from its offset on. But a
// header tells little of itself (a quarter of all types are known, any fraction is a time, any length up to
// 65,535 a length), so what follows it has to speak for it:
// - Expected: a known type, headers that fit its length, a packet no longer than its padding allows; and
// behind it a
//   known type at a time near its own. Delivered.
// - Otherwise it is delivered if its two lengths agree (the whole packet was captured), or if the three
// records that
//   follow from it hold together, and none that do lie within it: one of the four may be far from those
//   before it (a silence, a clock that is wrong once), and all may be longer than their packets.
// - Otherwise damage: every offset is tried until four expected records, near each other in time, follow from
// one (or
//   two that reach the end of the file). What was passed over is refused as one damaged stretch, counted as
//   one record.
// Losses that a record reports lie before it. Provenance and padding are passed over, and are no records.
//
// Cost: about that of the pcap walk; Ethernet records without extension headers take the inlined loop as
// others do. Tested by tests/ingest/erf_test.cpp against tests/oracle/erf_oracle.hpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

#include "ingest/formats/damage_log.hpp"
#include "ingest/formats/erf_record.hpp"
#include "ingest/formats/packet_sink.hpp"
#include "ingest/formats/resume_head.hpp"
#include "ingest/formats/resynchronise.hpp"
#include "ingest/formats/walk_session.hpp"
#include "kernels/core/host_device.hpp"

namespace tidegauge {

namespace erf {

enum class Rule { expected, possible };

/// How near in time (48 days) consecutive records must be where a chain of records has to prove itself.
inline constexpr std::uint32_t kNearSeconds = 1 << 22;
TG_INLINE bool are_near(std::uint32_t a, std::uint32_t b) { return a - b + kNearSeconds <= 2 * kNearSeconds; }

/// Whether records hold together from `p` on: four of them, or fewer that reach the end of the file. By the
/// rule `possible` the first may be odd and one may be far from the others, but no chain by the other rule
/// may lie within it.
Verdict chain(const std::uint8_t* p, const WalkWindow& window, Rule rule);

}  // namespace erf

/// Whether the session's stream, which has no magic, begins with ERF records: four expected ones, all near
/// each other in time, or fewer if they reach the end of the stream: one that ends there, or two of which the
/// second may be cut. Less is too little to tell.
Expected<bool> begins_with_erf_records(WalkSession& session);

/// What a walk remembers between two records.
struct ErfState {
  bool any_packet = false;                  ///< of a type that is decoded
  std::optional<std::uint8_t> refused_type;  ///< the first that is not
  friend bool operator==(const ErfState&, const ErfState&) = default;

  /// What to say where the file holds packets and none of them is decoded.
  std::optional<Error> nothing_decoded() const;
};

template <PacketSink Sink>
class ErfWalker {
 public:
  ErfWalker(Sink& sink, DamageLog& log) : sink_(sink), log_(log), resync_(sink, log) {}

  using State = ErfState;
  const State& state() const { return state_; }
  void resume(const State& state) { state_ = state; }
  /// Begins at the first offset from which records hold together, found() then; for a walk that starts in the middle.
  void search() { resync_.search(); }
  std::optional<std::uint64_t> found() const { return resync_.found(); }
  bool scanning() const { return resync_.scanning(); }
  /// What a walk that begins where this one stands has to know: nothing of the records before it. None while this one
  /// looks for a place to go on after damage.
  std::optional<ResumeView> resume_head() const {
    if (scanning()) return std::nullopt;
    return ResumeView{.format = CaptureFormat::erf};
  }
  /// Ends the walk at the first record that begins at this stream offset or behind it.
  void stop_at(std::uint64_t offset) { stop_ = offset; }

  /// Takes what can be taken of [begin, end), which begins at `offset` of the stream and, if `final`, is its
  /// last. Returns where it wants to go on; `end` if final, unless it was stopped.
  const std::uint8_t* walk(const std::uint8_t* begin, const std::uint8_t* end, bool final, std::uint64_t offset) {
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

 private:
  TG_INLINE static PacketView view(const std::uint8_t* p, const erf::Record& r, const erf::Type& type) {
    const std::uint32_t wire = r.wire - std::min<std::uint32_t>(type.fcs_bytes, r.wire);
    const std::uint32_t captured = std::min<std::uint32_t>(r.size - r.head_bytes, wire);
    const std::uint8_t* const packet = p + r.head_bytes;
    return {r.ts_ns(), wire, captured, packet, type.hdlc ? erf::hdlc_link(packet, captured) : type.link,
            static_cast<std::uint32_t>(p[9] & 3)};
  }

  /// Whether what lies behind record `r`, of which a header is there, looks like another.
  TG_INLINE static bool leads_on(const std::uint8_t* next, const erf::Record& r) {
    const std::uint8_t type = next[8] & 0x7f;
    return erf::kTypes[type].kind != erf::Kind::unknown &&
           (erf::are_near(r.seconds(), load_u32<false>(next + 4)) || type == erf::kPad);
  }

  /// The hot loop: up to the first record that is not whole, not expected, or no packet.
  TG_INLINE const std::uint8_t* expected_records(const std::uint8_t* p, const std::uint8_t* end) {
    const std::uint8_t* const limit = window_.at(stop_);  // of where records begin
    for (;;) {
      if (p >= limit) return p;
      const erf::Record r = erf::look_at_record(p, static_cast<std::size_t>(end - p));
      if (r.fit != erf::Fit::whole || r.odd || end - p - r.size < std::ptrdiff_t{erf::kHeaderBytes}) return p;
      const erf::Type& type = erf::kTypes[r.type];
      if (type.kind != erf::Kind::packet || !leads_on(p + r.size, r)) return p;
      if (type.counts_losses && r.lost != 0) sink_.lost(r.lost);
      const PacketView packet = view(p, r, type);
      hand_over_hot(sink_, packet);
      tell_captured(sink_, packet.captured_bytes);
      state_.any_packet = true;
      p += r.size;
    }
  }

  TG_COLD WalkStep settle(const std::uint8_t* p);
  TG_COLD WalkStep resynchronise(const std::uint8_t* p) {
    return resync_.scan(window_, p, erf::kHeaderBytes,
                        [&](const std::uint8_t* at) { return erf::chain(at, window_, erf::Rule::expected); });
  }
  const std::uint8_t* good_place_within(const std::uint8_t* p) const;
  TG_COLD void take(const std::uint8_t* p, const erf::Record& r);

  WalkStep cut_off(const std::uint8_t* p) {
    if (!log_.cut_off(window_.offset_of(p), window_.rest(p))) return {p, false};
    sink_.refuse(Refusal::truncated, 1, window_.rest(p));
    return {window_.end, false};
  }

  Sink& sink_;
  DamageLog& log_;
  WalkWindow window_{};
  State state_;
  Resynchroniser<Sink> resync_;
  std::uint64_t stop_ = std::numeric_limits<std::uint64_t>::max();
};

/// What lies at `p`.
template <PacketSink Sink>
auto ErfWalker<Sink>::settle(const std::uint8_t* p) -> WalkStep {
  const std::size_t rest = window_.rest(p);
  if (rest == 0) return {p, false};
  const erf::Record r = erf::look_at_record(p, rest);
  const std::uint8_t* resume = p + 1;
  if (r.fit == erf::Fit::cut) {
    if (!window_.final) return {p, false};
    resume = good_place_within(p);
    if (resume == window_.end) return cut_off(p);
  } else if (r.fit == erf::Fit::whole) {
    const Verdict verdict = r.exact ? Verdict::yes : erf::chain(p, window_, erf::Rule::possible);
    if (verdict == Verdict::need_more) return {p, false};
    if (verdict == Verdict::yes) return take(p, r), WalkStep{p + r.size, true};
  }
  if (!resync_.begin(window_.offset_of(p), "a record that cannot be")) return {p, false};
  return {resume, true};
}

/// A record that the end of the file cuts may have a damaged length instead: then records go on within what
/// it claims.
template <PacketSink Sink>
const std::uint8_t* ErfWalker<Sink>::good_place_within(const std::uint8_t* p) const {
  for (++p; window_.rest(p) >= erf::kHeaderBytes; ++p)
    if (erf::chain(p, window_, erf::Rule::expected) == Verdict::yes) return p;
  return window_.end;
}

/// A whole record.
template <PacketSink Sink>
void ErfWalker<Sink>::take(const std::uint8_t* p, const erf::Record& r) {
  const erf::Type& type = erf::kTypes[r.type];
  if (type.counts_losses && r.lost != 0) sink_.lost(r.lost);
  if (type.kind == erf::Kind::refused) {
    if (!state_.refused_type) state_.refused_type = r.type;
    sink_.refuse(Refusal::unknown_link, 1, 0);
  } else if (type.kind == erf::Kind::packet) {
    state_.any_packet = true;
    const PacketView packet = view(p, r, type);
    hand_over(sink_, packet);
    tell_captured(sink_, packet.captured_bytes);
  }
}

}  // namespace tidegauge
