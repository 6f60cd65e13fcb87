// Integers out of a capture's bytes, in the byte order of the machine that wrote it.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "kernels/core/host_device.hpp"

namespace tidegauge {

static_assert(std::endian::native == std::endian::little, "captures are read on little-endian machines");

template <bool kSwapped>
TG_INLINE std::uint16_t load_u16(const std::uint8_t* p) {
  std::uint16_t value;
  std::memcpy(&value, p, sizeof value);
  return kSwapped ? __builtin_bswap16(value) : value;
}

template <bool kSwapped>
TG_INLINE std::uint32_t load_u32(const std::uint8_t* p) {
  std::uint32_t value;
  std::memcpy(&value, p, sizeof value);
  return kSwapped ? __builtin_bswap32(value) : value;
}

template <bool kSwapped>
TG_INLINE std::uint64_t load_u64(const std::uint8_t* p) {
  std::uint64_t value;
  std::memcpy(&value, p, sizeof value);
  return kSwapped ? __builtin_bswap64(value) : value;
}

}  // namespace tidegauge
