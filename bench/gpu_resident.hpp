// Counting of packets that lie in device memory already: what the binning kernel does once no link holds it back.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/core/status.hpp"

namespace tidegauge::bench {

struct ResidentRate {
  std::uint64_t packets = 0, bytes = 0;  ///< of lengths and bits, all of which the kernel reads
  double gbps = 0;                       ///< 10^9 of these bytes a second, best of several rounds
  std::uint64_t counted = 0;             ///< packets that the rows hold after the last round
};

/// @param bytes of packets, at most half of the free memory
Expected<ResidentRate> resident_binning_rate(int device, std::size_t bytes);

}  // namespace tidegauge::bench
