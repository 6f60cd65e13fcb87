// The frame of a pcapng block (draft-ietf-opsawg-pcapng, section 3.1) and whether it can be one.
// Tested by tests/ingest/pcapng_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ingest/formats/byte_order.hpp"

namespace tidegauge::pcapng {

enum Type : std::uint32_t {
  kInterface = 1,
  kObsoletePacket = 2,
  kSimplePacket = 3,
  kNameResolution = 4,
  kStatistics = 5,
  kEnhancedPacket = 6,
  kJournalExport = 9,
  kDecryptionSecrets = 10,
  kCustom = 0xbad,
  kCustomNoCopy = 0x40000bad,
  kSectionHeader = 0x0a0d0d0a,  ///< the same in both byte orders
};

inline constexpr std::uint32_t kByteOrderMagic = 0x1a2b3c4d;
/// Bytes before and after the packet data of an enhanced or obsolete packet block.
inline constexpr std::uint32_t kPacketFrameBytes = 32;
/// Wireshark's bound, and ours on what a hostile length can make us hold.
inline constexpr std::uint32_t kLargestBlock = 16 << 20;
/// What is read ahead to know a block's byte order and length.
inline constexpr std::size_t kBlockHeadBytes = 12;

enum class Fit {
  whole,  ///< a block
  cut,    ///< its beginning could be one; it goes on after the bytes that are there
  impossible
};

struct Block {
  Fit fit = Fit::impossible;
  bool swapped = false;  ///< for a section header by its own magic, otherwise as asked
  std::uint32_t type = 0;
  std::uint32_t size = 0;                   ///< of the whole block
  std::size_t own_bytes = kBlockHeadBytes;  ///< of a cut block: its head, or up to the end of its packet data
};

/// What lies at `p`, of which `rest` bytes are there, in a section of this byte order.
Block look_at_block(const std::uint8_t* p, std::size_t rest, bool swapped);

/// A type that the draft names; others are skipped, but not taken as a place to go on after damage.
bool is_known_type(std::uint32_t type);

}  // namespace tidegauge::pcapng
