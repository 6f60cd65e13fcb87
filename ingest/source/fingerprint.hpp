// The identity of an input: its size and a hash of sampled blocks, so that a file of any size costs about 2 MiB of
// reading, and a pipe has the identity of the file that it carries. Two captures of one size that differ only outside
// the samples would be taken for the same; the samples reach the first and the last packets, whose timestamps differ
// between captures.
//
// Sampled are the blocks of 64 KiB whose number is a multiple of the stride, the smallest power of two that leaves at
// most 32 of them, and the last 64 KiB. XXH3 of each, and XXH3 over these with the size as its seed.
// Tested by tests/ingest/fingerprint_test.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/core/status.hpp"

namespace tidegauge {

struct Fingerprint {
  std::uint64_t size = 0;
  std::uint64_t hash = 0;
  std::string text() const;  ///< "<size>-<16 hex digits>"
  bool known() const { return size != 0 || hash != 0; }  ///< a pipe's is not before its end
  friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};

/// Of a regular file, which is sampled where it lies.
Expected<Fingerprint> fingerprint_file(const std::string& path);
/// Whether fingerprint_file could begin: the file is there, regular and readable. Reads nothing of it.
Status check_input_file(const std::string& path);

/// Of bytes that come once and in order. Cost: a copy of 64 KiB a call, and the hash of what is sampled.
class StreamFingerprint {
 public:
  void add(const std::uint8_t* bytes, std::size_t size);
  /// Of everything added so far.
  Fingerprint value() const;

 private:
  void keep_tail(const std::uint8_t* bytes, std::size_t size);
  void end_block();

  std::uint64_t size_ = 0, stride_ = 1;      ///< in bytes; in blocks
  std::vector<std::uint64_t> hashes_;        ///< of the whole sampled blocks, one a stride
  std::vector<std::uint8_t> block_;          ///< the block at the end, if it is sampled
  std::vector<std::uint8_t> tail_;           ///< the last 64 KiB
};

}  // namespace tidegauge
