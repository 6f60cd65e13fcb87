#include "host/output_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "host/safetensors.hpp"
#include "tests/capture_writer.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

using test::read_text;
using test::write_text;

class Output : public testing::Test {
 protected:
  std::string at(const std::string& name) const { return (scratch / name).string(); }
  /// Names in the folder, to see that nothing is left over.
  std::size_t files() const { return static_cast<std::size_t>(std::distance(test::fs::directory_iterator(scratch.path()), {})); }
  test::ScratchFolder scratch;
};

TEST_F(Output, AppearsWholeOrNotAtAll) {
  write_text(at("a"), "old");
  {
    auto output = OutputFile::create(at("a"));
    ASSERT_TRUE(output) << output.error().message();
    ASSERT_TRUE(output->write("new"));
    EXPECT_TRUE(output->is_undone());
    EXPECT_EQ(read_text(at("a")), "old");
  }
  EXPECT_EQ(read_text(at("a")), "old") << "not finished";
  ASSERT_TRUE(write_whole(at("a"), "new"));
  EXPECT_EQ(read_text(at("a")), "new");
  EXPECT_EQ(files(), 1u);
}

TEST_F(Output, GoesThroughLinksAndLeavesThem) {
  test::fs::create_directory(at("d"));
  write_text(at("d/there"), "old");
  test::fs::create_symlink("d/there", at("relative"));
  test::fs::create_symlink(at("relative"), at("chain"));
  test::fs::create_symlink("d/not-yet", at("dangling"));
  for (const char* link : {"relative", "chain", "dangling"}) {
    ASSERT_TRUE(write_whole(at(link), link));
    EXPECT_TRUE(test::fs::is_symlink(at(link))) << link;
    EXPECT_EQ(read_text(at(link)), link);
  }
  EXPECT_EQ(read_text(at("d/there")), "chain");
  EXPECT_EQ(read_text(at("d/not-yet")), "dangling");
  EXPECT_EQ(files(), 4u);

  test::fs::create_symlink("self", at("self"));
  const auto loop = write_whole(at("self"), "x");
  ASSERT_FALSE(loop);
  EXPECT_NE(loop.error().message().find("self"), std::string::npos);
  EXPECT_TRUE(test::fs::is_symlink(at("self")));
}

TEST_F(Output, ReplacesNeitherFoldersNorDatabases) {
  write_text(at("x.series"), std::string("SQLite format 3\0 and more", 26));
  test::fs::create_symlink("x.series", at("link"));
  test::fs::create_directory(at("d"));
  for (const char* name : {"x.series", "link", "d"}) {
    const auto refused = write_whole(at(name), "text");
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().kind, ErrorKind::usage) << name;
    for (const auto kind : {OutputKind::text, OutputKind::capture, OutputKind::model})
      EXPECT_FALSE(output_target(at(name), kind)) << name;
  }
  EXPECT_EQ(read_text(at("x.series")).size(), 26u);
}

TEST_F(Output, ReplacesCapturesAndModelsByTheirOwnKindOnly) {
  test::CaptureWriter writer;
  for (int i = 0; i < 3; ++i) writer.packet(1'452'315'600'000'000 + i, 60);
  writer.save(at("a.pcap"));
  ASSERT_TRUE(write_safetensors(at("a.model"), {}));
  const std::string erf_record("\0\0\0\0\x10\x90\x90\x56\x02\0\0\x50\0\0\0\x3c", 16);  // Ethernet, 80 bytes of 60
  write_text(at("a.erf"), erf_record + std::string(64, '\0') + erf_record + std::string(64, '\0'));
  write_text(at("a.pcapng"), std::string("\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a", 12));
  write_text(at("a.gz"), std::string("\x1f\x8b\x08\0\0\0\0\0\0\x03", 10));
  write_text(at("a.zst"), std::string("\x28\xb5\x2f\xfd\x04\0", 6));
  write_text(at("a.csv"), "k,time,coverage,complete,packets\n1452315600,2016-01-09T05:00:00Z,1,1,1000\n");
  write_text(at("commented.csv"), "# program: tidegauge 0.1\n# content: series\n# interval: 1s\nk,time,packets\n");
  write_text(at("a.html"), "<!doctype html><html><head><title>x</title></head><body></body></html>\n");
  write_text(at("a.json"), "{\"is\": \"no model\"}\n");
  write_text(at("empty"), "");
  struct Row { const char* name; bool text, capture, model; };
  const Row table[] = {
      {"a.pcap", false, true, false}, {"a.pcapng", false, true, false},     {"a.erf", false, true, false},
      {"a.gz", false, true, false},   {"a.zst", false, true, false},        {"a.model", false, false, true},
      {"a.csv", true, true, true},    {"commented.csv", true, true, true},  {"a.html", true, true, true},
      {"a.json", true, true, true},   {"empty", true, true, true},
  };
  for (const Row& row : table) {
    EXPECT_EQ(output_target(at(row.name), OutputKind::text).has_value(), row.text) << row.name;
    EXPECT_EQ(output_target(at(row.name), OutputKind::capture).has_value(), row.capture) << row.name;
    EXPECT_EQ(output_target(at(row.name), OutputKind::model).has_value(), row.model) << row.name;
  }
  const std::string capture = read_text(at("a.pcap"));
  const auto refused = write_whole(at("a.pcap"), "text");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::usage);
  EXPECT_NE(refused.error().message().find("is a capture, and is not overwritten (try: another name, or delete it first)"),
            std::string::npos) << refused.error().message();
  EXPECT_EQ(read_text(at("a.pcap")), capture);
}

TEST_F(Output, PipesAndDevicesAreWrittenAsTheyAre) {
  ASSERT_EQ(mkfifo(at("pipe").c_str(), 0600), 0);
  const int reader = ::open(at("pipe").c_str(), O_RDWR | O_NONBLOCK);  // a pipe keeps a few bytes without anyone waiting
  const auto written = write_whole(at("pipe"), "through");
  EXPECT_TRUE(written) << written.error().message();
  char text[16] = {};
  EXPECT_EQ(::read(reader, text, sizeof text), 7);
  EXPECT_STREQ(text, "through");
  ::close(reader);
  EXPECT_TRUE(write_whole("/dev/null", "gone"));
  EXPECT_TRUE(test::fs::is_character_file("/dev/null"));
  EXPECT_FALSE(write_whole("/dev/full", "no space"));
  EXPECT_EQ(files(), 1u);
}

TEST_F(Output, KnowsOneFileByItsNames) {
  write_text(at("a"), "");
  test::fs::create_symlink("a", at("link"));
  test::fs::create_symlink("not-yet", at("dangling"));
  test::fs::create_hard_link(at("a"), at("hard"));
  for (const auto& [left, right, same] : {std::tuple{"a", "a", true}, {"a", "link", true}, {"a", "hard", true}, {"a", "./a", true},
                                          {"not-yet", "dangling", true}, {"not-yet", "not-yet", true}, {"a", "not-yet", false},
                                          {"not-yet", "nor-that", false}})
    EXPECT_EQ(same_file(at(left), at(right)), same) << left << " " << right;
}

}  // namespace
}  // namespace tidegauge
