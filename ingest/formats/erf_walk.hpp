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
#include <optional>

#include "ingest/formats/damage_log.hpp"
#include "ingest/formats/erf_record.hpp"
#include "ingest/formats/packet_sink.hpp"
#include "ingest/formats/walk_session.hpp"
#include "kernels/core/host_device.hpp"

namespace tidegauge {

namespace erf {

enum class Verdict { yes, no, need_more };
enum class Rule { expected, possible };

struct Window {
  const std::uint8_t *begin, *end;
  std::uint64_t offset;
  bool final;
  std::uint64_t offset_of(const std::uint8_t* p) const {
    return offset + static_cast<std::uint64_t>(p - begin);
  }
  std::size_t rest(const std::uint8_t* p) const { return static_cast<std::size_t>(end - p); }
};

/// How near in time (48 days) consecutive records must be where a chain of records has to prove itself.
inline constexpr std::uint32_t kNearSeconds = 1 << 22;
TG_INLINE bool are_near(std::uint32_t a, std::uint32_t b) { return a - b + kNearSeconds <= 2 * kNearSeconds; }

/// Whether records hold together from `p` on: four of them, or fewer that reach the end of the file. By the
/// rule `possible` the first may be odd and one may be far from the others, but no chain by the other rule
/// may lie within it.
Verdict chain(const std::uint8_t* p, const Window& window, Rule rule);

}  // namespace erf

/// Whether the session's stream, which has no magic, begins with ERF records: four expected ones, all near
/// each other in time, or fewer if they reach the end of the stream: one that ends there, or two of which the
/// second may be cut. Less is too little to tell.
Expected<bool> begins_with_erf_records(WalkSession& session);

template <PacketSink Sink>
class ErfWalker {
 public:
  ErfWalker(Sink& sink, DamageLog& log) : sink_(sink), log_(log) {}

  /// Takes what can be taken of [begin, end), which begins at `offset` of the stream and, if `final`, is its
  /// last. Returns where it wants to go on; `end` if final, unless the log has stopped the walk.
  const std::uint8_t* walk(const std::uint8_t* begin, const std::uint8_t* end, bool final,
                           std::uint64_t offset) {
    window_ = {begin, end, offset, final};
    const std::uint8_t* p = begin;
    for (;;) {
      if (!scanning_) p = expected_records(p, end);
      const Step step = scanning_ ? resynchronise(p) : settle(p);
      p = step.next;
      if (!step.go_on) return p;
    }
  }

  /// The type to name where the file holds packets and none of them is decoded.
  std::optional<std::uint8_t> only_refused_type() const { return any_packet_ ? std::nullopt : refused_type_; }

 private:
  struct Step {
    const std::uint8_t* next;
    bool go_on;
  };

  TG_INLINE static PacketView view(const std::uint8_t* p, const erf::Record& r, const erf::Type& type) {
    const std::uint32_t wire = r.wire - std::min<std::uint32_t>(type.fcs_bytes, r.wire);
    const std::uint32_t captured = std::min<std::uint32_t>(r.size - r.head_bytes, wire);
    const std::uint8_t* const packet = p + r.head_bytes;
    return {r.ts_ns(), wire, captured, packet, type.hdlc ? erf::hdlc_link(packet, captured) : type.link};
  }

  /// Whether what lies behind record `r`, of which a header is there, looks like another.
  TG_INLINE static bool leads_on(const std::uint8_t* next, const erf::Record& r) {
    const std::uint8_t type = next[8] & 0x7f;
    return erf::kTypes[type].kind != erf::Kind::unknown &&
           (erf::are_near(r.seconds(), load_u32<false>(next + 4)) || type == erf::kPad);
  }

  /// The hot loop: up to the first record that is not whole, not expected, or no packet.
  TG_INLINE const std::uint8_t* expected_records(const std::uint8_t* p, const std::uint8_t* end) {
    for (;;) {
      const erf::Record r = erf::look_at_record(p, static_cast<std::size_t>(end - p));
      if (r.fit != erf::Fit::whole || r.odd || end - p - r.size < std::ptrdiff_t{erf::kHeaderBytes}) return p;
      const erf::Type& type = erf::kTypes[r.type];
      if (type.kind != erf::Kind::packet || !leads_on(p + r.size, r)) return p;
      if (type.counts_losses && r.lost != 0) sink_.lost(r.lost);
      sink_.packet(view(p, r, type));
      any_packet_ = true;
      p += r.size;
    }
  }

  TG_COLD Step settle(const std::uint8_t* p);
  TG_COLD Step resynchronise(const std::uint8_t* p);
  const std::uint8_t* good_place_within(const std::uint8_t* p) const;
  TG_COLD void take(const std::uint8_t* p, const erf::Record& r);

  Step cut_off(const std::uint8_t* p) {
    if (!log_.cut_off(window_.offset_of(p), window_.rest(p))) return {p, false};
    sink_.refuse(Refusal::truncated, 1, window_.rest(p));
    return {window_.end, false};
  }

  Sink& sink_;
  DamageLog& log_;
  erf::Window window_{};
  bool any_packet_ = false;
  std::optional<std::uint8_t> refused_type_;
  bool scanning_ = false;
  std::uint64_t stretch_offset_ = 0;
};

/// What lies at `p`.
template <PacketSink Sink>
auto ErfWalker<Sink>::settle(const std::uint8_t* p) -> Step {
  const std::size_t rest = window_.rest(p);
  if (rest == 0) return {p, false};
  const erf::Record r = erf::look_at_record(p, rest);
  const std::uint8_t* resume = p + 1;
  if (r.fit == erf::Fit::cut) {
    if (!window_.final) return {p, false};
    resume = good_place_within(p);
    if (resume == window_.end) return cut_off(p);
  } else if (r.fit == erf::Fit::whole) {
    const erf::Verdict verdict = r.exact ? erf::Verdict::yes : erf::chain(p, window_, erf::Rule::possible);
    if (verdict == erf::Verdict::need_more) return {p, false};
    if (verdict == erf::Verdict::yes) return take(p, r), Step{p + r.size, true};
  }
  if (!log_.begin_stretch(window_.offset_of(p), "a record that cannot be")) return {p, false};
  stretch_offset_ = window_.offset_of(p);
  scanning_ = true;
  return {resume, true};
}

/// A record that the end of the file cuts may have a damaged length instead: then records go on within what
/// it claims.
template <PacketSink Sink>
const std::uint8_t* ErfWalker<Sink>::good_place_within(const std::uint8_t* p) const {
  for (++p; window_.rest(p) >= erf::kHeaderBytes; ++p)
    if (erf::chain(p, window_, erf::Rule::expected) == erf::Verdict::yes) return p;
  return window_.end;
}

/// A whole record.
template <PacketSink Sink>
void ErfWalker<Sink>::take(const std::uint8_t* p, const erf::Record& r) {
  const erf::Type& type = erf::kTypes[r.type];
  if (type.counts_losses && r.lost != 0) sink_.lost(r.lost);
  if (type.kind == erf::Kind::refused) {
    if (!refused_type_) refused_type_ = r.type;
    sink_.refuse(Refusal::unknown_link, 1, 0);
  } else if (type.kind == erf::Kind::packet) {
    any_packet_ = true;
    hand_over(sink_, view(p, r, type));
  }
}

/// Looks for the next offset from which expected records follow.
template <PacketSink Sink>
auto ErfWalker<Sink>::resynchronise(const std::uint8_t* p) -> Step {
  bool found = false;
  while (!found && window_.rest(p) >= erf::kHeaderBytes) {
    const erf::Verdict verdict = erf::chain(p, window_, erf::Rule::expected);
    if (verdict == erf::Verdict::need_more) return {p, false};
    found = verdict == erf::Verdict::yes;
    if (!found) ++p;
  }
  if (!found && !window_.final) return {p, false};
  if (!found) p = window_.end;
  const std::uint64_t bytes = window_.offset_of(p) - stretch_offset_;
  log_.end_stretch(bytes);
  sink_.refuse(Refusal::damaged, 1, bytes);
  scanning_ = false;
  return {p, found};
}

}  // namespace tidegauge
