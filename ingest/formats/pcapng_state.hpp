// What a walk over a pcapng file remembers between two blocks; together with the bytes that follow it decides
// everything. Tested by tests/ingest/pcapng_test.cpp and split_walk_test.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ingest/formats/pcapng_block.hpp"
#include "ingest/formats/pcapng_head.hpp"
#include "ingest/formats/pcapng_interface.hpp"
#include "kernels/core/status.hpp"

namespace tidegauge {

struct PcapngState {
  bool swapped = false;                     ///< byte order of the section
  std::vector<PcapngInterface> interfaces;  ///< of the section
  PcapngHead head{false};                   ///< the same as blocks
  std::optional<std::uint32_t> undecoded_link;
  bool any_decoded = false;

  friend bool operator==(const PcapngState&, const PcapngState&) = default;

  void begin_section(bool section_swapped) {
    swapped = section_swapped;
    interfaces.clear();
    head = PcapngHead(section_swapped);
  }
  /// @param block the whole block; none of one that was seen but could not be read
  void add_interface(const PcapngInterface& interface, std::span<const std::uint8_t> block);

  /// What to say where interfaces were described and none of them is decoded.
  std::optional<Error> nothing_decoded() const;
};

/// The state at the first packet of a file that begins with the bytes [begin, end), as far as they tell: what most of
/// the file is in, since interfaces are described in front.
PcapngState state_at_first_packet(const std::uint8_t* begin, const std::uint8_t* end, bool swapped);

}  // namespace tidegauge
