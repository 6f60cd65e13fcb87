// A window that slides over a byte source: a walker looks at contiguous bytes, takes whole records, and what
// is left (a cut record) is carried to the front of the next block. Cost: the carried bytes are copied once
// per block. Memory: one block plus what the walker leaves, which it bounds. Tested by
// tests/ingest/byte_source_test.cpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "ingest/source/byte_source.hpp"

namespace tidegauge {

class BlockReader {
 public:
  /// `block_bytes` 0 takes what the source prefers.
  explicit BlockReader(ByteSource& source, std::size_t block_bytes = 0)
      : source_(source), block_bytes_(block_bytes ? block_bytes : source.block_bytes()) {}

  const std::uint8_t* begin() const { return buffer_.get() + begin_; }
  const std::uint8_t* end() const { return buffer_.get() + end_; }
  std::size_t size() const { return end_ - begin_; }
  /// Offset of begin() in the (decompressed) stream.
  std::uint64_t offset() const { return offset_; }
  /// Nothing comes after end().
  bool final() const { return final_; }

  /// Everything before `next` is done with.
  void consume(const std::uint8_t* next) {
    const auto taken = static_cast<std::size_t>(next - begin());
    begin_ += taken;
    offset_ += taken;
  }

  /// Keeps the unconsumed bytes and appends a block (at least as many as are kept, so that a long record is
  /// not copied over and over). Pointers into the window are void afterwards.
  Status more() { return more(block_bytes_); }
  /// The same with a block of at most `bytes`, where little is needed.
  Status little_more(std::size_t bytes) { return more(std::min(bytes, block_bytes_)); }

 private:
  Status more(std::size_t bytes);

  ByteSource& source_;
  std::size_t block_bytes_;
  std::unique_ptr<std::uint8_t[]> buffer_;
  std::size_t capacity_ = 0, begin_ = 0, end_ = 0;
  std::uint64_t offset_ = 0;
  bool final_ = false;
};

}  // namespace tidegauge
