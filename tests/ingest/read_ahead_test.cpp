// Reading ahead gives what the source gives, and leaves in any state. Run by the thread sanitizer.
#include "ingest/source/read_ahead_source.hpp"

#include <unistd.h>

#include <new>
#include <random>
#include <string>

#include "tests/ingest/source_support.hpp"

namespace tidegauge {
namespace {

using namespace test;

/// Gives some bytes, then fails.
class FailingSource final : public ByteSource {
 public:
  explicit FailingSource(std::size_t good) : left_(good) {}
  Expected<std::size_t> read(std::uint8_t* out, std::size_t size) override {
    if (size > left_) return Error{"the disk is on fire", "here", ""};
    std::fill_n(out, size, std::uint8_t{7});
    left_ -= size;
    return size;
  }
  std::uint64_t input_done() const override { return 0; }
  std::uint64_t input_total() const override { return 0; }
  std::size_t block_bytes() const override { return 100; }

 private:
  std::size_t left_;
};

TEST(ThreadsReadAhead, GivesWhatTheSourceGives) {
  ScratchFolder scratch;
  std::mt19937 random(1);
  for (const std::size_t size : {0u, 1u, 999u, 1000u, 1001u, 50'000u}) {
    const Bytes content = text_like(random, size);
    const Bytes compressed = gzip_member(content);
    for (const std::size_t buffers : {2u, 3u, 8u}) {
      for (const std::size_t buffer_bytes : {1u, 1000u, 65'536u}) {
        if (buffer_bytes == 1 && size > 2000) continue;
        for (const std::size_t step : {7u, 1000u, 100'000u}) {
          ReadAheadSource source(decompress_memory("gzip", compressed.data(), compressed.size()),
                                 {buffers, buffer_bytes, 0});
          EXPECT_EQ(source.compression(), "gzip");
          EXPECT_EQ(source.input_total(), compressed.size());
          EXPECT_EQ(source.input_done(), 0u);
          const Drained drained = drain(source, step);
          EXPECT_TRUE(drained.bytes == content)
              << size << " " << buffers << " " << buffer_bytes << " " << step;
          EXPECT_EQ(source.input_done(), compressed.size());
          EXPECT_EQ(source.read(Bytes(10).data(), 10).value(), 0u);  // the end stays the end
        }
      }
    }
  }
}

TEST(ThreadsReadAhead, DamageIsToldWithTheBytesItBelongsTo) {
  std::mt19937 random(2);
  const Bytes content = text_like(random, 100'000);
  Bytes compressed = gzip_member(content);
  compressed[compressed.size() - 6] ^= 1;
  append(compressed, gzip_member(content));
  ReadAheadSource source(decompress_memory("gzip", compressed.data(), compressed.size()), {8, 10'000, 0});
  Bytes block(50'000);
  ASSERT_EQ(source.read(block.data(), block.size()).value(), block.size());
  EXPECT_TRUE(source.damage().empty());
  const Drained rest = drain(source, 5000);
  EXPECT_EQ(rest.bytes.size(), 150'000u);
  EXPECT_NE(rest.damage.find("gzip member at byte 0 does not match its checksum"), std::string::npos) << rest.damage;
}

TEST(ThreadsReadAhead, ErrorsComeWhereTheyHappen) {
  for (const std::size_t step : {100u, 250u, 5000u}) {
    ReadAheadSource source(std::make_unique<FailingSource>(1000), {3, 100, 0});
    const Drained drained = drain(source, step);
    EXPECT_NE(drained.error.find("on fire"), std::string::npos) << step;
    EXPECT_EQ(drained.bytes.size(), 1000 / step * step);
    EXPECT_FALSE(source.read(Bytes(10).data(), 10));  // and go on being told
  }
}

/// Gives some bytes, then finds no memory.
class StarvingSource final : public ByteSource {
 public:
  Expected<std::size_t> read(std::uint8_t* out, std::size_t size) override {
    if (++reads_ > 2) throw std::bad_alloc();
    std::fill_n(out, size, std::uint8_t{7});
    return size;
  }
  std::uint64_t input_done() const override { return 0; }
  std::uint64_t input_total() const override { return 0; }
  std::size_t block_bytes() const override { return 100; }

 private:
  int reads_ = 0;
};

TEST(ThreadsReadAhead, WhatTheSourceThrowsIsThrownToTheReader) {
  ReadAheadSource source(std::make_unique<StarvingSource>(), {2, 100, 0});
  Bytes block(200);
  EXPECT_EQ(source.read(block.data(), block.size()).value(), 200u);
  for (int i = 0; i < 2; ++i) EXPECT_THROW(static_cast<void>(source.read(block.data(), 1)), std::bad_alloc);
}

TEST(ThreadsReadAhead, LeavesInAnyState) {
  std::mt19937 random(3);
  const Bytes content = text_like(random, 1'000'000), compressed = gzip_member(content);
  for (const std::size_t take : {0u, 1u, 1000u, 60'000u, 990'000u}) {
    for (int round = 0; round < 20; ++round) {
      ReadAheadSource source(decompress_memory("gzip", compressed.data(), compressed.size()), {3, 20'000, 0});
      Bytes block(take);
      if (round % 2 == 0 || take != 0) {
        ASSERT_TRUE(source.read(block.data(), take));
      }
    }
  }
}

TEST(ThreadsReadAhead, StopsWhereTheSourceStops) {
  ScratchFolder scratch;
  std::mt19937 random(4);
  const Bytes a = text_like(random, 40'000), b = text_like(random, 30'000);
  Bytes two = gzip_member(a), both = a;
  const std::size_t boundary = two.size();
  append(two, gzip_member(b));
  append(both, b);
  for (const std::size_t buffer_bytes : {999u, 20'000u, 40'000u, 1'000'000u}) {
    for (const std::size_t step : {100u, 20'000u, 39'999u, 1'000'000u}) {
      auto inner = decompress_memory("gzip", two.data(), two.size());
      ReadAheadSource source(std::move(inner), {4, buffer_bytes, 0});
      source.stop_before(boundary);
      Bytes all, block(step);
      std::size_t stopped_at = 0;
      for (;;) {
        const std::size_t got = source.read(block.data(), step).value();
        all.insert(all.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(got));
        if (got == step) continue;
        if (stopped_at != 0 || !source.reached_stop()) break;
        stopped_at = all.size();
      }
      EXPECT_EQ(stopped_at, a.size()) << buffer_bytes << " " << step;
      EXPECT_TRUE(all == both) << buffer_bytes << " " << step << " " << all.size();
    }
  }
}

TEST(ThreadsReadAhead, RemembersEntryPoints) {
  ScratchFolder scratch;
  std::mt19937 random(5);
  const Bytes content = text_like(random, 1'500'000);
  const std::string path = (scratch / "f").string();
  write_bytes(path, gzip_member(content));
  ReadAheadSource source(std::move(open_source(path)).value(), {4, 50'000, 200'000});
  Bytes block(30'000);
  std::uint64_t at = 0;
  for (;;) {
    const std::size_t got = source.read(block.data(), block.size()).value();
    at += got;
    const auto entry = source.checkpoint();
    ASSERT_TRUE(entry);
    EXPECT_LE(entry->stream_offset, at);
    EXPECT_GE(entry->stream_offset + 350'000, at);
    if (got < block.size()) break;
  }
  const auto entry = source.checkpoint();
  auto later = open_source_at(path, *entry);
  ASSERT_TRUE(later);
  const Drained rest = drain(**later, 10'000);
  EXPECT_TRUE(std::equal(rest.bytes.begin(), rest.bytes.end(),
                         content.begin() + static_cast<std::ptrdiff_t>(entry->stream_offset), content.end()));
}

}  // namespace
}  // namespace tidegauge
