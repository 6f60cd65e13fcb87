#include "ingest/sinks/packet_selection.hpp"

#include "kernels/decode/decode.hpp"

namespace tidegauge {

PacketSelection::PacketSelection(const KeyedOptions& options) : outer_(options.outer), only_(options.only) {
  if (!options.filter.empty()) filter_.emplace(options.filter);
}

bool PacketSelection::matches(const PacketView& packet) {
  const HeaderFacts facts = only_.any() ? decode_located(packet, {.outer = outer_}).facts : HeaderFacts{};
  return matches(packet, facts);
}

}  // namespace tidegauge
