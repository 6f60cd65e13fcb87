#include "ingest/formats/pcapng_state.hpp"

namespace tidegauge {
namespace {
// Bounds what a hostile file can make us hold; packets of further interfaces are refused.
constexpr std::size_t kMostInterfaces = 1 << 16;

bool holds_packet(std::uint32_t type) {
  return type == pcapng::kEnhancedPacket || type == pcapng::kObsoletePacket || type == pcapng::kSimplePacket;
}
}  // namespace

void PcapngState::add_interface(const PcapngInterface& interface) {
  if (interfaces.size() < kMostInterfaces) interfaces.push_back(interface);
  any_decoded |= interface.usable && interface.decoded;
  if (interface.usable && !interface.decoded && !undecoded_link) undecoded_link = interface.link_number;
}

PcapngState state_at_first_packet(const std::uint8_t* begin, const std::uint8_t* end, bool swapped) {
  PcapngState state;
  state.swapped = swapped;
  for (const std::uint8_t* p = begin; p != end;) {
    const auto block = pcapng::look_at_block(p, static_cast<std::size_t>(end - p), state.swapped);
    if (block.fit != pcapng::Fit::whole || holds_packet(block.type)) break;
    if (block.type == pcapng::kSectionHeader) state.begin_section(block.swapped);
    if (block.type == pcapng::kInterface)
      state.add_interface(block.swapped ? parse_interface<true>(p + 8, block.size - 12)
                                        : parse_interface<false>(p + 8, block.size - 12));
    p += block.size;
  }
  return state;
}

}  // namespace tidegauge
