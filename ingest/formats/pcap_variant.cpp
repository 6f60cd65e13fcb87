#include "ingest/formats/pcap_variant.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <utility>

namespace tidegauge {
namespace {

constexpr int kRecordsTried = 3;
// What the old writers could capture, and a bound on what is read ahead.
constexpr std::uint32_t kLargestRecord = 65'535;
constexpr std::array<std::uint32_t, 2> kUnderUsualMagic{24, 20};
constexpr std::array<std::uint32_t, 1> kUnderPatchedMagic{28};

struct Trial {
  int whole = 0;        ///< records, up to kRecordsTried
  bool broken = false;  ///< a header that these writers do not write
  bool at_end = false;  ///< the file ends right behind the last whole record
  bool proven() const { return !broken && (whole == kRecordsTried || (whole >= 2 && at_end)); }
};

/// Reads the first records as if their headers were `header_bytes` long.
Expected<Trial> try_records(WalkSession& session, PcapHeader header, std::uint32_t header_bytes) {
  header.record_header_bytes = header_bytes;
  const RarePcapLayout layout(header);
  Trial trial;
  for (std::size_t at = 0; trial.whole < kRecordsTried; ++trial.whole) {
    TG_TRY(session.at_least(at + header_bytes));
    trial.at_end = session.reader().size() == at;
    if (session.reader().size() < at + header_bytes) return trial;
    const PcapRecord r = layout.load(session.reader().begin() + at);
    trial.broken = r.captured == 0 || r.captured > kLargestRecord || r.captured > r.wire ||
                   r.fraction >= layout.fraction_limit();
    if (trial.broken) return trial;
    at += header_bytes + r.captured;
    TG_TRY(session.at_least(at));
    trial.at_end = session.reader().size() == at;
    if (session.reader().size() < at) return trial;
  }
  return trial;
}

}  // namespace

Status enter_pcap_records(WalkSession& session, PcapHeader& header) {
  const ResumeHead* const known = session.options().resume;
  if (known != nullptr) header.file_header_bytes = kPcapFileHeaderBytes;
  TG_TRY(session.at_least(header.file_header_bytes));
  const std::uint8_t* const begin = session.reader().begin();
  if (session.reader().size() < header.file_header_bytes) {
    return session.error("ends within the pcap file header (" + std::to_string(session.reader().size()) +
                             " of " + std::to_string(header.file_header_bytes) + " bytes)",
                         "capture it again, or leave it out");
  }
  session.reader().consume(begin + header.file_header_bytes);
  if (known != nullptr) {
    header.record_header_bytes = known->record_header_bytes;
    return {};
  }
  // The variants are of version 2.4 and of microseconds.
  if (header.nanoseconds || header.lengths_swapped || header.file_header_bytes != kPcapFileHeaderBytes)
    return {};
  auto usual = try_records(session, header, header.record_header_bytes);
  if (!usual) return std::move(usual).error();
  if (!usual->broken) return {};
  const std::span<const std::uint32_t> others =
      header.patched ? std::span<const std::uint32_t>(kUnderPatchedMagic) : kUnderUsualMagic;
  for (const std::uint32_t bytes : others) {
    auto trial = try_records(session, header, bytes);
    if (!trial) return std::move(trial).error();
    if (!trial->proven()) continue;
    header.record_header_bytes = bytes;
    break;
  }
  return {};
}

}  // namespace tidegauge
