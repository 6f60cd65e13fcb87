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
