// Writing header fields in network order, and the Internet checksum (RFC 1071).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace tidegauge::synthetic {

static_assert(std::endian::native == std::endian::little,
              "the byte swaps below expect a little-endian machine");

inline void put16(std::uint8_t* at, std::uint32_t value) {
  const auto swapped = __builtin_bswap16(static_cast<std::uint16_t>(value));
  std::memcpy(at, &swapped, 2);
}
inline void put32(std::uint8_t* at, std::uint32_t value) {
  const std::uint32_t swapped = __builtin_bswap32(value);
  std::memcpy(at, &swapped, 4);
}

/// One's complement sum in memory order, not yet folded: sums of even-sized pieces add up, and the byte order
/// does not matter as long as the result is stored in memory order too.
inline std::uint64_t ones_sum(const std::uint8_t* bytes, std::size_t size) {
  std::uint64_t sum = 0;
  for (; size >= 4; bytes += 4, size -= 4) {
    std::uint32_t word;
    std::memcpy(&word, bytes, 4);
    sum += word;
  }
  std::uint32_t tail = 0;
  std::memcpy(&tail, bytes, size);
  return sum + tail;
}

/// The checksum that makes the sum come out as ones; store it with memcpy.
inline std::uint16_t checksum_of(std::uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

}  // namespace tidegauge::synthetic
