// The 24 bytes at the start of a pcap file (draft-ietf-opsawg-pcap), and the record layouts it can announce: the usual
// one, and those of old and patched writers that capinfos reads too. Tested by tests/ingest/pcap_test.cpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "ingest/formats/byte_order.hpp"
#include "kernels/core/status.hpp"

namespace tidegauge {

inline constexpr std::size_t kPcapFileHeaderBytes = 24;

struct PcapHeader {
  bool swapped = false;          ///< written on a machine of the other byte order
  bool nanoseconds = false;      ///< fractions are nanoseconds, otherwise microseconds
  bool patched = false;          ///< the magic of Kuznetzov's patched libpcap
  bool lengths_swapped = false;  ///< versions before 2.4 and 543.0 may hold original before captured length
  std::uint32_t fcs_bytes = 0;   ///< frame check sequence at the end of each packet
  std::uint32_t snaplen = 0;     ///< as written; 0 and huge values mean unlimited
  std::uint32_t link_number = 0;
  std::uint32_t file_header_bytes = kPcapFileHeaderBytes;  ///< 28 in Ixia's lcap files, which add their length
  std::uint32_t record_header_bytes = 16;                  ///< of the magic's usual writer; see pcap_variant.hpp
  std::array<std::uint8_t, kPcapFileHeaderBytes> as_written{};

  /// One of the layouts for which the walk is a tight loop of its own.
  bool plain() const { return record_header_bytes == 16 && !lengths_swapped && fcs_bytes == 0; }
};

/// True where `magic` (as loaded) opens a pcap file.
bool is_pcap_magic(std::uint32_t magic);

/// `bytes` holds kPcapFileHeaderBytes and begins with a pcap magic.
PcapHeader parse_pcap_header(const std::uint8_t* bytes);

struct PcapRecord {
  std::uint32_t seconds, fraction, captured, wire;
};

/// Sixteen-byte record headers in one byte order and one resolution: what nearly every file holds.
template <bool kSwapped, bool kNanoseconds>
struct PlainPcapLayout {
  explicit PlainPcapLayout(const PcapHeader&) {}
  static constexpr std::size_t header_bytes() { return 16; }
  static constexpr std::uint32_t fraction_limit() { return kNanoseconds ? 1'000'000'000 : 1'000'000; }
  static constexpr std::uint32_t fraction_ns() { return kNanoseconds ? 1 : 1000; }
  static constexpr std::uint32_t fcs_bytes() { return 0; }
  TG_INLINE static PcapRecord load(const std::uint8_t* p) {
    return {load_u32<kSwapped>(p), load_u32<kSwapped>(p + 4), load_u32<kSwapped>(p + 8),
            load_u32<kSwapped>(p + 12)};
  }
};

/// Everything else, decided at run time.
class RarePcapLayout {
 public:
  explicit RarePcapLayout(const PcapHeader& header) : header_(header) {}
  std::size_t header_bytes() const { return header_.record_header_bytes; }
  std::uint32_t fraction_limit() const { return header_.nanoseconds ? 1'000'000'000 : 1'000'000; }
  std::uint32_t fraction_ns() const { return header_.nanoseconds ? 1 : 1000; }
  std::uint32_t fcs_bytes() const { return header_.fcs_bytes; }
  PcapRecord load(const std::uint8_t* p) const {
    PcapRecord r =
        header_.swapped ? PlainPcapLayout<true, false>::load(p) : PlainPcapLayout<false, false>::load(p);
    if (header_.lengths_swapped && r.captured > r.wire) std::swap(r.captured, r.wire);
    return r;
  }

 private:
  PcapHeader header_;
};

}  // namespace tidegauge
