#include "ingest/formats/pcapng_interface.hpp"

#include <limits>

#include "ingest/formats/byte_order.hpp"
#include "ingest/formats/link_names.hpp"

namespace tidegauge {
namespace {

__extension__ using Wide = __int128;

constexpr std::uint64_t power_of_ten(unsigned exponent) {
  std::uint64_t value = 1;
  while (exponent-- != 0) value *= 10;
  return value;
}

/// Calls `take(code, value, length)` for each option. False if they run over the end or `take` refuses one.
template <bool kSwapped, class Take>
bool each_option(const std::uint8_t* p, std::size_t size, Take take) {
  while (size >= 4) {
    const std::uint16_t code = load_u16<kSwapped>(p), length = load_u16<kSwapped>(p + 2);
    if (code == 0) return true;
    const std::size_t padded = (std::size_t{length} + 3) & ~std::size_t{3};
    if (padded > size - 4 || !take(code, p + 4, length)) return false;
    p += 4 + padded;
    size -= 4 + padded;
  }
  return true;  // the closing option is often left out
}

// draft-ietf-opsawg-pcapng, sections 4.2, 4.3, 4.6
constexpr std::uint16_t kIfTsresol = 9, kIfFcslen = 13, kIfTsoffset = 14, kEpbFlags = 2, kIsbIfdrop = 5, kIsbOsdrop = 7;

}  // namespace

TimeScale::TimeScale(std::uint8_t resolution, std::int64_t offset_seconds)
    : offset_seconds_(offset_seconds), resolution_(resolution) {
  if (resolution <= 9 && offset_seconds == 0) factor_ = power_of_ten(9u - resolution);
}

bool TimeScale::to_ns_slowly(std::int64_t& ns, std::uint64_t ticks) const {
  const unsigned exponent = resolution_ & 0x7f;
  Wide value = ticks;
  if (resolution_ & 0x80) {
    value = exponent < 94 ? (value * 1'000'000'000) >> exponent : 0;  // ticks * 10^9 has at most 94 bits
  } else if (exponent <= 9) {
    value *= power_of_ten(9 - exponent);
  } else {
    value = exponent - 9 <= 19 ? value / power_of_ten(exponent - 9) : 0;  // 2^64 < 10^20
  }
  value += static_cast<Wide>(offset_seconds_) * 1'000'000'000;
  if (value > std::numeric_limits<std::int64_t>::max() || value < std::numeric_limits<std::int64_t>::min())
    return false;
  ns = static_cast<std::int64_t>(value);
  return true;
}

template <bool kSwapped>
PcapngInterface parse_interface(const std::uint8_t* body, std::size_t size) {
  PcapngInterface interface;
  interface.link_number = load_u16<kSwapped>(body);
  const auto link = decoded_link(interface.link_number);
  interface.decoded = link.has_value();
  if (link) interface.link = *link;
  std::uint8_t resolution = 6;
  std::int64_t offset_seconds = 0;
  interface.usable = each_option<kSwapped>(
      body + 8, size - 8, [&](std::uint16_t code, const std::uint8_t* value, std::uint16_t length) {
        if (code == kIfTsresol) {
          if (length != 1) return false;
          resolution = value[0];
        } else if (code == kIfTsoffset) {
          if (length != 8) return false;
          offset_seconds = static_cast<std::int64_t>(load_u64<kSwapped>(value));
        } else if (code == kIfFcslen) {
          if (length != 1) return false;
          // The draft counts bits; writers that put 4 mean bytes.
          interface.fcs_bytes = value[0] >= 8 ? value[0] / 8u : value[0];
        }
        return true;
      });
  interface.time = TimeScale(resolution, offset_seconds);
  return interface;
}

template <bool kSwapped>
std::uint32_t parse_packet_fcs(const std::uint8_t* options, std::size_t size, std::uint32_t of_interface) {
  std::uint32_t fcs = of_interface;
  each_option<kSwapped>(options, size,
                        [&](std::uint16_t code, const std::uint8_t* value, std::uint16_t length) {
                          if (code != kEpbFlags || length != 4) return true;
                          const std::uint32_t octets = load_u32<kSwapped>(value) >> 5 & 15;  // 0: not told
                          if (octets != 0) fcs = octets;
                          return true;
                        });
  return fcs;
}

template <bool kSwapped>
std::optional<std::uint64_t> parse_drops(const std::uint8_t* options, std::size_t size) {
  std::optional<std::uint64_t> drops;
  each_option<kSwapped>(options, size,
                        [&](std::uint16_t code, const std::uint8_t* value, std::uint16_t length) {
                          if ((code == kIsbIfdrop || code == kIsbOsdrop) && length == 8) {
                            drops = drops.value_or(0) + load_u64<kSwapped>(value);
                          }
                          return true;
                        });
  return drops;
}

template PcapngInterface parse_interface<false>(const std::uint8_t*, std::size_t);
template PcapngInterface parse_interface<true>(const std::uint8_t*, std::size_t);
template std::uint32_t parse_packet_fcs<false>(const std::uint8_t*, std::size_t, std::uint32_t);
template std::uint32_t parse_packet_fcs<true>(const std::uint8_t*, std::size_t, std::uint32_t);
template std::optional<std::uint64_t> parse_drops<false>(const std::uint8_t*, std::size_t);
template std::optional<std::uint64_t> parse_drops<true>(const std::uint8_t*, std::size_t);

}  // namespace tidegauge
