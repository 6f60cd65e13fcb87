// gzip members as zlib makes them in all its ways, and what zlib makes of damaged ones.
#pragma once

#include <zlib.h>

#include <random>
#include <string>

#include "tests/ingest/source_support.hpp"

namespace tidegauge::test {

inline constexpr std::size_t kZlibHeaderBytes = 10;

struct Kind {
  const char* name;
  int level = 6, strategy = Z_DEFAULT_STRATEGY, memory = 8;
  int flush = Z_NO_FLUSH;  ///< every 3,000 bytes
};

inline constexpr Kind kKinds[] = {
    {"level 1", 1},
    {"level 6", 6},
    {"level 9", 9},
    {"stored", 0},
    {"fixed codes", 6, Z_FIXED},
    {"no matches", 6, Z_HUFFMAN_ONLY},
    {"runs", 6, Z_RLE},
    {"short blocks", 6, Z_DEFAULT_STRATEGY, 1},
    {"flushed", 6, Z_DEFAULT_STRATEGY, 8, Z_SYNC_FLUSH},
    {"window forgotten", 6, Z_DEFAULT_STRATEGY, 8, Z_FULL_FLUSH},
    {"empty fixed blocks", 6, Z_DEFAULT_STRATEGY, 8, Z_PARTIAL_FLUSH},
};

inline Bytes zlib_member(const Bytes& content, const Kind& kind) {
  Bytes in = content;
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, kind.level, Z_DEFLATED, 15 + 16, kind.memory, kind.strategy), Z_OK);
  Bytes out(deflateBound(&stream, static_cast<uLong>(in.size())) + in.size() / 10 + 1000);
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  const std::size_t part = kind.flush == Z_NO_FLUSH ? in.size() : 3000;
  for (std::size_t at = 0; at < in.size(); at += part) {
    stream.next_in = in.data() + at;
    stream.avail_in = static_cast<uInt>(std::min(part, in.size() - at));
    EXPECT_EQ(deflate(&stream, kind.flush), Z_OK);
  }
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

/// One block as bgzip writes it: an extra field says how long the member is.
inline Bytes bgzf_block(const Bytes& content) {
  Bytes block = gzip_member(content);
  const Bytes extra{6, 0, 'B', 'C', 2, 0, 0, 0};
  block[3] = 4;
  block.insert(block.begin() + 10, extra.begin(), extra.end());
  const auto bsize = static_cast<std::uint16_t>(block.size() - 1);
  block[16] = static_cast<std::uint8_t>(bsize);
  block[17] = static_cast<std::uint8_t>(bsize >> 8);
  return block;
}

/// As headers are: fields that count, repeat, or are noise, of 20 conversations; now and then only noise, or a run.
inline Bytes headers_like(std::mt19937& random, std::size_t size) {
  Bytes bytes, pattern = noise(random, 20 * 60);
  std::uint32_t clock = 0;
  while (bytes.size() < size) {
    const std::size_t from = random() % 20 * 60;
    clock += static_cast<std::uint32_t>(random() % 300);
    for (int byte = 0; byte < 4; ++byte) bytes.push_back(static_cast<std::uint8_t>(clock >> 8 * byte));
    bytes.insert(bytes.end(), pattern.begin() + static_cast<std::ptrdiff_t>(from),
                 pattern.begin() + static_cast<std::ptrdiff_t>(from + 60));
    append(bytes, noise(random, random() % 24));
    if (random() % 2000 == 0) append(bytes, noise(random, 90'000));
    if (random() % 2000 == 0) append(bytes, Bytes(100'000, 7));
  }
  bytes.resize(size);
  return bytes;
}

struct Inflated {
  Bytes bytes;
  /// A block was refused for its codes. Where they are incomplete zlib stops at the header, and ISA-L later.
  bool refused_codes = false;
};

/// What zlib gives of one gzip member before its end, a cut or a fault.
inline Inflated inflated_by_zlib(const Bytes& member) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  Bytes in = member;
  stream.next_in = in.data();
  stream.avail_in = static_cast<uInt>(in.size());
  Inflated inflated;
  Bytes part(1 << 16);
  int code = Z_OK;
  while (code == Z_OK) {
    stream.next_out = part.data();
    stream.avail_out = static_cast<uInt>(part.size());
    code = inflate(&stream, Z_NO_FLUSH);
    inflated.bytes.insert(inflated.bytes.end(), part.data(), stream.next_out);
  }
  inflated.refused_codes = stream.msg && std::string_view(stream.msg).ends_with(" set");
  inflateEnd(&stream);
  return inflated;
}

/// All that zlib gives, and more only where zlib refused codes.
inline bool agrees(const Bytes& bytes, const Inflated& zlib) {
  return bytes.size() >= zlib.bytes.size() && std::equal(zlib.bytes.begin(), zlib.bytes.end(), bytes.begin()) &&
         (zlib.refused_codes || bytes.size() == zlib.bytes.size());
}

/// A bit turned over, some bytes overwritten, or the rest cut off, from `first` on.
inline void damage(Bytes& bytes, std::size_t first, std::mt19937& random) {
  const std::size_t at = first + random() % (bytes.size() - first);
  if (random() % 3 == 0) {
    bytes.resize(at);
  } else if (random() % 2 == 0) {
    bytes[at] ^= static_cast<std::uint8_t>(1u << random() % 8);
  } else {
    const Bytes other = noise(random, std::min<std::size_t>(random() % 3000, bytes.size() - at));
    std::copy(other.begin(), other.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
  }
}

}  // namespace tidegauge::test
