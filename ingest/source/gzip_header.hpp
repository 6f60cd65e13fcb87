// The header of a gzip member (RFC 1952 section 2.3): ten bytes, then the optional fields that its flags announce.
// Tested by tests/ingest/decompress_test.cpp and parallel_gzip_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tidegauge {

enum GzipFlag : std::uint8_t {
  gzip_header_checksum = 2,
  gzip_extra = 4,
  gzip_name = 8,
  gzip_comment = 16,
  gzip_reserved = 0xe0,
};

/// Bytes of the header that `head` begins with; more than `head` has if it goes on behind them.
inline std::size_t gzip_header_bytes(std::span<const std::uint8_t> head) {
  if (head.size() < 12) return 12;  // no block of data is shorter than two bytes
  const std::uint8_t flags = head[3];
  std::size_t at = 10;
  if (flags & gzip_extra) at += 2 + (head[10] | std::size_t{head[11]} << 8);
  for (const GzipFlag text : {gzip_name, gzip_comment}) {
    if (!(flags & text)) continue;
    while (at < head.size() && head[at] != 0) ++at;
    ++at;
  }
  return flags & gzip_header_checksum ? at + 2 : at;
}

}  // namespace tidegauge
