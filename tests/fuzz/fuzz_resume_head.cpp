// libFuzzer entry point for what an index says of what lies before a stretch: the first byte says how long it is, a capture
// that goes on from it follows.
#include <algorithm>

#include "ingest/formats/resume_head.hpp"
#include "tests/fuzz/fuzz_walk.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tidegauge;
  if (size == 0) return 0;
  const std::size_t length = std::min<std::size_t>(data[0], size - 1);
  const auto head = decode_resume_head({data + 1, length});
  if (!head) return 0;
  const auto encoded = encode(*head);
  fuzz::require(std::equal(encoded.begin(), encoded.end(), data + 1, data + 1 + length), "the encoding is not the only one");
  std::vector<std::uint8_t> stream = head->bytes;
  stream.insert(stream.end(), data + 1 + length, data + size);
  const auto walk = [&](std::size_t block_bytes) {
    test::MemorySource source(stream.data(), stream.size());
    fuzz::Answer answer;
    const auto result = walk_source("fuzz", source, answer.sink, {.resume = &*head}, block_bytes);
    answer.words = result ? result->format + result->damage : result.error().message();
    return answer;
  };
  fuzz::require(walk(stream.size() + 1) == walk(61), "the answer depends on the blocks");
  return 0;
}
