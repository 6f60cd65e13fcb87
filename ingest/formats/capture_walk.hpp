// walk_capture: joins source, format and sink. Included by capture.hpp.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "ingest/formats/link_names.hpp"
#include "ingest/formats/pcap_walk.hpp"
#include "ingest/formats/pcapng_walk.hpp"
#include "ingest/formats/walk_session.hpp"

namespace tidegauge {
namespace walk_detail {

template <class Layout, PacketSink Sink>
Status walk_pcap_as(WalkSession& session, const PcapHeader& header, LinkType link, Sink& sink) {
  PcapWalker<Layout, Sink> walker(header, link, sink, session.log());
  return session.drive(walker, sink);
}

template <PacketSink Sink>
Status walk_pcap(WalkSession& session, Sink& sink) {
  const PcapHeader header = parse_pcap_header(session.reader().begin());
  session.reader().consume(session.reader().begin() + kPcapFileHeaderBytes);
  const auto link = decoded_link(header.link_number);
  if (!link) return session.error(link_name(header.link_number) + " is not decoded", undecoded_link_remedy());
  if (!header.plain()) return walk_pcap_as<RarePcapLayout>(session, header, *link, sink);
  if (header.swapped) {
    return header.nanoseconds ? walk_pcap_as<PlainPcapLayout<true, true>>(session, header, *link, sink)
                              : walk_pcap_as<PlainPcapLayout<true, false>>(session, header, *link, sink);
  }
  return header.nanoseconds ? walk_pcap_as<PlainPcapLayout<false, true>>(session, header, *link, sink)
                            : walk_pcap_as<PlainPcapLayout<false, false>>(session, header, *link, sink);
}

template <PacketSink Sink>
Status walk_pcapng(WalkSession& session, Sink& sink) {
  auto swapped = first_section_swapped(session);
  if (!swapped) return std::move(swapped).error();
  PcapngWalker<Sink> walker(*swapped, sink, session.log());
  TG_TRY(session.drive(walker, sink));
  if (const auto link = walker.only_undecoded_link()) {
    return session.error(link_name(*link) + " is not decoded, and no interface has another",
                         undecoded_link_remedy());
  }
  return {};
}

}  // namespace walk_detail

/// As walk_capture, on a source that is already open; `path` is for words only. `block_bytes` 0 takes what
/// the source prefers: the answer does not depend on it.
template <PacketSink Sink>
Expected<WalkResult> walk_source(const std::string& path, ByteSource& source, Sink& sink,
                                 const WalkOptions& options, std::size_t block_bytes = 0) {
  WalkSession session(path, source, options, block_bytes);
  auto format = recognise_format(session);
  if (!format) return std::move(format).error();
  const bool pcapng = *format == CaptureFormat::pcapng;
  TG_TRY(pcapng ? walk_detail::walk_pcapng(session, sink) : walk_detail::walk_pcap(session, sink));
  return session.finish(pcapng ? "pcapng" : "pcap");
}

template <PacketSink Sink>
Expected<WalkResult> walk_capture(const std::string& path, Sink& sink, const WalkOptions& options) {
  auto source = open_source(path);
  if (!source) return std::move(source).error();
  return walk_source(path, **source, sink, options);
}

}  // namespace tidegauge
