// What a walk over a pcapng file remembers between two blocks; together with the bytes that follow it decides
// everything. Tested by tests/ingest/pcapng_test.cpp and split_walk_test.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ingest/formats/pcapng_block.hpp"
#include "ingest/formats/pcapng_interface.hpp"

namespace tidegauge {

struct PcapngState {
  bool swapped = false;                     ///< byte order of the section
  std::vector<PcapngInterface> interfaces;  ///< of the section
  std::optional<std::uint32_t> undecoded_link;
  bool any_decoded = false;

  friend bool operator==(const PcapngState&, const PcapngState&) = default;

  void begin_section(bool section_swapped) {
    swapped = section_swapped;
    interfaces.clear();
  }
  void add_interface(const PcapngInterface& interface);

  /// The link type to name where the file describes interfaces and none of them is decoded.
  std::optional<std::uint32_t> only_undecoded_link() const { return any_decoded ? std::nullopt : undecoded_link; }
};

/// The state at the first packet of a file that begins with the bytes [begin, end), as far as they tell: what most of
/// the file is in, since interfaces are described in front.
PcapngState state_at_first_packet(const std::uint8_t* begin, const std::uint8_t* end, bool swapped);

}  // namespace tidegauge
