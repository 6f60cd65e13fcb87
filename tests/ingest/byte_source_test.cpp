#include "ingest/source/byte_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <random>
#include <string>
#include <thread>

#include "ingest/source/block_reader.hpp"
#include "ingest/source/file_source.hpp"
#include "tests/ingest/source_support.hpp"
#include "tests/ingest/walk_support.hpp"

namespace tidegauge {
namespace {

using namespace test;

Drained drain_gzip(const Bytes& compressed, std::size_t step = 4096) {
  const auto source = decompress_memory("gzip", compressed.data(), compressed.size());
  return drain(*source, step);
}

TEST(FileSource, GivesEveryByteForAnyStep) {
  ScratchFolder scratch;
  std::mt19937 random(1);
  for (std::size_t size : {0u, 1u, 15u, 16u, 17u, 40u, 5000u}) {
    const Bytes content = text_like(random, size);
    write_bytes(scratch / "f", content);
    for (std::size_t step : {1u, 16u, 4096u}) {
      auto source = FileSource::open((scratch / "f").string());
      ASSERT_TRUE(source);
      EXPECT_EQ((*source)->input_done(), 0u);
      EXPECT_EQ((*source)->input_total(), size);
      const Drained drained = drain(**source, step);
      EXPECT_EQ(drained.bytes, content) << size << " by " << step;
      EXPECT_EQ((*source)->input_done(), size);
    }
  }
}

TEST(FileSource, SaysWhatCannotBeOpened) {
  ScratchFolder scratch;
  const auto missing = open_source((scratch / "missing").string());
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message().find("No such file"), std::string::npos) << missing.error().message();
  const auto folder = open_source(scratch.path().string());
  ASSERT_FALSE(folder);
  EXPECT_NE(folder.error().message().find("is a folder"), std::string::npos) << folder.error().message();
}

TEST(FileSource, AFileThatBecomesShorterIsAnError) {
  ScratchFolder scratch;
  write_bytes(scratch / "f", Bytes(100'000, 7));
  auto source = open_source((scratch / "f").string());
  ASSERT_TRUE(source);
  Bytes block(1000);
  ASSERT_TRUE((*source)->read(block.data(), block.size()));
  fs::resize_file(scratch / "f", 50'000);
  const Drained drained = drain(**source, 1000);
  EXPECT_NE(drained.error.find("became shorter"), std::string::npos) << drained.error;
  EXPECT_NE(drained.error.find("100000"), std::string::npos) << drained.error;
}

TEST(FileSource, WhatIsAppendedWhileItIsReadIsLeft) {
  ScratchFolder scratch;
  write_bytes(scratch / "f", Bytes(5000, 7));
  auto source = open_source((scratch / "f").string());
  ASSERT_TRUE(source);
  write_bytes(scratch / "f", Bytes(9000, 7));
  const Drained drained = drain(**source, 1000);
  EXPECT_EQ(drained.error, "");
  EXPECT_EQ(drained.bytes.size(), 5000u);
}

TEST(FileSource, ReadsAPipeToItsEnd) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const Bytes content(3000, 9);
  ASSERT_EQ(::write(ends[1], content.data(), content.size()), 3000);
  ::close(ends[1]);
  auto source = open_source("/dev/fd/" + std::to_string(ends[0]));
  ASSERT_TRUE(source) << source.error().message();
  EXPECT_EQ((*source)->input_total(), 0u);
  EXPECT_EQ(drain(**source, 4096).bytes, content);
  ::close(ends[0]);
}

TEST(FileSource, ADashIsStandardInput) {
  ScratchFolder scratch;
  std::mt19937 random(8);
  const Bytes content = text_like(random, 3000);
  const int kept = ::dup(STDIN_FILENO);
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const Bytes member = gzip_member(content);
  ASSERT_EQ(::write(ends[1], member.data(), member.size()), static_cast<ssize_t>(member.size()));
  ::close(ends[1]);
  ::dup2(ends[0], STDIN_FILENO);
  ::close(ends[0]);
  auto piped = open_source("-");
  ASSERT_TRUE(piped) << piped.error().message();
  EXPECT_EQ((*piped)->input_total(), 0u);
  EXPECT_FALSE((*piped)->checkpoint());
  EXPECT_TRUE(drain(**piped, 100).bytes == content);

  // A file behind it is one like any other, from where it stands.
  write_bytes(scratch / "f", content);
  const int file = ::open((scratch / "f").c_str(), O_RDONLY);
  ASSERT_EQ(::lseek(file, 1000, SEEK_SET), 1000);
  ::dup2(file, STDIN_FILENO);
  ::close(file);
  auto redirected = open_source("-");
  ASSERT_TRUE(redirected);
  EXPECT_EQ((*redirected)->input_total(), 3000u);
  EXPECT_EQ((*redirected)->input_done(), 1000u);
  EXPECT_TRUE(drain(**redirected, 100).bytes == Bytes(content.begin() + 1000, content.end()));

  ::close(STDIN_FILENO);
  const auto closed = open_source("-");
  ::dup2(kept, STDIN_FILENO);
  ::close(kept);
  ASSERT_FALSE(closed);
  EXPECT_NE(closed.error().message().find("standard input: cannot open"), std::string::npos) << closed.error().message();
}

TEST(FileSource, AFifoIsReadByItsPath) {
  ScratchFolder scratch;
  const std::string path = (scratch / "fifo").string();
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const Bytes content(200'000, 9);
  std::thread writer([&] { write_bytes(path, content); });
  auto source = open_source(path);
  ASSERT_TRUE(source);
  EXPECT_TRUE(drain(**source, 4096).bytes == content);
  writer.join();
}

TEST(OpenSource, NamesCompressionsThatAreNotRead) {
  const struct {
    Bytes head;
    const char* name;
  } rows[] = {
      {{0x1f, 0x9d, 0x90}, "compress (.Z)-compressed"},
      {{0x02, 0x21, 0x4c, 0x18}, "lz4 (legacy)-compressed"},
  };
  ScratchFolder scratch;
  for (const auto& row : rows) {
    Bytes content = row.head;
    content.resize(200);
    write_bytes(scratch / "f", content);
    const auto source = open_source((scratch / "f").string());
    ASSERT_FALSE(source) << row.name;
    EXPECT_NE(source.error().what.find(std::string(row.name) + " input is not read"), std::string::npos)
        << source.error().message();
    EXPECT_FALSE(source.error().remedy.empty());
  }
}

TEST(OpenSource, RecognisesGzipByContent) {
  ScratchFolder scratch;
  write_bytes(scratch / "no-suffix", gzip_member(Bytes(1000, 3)));
  auto source = open_source((scratch / "no-suffix").string());
  ASSERT_TRUE(source);
  EXPECT_EQ((*source)->compression(), "gzip");
  EXPECT_EQ(drain(**source, 64).bytes, Bytes(1000, 3));
  EXPECT_EQ((*source)->input_done(), (*source)->input_total());
}

TEST(GzipSource, MembersAndWhatFollowsThem) {
  std::mt19937 random(2);
  const Bytes a = text_like(random, 300'000), b = text_like(random, 1000), none;
  const Bytes ma = gzip_member(a), mb = gzip_member(b), empty = gzip_member(none);
  Bytes ab = a, damaged_start = ma;
  append(ab, b);
  damaged_start[0] ^= 1;
  const struct {
    const char* name;
    std::vector<Bytes> parts;
    Bytes wanted;
    const char* damage = "";
  } rows[] = {
      {"one", {ma}, a},
      {"two", {ma, mb}, ab},
      {"empty", {empty}, none},
      {"empty between", {empty, ma, empty, empty, mb, empty}, ab},
      {"zeros after", {ma, Bytes(512, 0)}, a},
      {"long zeros after", {ma, Bytes(300'000, 0)}, a},
      {"garbage after", {ma, Bytes(100, 0x55)}, a, "member 1 is followed by bytes that are no gzip member"},
      {"one byte after", {ma, {0x1f}}, a, "member 1 is followed by"},
      {"two bytes after", {ma, {0x1f, 0x8b}}, a, "member 1 is followed by"},
      {"a member after zeros", {ma, mb, Bytes(512, 0), mb}, ab, "member 2 is followed by"},
      {"a damaged start after", {ma, mb, damaged_start}, ab, "member 2 is followed by"},
  };
  for (const auto& row : rows) {
    Bytes compressed;
    for (const Bytes& part : row.parts) append(compressed, part);
    for (std::size_t step : {1u, 7u, 4096u, 1u << 20}) {
      if (step == 1 && row.wanted.size() > 400'000) continue;
      const Drained drained = drain_gzip(compressed, step);
      EXPECT_EQ(drained.error, "");
      EXPECT_EQ(drained.damage.empty(), *row.damage == 0) << row.name << ": " << drained.damage;
      EXPECT_NE(drained.damage.find(row.damage), std::string::npos) << row.name << ": " << drained.damage;
      EXPECT_TRUE(drained.bytes == row.wanted) << row.name << " by " << step << ": " << drained.bytes.size();
    }
  }
}

TEST(GzipSource, MembersLongerThanItsInputBuffer) {
  std::mt19937 random(3);
  Bytes noise(700'000);  // does not compress: a member larger than the input buffer
  for (auto& byte : noise) byte = static_cast<std::uint8_t>(random());
  Bytes compressed = gzip_member(noise), wanted = noise;
  append(compressed, gzip_member(noise));
  append(wanted, noise);
  EXPECT_TRUE(drain_gzip(compressed, 65536).bytes == wanted);
}

TEST(GzipSource, CutAnywhereKeepsWhatCameBefore) {
  std::mt19937 random(4);
  const Bytes a = text_like(random, 600), b = text_like(random, 500);
  const Bytes first = gzip_member(a);
  Bytes compressed = first, wanted = a;
  append(compressed, gzip_member(b));
  append(wanted, b);
  for (std::size_t cut = 3; cut < compressed.size(); ++cut) {
    const Drained drained = drain_gzip(prefix(compressed, cut));
    ASSERT_LE(drained.bytes.size(), wanted.size());
    EXPECT_TRUE(drained.bytes == prefix(wanted, drained.bytes.size())) << cut;
    EXPECT_EQ(drained.damage.empty(), cut == first.size()) << cut << ": " << drained.damage;
    if (cut >= first.size()) {
      EXPECT_GE(drained.bytes.size(), a.size()) << cut;
    }
  }
}

TEST(GzipSource, AWrongChecksumIsDamageAndTheNextMemberIsReadOn) {
  std::mt19937 random(5);
  const Bytes a = text_like(random, 5000), b = text_like(random, 700);
  for (std::size_t from_end : {8u, 5u, 4u, 1u}) {  // CRC, then length
    Bytes compressed = gzip_member(a), wanted = a;
    compressed[compressed.size() - from_end] ^= 0x10;
    append(compressed, gzip_member(b));
    append(wanted, b);
    const Drained drained = drain_gzip(compressed);
    EXPECT_NE(drained.damage.find("member 1 does not match its checksum"), std::string::npos)
        << drained.damage;
    EXPECT_TRUE(drained.bytes == wanted) << from_end << ": " << drained.bytes.size();
  }
}

TEST(GzipSource, AnyFlippedByteIsNoticedOrHarmless) {
  constexpr unsigned kSeed = 6;
  std::mt19937 random(kSeed);
  const Bytes a = text_like(random, 3000);
  const Bytes good = gzip_member(a);
  for (std::size_t at = 3; at < good.size(); ++at) {
    Bytes compressed = good;
    compressed[at] ^= static_cast<std::uint8_t>(1u << (random() % 8));
    const Drained drained = drain_gzip(compressed, 512);
    // Header fields such as the time do not matter; whatever changes the content is told.
    if (drained.bytes != a) {
      EXPECT_FALSE(drained.damage.empty()) << "seed " << kSeed << " byte " << at;
    }
    EXPECT_LE(drained.bytes.size(), std::size_t{4} << 20);
    // How far it came does not depend on how it was asked.
    EXPECT_TRUE(drain_gzip(compressed, 7).bytes == drained.bytes) << "seed " << kSeed << " byte " << at;
  }
}

TEST(BlockReader, CarriesWhatIsLeftOver) {
  std::mt19937 random(7);
  const Bytes content = text_like(random, 50'000);
  for (std::size_t block : {1u, 3u, 100u, 4096u, 60'000u}) {
    MemorySource source(content.data(), content.size());
    BlockReader reader(source, block);
    Bytes seen;
    while (!(reader.final() && reader.size() == 0)) {
      const std::size_t take = std::min<std::size_t>(reader.size(), random() % (2 * block + 2));
      EXPECT_EQ(reader.offset(), seen.size());
      seen.insert(seen.end(), reader.begin(), reader.begin() + take);
      reader.consume(reader.begin() + take);
      if (random() % 2) {
        ASSERT_TRUE(reader.more());
      }
    }
    EXPECT_TRUE(seen == content) << block;
  }
}

}  // namespace
}  // namespace tidegauge
