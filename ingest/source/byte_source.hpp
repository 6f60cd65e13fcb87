// Where the bytes of a capture come from, already decompressed.
//
// A source is read forward in blocks. Copying a block out of the page cache and walking it while it is in the
// second level cache beats walking a mapping: on 98-byte records (2 GB, page cache, one core) 145 million
// records a second against 50 (MADV_SEQUENTIAL) to 68 (MAP_POPULATE in windows), because page faults cost
// more than the copy. And a file that shrinks while it is read is then a short read, not a signal.
//
// Cost: one virtual call per block. A source belongs to one thread.
// Tested by tests/ingest/byte_source_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "kernels/core/status.hpp"

namespace tidegauge {

class ByteSource {
 public:
  virtual ~ByteSource() = default;

  /// Writes the next bytes to `out`: exactly `size` of them, fewer only where the source ends.
  virtual Expected<std::size_t> read(std::uint8_t* out, std::size_t size) = 0;

  /// Bytes of the file on disk taken so far, and in all (0 where that cannot be known, as for a pipe).
  virtual std::uint64_t input_done() const = 0;
  virtual std::uint64_t input_total() const = 0;

  /// How many bytes to ask for at once for the best rate.
  virtual std::size_t block_bytes() const = 0;

  /// "gzip", or empty for a plain file.
  virtual std::string compression() const { return {}; }

  /// Makes the read that reaches input byte `input_offset` end there (short, once), so that its reader learns where in the
  /// stream that byte's content begins. In a compressed file a member has to begin there; where none does it is passed.
  virtual void stop_before(std::uint64_t /*input_offset*/) {}
  virtual bool reached_stop() const { return false; }  ///< the last read ended there
  virtual bool passed_stop() const { return false; }   ///< no member begins there

  /// Words about damage that ended or marred the stream; empty if there was none up to here.
  virtual const std::string& damage() const = 0;
};

/// Opens `path` and recognises compression by its first bytes. Compression that is not read is an error that
/// names it.
Expected<std::unique_ptr<ByteSource>> open_source(const std::string& path);

}  // namespace tidegauge
