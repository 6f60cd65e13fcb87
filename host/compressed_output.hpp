// Compresses what is written before it goes on: gzip by ISA-L (level 1), zstd (level 1), or nothing. One member or frame.
// Cost: a core compresses about as fast as it inflates. Memory: about 512 KiB. Not thread-safe.
// Tested by tests/host/compressed_output_test.cpp.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "kernels/core/status.hpp"

namespace tidegauge {

enum class OutputCompression { none, gzip, zstd };

/// By the end of the name: ".gz", ".zst", or none.
OutputCompression compression_of_name(std::string_view path);

class CompressedOutput {
 public:
  using Write = std::function<Status(std::string_view)>;
  static std::unique_ptr<CompressedOutput> create(OutputCompression compression, Write write);
  virtual ~CompressedOutput() = default;
  virtual Status write(std::string_view text) = 0;
  /// Writes the end of the member or frame; nothing may be written after it.
  virtual Status finish() = 0;
};

}  // namespace tidegauge
