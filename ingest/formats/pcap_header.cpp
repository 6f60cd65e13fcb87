#include "ingest/formats/pcap_header.hpp"

#include <algorithm>

namespace tidegauge {
namespace {

constexpr std::uint32_t kMicroseconds = 0xa1b2c3d4, kNanoseconds = 0xa1b23c4d, kPatched = 0xa1b2cd34;
// Ixia's lcap: as pcap, with the bytes of all records in a 25th to 28th byte (wireshark issue 14073).
constexpr std::uint32_t kIxiaNanoseconds = 0x1c0001ac, kIxiaMicroseconds = 0x1c0001ab;

bool is_native_magic(std::uint32_t magic) {
  return magic == kMicroseconds || magic == kNanoseconds || magic == kPatched || magic == kIxiaNanoseconds ||
         magic == kIxiaMicroseconds;
}

template <bool kSwapped>
PcapHeader parse(const std::uint8_t* bytes) {
  PcapHeader header;
  std::copy_n(bytes, kPcapFileHeaderBytes, header.as_written.begin());
  const std::uint32_t magic = load_u32<kSwapped>(bytes);
  header.swapped = kSwapped;
  header.nanoseconds = magic == kNanoseconds || magic == kIxiaNanoseconds;
  header.patched = magic == kPatched;
  if (header.patched) header.record_header_bytes = 24;
  if (magic == kIxiaNanoseconds || magic == kIxiaMicroseconds) header.file_header_bytes = 28;
  const std::uint16_t major = load_u16<kSwapped>(bytes + 4), minor = load_u16<kSwapped>(bytes + 6);
  // libpcap's sf-pcap.c: swapped before 2.3 and in DG/UX's 543.0, either way round in 2.3.
  header.lengths_swapped = (major == 2 && minor <= 3) || (major == 543 && minor == 0);
  header.snaplen = load_u32<kSwapped>(bytes + 16);
  // The link type's word: 4 bits FCS length in 16-bit words, 1 reserved bit, 1 bit "FCS length is given", 10
  // reserved bits that a reader ignores, 16 bits LINKTYPE. The time zone and accuracy fields were never used.
  const std::uint32_t link = load_u32<kSwapped>(bytes + 20);
  header.link_number = link & 0xffff;
  if (link & 0x0400'0000) header.fcs_bytes = (link >> 28) * 2;
  return header;
}

}  // namespace

bool is_pcap_magic(std::uint32_t magic) {
  return is_native_magic(magic) || is_native_magic(__builtin_bswap32(magic));
}

PcapHeader parse_pcap_header(const std::uint8_t* bytes) {
  return is_native_magic(load_u32<false>(bytes)) ? parse<false>(bytes) : parse<true>(bytes);
}

}  // namespace tidegauge
