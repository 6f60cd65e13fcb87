// What the tests of sources share: reading one to its end, and each compression's own library to compress
// with.
#pragma once

#include <bzlib.h>
#include <gtest/gtest.h>
#include <lz4frame.h>
#include <lzma.h>
#include <zstd.h>

#include <array>
#include <random>
#include <string>
#include <string_view>

#include "ingest/source/byte_source.hpp"
#include "tests/ingest/walk_support.hpp"

namespace tidegauge::test {

struct Drained {
  Bytes bytes;
  std::string error, damage;
};

/// All that a source gives, asked for `step` bytes at a time.
inline Drained drain(ByteSource& source, std::size_t step) {
  Drained drained;
  Bytes block(step);
  for (;;) {
    const auto got = source.read(block.data(), step);
    if (!got) {
      drained.error = got.error().message();
      return drained;
    }
    drained.bytes.insert(drained.bytes.end(), block.begin(),
                         block.begin() + static_cast<std::ptrdiff_t>(*got));
    if (*got < step) break;
  }
  drained.damage = source.damage().words();
  return drained;
}

inline Bytes text_like(std::mt19937& random, std::size_t size) {
  Bytes bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>("abcdefgh"[random() % 8]);
  return bytes;
}

inline Bytes noise(std::mt19937& random, std::size_t size) {
  Bytes bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

inline Bytes zstd_frame(const Bytes& content, int level = 3, int window_log = 0) {
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  if (window_log != 0) {
    // A window larger than the content is only kept where the content's size is not told.
    ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  }
  Bytes out(ZSTD_compressBound(content.size()) + 64);
  ZSTD_inBuffer in{content.data(), content.size(), 0};
  ZSTD_outBuffer to{out.data(), out.size(), 0};
  while (window_log != 0 && in.pos < in.size) ZSTD_compressStream2(context, &to, &in, ZSTD_e_continue);
  EXPECT_EQ(ZSTD_compressStream2(context, &to, &in, ZSTD_e_end), 0u);
  ZSTD_freeCCtx(context);
  out.resize(to.pos);
  return out;
}

inline Bytes xz_stream(const Bytes& content, std::uint32_t preset = 1) {
  Bytes out(lzma_stream_buffer_bound(content.size()));
  std::size_t size = 0;
  EXPECT_EQ(lzma_easy_buffer_encode(preset, LZMA_CHECK_CRC64, nullptr, content.data(), content.size(),
                                    out.data(), &size, out.size()),
            LZMA_OK);
  out.resize(size);
  return out;
}

inline Bytes bzip2_stream(const Bytes& content) {
  Bytes out(content.size() + content.size() / 100 + 600), in = content;
  auto size = static_cast<unsigned>(out.size());
  in.push_back(0);  // so that there is an address
  EXPECT_EQ(
      BZ2_bzBuffToBuffCompress(reinterpret_cast<char*>(out.data()), &size, reinterpret_cast<char*>(in.data()),
                               static_cast<unsigned>(content.size()), 1, 0, 0),
      BZ_OK);
  out.resize(size);
  return out;
}

inline Bytes lz4_frame(const Bytes& content) {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
  preferences.frameInfo.blockSizeID = LZ4F_max64KB;
  Bytes out(LZ4F_compressFrameBound(content.size(), &preferences));
  out.resize(LZ4F_compressFrame(out.data(), out.size(), content.data(), content.size(), &preferences));
  return out;
}

struct Compressor {
  const char* name;
  const char* unit;
  Bytes (*compress)(const Bytes&);
  bool goes_on_after_a_wrong_checksum;
};

inline constexpr std::array<Compressor, 5> kCompressors{{
    {"gzip", "member", gzip_member, true},
    {"zstd", "frame", [](const Bytes& content) { return zstd_frame(content); }, true},
    {"xz", "stream", [](const Bytes& content) { return xz_stream(content); }, false},
    {"bzip2", "stream", bzip2_stream, false},
    {"lz4", "frame", lz4_frame, true},
}};

inline Drained drain_memory(std::string_view format, const Bytes& compressed, std::size_t step = 4096) {
  const auto source = decompress_memory(format, compressed.data(), compressed.size());
  return drain(*source, step);
}

}  // namespace tidegauge::test
