#include "host/find_captures.hpp"

#include <fmt/format.h>

#include "tests/capture_writer.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

class FindCaptures : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* folder : {"a/deep", "a/.hidden", "b"}) test::fs::create_directories(scratch / folder);
    for (const char* name : {"a/2.pcap", "a/10.weird", "a/deep/1.pcap", "a/.hidden/x.pcap", "a/.y.pcap", "a/3.pcap.part", "b/4.pcap"}) {
      test::CaptureWriter writer;
      writer.packet(1'452'315'600'000'000, 100);
      writer.save(scratch / name);
    }
    test::write_text(scratch / "a/notes.txt", "start,end\n1,2\n");
    test::write_text(scratch / "a/empty.pcap", "");
  }
  std::string path(const std::string& name) const { return (scratch / name).string(); }
  std::vector<std::string> under(std::vector<std::string> names) const {
    for (std::string& name : names) name = path(name);
    return names;
  }
  test::ScratchFolder scratch;
};

TEST_F(FindCaptures, AFolderGivesWhatBeginsLikeACaptureInOrder) {
  const auto found = find_captures({path("a")});
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->paths, under({"a/10.weird", "a/2.pcap", "a/deep/1.pcap"}));
  EXPECT_EQ(found->left_out, under({"a/empty.pcap", "a/notes.txt"}));
  EXPECT_EQ(left_out_words(*found), fmt::format("2 files are no captures: {}, {}", path("a/empty.pcap"), path("a/notes.txt")));
  EXPECT_EQ(left_out_words({{}, {"a", "b", "c", "d"}}), "4 files are no captures: a, b, c and others");
  EXPECT_EQ(left_out_words({{}, {"a"}}), "1 file is no capture: a");
  EXPECT_EQ(left_out_words({}), "");
}

TEST_F(FindCaptures, NamesPatternsAndFoldersTogetherGiveEachOnce) {
  const auto found = find_captures({path("b/4.pcap"), path("*/?.pcap"), path("[b]"), "-", path("none.pcap")});
  ASSERT_TRUE(found) << found.error().message();
  std::vector<std::string> expected = under({"b/4.pcap", "a/2.pcap"});
  expected.insert(expected.end(), {"-", path("none.pcap")});
  EXPECT_EQ(found->paths, expected) << "what is named and is not there is said by whoever reads it";
}

TEST_F(FindCaptures, AFileWithAStarInItsNameIsItself) {
  test::fs::copy_file(scratch / "b/4.pcap", scratch / "b/*.pcap");
  EXPECT_EQ(find_captures({path("b/*.pcap")})->paths, under({"b/*.pcap"}));
}

TEST_F(FindCaptures, LinksToFoldersAreNotFollowed) {
  test::fs::create_directory_symlink(scratch / "a", scratch / "b/round");
  test::fs::create_symlink(scratch / "a/2.pcap", scratch / "b/link.pcap");
  EXPECT_EQ(find_captures({path("b")})->paths, under({"b/4.pcap", "b/link.pcap"}));
}

TEST_F(FindCaptures, MistakesSayWhat) {
  test::fs::create_directory(scratch / "bare");
  for (const auto& [name, words] : {std::pair{"bare", "no capture in it, of 0 files"}, std::pair{"z*.pcap", "nothing matches"}}) {
    const auto found = find_captures({path(name)});
    ASSERT_FALSE(found);
    EXPECT_NE(found.error().message().find(words), std::string::npos) << found.error().message();
  }
}

TEST_F(FindCaptures, ListsHaveANameALine) {
  test::write_text(scratch / "list", "a b.pcap\n\n c\n-");
  EXPECT_EQ(*read_name_list(path("list")), (std::vector<std::string>{"a b.pcap", " c", "-"}));
  EXPECT_FALSE(read_name_list(path("nowhere")));
}

}  // namespace
}  // namespace tidegauge
