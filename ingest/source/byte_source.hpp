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

#include "ingest/source/entry_point.hpp"
#include "ingest/source/fingerprint.hpp"
#include "ingest/source/growing_file.hpp"
#include "kernels/core/status.hpp"

namespace tidegauge {

/// Where a source's time went, in seconds of the thread that read.
struct SourceSeconds {
  double read = 0;     ///< the file's bytes from the operating system
  double inflate = 0;  ///< decompressing them
};

/// What a source met that is not as it should be. Adds up over the pieces of a file, in their order.
struct SourceDamage {
  std::string first{};                  ///< the first fault, in words
  std::uint64_t faults = 0;
  std::uint64_t passed_over_bytes = 0;  ///< of the input, between a fault and where reading could go on

  bool empty() const { return faults == 0; }
  SourceDamage& operator+=(const SourceDamage& next) {
    if (empty()) first = next.first;
    faults += next.faults;
    passed_over_bytes += next.passed_over_bytes;
    return *this;
  }
  std::string words() const {
    std::string all = first;
    if (faults > 1) all += "; faults behind it: " + std::to_string(faults - 1);
    if (passed_over_bytes != 0) all += "; compressed bytes passed over: " + std::to_string(passed_over_bytes);
    return all;
  }
};

class ByteSource {
 public:
  virtual ~ByteSource() = default;

  /// Writes the next bytes to `out`: exactly `size` of them, fewer only where the source ends (or at a stop, see
  /// stop_before()).
  virtual Expected<std::size_t> read(std::uint8_t* out, std::size_t size) = 0;

  /// Up to which byte of the file on disk it was taken so far, and how long it is (0 where that cannot be known, as
  /// for a pipe).
  virtual std::uint64_t input_done() const = 0;
  virtual std::uint64_t input_total() const = 0;

  /// How many bytes to ask for at once for the best rate.
  virtual std::size_t block_bytes() const = 0;

  virtual SourceSeconds seconds() const { return {}; }

  /// Of a pipe, of standard input, and of a file that is followed, once read() came to its end: what a file of the same
  /// bytes has. Unknown of other files.
  virtual Fingerprint fingerprint() const { return {}; }

  /// "gzip", "zstd", "xz", "bzip2", "lz4", or empty for a plain file.
  virtual std::string compression() const { return {}; }

  /// Damage that ended or marred the stream up to here.
  virtual SourceDamage damage() const { return {}; }

  /// An entry point for the byte that the next read() will give, or one shortly before it (its stream_offset says
  /// which), or none where the decoder cannot be left here.
  virtual std::optional<EntryPoint> checkpoint() const { return std::nullopt; }

  /// Asks once, before the byte is reached, that a read() return short where the member, frame or (plain) byte that
  /// begins at `input_offset` would be next, so that the caller learns its stream offset: the bytes read so far. The
  /// read() after that goes on. Where nothing begins at that offset, reading passes it and passed_stop() tells.
  virtual void stop_before(std::uint64_t input_offset) { static_cast<void>(input_offset); }
  virtual bool reached_stop() const { return false; }
  virtual bool passed_stop() const { return false; }
};

/// Opens `path`, or standard input if it is "-", and recognises compression by its first bytes. Compression that is
/// not read is an error that names it.
Expected<std::unique_ptr<ByteSource>> open_source(const std::string& path);
/// The same of a file that still grows, which ends where it is whole. Its length is not known, and its fingerprint is that
/// of what was read.
Expected<std::unique_ptr<ByteSource>> open_followed(const std::string& path, const FollowOptions& follow);

}  // namespace tidegauge
