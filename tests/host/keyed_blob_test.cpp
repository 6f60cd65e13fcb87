#include "host/keyed_blob.hpp"

#include "kernels/core/random.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

ChunkCounts random_counts(RandomStream& random, std::size_t most) {
  ChunkCounts counts;
  std::uint32_t place = static_cast<std::uint32_t>(random.below(3));
  for (std::size_t i = 0; i < most && place < chunk_intervals; ++i) {
    const std::uint64_t scale = ~0ull >> random.below(64);
    counts.push_back({place, random.below(100), random() & scale});
    place += 1 + static_cast<std::uint32_t>(random.below(random.below(8) ? 2 : 500));
  }
  return counts;
}

TEST(KeyedBlob, CountsReadBack) {
  RandomStream random(1, 0);
  for (int round = 0; round < 300; ++round) {
    const ChunkCounts counts = random_counts(random, random.below(round % 5 ? 20 : 5000));
    const auto read = decode_counts(encode_counts(counts));
    ASSERT_TRUE(read) << round;
    ASSERT_EQ(*read, counts) << round;
  }
  // The format by hand: intervals 3 and 5 with (1, 60) and (2, 40).
  EXPECT_EQ(encode_counts({{3, 1, 60}, {5, 2, 40}}), (Blob{0, 2, 3, 2, 2, 2, 120, 39}));
  ChunkCounts steady;
  for (std::uint32_t i = 0; i < chunk_intervals; ++i) steady.push_back({i, 1000 + i % 2, 1'000'000});
  EXPECT_LT(encode_counts(steady).size(), 200u);
}

TEST(KeyedBlob, SketchesReadBack) {
  RandomStream random(2, 0);
  for (const std::size_t n : {0u, 1u, 5u, 40u}) {
    ChunkSketches sketches;
    for (std::size_t i = 0; i < n; ++i) {
      Hll& sketch = sketches[static_cast<std::uint32_t>(random.below(chunk_intervals))];
      for (std::uint64_t j = random.below(3000); j > 0; --j) sketch.add(random());
    }
    const auto read = decode_sketches(encode_sketches(sketches));
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, sketches);
  }
}

TEST(KeyedBlob, CountsAddUp) {
  RandomStream random(3, 0);
  for (int round = 0; round < 200; ++round) {
    ChunkCounts a = random_counts(random, 50);
    const ChunkCounts b = random_counts(random, 50);
    std::map<std::uint32_t, std::pair<std::uint64_t, std::uint64_t>> sums;
    for (const ChunkCounts* counts : {static_cast<const ChunkCounts*>(&a), &b})
      for (const ChunkCount& c : *counts) sums[c.place].first += c.packets, sums[c.place].second += c.bytes;
    add_counts(a, b);
    ASSERT_EQ(a.size(), sums.size());
    auto sum = sums.begin();
    for (const ChunkCount& c : a) {
      ASSERT_EQ(c, (ChunkCount{sum->first, sum->second.first, sum->second.second}));
      ++sum;
    }
  }
}

// Any byte of a blob may be anything: an answer or none, never a fault, and never more than a chunk.
TEST(KeyedBlob, GarbageIsRefused) {
  RandomStream random(4, 0);
  int refused = 0;
  for (int round = 0; round < 3'000; ++round) {
    Blob blob = encode_counts(random_counts(random, random.below(300)));
    ChunkSketches sketches;
    sketches[7].add(random());
    if (round % 2) blob = encode_sketches(sketches);
    for (std::uint64_t flips = 1 + random.below(3); flips > 0; --flips)
      blob[random.below(blob.size())] = static_cast<std::uint8_t>(random());
    if (random.below(3) == 0) blob.resize(random.below(blob.size() + 1));
    const auto counts = decode_counts(blob);
    const auto read = decode_sketches(blob);
    refused += !counts && !read;
    if (counts) {
      ASSERT_LE(counts->size(), static_cast<std::size_t>(chunk_intervals));
      for (std::size_t i = 0; i < counts->size(); ++i) {
        ASSERT_LT((*counts)[i].place, chunk_intervals);
        ASSERT_TRUE(i == 0 || (*counts)[i - 1].place < (*counts)[i].place);
      }
    }
  }
  EXPECT_GT(refused, 500);
  EXPECT_FALSE(decode_counts({}));
  EXPECT_FALSE(decode_counts(Blob{2, 0}));
}

}  // namespace
}  // namespace tidegauge
