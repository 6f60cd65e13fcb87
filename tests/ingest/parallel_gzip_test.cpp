// Several threads in one gzip member give the bytes and the words of one: all kinds of blocks, chunks that begin
// anywhere, members behind members, files that are cut off or damaged. Run by the thread sanitizer.
#include "ingest/source/parallel_gzip_source.hpp"

#include <limits>
#include <new>
#include <random>
#include <string>

#include "ingest/source/deflate_blocks.hpp"
#include "tests/ingest/gzip_support.hpp"

namespace tidegauge {
namespace {

using namespace test;

constexpr std::uint64_t kChunk = 100'000;

Drained drain_parallel(const std::string& path, std::size_t helpers, std::size_t step, std::size_t most = 1 << 20) {
  ThreadBudget budget(helpers);
  Drained drained;
  {
    auto source = open_parallel_gzip(path, budget, {.chunk_bytes = kChunk, .most_symbols = most});
    if (!source) return {{}, source.error().message(), ""};
    drained = drain(**source, step);
  }
  std::size_t left = 0;
  while (budget.take()) ++left;
  EXPECT_EQ(left, helpers) << "threads were not given back";
  return drained;
}

/// Gives the bytes.
Bytes expect_the_same(const std::string& path, std::size_t helpers, std::size_t step, const std::string& what) {
  auto source = open_source(path);
  if (!source) {
    ADD_FAILURE() << what << ": " << source.error().message();
    return {};
  }
  Drained one = drain(**source, step);
  const Drained several = drain_parallel(path, helpers, step);
  EXPECT_TRUE(one.bytes == several.bytes) << what << ": " << one.bytes.size() << " and " << several.bytes.size();
  EXPECT_EQ(one.damage, several.damage) << what;
  EXPECT_EQ(one.error, several.error) << what;
  return std::move(one.bytes);
}

TEST(ThreadsParallelGzip, AllKindsOfBlocks) {
  ScratchFolder scratch;
  std::mt19937 random(21);
  const std::string path = (scratch / "f.gz").string();
  const Bytes content = headers_like(random, 5'000'000);
  for (const Kind& kind : kKinds) {
    write_bytes(path, zlib_member(content, kind));
    for (const std::size_t helpers : {0u, 1u, 2u, 5u}) {
      const Drained drained = drain_parallel(path, helpers, 100'000);
      EXPECT_TRUE(drained.bytes == content) << kind.name << " " << helpers << " " << drained.bytes.size();
      EXPECT_EQ(drained.damage + drained.error, "") << kind.name;
    }
    expect_the_same(path, 2, 7777, kind.name);
  }
}

TEST(ThreadsParallelGzip, ChunksOfMoreThanIsHeld) {
  ScratchFolder scratch;
  std::mt19937 random(22);
  const std::string path = (scratch / "f.gz").string();
  const Bytes content = headers_like(random, 3'000'000);
  write_bytes(path, zlib_member(content, {"short blocks", 6, Z_DEFAULT_STRATEGY, 1}));
  for (const std::size_t most : {1u, 5000u, 40'000u, 150'000u}) {
    EXPECT_TRUE(drain_parallel(path, 2, 100'000, most).bytes == content) << most;
  }
}

TEST(ThreadsParallelGzip, AHelperWithoutMemoryIsThrownToTheReader) {
  ScratchFolder scratch;
  std::mt19937 random(27);
  const std::string path = (scratch / "f.gz").string();
  write_bytes(path, zlib_member(headers_like(random, 3'000'000), {"short blocks", 6, Z_DEFAULT_STRATEGY, 1}));
  bool thrown = false;
  for (int attempt = 0; attempt < 50 && !thrown; ++attempt) {  // the reader may be at the end before a helper has begun
    try {
      drain_parallel(path, 2, 100'000, std::numeric_limits<std::size_t>::max() / 2);
    } catch (const std::bad_alloc&) {
      thrown = true;
    }
  }
  EXPECT_TRUE(thrown);
}

TEST(ThreadsParallelGzip, MembersAndOtherThingsBehindIt) {
  ScratchFolder scratch;
  std::mt19937 random(23);
  const std::string path = (scratch / "f.gz").string();
  const Bytes a = zlib_member(headers_like(random, 2'000'000), kKinds[1]);
  const Bytes b = zlib_member(headers_like(random, 2'000'000), kKinds[0]);
  Bytes two = a;
  append(two, b);
  Bytes padded = a;
  append(padded, Bytes(200'000, 0));
  Bytes followed = a;
  append(followed, noise(random, 200'000));
  Bytes wrong = two;
  wrong[a.size() - 6] ^= 1;  // the checksum
  const Bytes nested = zlib_member(a, kKinds[3]), one_block = gzip_member(headers_like(random, 2'000'000));
  for (const Bytes& file : {two, padded, followed, wrong, nested, one_block, Bytes(a.begin(), a.begin() + 15), Bytes(b)}) {
    write_bytes(path, file);
    for (const std::size_t helpers : {0u, 2u}) {
      for (const std::size_t step : {1u, 65'536u, 5'000'000u}) {
        if (step != 1 || file == nested) expect_the_same(path, helpers, step, std::to_string(file.size()));
      }
    }
  }
}

TEST(ThreadsParallelGzip, HeadersOfMembers) {
  ScratchFolder scratch;
  std::mt19937 random(24);
  const std::string path = (scratch / "f.gz").string();
  const Bytes content = headers_like(random, 1'000'000), plain = zlib_member(content, kKinds[1]);
  for (int flags = 0; flags < 32; ++flags) {
    Bytes file(plain.begin(), plain.begin() + 10);
    file[3] = static_cast<std::uint8_t>(flags);
    if (flags & 4) append(file, Bytes{5, 0, 'e', 'x', 't', 'r', 'a'});
    if (flags & 8) append(file, Bytes{'n', 'a', 'm', 'e', 0});
    if (flags & 16) append(file, Bytes{'n', 'o', 't', 'e', 0});
    if (flags & 2) {
      const auto sum = crc32(0, file.data(), static_cast<uInt>(file.size()));
      append(file, Bytes{static_cast<std::uint8_t>(sum), static_cast<std::uint8_t>(sum >> 8)});
    }
    file.insert(file.end(), plain.begin() + 10, plain.end());
    write_bytes(path, file);
    expect_the_same(path, 1, 65'536, "flags " + std::to_string(flags));
  }
}

TEST(ThreadsParallelGzip, CutOffOrDamaged) {
  ScratchFolder scratch;
  constexpr unsigned kSeed = 25;
  std::mt19937 random(kSeed);
  const std::string path = (scratch / "f.gz").string();
  const Bytes content = headers_like(random, 2'500'000);
  std::vector<Bytes> members;
  for (const Kind& kind : kKinds) members.push_back(zlib_member(content, kind));
  for (std::size_t round = 0; round < 60; ++round) {
    const Kind& kind = kKinds[round % std::size(kKinds)];
    Bytes file = members[round % std::size(kKinds)];
    damage(file, kZlibHeaderBytes, random);
    write_bytes(path, file);
    const std::string what = fmt::format("seed {} round {} {}", kSeed, round, kind.name);
    const std::size_t step = 30'000 + random() % 300'000;
    const Bytes bytes = expect_the_same(path, random() % 4, step, what);
    EXPECT_TRUE(agrees(bytes, inflated_by_zlib(file))) << what << ": " << bytes.size();
  }
}

TEST(ThreadsParallelGzip, EveryCheckpointLeadsOn) {
  ScratchFolder scratch;
  std::mt19937 random(26);
  const std::string path = (scratch / "f.gz").string();
  const Bytes content = headers_like(random, 4'000'000);
  write_bytes(path, zlib_member(content, kKinds[1]));
  ThreadBudget budget(2);
  auto source = open_parallel_gzip(path, budget, {.chunk_bytes = kChunk, .checkpoint_every_bytes = 100'000});
  ASSERT_TRUE(source);
  Bytes block(50'000);
  std::size_t followed = 0;
  std::uint64_t at = 0, before = 0;
  for (;;) {
    const auto entry = (*source)->checkpoint();
    if (entry && entry->stream_offset != before) {
      before = entry->stream_offset;
      EXPECT_LE(entry->stream_offset, at);
      EXPECT_LE((at - entry->stream_offset), 1'500'000u);
      auto later = open_source_at(path, *entry);
      ASSERT_TRUE(later) << later.error().message();
      const Drained rest = drain(**later, 100'000);
      EXPECT_EQ(rest.damage + rest.error, "");
      EXPECT_TRUE(std::equal(rest.bytes.begin(), rest.bytes.end(),
                             content.begin() + static_cast<std::ptrdiff_t>(entry->stream_offset), content.end()));
      ++followed;
    }
    const std::size_t got = (*source)->read(block.data(), block.size()).value();
    at += got;
    if (got < block.size()) break;
  }
  EXPECT_GE(followed, 8u);
}

TEST(ThreadsParallelGzip, LeavesInAnyState) {
  ScratchFolder scratch;
  std::mt19937 random(27);
  const std::string path = (scratch / "f.gz").string();
  write_bytes(path, zlib_member(headers_like(random, 3'000'000), kKinds[1]));
  for (const std::size_t take : {0u, 1u, 100'000u, 1'000'000u, 2'990'000u}) {
    for (int round = 0; round < 10; ++round) {
      ThreadBudget budget(3);
      auto source = open_parallel_gzip(path, budget, {.chunk_bytes = kChunk});
      Bytes block(take);
      ASSERT_TRUE((*source)->read(block.data(), take));
    }
  }
}

// The guess -----

TEST(DeflateBlocks, BlocksAreFoundWhereTheyBegin) {
  std::mt19937 random(28);
  const Bytes content = headers_like(random, 3'000'000), file = zlib_member(content, kKinds[1]);
  // The true starts and, by them, what is before and behind each.
  DeflateBlocks blocks;
  blocks.begin(file, kZlibHeaderBytes * 8);
  Bytes plain(content.size() + DeflateBlocks::kOverrun);
  DeflateOutput<std::uint8_t> output{plain.data(), plain.data(), plain.data() + content.size()};
  std::vector<std::uint64_t> starts;
  for (;;) {
    const std::uint64_t start = blocks.bit();
    if (blocks.begin_block() != DeflateBlocks::Step::block_end || blocks.last_block()) break;
    starts.push_back(start);
    ASSERT_EQ(blocks.decode(output), DeflateBlocks::Step::block_end);
  }
  ASSERT_GT(starts.size(), 20u);
  const auto decoded = static_cast<std::size_t>(output.out - plain.data());
  EXPECT_TRUE(std::equal(plain.begin(), plain.begin() + static_cast<std::ptrdiff_t>(decoded), content.begin()));
  for (std::uint64_t from = kZlibHeaderBytes * 8; from < starts.back(); from += 99'991) {
    const auto found = find_block(file, from, file.size() * 8);
    ASSERT_TRUE(found);
    if (*found > starts.back()) break;
    EXPECT_TRUE(std::ranges::binary_search(starts, *found)) << "a block where none is: may happen once in 10^9 bits";
  }
  const Bytes none = noise(random, 200'000);
  EXPECT_FALSE(find_block(none, 0, none.size() * 8));
  EXPECT_FALSE(find_block(file, starts[3] + 1, starts[4]));
}

}  // namespace
}  // namespace tidegauge
