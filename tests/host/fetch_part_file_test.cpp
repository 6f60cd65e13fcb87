// What of a download stays, what is gone on from, and when it gets its name.
#include "host/fetch/part_file.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

using namespace test;

class FetchPartFile : public testing::Test {
 protected:
  PartFile open(const KnownFile& known = {}) {
    auto file = PartFile::open(path, known);
    if (!file) throw std::runtime_error(file.error().message());
    return *std::move(file);
  }
  ScratchFolder scratch;
  const std::string path = (scratch / "a.gz").string();
};

TEST(Md5, IsThatOfRfc1321) {
  Md5 md5;
  md5.add("message ");
  md5.add("digest");
  EXPECT_EQ(md5.hex(), "f96b697d7cb7938d525a2f31aaf161d0");
  EXPECT_EQ(Md5().hex(), "d41d8cd98f00b204e9800998ecf8427e");
}

TEST_F(FetchPartFile, GoesOnWhereARunEnded) {
  {
    PartFile file = open();
    EXPECT_TRUE(file.start("\"v1\"", 10));
    EXPECT_TRUE(file.append("01234"));
  }
  EXPECT_FALSE(fs::exists(path));
  PartFile file = open({10, "781e5e245d69b566979b86e28d23f2c7"});  // of 0123456789: the bytes from before count too
  EXPECT_EQ(file.size(), 5u);
  EXPECT_EQ(file.total(), 10u);
  EXPECT_EQ(file.validator(), "\"v1\"");
  EXPECT_TRUE(file.append("56789"));
  const Status named = file.finish();
  EXPECT_TRUE(named) << named.error().message();
  EXPECT_EQ(read_text(path), "0123456789");
  EXPECT_FALSE(fs::exists(path + ".part"));
  EXPECT_FALSE(fs::exists(path + ".part.tag"));
}

TEST_F(FetchPartFile, BytesWithoutAWordOfWhatTheyAreAreNotGoneOnFrom) {
  write_text(path + ".part", "whatever");
  EXPECT_EQ(open().size(), 0u);
  {
    PartFile file = open();
    EXPECT_TRUE(file.start("", 10));  // the server gave no ETag and no date
    EXPECT_TRUE(file.append("01234"));
  }
  EXPECT_EQ(open().size(), 0u);
}

TEST_F(FetchPartFile, StartingAnewDropsWhatWasThere) {
  PartFile file = open({{}, "5d41402abc4b2a76b9719d911017c592"});  // of "hello"
  EXPECT_TRUE(file.start("\"v1\"", 8));
  EXPECT_TRUE(file.append("01234567"));
  EXPECT_TRUE(file.start("\"v2\"", 5));
  EXPECT_TRUE(file.append("hello"));
  EXPECT_TRUE(file.finish());
  EXPECT_EQ(read_text(path), "hello");
}

TEST_F(FetchPartFile, WhatTheListContradictsIsDropped) {
  for (const KnownFile& known : {KnownFile{5, {}}, KnownFile{4, "00000000000000000000000000000000"}}) {
    PartFile file = open(known);
    EXPECT_TRUE(file.start("\"v1\"", 4));
    EXPECT_TRUE(file.append("0123"));
    EXPECT_FALSE(file.finish());
    EXPECT_FALSE(fs::exists(path));
    EXPECT_FALSE(fs::exists(path + ".part"));
  }
}

TEST_F(FetchPartFile, NothingLeavesNothing) {
  open();
  EXPECT_TRUE(fs::is_empty(scratch.path()));
}

TEST_F(FetchPartFile, OneRunAtATime) {
  const PartFile first = open();
  const auto second = PartFile::open(path, {});
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().what.find("another run"), std::string::npos);
  EXPECT_TRUE(fs::exists(path + ".part")) << "and the second leaves the first's alone";
}

}  // namespace
}  // namespace tidegauge
