// walk_capture: joins source, format and sink. Included by capture.hpp.
#pragma once

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "ingest/formats/link_names.hpp"
#include "ingest/formats/pcap_walk.hpp"
#include "ingest/formats/pcapng_walk.hpp"
#include "ingest/formats/walk_session.hpp"

namespace tidegauge {
namespace walk_detail {

/// Calls use(make, State): make(sink, log) is a walker of this header's record layout.
template <PacketSink Sink, class Use>
Status with_pcap_walker(const PcapHeader& header, LinkType link, const Use& use) {
  const auto with = [&]<class Layout>(std::type_identity<Layout>) {
    using Walker = PcapWalker<Layout, Sink>;
    const auto make = [&](Sink& sink, DamageLog& log) { return Walker(header, link, sink, log); };
    return use(make, typename Walker::State{});
  };
  if (!header.plain()) return with(std::type_identity<RarePcapLayout>());
  if (header.swapped) {
    return header.nanoseconds ? with(std::type_identity<PlainPcapLayout<true, true>>())
                              : with(std::type_identity<PlainPcapLayout<true, false>>());
  }
  return header.nanoseconds ? with(std::type_identity<PlainPcapLayout<false, true>>())
                            : with(std::type_identity<PlainPcapLayout<false, false>>());
}

}  // namespace walk_detail

/// Recognises the format at the session's beginning, passes its file header, and calls `use(make, guess)`:
/// `make(sink, log)` is a walker for what follows, `guess` the state in which most of the file will be walked.
template <PacketSink Sink, class Use>
Expected<const char*> with_walker(WalkSession& session, const Use& use) {
  auto format = recognise_format(session);
  if (!format) return std::move(format).error();
  BlockReader& reader = session.reader();
  if (*format == CaptureFormat::pcapng) {
    auto swapped = first_section_swapped(session);
    if (!swapped) return std::move(swapped).error();
    const auto make = [&](Sink& sink, DamageLog& log) { return PcapngWalker<Sink>(*swapped, sink, log); };
    TG_TRY(use(make, state_at_first_packet(reader.begin(), reader.end(), *swapped)));
    return "pcapng";
  }
  const PcapHeader header = parse_pcap_header(reader.begin());
  reader.consume(reader.begin() + kPcapFileHeaderBytes);
  const auto link = decoded_link(header.link_number);
  if (!link) return session.error(link_name(header.link_number) + " is not decoded", undecoded_link_remedy());
  TG_TRY(walk_detail::with_pcap_walker<Sink>(header, *link, use));
  return "pcap";
}

/// An error where a walk that ended in this state met undecoded link types alone.
template <class State>
Status some_link_decoded(const WalkSession& session, const State& state) {
  const auto link = state.only_undecoded_link();
  if (!link) return {};
  return session.error(link_name(*link) + " is not decoded, and no interface has another", undecoded_link_remedy());
}

/// As walk_capture, on a source that is already open; `path` is for words only. `block_bytes` 0 takes what
/// the source prefers: the answer does not depend on it.
template <PacketSink Sink>
Expected<WalkResult> walk_source(const std::string& path, ByteSource& source, Sink& sink,
                                 const WalkOptions& options, std::size_t block_bytes = 0) {
  WalkSession session(path, source, options, block_bytes);
  auto format = with_walker<Sink>(session, [&](const auto& make, const auto&) -> Status {
    auto walker = make(sink, session.log());
    TG_TRY(session.drive(walker));
    return some_link_decoded(session, walker.state());
  });
  if (!format) return std::move(format).error();
  return session.finish(*format);
}

template <PacketSink Sink>
Expected<WalkResult> walk_capture(const std::string& path, Sink& sink, const WalkOptions& options) {
  auto source = open_source(path);
  if (!source) return std::move(source).error();
  return walk_source(path, **source, sink, options);
}

}  // namespace tidegauge
