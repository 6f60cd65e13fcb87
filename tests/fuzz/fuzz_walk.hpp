// What every fuzzer of captures checks of any input whatever: no crash, no read outside the window, an end,
// and the same answer for any blocks. Used by the libFuzzer entry points here and by
// tests/ingest/mutation_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "ingest/formats/capture.hpp"
#include "tests/ingest/memory_source.hpp"

namespace tidegauge::fuzz {

/// Folds all that a walk delivers, in its order, into one number.
struct FoldingSink {
  std::uint64_t fold = 1469598103934665603u, delivered_bytes = 0, skipped_bytes = 0;
  void add(std::uint64_t value) { fold = (fold ^ value) * 1099511628211u; }
  TG_INLINE void packet(const PacketView& packet) {
    add(static_cast<std::uint64_t>(packet.ts_ns));
    add(packet.wire_bytes);
    add(static_cast<std::uint64_t>(packet.link));
    for (std::uint32_t i = 0; i < packet.captured_bytes; ++i) add(packet.bytes[i]);
    delivered_bytes += packet.captured_bytes;
  }
  void refuse(Refusal why, std::uint64_t n, std::uint64_t bytes) {
    add(static_cast<std::uint64_t>(why));
    add(n);
    add(bytes);
    skipped_bytes += bytes;
  }
  void lost(std::uint64_t n) { add(n); }
};

inline void require(bool condition, const char* words) {
  if (condition) return;
  std::fprintf(stderr, "fuzzing found: %s\n", words);
  std::abort();
}

struct Answer {
  FoldingSink sink;
  std::string words;
  friend bool operator==(const Answer& a, const Answer& b) {
    return a.sink.fold == b.sink.fold && a.words == b.words;
  }
};

inline Answer answer(ByteSource& source, bool strict, std::size_t block_bytes) {
  Answer answer;
  WalkOptions options;
  options.strict = strict;
  const auto result = walk_source("fuzz", source, answer.sink, options, block_bytes);
  answer.words = result ? result->format + result->damage : result.error().message();
  return answer;
}

inline void check_capture(const std::uint8_t* data, std::size_t size) {
  const auto walk = [&](bool strict, std::size_t block_bytes) {
    test::MemorySource source(data, size);
    return answer(source, strict, block_bytes);
  };
  const Answer whole = walk(false, size + 1);
  require(whole.sink.delivered_bytes + whole.sink.skipped_bytes <= size, "more bytes came out than went in");
  require(whole == walk(false, 61), "the answer depends on the blocks");
  require(walk(true, size + 1) == walk(true, 61), "the strict answer depends on the blocks");
}

inline void check_gzip(const std::uint8_t* data, std::size_t size) {
  const auto walk = [&](std::size_t block_bytes) {
    const auto source = test::decompress_memory("gzip", data, size);
    return answer(*source, false, block_bytes);
  };
  require(walk(1 << 16) == walk(997), "the answer depends on the blocks");
}

}  // namespace tidegauge::fuzz
