// What a walk that begins in the middle of a capture has to know of what lies before it, and the bytes as which a time
// index keeps that.
//
// pcap: the file header, and how long its record headers are, which the first records may have told (pcap_variant.hpp).
// pcapng: the section header and the section's interfaces so far. ERF: that it is ERF, which has no magic.
// Encoded: a byte for the version of this encoding (1), one for the format, one for the length of the record headers (0
// where there is none), then `bytes`. Decoding trusts nothing: an index comes out of a file.
// Tested by tests/ingest/resume_head_test.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace tidegauge {

enum class CaptureFormat : std::uint8_t { pcap = 1, pcapng = 2, erf = 3 };

/// As a walker tells it; the bytes are the walker's.
struct ResumeView {
  CaptureFormat format = CaptureFormat::pcap;
  std::uint32_t record_header_bytes = 0;      ///< of pcap: 16, 20, 24 or 28
  std::span<const std::uint8_t> bytes{};      ///< what the walker has to be fed before it goes on
};

struct ResumeHead {
  CaptureFormat format = CaptureFormat::pcap;
  std::uint32_t record_header_bytes = 0;
  std::vector<std::uint8_t> bytes{};

  ResumeHead() = default;
  explicit ResumeHead(const ResumeView& view)
      : format(view.format), record_header_bytes(view.record_header_bytes), bytes(view.bytes.begin(), view.bytes.end()) {}
  friend bool operator==(const ResumeHead&, const ResumeHead&) = default;
  bool equals(const ResumeView& view) const;  ///< copies nothing
};

std::vector<std::uint8_t> encode(const ResumeHead& head);
/// None where the bytes are nothing that encode() makes of what a walker says.
std::optional<ResumeHead> decode_resume_head(std::span<const std::uint8_t> encoded);

}  // namespace tidegauge
