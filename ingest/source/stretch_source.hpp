// One stretch after the other of a capture's stream, each as if it were a capture of its own: `head`, then the stream
// from the stretch's beginning on. A walker looks beyond the stretch to settle its last records; what it read there is
// kept, so that a stretch that follows directly goes on without another look at the file, and a stream that cannot be
// entered in the middle is decompressed once.
// Memory: what a walker reads beyond a stretch, a few blocks. Tested by tests/ingest/extract_test.cpp.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ingest/source/byte_source.hpp"
#include "ingest/source/entry_point.hpp"

namespace tidegauge {

class StretchSource final : public ByteSource {
 public:
  /// `block_bytes`: what is read at once; tests take small ones.
  explicit StretchSource(std::string path, std::size_t block_bytes = std::size_t{256} << 10)
      : path_(std::move(path)), block_bytes_(block_bytes) {}

  /// Goes to `stream_offset`, through `entry` unless the open stream gets there as well.
  /// @param keep_from stream offset where the next stretch begins
  Status begin(const EntryPoint& entry, std::uint64_t stream_offset, std::span<const std::uint8_t> head,
               std::uint64_t keep_from = std::numeric_limits<std::uint64_t>::max());
  /// The stretch has given what was wanted: the stream ends at the next read.
  void enough() { enough_ = true; }
  /// The stream had to be read from its beginning to get to a stretch.
  bool from_beginning() const { return from_beginning_; }
  /// Closes the file until begin().
  void close();

  Expected<std::size_t> read(std::uint8_t* out, std::size_t size) override;
  /// Bytes of the file read since this object was made.
  std::uint64_t input_done() const override { return read_before_ + read_of_open(); }
  std::uint64_t input_total() const override { return 0; }
  std::size_t block_bytes() const override { return block_bytes_; }

 private:
  std::uint64_t read_of_open() const { return source_ ? source_->input_done() - opened_at_ : 0; }
  Status open(const EntryPoint& entry);
  Status reach(const EntryPoint& entry, std::uint64_t stream_offset);
  Status pass_over(std::uint64_t bytes);
  Expected<std::size_t> read_stream(std::uint8_t* out, std::size_t size);

  std::string path_;
  std::size_t block_bytes_;
  std::unique_ptr<ByteSource> source_;
  std::uint64_t read_before_ = 0, opened_at_ = 0;
  std::uint64_t at_ = 0;           ///< stream offset of source_
  std::vector<std::uint8_t> kept_; ///< the stream's last bytes before at_
  std::uint64_t next_ = 0;         ///< stream offset of the next byte to hand out; within kept_ or at_
  std::uint64_t keep_from_ = 0;
  std::vector<std::uint8_t> head_;
  std::size_t head_taken_ = 0;
  bool enough_ = false, states_usable_ = true, from_beginning_ = false;
};

}  // namespace tidegauge
