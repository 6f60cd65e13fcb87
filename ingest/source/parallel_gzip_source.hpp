// One gzip member on several threads, with the bytes and the words of a DecompressingSource.
//
// Model: the compressed bytes are cut into chunks. A helper looks for the first deflate block of a chunk and decodes
// from there without knowing what lies before (deflate_blocks.hpp). The reader knows where it is and what lies before,
// so it takes a chunk only if it began exactly where the chunk before it ended: a wrong guess costs time, never an
// answer. What no helper did, it decodes itself. For everything out of the ordinary, and for the last block with the
// member's checksum and length, it hands over to a DecompressingSource that goes on from the last chunk's state: so
// a fault is found, told and delivered as if there had been no helpers.
//
// Cost, two cores, against ISA-L on one and counting on the other: bench/results/gzip-two-stage.md. Memory: two chunks a
// thread, of up to 16 MiB. Tested by tests/ingest/parallel_gzip_test.cpp, under the thread sanitizer.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "ingest/source/byte_source.hpp"
#include "kernels/core/thread_budget.hpp"

namespace tidegauge {

struct ParallelGzipOptions {
  std::uint64_t chunk_bytes = std::uint64_t{1} << 20;  ///< of the file
  std::size_t most_symbols = std::size_t{8} << 20;     ///< of a chunk: more of it is left to the reader
  std::uint64_t checkpoint_every_bytes = 0;            ///< as in ReadAheadOptions, for what is handed over
};

/// `path` is a regular gzip file. Threads are taken from `budget` while it has some, and given back at the end; without
/// one, the calling thread does all.
Expected<std::unique_ptr<ByteSource>> open_parallel_gzip(const std::string& path, ThreadBudget& budget,
                                                         const ParallelGzipOptions& options = {});

}  // namespace tidegauge
