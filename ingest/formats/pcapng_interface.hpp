// What a pcapng interface description block says about the packets of that interface.
// Tested by tests/ingest/pcapng_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "kernels/core/host_device.hpp"
#include "kernels/data/link_type.hpp"

namespace tidegauge {

/// Ticks since the epoch to nanoseconds, floored. Covers every if_tsresol (10^-0 to 10^-127, 2^-0 to 2^-127)
/// and if_tsoffset.
class TimeScale {
 public:
  /// `resolution` as in if_tsresol: the exponent, with the top bit set for powers of two.
  TimeScale(std::uint8_t resolution, std::int64_t offset_seconds);

  /// False where the time does not fit 64 bits of nanoseconds (before 1677 or after 2262).
  TG_INLINE bool to_ns(std::int64_t& ns, std::uint64_t ticks) const {
    if (factor_ != 0) return !__builtin_mul_overflow(ticks, factor_, &ns);  // 10^-0 to 10^-9, no offset
    return to_ns_slowly(ns, ticks);
  }
  friend bool operator==(const TimeScale&, const TimeScale&) = default;

 private:
  bool to_ns_slowly(std::int64_t& ns, std::uint64_t ticks) const;

  std::uint64_t factor_ = 0;
  std::int64_t offset_seconds_;
  std::uint8_t resolution_;
};

struct PcapngInterface {
  bool usable = false;   ///< described by options that can be read
  bool decoded = false;  ///< `link` is set
  LinkType link = LinkType::ethernet;
  std::uint32_t link_number = 0;
  std::uint32_t fcs_bytes = 0;
  TimeScale time{6, 0};
  std::uint64_t drops = 0;  ///< as of the last statistics block
  friend bool operator==(const PcapngInterface&, const PcapngInterface&) = default;
};

/// `body` is the block's body: link type, reserved, snaplen, options. Options of a wrong length, which would
/// put the packets at a wrong time, make the interface unusable.
template <bool kSwapped>
PcapngInterface parse_interface(const std::uint8_t* body, std::size_t size);

/// Packets that a statistics block's options report as dropped by the interface and by the system, since the
/// capture began; none if it does not say.
template <bool kSwapped>
std::optional<std::uint64_t> parse_drops(const std::uint8_t* options, std::size_t size);

}  // namespace tidegauge
