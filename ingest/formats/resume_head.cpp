#include "ingest/formats/resume_head.hpp"

#include <algorithm>
#include <cstddef>

#include "ingest/formats/byte_order.hpp"
#include "ingest/formats/pcap_header.hpp"
#include "ingest/formats/pcapng_block.hpp"
#include "ingest/formats/pcapng_head.hpp"

namespace tidegauge {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kFixedBytes = 3;

bool is_pcap(const ResumeHead& head) {
  if (head.bytes.size() != kPcapFileHeaderBytes || !is_pcap_magic(load_u32<false>(head.bytes.data()))) return false;
  const std::uint32_t length = head.record_header_bytes;
  return parse_pcap_header(head.bytes.data()).patched ? length == 24 || length == 28
                                                      : length == 16 || length == 20 || length == 24;
}

/// What follows the section header the walker judges, as it does in any file.
bool is_pcapng(const ResumeHead& head) {
  const std::size_t size = head.bytes.size();
  return head.record_header_bytes == 0 && size >= PcapngHead::section_bytes && size <= PcapngHead::most_bytes &&
         load_u32<false>(head.bytes.data()) == pcapng::kSectionHeader;
}

bool can_be(const ResumeHead& head) {
  switch (head.format) {
    case CaptureFormat::pcap: return is_pcap(head);
    case CaptureFormat::pcapng: return is_pcapng(head);
    case CaptureFormat::erf: return head.record_header_bytes == 0 && head.bytes.empty();
  }
  return false;
}

}  // namespace

bool ResumeHead::equals(const ResumeView& view) const {
  return format == view.format && record_header_bytes == view.record_header_bytes && std::ranges::equal(bytes, view.bytes);
}

std::vector<std::uint8_t> encode(const ResumeHead& head) {
  std::vector<std::uint8_t> encoded(kFixedBytes + head.bytes.size());
  encoded[0] = kVersion;
  encoded[1] = static_cast<std::uint8_t>(head.format);
  encoded[2] = static_cast<std::uint8_t>(head.record_header_bytes);
  std::ranges::copy(head.bytes, encoded.begin() + kFixedBytes);
  return encoded;
}

std::optional<ResumeHead> decode_resume_head(std::span<const std::uint8_t> encoded) {
  if (encoded.size() < kFixedBytes || encoded[0] != kVersion) return std::nullopt;
  const ResumeHead head(ResumeView{static_cast<CaptureFormat>(encoded[1]), encoded[2], encoded.subspan(kFixedBytes)});
  if (!can_be(head)) return std::nullopt;
  return head;
}

}  // namespace tidegauge
