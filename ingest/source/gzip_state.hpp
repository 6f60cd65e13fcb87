// ISA-L's inflate state between two calls as bytes, so that a later run can go on in the middle of a member.
//
// Between calls the state is complete in itself: the last 32 KiB of output and what is not delivered yet lie
// in its own buffer, the bits read ahead in a register (read in igzip_inflate.c of ISA-L 2.30.0; the test
// takes a state after every read). About 50 KiB, packed with zstd. The saved bytes are of no other use than
// to the same version of ISA-L, so they carry it; and because they may come from a file that anybody could
// edit, every field and every entry of the decoding tables is checked to be one that ISA-L itself could have
// written there: its assembly code does not look. Tested by tests/ingest/entry_point_test.cpp.
#pragma once

#include <isa-l/igzip_lib.h>

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/core/status.hpp"

namespace tidegauge {

/// Empty where the state cannot be saved: within a member's header or trailer.
std::vector<std::uint8_t> save_gzip_state(const inflate_state& state);

/// `state` is freshly initialised for a gzip member. On an error it is not to be used.
Status restore_gzip_state(inflate_state& state, std::span<const std::uint8_t> saved);

/// Where a block of a member begins, known from elsewhere than an inflate_state.
struct GzipBlockStart {
  std::uint8_t first_byte = 0;  ///< the byte of the file in which the block's first bit lies,
  unsigned first_bit = 0;       ///< and which bit of it that is; not 0 only if the byte is not to be read again
  std::uint32_t crc = 0, total_out = 0;   ///< of the member up to here (its length modulo 2^32)
  std::span<const std::uint8_t> window;  ///< its last bytes, at most 32 KiB
};
std::vector<std::uint8_t> save_gzip_state(const GzipBlockStart& block);

namespace detail {
/// The two layers, apart for the fuzzer: frame, version and checksum; and the fields.
std::vector<std::uint8_t> pack_gzip_state(std::span<const std::uint8_t> fields);
Expected<std::vector<std::uint8_t>> unpack_gzip_state(std::span<const std::uint8_t> saved);
std::vector<std::uint8_t> gzip_state_fields(const inflate_state& state);
Status apply_gzip_state_fields(inflate_state& state, std::span<const std::uint8_t> fields);
}  // namespace detail

}  // namespace tidegauge
