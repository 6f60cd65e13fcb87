#include "ingest/formats/pcapng_block.hpp"

namespace tidegauge::pcapng {
namespace {

// Options hold names and comments. A packet block that would hold more of them has a damaged length.
constexpr std::uint32_t kLargestOptions = 1 << 16;

std::uint32_t smallest_size(std::uint32_t type) {
  switch (type) {
    case kSectionHeader:
      return 28;
    case kInterface:
      return 20;
    case kObsoletePacket:
    case kEnhancedPacket:
      return kPacketFrameBytes;
    case kSimplePacket:
      return 16;
    case kStatistics:
      return 24;
    default:
      return 12;
  }
}

std::uint32_t largest_size(std::uint32_t type) {
  const bool only_options = type == kSectionHeader || type == kInterface || type == kStatistics;
  return only_options ? smallest_size(type) + kLargestOptions : kLargestBlock;
}

/// The two lengths of a packet block agree: data, padding, then options of a sane length.
template <bool kSwapped>
bool data_fits(const std::uint8_t* p, std::uint32_t size) {
  const std::uint32_t captured = load_u32<kSwapped>(p + 20), room = size - kPacketFrameBytes;
  return captured <= room && room - captured < kLargestOptions + 4;
}

template <bool kSwapped>
Block look(const std::uint8_t* p, std::size_t rest) {
  Block block;
  block.swapped = kSwapped;
  if (rest >= 4) block.type = load_u32<kSwapped>(p);
  if (rest < kBlockHeadBytes) {
    block.fit = Fit::cut;
    return block;
  }
  const std::uint32_t size = load_u32<kSwapped>(p + 4);
  if (size % 4 != 0 || size < smallest_size(block.type) || size > largest_size(block.type)) return block;
  const bool packet = block.type == kEnhancedPacket || block.type == kObsoletePacket;
  const bool section = block.type == kSectionHeader;
  // A length that the block's own fields contradict is known to be wrong even where the block is cut.
  if (packet && rest >= 24 && !data_fits<kSwapped>(p, size)) return block;
  if (section && rest >= 14 && load_u16<kSwapped>(p + 12) != 1)
    return block;  // no other major version exists
  if (rest < size) {
    block.fit = Fit::cut;
    if (packet) block.own_bytes = rest >= 24 ? std::size_t{28} + load_u32<kSwapped>(p + 20) : 28;
    return block;
  }
  if (load_u32<kSwapped>(p + size - 4) != size) return block;
  block.size = size;
  block.fit = Fit::whole;
  return block;
}

}  // namespace

Block look_at_block(const std::uint8_t* p, std::size_t rest, bool swapped) {
  if (rest >= kBlockHeadBytes && load_u32<false>(p) == kSectionHeader) {
    const std::uint32_t magic = load_u32<false>(p + 8);
    if (magic != kByteOrderMagic && magic != __builtin_bswap32(kByteOrderMagic)) return {};
    swapped = magic != kByteOrderMagic;
  }
  return swapped ? look<true>(p, rest) : look<false>(p, rest);
}

bool is_known_type(std::uint32_t type) {
  switch (type) {
    case kInterface:
    case kObsoletePacket:
    case kSimplePacket:
    case kNameResolution:
    case kStatistics:
    case kEnhancedPacket:
    case kJournalExport:
    case kDecryptionSecrets:
    case kCustom:
    case kCustomNoCopy:
    case kSectionHeader:
      return true;
    default:
      return false;
  }
}

}  // namespace tidegauge::pcapng
