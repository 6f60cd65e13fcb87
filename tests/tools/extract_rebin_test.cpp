// `extract` and `rebin` as users run them.
#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "tests/capture_writer.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

using test::run_command;

class ExtractRebin : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return (scratch / name).string(); }
  /// 60 s of 20 packets a second, and of 200 in the seconds 30 to 32.
  std::string capture(const std::string& name) {
    test::CaptureWriter writer;
    for (std::int64_t s = 0; s < 60; ++s) {
      const std::int64_t packets = s >= 30 && s < 33 ? 200 : 20;
      for (std::int64_t i = 0; i < packets; ++i)
        writer.packet((1'452'315'600 + s) * 1'000'000 + i * (1'000'000 / packets), 60 + static_cast<std::uint32_t>(i));
    }
    writer.save(scratch / name);
    return path(name);
  }
  test::CommandResult ok(const std::string& arguments) {
    const auto result = run_command(arguments);
    EXPECT_EQ(result.status, 0) << arguments << "\n" << result.err;
    return result;
  }
  std::uint64_t packets_in(const std::string& capture_path) {
    test::fs::remove(scratch / "again.series");
    const auto result = ok(fmt::format("bin --json {} -o {}", capture_path, path("again.series")));
    return nlohmann::json::parse(result.out)["total"]["counted"].get<std::uint64_t>();
  }
  void editcap(const std::string& options, const std::string& capture_path, const std::string& output) {
    ASSERT_EQ(std::system(fmt::format("editcap {} {} {} 2>/dev/null", options, capture_path, path(output)).c_str()), 0);
  }
  /// Times and lengths of a capture's packets, as tshark reads them: a line each.
  std::string frames(const std::string& capture_path, const std::string& filter = "frame") {
    const std::string out = path("frames");
    EXPECT_EQ(std::system(fmt::format("tshark -r {} -Y '{}' -T fields -e frame.time_epoch -e frame.len -e frame.cap_len > {} "
                                      "2>/dev/null", capture_path, filter, out).c_str()), 0);
    return test::read_text(out);
  }
  test::ScratchFolder scratch;
};

TEST_F(ExtractRebin, ALabelBackToItsPackets) {
  ok(fmt::format("bin {} -o {}", capture("a.pcap"), path("x.series")));
  ok(fmt::format("label {} --column packets --threshold 3 --device cpu", path("x.series")));
  const auto labels = nlohmann::json::parse(ok(fmt::format("export {} --what labels --json", path("x.series"))).out);
  ASSERT_EQ(labels["rows"].size(), 1u) << labels.dump(2);
  const auto result = ok(fmt::format("extract {} --label 1 -o {} --json", path("x.series"), path("surge.pcap")));
  const auto document = nlohmann::json::parse(result.out);
  EXPECT_GT(document["packets"], 200);
  EXPECT_EQ(document["packets"], document["counted"]);
  EXPECT_EQ(document["first_k"], labels["rows"][0]["first_k"]) << labels.dump(2);
  EXPECT_EQ(packets_in(path("surge.pcap")), document["packets"].get<std::uint64_t>());
  EXPECT_FALSE(test::fs::exists(scratch / "surge.pcap.part"));
}

TEST_F(ExtractRebin, TimesAndIntervalNumbersMeanWholeIntervals) {
  ok(fmt::format("bin {} -o {}", capture("a.pcap"), path("x.series")));
  struct Row { const char* arguments; std::uint64_t packets; };
  const Row table[] = {
      {"--from 2016-01-09T05:00:30 --to 2016-01-09T05:00:31", 200},
      {"--from 2016-01-09T05:00:29.5 --to 2016-01-09T05:00:30.001", 220},
      {"--interval-number 1452315630", 200},
      {"--interval-number 1452315630..1452315632", 600},
      {"--interval-number 1452315630..1452315632 --limit 7", 7},
      {"--interval-number 5..6", 0},
  };
  for (const Row& row : table) {
    const auto result = ok(fmt::format("extract {} {} -o {}", path("x.series"), row.arguments, path("part.pcap")));
    EXPECT_EQ(result.out.find(fmt::format("{} packets of ", row.packets)), 0u) << row.arguments << "\n" << result.out;
    if (row.packets > 0) {
      EXPECT_EQ(packets_in(path("part.pcap")), row.packets) << row.arguments;
    }
  }
  const auto piped = ok(fmt::format("extract {} --interval-number 1452315630 -o -", path("x.series")));
  ok(fmt::format("extract {} --interval-number 1452315630 -o {}", path("x.series"), path("part.pcap")));
  EXPECT_EQ(piped.out, test::read_text(scratch / "part.pcap")) << "the same bytes, and nothing else";
}

TEST_F(ExtractRebin, ALabelHoldsWhatTsharkSeesInItsTime) {
  TG_NEEDS_PROGRAM("tshark");
  TG_NEEDS_PROGRAM("editcap");
  TG_NEEDS_SHARED_DATA();
  const auto capture_path = (test::shared_data() / "pcaps" / "channel_5d_3s.pcap").string();
  ok(fmt::format("bin {} -o {}", capture_path, path("x.series")));
  ok(fmt::format("label {} --column packets --threshold 100 --device cpu", path("x.series")));
  const auto labels = nlohmann::json::parse(ok(fmt::format("export {} --what labels --json", path("x.series"))).out);
  ASSERT_GE(labels["rows"].size(), 2u);
  const std::int64_t first = labels["rows"][1]["first_k"], last = labels["rows"][1]["last_k"];
  const auto result = ok(fmt::format("extract {} --label 2 -o {} --json", path("x.series"), path("part.pcap")));
  editcap(fmt::format("-A {} -B {}", first, last + 1), capture_path, "cut.pcap");  // tshark takes long for all of it
  const std::string direct = frames(path("cut.pcap"));
  EXPECT_EQ(frames(path("part.pcap")), direct);
  EXPECT_GT(std::ranges::count(direct, '\n'), 100);
  EXPECT_EQ(nlohmann::json::parse(result.out)["packets"], std::ranges::count(direct, '\n'));
}

TEST_F(ExtractRebin, WithoutRepetitionsAndFilteredItHoldsWhatEditcapAndTsharkLeave) {
  TG_NEEDS_PROGRAM("tshark");
  TG_NEEDS_PROGRAM("editcap");
  TG_NEEDS_SHARED_DATA();
  const auto capture_path = (test::shared_data() / "pcaps" / "modbus_test_2.pcap").string();
  ok(fmt::format("bin {} -o {} --dedup 4 --filter 'greater 70'", capture_path, path("x.series")));
  editcap("-d", capture_path, "unique.pcap");
  const std::int64_t begin = std::stoll(frames(path("unique.pcap"))), from = begin + 10, to = begin + 410;
  const auto result = ok(fmt::format("extract {} --from @{} --to @{} -o {} --json", path("x.series"), from, to, path("part.pcap")));
  const auto document = nlohmann::json::parse(result.out);
  EXPECT_EQ(document["packets"], document["counted"]);
  EXPECT_GT(document["packets"], 100);
  EXPECT_EQ(frames(path("part.pcap")),
            frames(path("unique.pcap"), fmt::format("frame.len >= 70 && frame.time_epoch >= {} && frame.time_epoch < {}", from, to)));
}

TEST_F(ExtractRebin, TimesWithinAnIntervalSayWhatIsWritten) {
  ok(fmt::format("bin {} -o {} --interval 2s", capture("a.pcap"), path("x.series")));
  const auto words = [&](const char* from, const char* to) {
    return ok(fmt::format("extract {} --from 2016-01-09T05:00:{} --to 2016-01-09T05:00:{} -o {}", path("x.series"), from, to,
                          path("part.pcap"))).err;
  };
  EXPECT_EQ(words("10", "20").find("whole intervals"), std::string::npos);
  const char* const widened = "whole intervals of 2s: from 2016-01-09T05:00:10Z to 2016-01-09T05:00:20Z";
  EXPECT_NE(words("11", "20").find(widened), std::string::npos) << words("11", "20");
  EXPECT_NE(words("10", "18.001").find(widened), std::string::npos);
  EXPECT_EQ(packets_in(path("part.pcap")), 200u);
  const auto help = ok("extract --help").out;
  EXPECT_NE(help.find("Whole intervals"), std::string::npos) << help;
}

TEST_F(ExtractRebin, ACoarserSeriesFindsThePacketsToo) {
  const std::string a = capture("a.pcap");
  ok(fmt::format("bin {} -o {}", a, path("x.series")));
  const auto made = ok(fmt::format("rebin {} -o {} --interval 10s", path("x.series"), path("ten.series")));
  EXPECT_EQ(made.out.find("1 traces added, 0 already in; "), 0u) << made.out;
  ok(fmt::format("bin {} -o {} --interval 10s", a, path("direct.series")));
  EXPECT_EQ(ok("export --canonical " + path("ten.series")).out, ok("export --canonical " + path("direct.series")).out);
  const auto result = ok(fmt::format("extract {} --interval-number 145231563 -o {}", path("ten.series"), path("part.pcap")));
  EXPECT_EQ(result.out.find("740 packets of 1 traces; "), 0u) << result.out;
  const auto again = nlohmann::json::parse(ok(fmt::format("rebin --json {} -o {} --interval 10s", path("x.series"), path("ten.series"))).out);
  EXPECT_EQ(again["already_in"], 1);
  EXPECT_EQ(again["interval_ns"], 10'000'000'000);
}

TEST_F(ExtractRebin, WrongUsageIsStatusTwoAndNamesTheRemedy) {
  const std::string series = path("x.series"), out = path("o.pcap");
  ok(fmt::format("bin {} -o {} --interval 2s", capture("a.pcap"), series));
  struct Row { std::string arguments; const char* words; };
  const Row table[] = {
      {fmt::format("extract {} -o {}", series, out), "--label N"},
      {fmt::format("extract {} -o {} --label 1 --interval-number 5", series, out), "which packets"},
      {fmt::format("extract {} -o {} --from @5", series, out), "--to TIME"},
      {fmt::format("extract {} -o {} --label 1", series, out), "tidegauge label first"},
      {fmt::format("extract {} -o {} --interval-number 5..", series, out), "range of intervals"},
      {fmt::format("extract {} -o {} --interval-number 7..5", series, out), "range of intervals"},
      {fmt::format("extract {} -o {} --from @5 --to @5", series, out), "not after the start"},
      {fmt::format("extract {} -o {} --interval-number 5 --column bytes", series, out), "--column"},
      {fmt::format("extract {} -o - --interval-number 5 --json", series), "go to stdout"},
      {fmt::format("extract {} -o {} --interval-number 5", series, series), "not overwritten"},
      {fmt::format("rebin {} -o {} --interval 3s", series, path("y.series")), "a multiple of 2s"},
      {fmt::format("rebin {} -o {} --interval 10s --values most", series, path("y.series")), "sum or mean"},
      {fmt::format("rebin {} -o {} --interval 10s", series, series), "a file of its own"},
  };
  for (const Row& row : table) {
    const auto result = run_command(row.arguments);
    EXPECT_EQ(result.status, 2) << row.arguments << "\n" << result.err;
    EXPECT_NE(result.err.find(row.words), std::string::npos) << row.arguments << "\n" << result.err;
  }
  EXPECT_FALSE(test::fs::exists(out));
  for (const char* verb : {"extract", "rebin"}) {
    const auto help = ok(std::string(verb) + " --help");
    EXPECT_NE(help.out.find(fmt::format("Example:\n  tidegauge {}", verb)), std::string::npos) << help.out;
  }
}

TEST_F(ExtractRebin, ACaptureThatIsGoneIsStatusOneAndNothingIsWritten) {
  const std::string a = capture("a.pcap");
  ok(fmt::format("bin {} -o {}", a, path("x.series")));
  test::fs::remove(a);
  const auto result = run_command(fmt::format("extract {} --interval-number 1452315630 -o {}", path("x.series"), path("o.pcap")));
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("--input-dir"), std::string::npos) << result.err;
  EXPECT_FALSE(test::fs::exists(scratch / "o.pcap"));
}

}  // namespace
}  // namespace tidegauge
