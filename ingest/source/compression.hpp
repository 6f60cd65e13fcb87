// The compression formats that are known, recognised by content.
// Tested by tests/ingest/byte_source_test.cpp and decompress_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "ingest/source/decoder.hpp"

namespace tidegauge {

struct Compression {
  const char* name;                                    ///< "gzip"
  const char* unit;                                    ///< what it consists of: "member"
  const char* unpack;                                  ///< the command that decompresses it to stdout
  bool (*begins)(std::span<const std::uint8_t> head);  ///< does a unit begin with these bytes?
  std::unique_ptr<Decoder> (*make_decoder)();          ///< null: recognised only to be refused by name
  /// The same behind damage, where anything may lie: by more than a short magic.
  bool (*surely_begins)(std::span<const std::uint8_t> head);
  bool padding_between_units = false;                  ///< zeros between units are allowed (xz)
  /// Bytes of the header that `bytes` begins with, more than there are if it goes on behind them; null where no field of
  /// it says how long it is.
  std::size_t (*header_bytes)(std::span<const std::uint8_t> bytes) = nullptr;
};

/// Bytes that `begins` looks at, at most.
inline constexpr std::size_t kUnitHeadBytes = 16;

std::span<const Compression> compressions();

/// The one whose unit `head` begins with, or null.
const Compression* recognise_compression(std::span<const std::uint8_t> head);

/// zstd and lz4 share the format of skippable frames (RFC 8878 section 3.1.2): bytes of one that begins here,
/// 0 if none does. `head` needs 8 bytes.
std::uint64_t skippable_frame_bytes(std::span<const std::uint8_t> head);

}  // namespace tidegauge
