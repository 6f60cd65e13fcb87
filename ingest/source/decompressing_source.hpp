// A compressed stream (any number of members, frames or streams) as a source of what is in it, checksums
// verified.
//
// What can be decoded before a fault is delivered; the fault is then told by damage(), and reading goes on with the next
// unit that surely begins behind it: what was passed over is counted, in compressed bytes. Zeros behind the last unit are
// padding. Compressed data inside compressed data is an error. Cost: the library's decoder straight into the caller's block. Memory: 128 KiB and the
// decoder's window. Tested by tests/ingest/byte_source_test.cpp and decompress_test.cpp.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ingest/source/byte_source.hpp"
#include "ingest/source/compression.hpp"

namespace tidegauge {

/// `compressed` begins with a unit of `compression` (one that has a decoder). `path` is for words.
std::unique_ptr<ByteSource> decompress(std::unique_ptr<ByteSource> compressed, const Compression& compression,
                                       const std::string& path = {});

/// The same from an entry point on: `compressed` gives the byte at `at.input_offset` next, and counts its
/// input_done() from the beginning of the file. An error if the state is not one that can be gone on from.
Expected<std::unique_ptr<ByteSource>> decompress_at(std::unique_ptr<ByteSource> compressed,
                                                    const Compression& compression, const EntryPoint& at,
                                                    const std::string& path = {});

/// The state of an entry point within the unit that begins at that byte of the file.
std::vector<std::uint8_t> state_within_unit(std::uint64_t unit_begin, std::span<const std::uint8_t> decoder_state);

}  // namespace tidegauge
