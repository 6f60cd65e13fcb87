// Walks the blocks of a pcapng file into a sink, and over damage.
//
// A block is believed if its two length fields agree and its fields fit the length. A block that cannot be is
// damage: every offset is tried until a block of a known type that is followed by another (or by the end of
// the file) is found, and what was passed over is refused as one damaged stretch, counted as one record.
// Whether a block can be depends on its own bytes and the section's byte order only. An interface description
// lost in a stretch shifts the numbers of those after it; one whose type can still be seen keeps its number,
// and its packets are refused.
//
// Refused by name: simple packets (they carry no time), packets of interfaces that were not (or not readably)
// described, of link types that are not decoded, and, as damaged, of times that do not fit 64-bit
// nanoseconds. Losses are taken from statistics blocks (ifdrop + osdrop, counted since the start, so
// differences), not from the per-packet drop counts, which would count them twice.
//
// Cost: the loop over enhanced packet blocks is inlined; everything else is out of line. Memory: at most two
// largest blocks (16 MiB) and what doubling the window adds.
// Tested by tests/ingest/pcapng_test.cpp against tests/oracle/capture_oracle.hpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "ingest/formats/damage_log.hpp"
#include "ingest/formats/packet_sink.hpp"
#include "ingest/formats/pcapng_block.hpp"
#include "ingest/formats/pcapng_head.hpp"
#include "ingest/formats/pcapng_interface.hpp"
#include "ingest/formats/pcapng_state.hpp"
#include "ingest/formats/resume_head.hpp"
#include "ingest/formats/resynchronise.hpp"
#include "kernels/core/host_device.hpp"

namespace tidegauge {

template <PacketSink Sink>
class PcapngWalker {
 public:
  /// `swapped`: byte order of the first section.
  PcapngWalker(bool swapped, Sink& sink, DamageLog& log) : sink_(sink), log_(log), resync_(sink, log) {
    state_.begin_section(swapped);
  }

  using State = PcapngState;
  /// Between two blocks.
  const State& state() const { return state_; }
  void resume(State state) { state_ = std::move(state); }
  /// Begins at the first block that is followed by another, found() then; for a walk that starts in the middle.
  void search() { resync_.search(); }
  std::optional<std::uint64_t> found() const { return resync_.found(); }
  bool scanning() const { return resync_.scanning(); }
  /// Ends the walk at the first block that begins at this stream offset or behind it.
  void stop_at(std::uint64_t offset) { stop_ = offset; }

  /// Takes what can be taken of [begin, end), which begins at `offset` of the stream and, if `final`, is its
  /// last. Returns where it wants to go on; `end` if final, unless it was stopped.
  const std::uint8_t* walk(const std::uint8_t* begin, const std::uint8_t* end, bool final,
                           std::uint64_t offset) {
    window_ = {begin, end, offset, final};
    const std::uint8_t* p = begin;
    for (;;) {
      if (!resync_.scanning()) {
        p = state_.swapped ? enhanced_packets<true>(p, end) : enhanced_packets<false>(p, end);
        if (window_.offset_of(p) >= stop_) return p;
      }
      const WalkStep step = resync_.scanning() ? resynchronise(p) : settle(p);
      p = step.next;
      if (!step.go_on) return p;
    }
  }

  /// What a walk that begins where this one stands has to know. None while this one looks for a place to go on after
  /// damage, and where the interfaces take more room than is sensible.
  std::optional<ResumeView> resume_head() const {
    const auto bytes = scanning() ? std::nullopt : state_.head.bytes();
    if (!bytes) return std::nullopt;
    return ResumeView{CaptureFormat::pcapng, 0, *bytes};
  }

 private:
  TG_INLINE static PacketView view(const PcapngInterface& interface, std::uint32_t index, std::uint32_t fcs,
                                   std::int64_t ts_ns, std::uint32_t wire, std::uint32_t captured,
                                   const std::uint8_t* payload) {
    const std::uint32_t longest = std::max(wire, captured);
    captured = std::min(captured, longest - std::min(fcs, longest));
    wire -= std::min(fcs, wire);
    return {ts_ns, wire, captured, payload, interface.link, index};
  }

  template <bool kSwapped>
  TG_INLINE static std::uint64_t load_ticks(const std::uint8_t* p) {
    return std::uint64_t{load_u32<kSwapped>(p)} << 32 | load_u32<kSwapped>(p + 4);
  }

  /// The frame check sequence of the (enhanced or obsolete) packet block at `p`, whose packet data has `captured` bytes.
  template <bool kSwapped>
  TG_INLINE static std::uint32_t fcs_of(const std::uint8_t* p, std::uint32_t size, std::uint32_t captured,
                                        const PcapngInterface& interface) {
    const std::uint32_t before = 28 + (captured + 3) / 4 * 4;  // header, data, padding
    const std::uint32_t options = size - 4 - before;
    return options < 8 ? interface.fcs_bytes
                       : parse_packet_fcs<kSwapped>(p + before, options, interface.fcs_bytes);
  }

  /// The hot loop: up to the first block that is not a whole enhanced packet of a decoded interface.
  template <bool kSwapped>
  TG_INLINE const std::uint8_t* enhanced_packets(const std::uint8_t* p, const std::uint8_t* end) {
    const PcapngInterface* const interfaces = state_.interfaces.data();
    const std::size_t count = state_.interfaces.size();
    const std::uint8_t* const limit = window_.at(stop_);  // of where blocks begin
    for (;;) {
      const auto rest = static_cast<std::size_t>(end - p);
      if (p >= limit || rest < pcapng::kPacketFrameBytes || load_u32<kSwapped>(p) != pcapng::kEnhancedPacket) return p;
      const std::uint32_t size = load_u32<kSwapped>(p + 4), index = load_u32<kSwapped>(p + 8);
      const std::uint32_t captured = load_u32<kSwapped>(p + 20);
      // What usual writers write: no options, or at most 256 bytes of them. settle() takes the rest.
      const std::uint32_t spare = size - pcapng::kPacketFrameBytes - captured;
      if (captured > pcapng::kLargestBlock / 2 || spare > 256 || size % 4 != 0 || size > rest ||
          index >= count)
        return p;
      if (load_u32<kSwapped>(p + size - 4) != size) return p;
      const PcapngInterface& interface = interfaces[index];
      std::int64_t ts_ns;
      if (!interface.usable || !interface.decoded ||
          !interface.time.to_ns(ts_ns, load_ticks<kSwapped>(p + 12)))
        return p;
      const std::uint32_t fcs = fcs_of<kSwapped>(p, size, captured, interface);
      hand_over_hot(sink_, view(interface, index, fcs, ts_ns, load_u32<kSwapped>(p + 24), captured, p + 28));
      tell_captured(sink_, captured);
      p += size;
    }
  }

  TG_COLD WalkStep settle(const std::uint8_t* p);
  TG_COLD WalkStep resynchronise(const std::uint8_t* p) {
    return resync_.scan(window_, p, pcapng::kBlockHeadBytes, [&](const std::uint8_t* at) { return good_place(at); });
  }
  Verdict good_place(const std::uint8_t* p) const;
  const std::uint8_t* good_place_within(const std::uint8_t* p, const pcapng::Block& block) const;
  template <bool kSwapped>
  bool take_block(const std::uint8_t* p, const pcapng::Block& block);
  template <bool kSwapped>
  bool take_packet(const std::uint8_t* p, const pcapng::Block& block, std::uint32_t index);
  template <bool kSwapped>
  void take_statistics(const std::uint8_t* p, const pcapng::Block& block);

  State state_;
  Sink& sink_;
  DamageLog& log_;
  Resynchroniser<Sink> resync_;
  WalkWindow window_{};
  std::uint64_t stop_ = std::numeric_limits<std::uint64_t>::max();
};

/// What lies at `p`.
template <PacketSink Sink>
auto PcapngWalker<Sink>::settle(const std::uint8_t* p) -> WalkStep {
  const std::size_t rest = window_.rest(p);
  if (rest == 0) return {p, false};
  const pcapng::Block block = pcapng::look_at_block(p, rest, state_.swapped);
  const std::uint8_t* resume = p + 1;
  switch (block.fit) {
    case pcapng::Fit::whole: {
      const bool go_on = block.swapped ? take_block<true>(p, block) : take_block<false>(p, block);
      return {go_on ? p + block.size : p, go_on};
    }
    case pcapng::Fit::cut:
      if (!window_.final) return {p, false};
      resume = good_place_within(p, block);
      if (resume != window_.end) break;
      if (!log_.cut_off(window_.offset_of(p), rest)) return {p, false};
      sink_.refuse(Refusal::truncated, 1, rest);
      return {window_.end, false};
    case pcapng::Fit::impossible:
      break;
  }
  if (!resync_.begin(window_.offset_of(p), "a block that cannot be")) return {p, false};
  if (block.type == pcapng::kInterface) state_.add_interface({}, {});  // keeps the numbers of those after it
  return {resume, true};
}

/// A block that the end of the file cuts may have a damaged length instead: then blocks go on within what it
/// claims. What is surely its own (its packet data) is not searched, as that may hold another capture.
template <PacketSink Sink>
auto PcapngWalker<Sink>::good_place_within(const std::uint8_t* p, const pcapng::Block& block) const
    -> const std::uint8_t* {
  if (window_.rest(p) < block.own_bytes) return window_.end;
  for (p += block.own_bytes; window_.rest(p) >= pcapng::kBlockHeadBytes; ++p) {
    if (good_place(p) == Verdict::yes) return p;
  }
  return window_.end;
}

template <PacketSink Sink>
auto PcapngWalker<Sink>::good_place(const std::uint8_t* p) const -> Verdict {
  using pcapng::Fit;
  const pcapng::Block block = pcapng::look_at_block(p, window_.rest(p), state_.swapped);
  if (block.fit == Fit::impossible || !pcapng::is_known_type(block.type)) return Verdict::no;
  if (block.fit == Fit::cut) return window_.final ? Verdict::no : Verdict::need_more;
  const std::size_t rest = window_.rest(p) - block.size;
  if (rest < pcapng::kBlockHeadBytes) return window_.final ? Verdict::yes : Verdict::need_more;
  const pcapng::Block next = pcapng::look_at_block(p + block.size, rest, block.swapped);
  if (next.fit == Fit::cut) return window_.final ? Verdict::yes : Verdict::need_more;
  return next.fit == Fit::whole ? Verdict::yes : Verdict::no;
}

/// False where the log stops the walk.
template <PacketSink Sink>
template <bool kSwapped>
bool PcapngWalker<Sink>::take_block(const std::uint8_t* p, const pcapng::Block& block) {
  switch (block.type) {
    case pcapng::kSectionHeader:
      state_.begin_section(kSwapped);
      return true;
    case pcapng::kInterface:
      state_.add_interface(parse_interface<kSwapped>(p + 8, block.size - 12), {p, block.size});
      return true;
    case pcapng::kEnhancedPacket:
      return take_packet<kSwapped>(p, block, load_u32<kSwapped>(p + 8));
    case pcapng::kObsoletePacket:
      return take_packet<kSwapped>(p, block, load_u16<kSwapped>(p + 8));
    case pcapng::kSimplePacket:
      sink_.refuse(Refusal::no_time, 1, 0);
      return true;
    case pcapng::kStatistics:
      take_statistics<kSwapped>(p, block);
      return true;
    default:
      return true;
  }
}

template <PacketSink Sink>
template <bool kSwapped>
bool PcapngWalker<Sink>::take_packet(const std::uint8_t* p, const pcapng::Block& block, std::uint32_t index) {
  if (index >= state_.interfaces.size() || !state_.interfaces[index].usable) {
    sink_.refuse(Refusal::bad_interface, 1, 0);
    return true;
  }
  const PcapngInterface& interface = state_.interfaces[index];
  if (!interface.decoded) {
    sink_.refuse(Refusal::unknown_link, 1, 0);
    return true;
  }
  std::int64_t ts_ns;
  if (!interface.time.to_ns(ts_ns, load_ticks<kSwapped>(p + 12))) {
    if (!log_.begin_stretch(window_.offset_of(p), "a timestamp outside the years 1677 to 2262")) return false;
    log_.end_stretch(block.size);
    sink_.refuse(Refusal::damaged, 1, block.size);
    return true;
  }
  const std::uint32_t captured = load_u32<kSwapped>(p + 20);
  const std::uint32_t fcs = fcs_of<kSwapped>(p, block.size, captured, interface);
  hand_over(sink_, view(interface, index, fcs, ts_ns, load_u32<kSwapped>(p + 24), captured, p + 28));
  tell_captured(sink_, captured);
  return true;
}

template <PacketSink Sink>
template <bool kSwapped>
void PcapngWalker<Sink>::take_statistics(const std::uint8_t* p, const pcapng::Block& block) {
  const std::uint32_t index = load_u32<kSwapped>(p + 8);
  const auto drops = parse_drops<kSwapped>(p + 20, block.size - 24);
  if (!drops || index >= state_.interfaces.size()) return;
  std::uint64_t& before = state_.interfaces[index].drops;
  // A counter that went back was set to zero in between.
  const std::uint64_t lost = *drops >= before ? *drops - before : *drops;
  before = *drops;
  if (lost != 0) sink_.lost(lost);
}

}  // namespace tidegauge
