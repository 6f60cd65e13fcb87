#include "ingest/formats/pcapng_head.hpp"

#include <array>
#include <cstddef>

#include "ingest/formats/pcapng_block.hpp"

namespace tidegauge {
namespace {

void append(std::vector<std::uint8_t>& to, bool swapped, std::span<const std::uint32_t> words) {
  for (std::uint32_t word : words) {
    if (swapped) word = __builtin_bswap32(word);
    for (int shift = 0; shift < 32; shift += 8) to.push_back(static_cast<std::uint8_t>(word >> shift));
  }
}

}  // namespace

PcapngHead::PcapngHead(bool swapped) : swapped_(swapped) {
  // draft-ietf-opsawg-pcapng, section 4.1: version 1.0, of unknown length. The two halves of the version word depend on
  // the byte order; the type does not.
  const std::array<std::uint32_t, 7> section{pcapng::kSectionHeader, 28, pcapng::kByteOrderMagic,
                                             swapped ? 1u << 16 : 1u, ~0u, ~0u, 28};
  append(bytes_, swapped, section);
}

void PcapngHead::add_interface(std::span<const std::uint8_t> block) {
  if (bytes_.size() + block.size() > most_bytes) complete_ = false;
  if (!complete_) return;
  if (!block.empty()) {
    bytes_.insert(bytes_.end(), block.begin(), block.end());
    return;
  }
  // An option that runs over the block's end: a block that cannot be read either. Section 4.2.
  const std::array<std::uint32_t, 6> unreadable{pcapng::kInterface, 24, 0, 0, swapped_ ? 9u << 16 | 64 : 64u << 16 | 9, 24};
  append(bytes_, swapped_, unreadable);
}

std::optional<std::span<const std::uint8_t>> PcapngHead::bytes() const {
  if (!complete_) return std::nullopt;
  return bytes_;
}

}  // namespace tidegauge
