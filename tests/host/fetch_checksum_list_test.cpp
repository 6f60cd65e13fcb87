#include "host/fetch/checksum_list.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

using namespace test;

TEST(FetchChecksums, AreReadByColumnName) {
  ScratchFolder scratch;
  const auto path = scratch / "list.csv";
  write_text(path, "md5_gz,year,url,bytes_gz\r\n5D41402ABC4B2A76B9719D911017C592,2007,http://h/x/a.gz,12\n,2007,b.gz,\n");
  const auto list = read_checksums(path.string());
  ASSERT_TRUE(list) << list.error().message();
  ASSERT_EQ(list->size(), 2u);
  EXPECT_EQ(list->at("a.gz").bytes, 12u);
  EXPECT_EQ(list->at("a.gz").md5, "5d41402abc4b2a76b9719d911017c592");
  EXPECT_FALSE(list->at("b.gz").bytes);
  EXPECT_EQ(list->at("b.gz").md5, "");
}

TEST(FetchChecksums, WhatIsNoListSaysWhere) {
  struct Row {
    const char *text, *part;
  };
  ScratchFolder scratch;
  const auto path = scratch / "list.csv";
  for (const Row& row : {Row{"", "lacks a column"}, Row{"url,md5_gz\n", "lacks a column"},
                         Row{"url,bytes_gz,md5_gz\na,1\n", "line 2"}, Row{"url,bytes_gz,md5_gz\na,1,\nb,1k,\n", "line 3"},
                         Row{"url,bytes_gz,md5_gz\na,1,xyz\n", "no MD5"}}) {
    write_text(path, row.text);
    const auto list = read_checksums(path.string());
    ASSERT_FALSE(list) << row.text;
    EXPECT_NE(list.error().message().find(row.part), std::string::npos) << list.error().message();
  }
}

TEST(FetchChecksums, TheRealListIsReadCompressed) {
  const auto path = shared_data() / "mawi_trace_sizes.csv.gz";
  TG_NEEDS(fs::exists(path), "captures", "no list of MAWI's traces at " << path);
  const auto list = read_checksums(path.string());
  ASSERT_TRUE(list) << list.error().message();
  EXPECT_EQ(list->size(), 4429u);
  EXPECT_EQ(list->at("200701011400.dump.gz").bytes, 188109545u);
  EXPECT_EQ(list->at("200701011400.dump.gz").md5, "1c472ac54bcfcb74e7e780e38d43077d");
}

}  // namespace
}  // namespace tidegauge
