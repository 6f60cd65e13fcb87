#include "host/capture_watch.hpp"

#include "tests/capture_writer.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

using namespace std::chrono_literals;

class Watch : public testing::Test {
 protected:
  /// A capture with so many packets, last changed some time ago.
  std::string capture(const std::string& name, int packets, std::chrono::seconds ago) const {
    test::CaptureWriter writer;
    for (int i = 0; i < packets; ++i) writer.packet(1'452'315'600'000'000 + i, 100);
    writer.save(scratch / name);
    test::fs::last_write_time(scratch / name, test::fs::file_time_type::clock::now() - ago);
    return (scratch / name).string();
  }
  static std::vector<std::string> ready(CaptureWatch& watch) {
    const auto found = watch.ready();
    EXPECT_TRUE(found) << found.error().message();
    return found ? *found : std::vector<std::string>{};
  }
  using Names = std::vector<std::string>;
  test::ScratchFolder scratch;
};

TEST_F(Watch, EachStateOfAFileIsHandedOutOnceAndOnlyWhenItIsQuiet) {
  CaptureWatch watch({scratch.path().string()}, 30s);
  EXPECT_EQ(ready(watch), Names{});
  const std::string a = capture("a", 1, 60s), b = capture("b", 1, 1s);
  test::write_text(scratch / "c.txt", "no capture");
  test::fs::last_write_time(scratch / "c.txt", test::fs::file_time_type::clock::now() - 60s);
  EXPECT_EQ(ready(watch), Names{a}) << "b may still be written";
  EXPECT_EQ(ready(watch), Names{});
  capture("b", 1, 40s);
  EXPECT_EQ(ready(watch), Names{b});
  capture("a", 2, 50s);
  EXPECT_EQ(ready(watch), Names{a}) << "it has changed";
  EXPECT_EQ(ready(watch), Names{});
}

TEST_F(Watch, NamedFilesAreWaitedForAndFoldersMustBeReadable) {
  CaptureWatch watch({(scratch / "later").string()}, 0ms);
  EXPECT_EQ(ready(watch), Names{});
  const std::string later = capture("later", 1, 1s);
  EXPECT_EQ(ready(watch), Names{later});
}

}  // namespace
}  // namespace tidegauge
