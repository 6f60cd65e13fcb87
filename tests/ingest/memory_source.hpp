// Bytes in memory as a source. They must outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "ingest/source/byte_source.hpp"
#include "ingest/source/decompressing_source.hpp"

namespace tidegauge::test {

class MemorySource final : public ByteSource {
 public:
  MemorySource(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  Expected<std::size_t> read(std::uint8_t* out, std::size_t size) override {
    const std::size_t got = size < size_ - done_ ? size : size_ - done_;
    if (got != 0) std::memcpy(out, data_ + done_, got);
    done_ += got;
    return got;
  }
  std::uint64_t input_done() const override { return done_; }
  std::uint64_t input_total() const override { return size_; }
  std::size_t block_bytes() const override { return 1 << 16; }

 private:
  const std::uint8_t* data_;
  std::size_t size_, done_ = 0;
};

/// What is in `format` ("gzip") data in memory, which must outlive it.
inline std::unique_ptr<ByteSource> decompress_memory(std::string_view format, const std::uint8_t* data,
                                                     std::size_t size) {
  for (const Compression& compression : compressions()) {
    if (compression.name == format)
      return decompress(std::make_unique<MemorySource>(data, size), compression);
  }
  return nullptr;
}

}  // namespace tidegauge::test
