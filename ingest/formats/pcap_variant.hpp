// Which record headers a pcap file has, where its magic does not say. Writers of 1999 put fields behind the
// usual 16 bytes without a magic of their own: Red Hat 6.1's libpcap (24 bytes, the usual magic), Nokia's
// IPSO (20, the usual magic), SuSE 6.3's (28, the magic of the patched libpcap, which means 24). As in
// wireshark's wiretap/libpcap.c the first records decide: another length is believed only where records of
// the magic's own do not hold together and three of the other do (or as many as reach the end of the file, at
// least two). Cost: three record headers per file. Tested by tests/ingest/pcap_test.cpp.
#pragma once

#include "ingest/formats/pcap_header.hpp"
#include "ingest/formats/walk_session.hpp"

namespace tidegauge {

/// Moves the session's window past the file header, to the first record, and sets
/// `header.record_header_bytes`.
Status enter_pcap_records(WalkSession& session, PcapHeader& header);

}  // namespace tidegauge
