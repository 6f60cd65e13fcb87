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
#include <optional>
#include <string>
#include <vector>

#include "kernels/core/status.hpp"

namespace tidegauge {

/// Where reading can begin (open_source_at, entry_point.hpp).
struct EntryPoint {
  std::uint64_t stream_offset = 0;  ///< in the decompressed stream
  std::uint64_t input_offset = 0;   ///< in the file as it lies on disk
  std::vector<std::uint8_t> state{};  ///< what the decompressor has to know there; empty where nothing
};

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

  /// Where reading could begin anew to go on exactly here; none where that cannot be.
  virtual std::optional<EntryPoint> checkpoint() { return std::nullopt; }

  /// "gzip", or empty for a plain file.
  virtual std::string compression() const { return {}; }

  /// Words about damage that ended or marred the stream; empty if there was none up to here.
  virtual const std::string& damage() const = 0;
};

/// Opens `path` and recognises compression by its first bytes. Compression that is not read is an error that
/// names it.
Expected<std::unique_ptr<ByteSource>> open_source(const std::string& path);

}  // namespace tidegauge
