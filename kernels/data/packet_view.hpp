// One captured packet as it lies in the source's buffer. Never owns, valid until the walker goes on.
#pragma once

#include <cstdint>

#include "kernels/data/link_type.hpp"

namespace tidegauge {

struct PacketView {
  std::int64_t ts_ns;            ///< nanoseconds since the epoch, UTC
  std::uint32_t wire_bytes;      ///< original length, without a frame check sequence that the file tells of
  std::uint32_t captured_bytes;  ///< how many of them are at `bytes`
  const std::uint8_t* bytes;
  LinkType link;
  std::uint32_t interface = 0;   ///< of the pcapng section or the ERF record; 0 where the format has none
};

}  // namespace tidegauge
