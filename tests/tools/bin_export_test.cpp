// `bin` and `export` as users run them, and the faults that the series file must survive.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sqlite3.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "kernels/core/random.hpp"
#include "tests/capture_writer.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

using test::run_command;

class BinExport : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return (scratch / name).string(); }
  /// `count` packets, one a millisecond, so that at 1 ms every packet is a row.
  std::string capture(const std::string& name, std::int64_t at_s, int count) {
    test::CaptureWriter writer;
    for (int i = 0; i < count; ++i) writer.packet((1'452'315'600 + at_s) * 1'000'000 + i * 1'000, 60 + static_cast<std::uint32_t>(i % 900));
    writer.save(scratch / name);
    return path(name);
  }
  std::string canonical(const std::string& series) {
    const auto result = run_command("export --canonical " + path(series));
    EXPECT_EQ(result.status, 0) << result.err;
    return result.out;
  }
  test::ScratchFolder scratch;
};

TEST_F(BinExport, AFileAsStandardInputHasItsIdentity) {
  const std::string a = capture("a.pcap", 0, 25), b = capture("b.pcap", 10, 10), bin = "bin - -o " + path("x.series") + " < ";
  EXPECT_EQ(run_command(bin + a).status, 0);
  const auto second = run_command(bin + b), again = run_command(bin + a);
  EXPECT_EQ(second.status, 0) << second.err;
  EXPECT_NE(again.out.find("0 added, 1 already in"), std::string::npos) << again.out << again.err;
}

TEST_F(BinExport, TakesFoldersPatternsAndLists) {
  test::fs::create_directories(scratch / "days/01");
  const std::string first = capture("days/01/a.pcap", 0, 20), second = capture("days/b.pcap", 10, 20);
  test::write_text(scratch / "days/readme.txt", "two days\n");
  const auto folder = run_command("bin " + path("days") + " -o " + path("x.series"));
  EXPECT_NE(folder.out.find("2 added, 0 already in, 0 failed"), std::string::npos) << folder.out << folder.err;
  EXPECT_NE(folder.err.find("1 file is no capture"), std::string::npos) << folder.err;
  const auto pattern = run_command("bin '" + path("days/*") + "' -o " + path("x.series"));
  EXPECT_NE(pattern.out.find("0 added, 2 already in"), std::string::npos) << pattern.out << pattern.err;
  test::write_text(scratch / "list", first + "\n" + second + "\n");
  const auto list = run_command("bin --files-from " + path("list") + " -o " + path("y.series"));
  EXPECT_NE(list.out.find("2 added"), std::string::npos) << list.out << list.err;
  EXPECT_EQ(canonical("x.series"), canonical("y.series"));
  EXPECT_EQ(run_command("bin --files-from " + path("none") + " -o " + path("z.series")).status, 2);
}

TEST_F(BinExport, WatchesAFolderUntilItIsToldToStop) {
  const std::string first = capture("a.pcap", 0, 20), second = capture("b.pcap", 10, 20);
  test::fs::create_directories(scratch / "days");
  const auto result = run_command("bin " + path("days") + " --watch --watch-quiet 1ms -o " + path("x.series"),
                                  fmt::format("cp {0} {2}; (sleep 1; cp {1} {2}) & timeout -s INT 4", first, second, path("days")));
  EXPECT_EQ(result.status, 124) << "timeout's own: the command was stopped\n" << result.err;
  for (const char* words : {"days/a.pcap: added", "days/b.pcap: added"})
    EXPECT_NE(result.out.find(words), std::string::npos) << result.out << result.err;
  EXPECT_EQ(result.err.find("stopped"), std::string::npos) << result.err;
  EXPECT_EQ(run_command("bin " + first + " " + second + " -o " + path("y.series")).status, 0);
  EXPECT_EQ(canonical("x.series"), canonical("y.series"));
}

TEST_F(BinExport, OnDevicesOrAnErrorThatSaysWhatIsMissing) {
  const std::string a = capture("a.pcap", 0, 2500), b = capture("b.pcap", 10, 1000);
  const auto on = [](const char* state) {
    return std::string("TIDEGAUGE_MODULE_DIR='" TIDEGAUGE_STAND_IN_FOLDER "' TIDEGAUGE_STAND_IN=") + state;
  };
  const auto bin = [&](const std::string& series) {
    return fmt::format("bin {} {} --by dport --distinct -o {} --device ", a, b, path(series));
  };
  EXPECT_EQ(run_command(bin("cpu.series") + "cpu").status, 0);
  const auto binned = run_command(bin("cuda.series") + "cuda", on("usable"));
  EXPECT_EQ(binned.status, 0) << binned.err;
  EXPECT_NE(binned.err.find("device: cpu ("), std::string::npos) << binned.err << "which is what the stand-in module offers";
  EXPECT_EQ(canonical("cuda.series"), canonical("cpu.series"));

  const auto missing = run_command(bin("none.series") + "cuda", on("no_driver"));
  EXPECT_EQ(missing.status, 1);
  EXPECT_NE(missing.err.find("no NVIDIA driver is installed"), std::string::npos) << missing.err;
  EXPECT_FALSE(std::filesystem::exists(path("none.series")));
  EXPECT_EQ(run_command(bin("none.series") + "gpu").status, 2);
}

// Large enough for threads in one gzip member, which each open the file again: standard input cannot be.
TEST_F(BinExport, ALargeCompressedFileAsStandardInputHasItsIdentity) {
  constexpr std::size_t packets = 3500, packet_bytes = 1400;
  test::CaptureWriter writer(packet_bytes);
  for (std::size_t i = 0; i < packets; ++i) writer.packet(1'452'315'600'000'000 + static_cast<std::int64_t>(i) * 1000, packet_bytes);
  std::string bytes = writer.bytes();
  std::mt19937 random(3);
  for (std::size_t i = 0; i < packets; ++i)  // payload that cannot be compressed
    for (std::size_t at = 60; at < packet_bytes; ++at) bytes[24 + i * (16 + packet_bytes) + 16 + at] = static_cast<char>(random());
  test::write_text(scratch / "large.pcap", bytes);
  ASSERT_EQ(std::system(fmt::format("gzip -1 '{}'", path("large.pcap")).c_str()), 0);
  ASSERT_GT(test::fs::file_size(path("large.pcap.gz")), 4u << 20);
  for (const int threads : {1, 2, 4}) {
    const std::string bin = fmt::format("bin -o {} --threads {} ", path(fmt::format("{}.series", threads)), threads);
    const auto piped = run_command(bin + "- < " + path("large.pcap.gz")), named = run_command(bin + path("large.pcap.gz"));
    EXPECT_NE(piped.out.find("1 added"), std::string::npos) << piped.out << piped.err;
    EXPECT_NE(named.out.find("1 already in"), std::string::npos) << named.out << named.err;
  }
}

// pzstd begins its files so: what the frame is of is seen behind it, where standard input cannot be looked at beforehand.
TEST_F(BinExport, ASkippableFrameBeforeStandardInputMovesNothing) {
  const std::string a = capture("a.pcap", 0, 2000);
  ASSERT_EQ(run_command(fmt::format("sample {} -o {} -m COUNT_SYS -r 1", a, path("a.pcap.zst"))).status, 0);
  const std::string frame("\x50\x2a\x4d\x18\x04\0\0\0abcd", 12);
  test::write_text(scratch / "framed.zst", frame + test::read_text(path("a.pcap.zst")));
  const auto piped = run_command(fmt::format("bin - -o {} < {}", path("x.series"), path("framed.zst")));
  EXPECT_NE(piped.out.find("2000 records read = 2000 counted"), std::string::npos) << piped.out << piped.err;
  const auto named = run_command(fmt::format("bin {} -o {}", path("framed.zst"), path("x.series")));
  EXPECT_NE(named.out.find("1 already in"), std::string::npos) << named.out << named.err;
}

TEST_F(BinExport, AnInputThatIsNamedTwiceOrAnOutputThatIsACapture) {
  const std::string a = capture("a.pcap", 0, 20), series = path("x.series");
  const auto twice = run_command("bin - - -o " + series + " < " + a);
  EXPECT_EQ(twice.status, 2) << twice.err;
  EXPECT_NE(twice.err.find("named more than once"), std::string::npos) << twice.err;
  EXPECT_FALSE(test::fs::exists(series));
  ASSERT_EQ(run_command(fmt::format("bin {} -o {}", a, series)).status, 0);
  const std::string before = test::read_text(a);
  for (const std::string& command : {"export " + series + " -o " + a, "report " + series + " -o " + a, "stats " + series + " --svg " + a,
                                     "report " + series + " --svg " + a}) {
    const auto refused = run_command(command);
    EXPECT_EQ(refused.status, 2) << command << refused.err;
    EXPECT_NE(refused.err.find("is a capture, and is not overwritten"), std::string::npos) << command << refused.err;
  }
  EXPECT_EQ(test::read_text(a), before);
}

TEST_F(BinExport, ManyRowsAreAnnouncedAndWhatDoesNotFitIsRefused) {
  test::CaptureWriter merged;  // two captures of a second each, eight years apart, at 1 s and at 1 ms
  for (const std::int64_t at_s : {1'452'315'600, 1'452'315'601, 1'704'067'200, 1'704'067'201}) merged.packet(at_s * 1'000'000, 60);
  merged.save(scratch / "merged.pcap");
  const auto binned = run_command(fmt::format("bin {} -o {} --interval 1ms", path("merged.pcap"), path("x.series")));
  EXPECT_EQ(binned.status, 0) << binned.err;
  EXPECT_NE(binned.err.find("no packet came from 2016-01-09T05:00:01.001Z to 2024-01-01T00:00:00.000Z"), std::string::npos) << binned.err;
  for (const char* verb : {"stats", "report", "train", "label"}) {
    const auto refused = run_command(fmt::format("{} {}{}", verb, path("x.series"), verb == std::string("report") ? " -o " + path("x.html") : ""));
    EXPECT_EQ(refused.status, 1) << verb << refused.err;
    EXPECT_NE(refused.err.find("more than the 100000000 that are read at once; in " + path("merged.pcap")), std::string::npos)
        << verb << refused.err;
  }
  const auto begun = run_command(fmt::format("export {} --columns packets 2> {} | head -n 100000", path("x.series"), path("words")));
  const std::string words = test::read_text(path("words"));
  EXPECT_NE(words.find("251751601001 rows will be written"), std::string::npos) << words;
  EXPECT_EQ(std::count(begun.out.begin(), begun.out.end(), '\n'), 100'000) << "in a stream";
  const auto part = run_command(fmt::format("export {} --columns packets --from 2024-01-01", path("x.series")));
  EXPECT_EQ(part.err, "") << "few rows";
}

TEST_F(BinExport, TheUsualRound) {
  const std::string a = capture("a.pcap", 0, 2500), b = capture("b.pcap", 10, 1000);
  const auto binned = run_command(fmt::format("bin {} {} -o {}", a, b, path("x.series")));
  EXPECT_EQ(binned.status, 0) << binned.err;
  EXPECT_NE(binned.out.find("2 added, 0 already in, 0 failed; 3500 records read = 3500 counted"), std::string::npos) << binned.out;
  EXPECT_EQ(binned.err, "") << "quiet in a pipe";

  const auto exported = run_command(fmt::format("export {} --columns packets,tcp_packets --no-header-comments", path("x.series")));
  EXPECT_EQ(exported.status, 0) << exported.err;
  EXPECT_EQ(exported.out,
            "k,time,coverage,complete,packets,tcp_packets\n"
            "1452315600,2016-01-09T05:00:00Z,1,1,1000,1000\n"
            "1452315601,2016-01-09T05:00:01Z,1,1,1000,1000\n"
            "1452315602,2016-01-09T05:00:02Z,0.499000001,0,500,500\n"
            "1452315610,2016-01-09T05:00:10Z,0.999000001,1,1000,1000\n");
  const auto part = run_command(fmt::format("export {} --columns packets --from 2016-01-09T05:00:05 --to @1452315999 -o {}",
                                            path("x.series"), path("out.csv")));
  EXPECT_EQ(part.status, 0) << part.err;
  EXPECT_EQ(part.out, "");
  const std::string file = test::read_text(scratch / "out.csv");
  EXPECT_NE(file.find("\n1452315610,2016-01-09T05:00:10Z,0.999000001,1,1000\n"), std::string::npos) << file;
  EXPECT_EQ(file.find("1452315600"), std::string::npos);
  EXPECT_EQ(file.find("# program: tidegauge "), 0u);
  EXPECT_FALSE(test::fs::exists(scratch / "out.csv.part"));
}

TEST_F(BinExport, JsonAccountsForEveryFile) {
  std::string bytes = test::read_text(capture("a.pcap", 0, 100));
  test::write_text(scratch / "cut.pcap", bytes.substr(0, bytes.size() - 5));
  const auto result = run_command(fmt::format("bin --json {} {} {} -o {}", path("a.pcap"), path("cut.pcap"), path("absent"), path("x.series")));
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("1 of 3 files failed"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("absent"), std::string::npos);
  const auto document = nlohmann::json::parse(result.out);
  EXPECT_EQ(document["interval_ns"], 1'000'000'000);
  EXPECT_EQ(document["files"][0]["outcome"], "added");
  EXPECT_EQ(document["files"][0]["account"]["counted"], 100);
  EXPECT_EQ(document["files"][1]["account"]["counted"], 99);
  EXPECT_NE(document["files"][1]["damage"], "");
  EXPECT_EQ(document["files"][2]["outcome"], "failed");
  std::uint64_t refused = 0;
  for (const auto& [name, count] : document["total"]["refused"].items()) refused += count.get<std::uint64_t>();
  EXPECT_EQ(document["total"]["read"], 199 + refused);
}

TEST_F(BinExport, AgainUnderAnotherPathAndInAnotherOrder) {
  const std::string a = capture("a.pcap", 0, 1500), b = capture("b.pcap", 3, 700), c = capture("c.pcap", 1, 900);
  test::fs::copy_file(a, path("copy.pcap"));
  const auto bin = [&](const std::string& files, const std::string& series) {
    const auto result = run_command(fmt::format("bin {} -o {}", files, path(series)));
    EXPECT_EQ(result.status, 0) << result.err;
  };
  bin(a + " " + b + " " + c, "one.series");
  const std::string once = canonical("one.series");
  bin(a + " " + path("copy.pcap"), "one.series");
  EXPECT_EQ(canonical("one.series"), once);
  bin(c + " " + b + " --threads 2 " + path("copy.pcap"), "two.series");
  EXPECT_EQ(canonical("two.series"), once);
  capture("b.pcap", 3, 701);
  const auto changed = run_command(fmt::format("bin {} -o {}", b, path("one.series")));
  EXPECT_EQ(changed.status, 1);
  EXPECT_NE(changed.err.find("it has changed since"), std::string::npos) << changed.err;
  EXPECT_EQ(canonical("one.series"), once);
}

TEST_F(BinExport, WrongUsageIsStatusTwoAndNamesTheRemedy) {
  const std::string a = capture("a.pcap", 0, 10), series = path("x.series");
  ASSERT_EQ(run_command(fmt::format("bin {} -o {} --interval 5s", a, series)).status, 0);
  test::write_text(scratch / "t.csv", "t,v\n0,1\n");
  struct Row { std::string arguments; const char* words; };
  const Row table[] = {
      {"bin " + a, "--output"},
      {"bin -o " + series, "captures"},
      {fmt::format("bin {} -o {} --interval 5", a, series), "unit is missing"},
      {fmt::format("bin {} -o {} --interval 2d", a, series), "from 1ms to 1d"},
      {fmt::format("bin {} -o {} --interval 1s", a, series), "5s, not of 1s"},
      {fmt::format("bin {} -o {} --origin 2016-01-09", a, series), "--csv"},
      {fmt::format("bin {} -o {} --csv --delimiter ab", path("t.csv"), path("y.series")), "one character"},
      {fmt::format("bin {} -o {} --csv --time-zone Mars/Olympus", path("t.csv"), path("y.series")), "time zone database"},
      {fmt::format("export {} --columns pakets", series), "no column 'pakets'"},
      {fmt::format("export {} --point east", series), "one of: default"},
      {fmt::format("export {} --what everything", series), "traces"},
      {fmt::format("export {} --from yesterday", series), "not a time"},
      {fmt::format("export {} --canonical --what traces", series), "--canonical"},
      {fmt::format("export {} --canonical --json", series), "not JSON"},
      {fmt::format("export {} --what spans --columns packets", series), "--columns"},
      {fmt::format("export {} --what traces --from @5", series), "--from"},
      {fmt::format("export {} --what labels --to @5", series), "--to"},
      {fmt::format("export {} --from @5 --to @5", series), "not after the start"},
      {"bin " + a + " -o ''", "needs a name"},
  };
  for (const Row& row : table) {
    const auto result = run_command(row.arguments);
    EXPECT_EQ(result.status, 2) << row.arguments << "\n" << result.err;
    EXPECT_NE(result.err.find(row.words), std::string::npos) << row.arguments << "\n" << result.err;
  }
  for (const char* verb : {"bin", "export"}) {
    const auto help = run_command(std::string(verb) + " --help");
    EXPECT_EQ(help.status, 0);
    EXPECT_NE(help.out.find(fmt::format("Example:\n  tidegauge {}", verb)), std::string::npos) << help.out;
  }
}

TEST_F(BinExport, FailuresAreStatusOneAndStrictDamageThree) {
  std::string bytes = test::read_text(capture("a.pcap", 0, 100));
  test::write_text(scratch / "cut.pcap", bytes.substr(0, bytes.size() - 5));
  test::write_text(scratch / "text.series", std::string(9000, 'x'));
  struct Row { std::string arguments; int status; const char* words; };
  const Row table[] = {
      {fmt::format("bin {} -o {} --strict", path("cut.pcap"), path("s.series")), 3, "cut.pcap"},
      {fmt::format("bin {} -o {}", path("a.pcap"), path("text.series")), 1, "not a series file"},
      {fmt::format("bin {} -o {}", path("a.pcap"), path("no/folder/x.series")), 1, "cannot be opened"},
      {"export " + path("absent.series"), 1, "no such series file"},
      {fmt::format("export {}", path("text.series")), 1, "not a series file"},
  };
  for (const Row& row : table) {
    const auto result = run_command(row.arguments);
    EXPECT_EQ(result.status, row.status) << row.arguments << "\n" << result.err;
    EXPECT_NE(result.err.find(row.words), std::string::npos) << row.arguments << "\n" << result.err;
  }
  const auto lenient = run_command(fmt::format("bin {} -o {}", path("cut.pcap"), path("s.series")));
  EXPECT_EQ(lenient.status, 0);
  EXPECT_NE(lenient.err.find("cut.pcap"), std::string::npos) << "damage is said, never passed over in silence";
  const auto full = run_command(fmt::format("export {} -o /dev/full/x", path("s.series")));
  EXPECT_EQ(full.status, 1);
  EXPECT_NE(full.err.find("cannot be written"), std::string::npos) << full.err;
}

TEST_F(BinExport, TablesComeInAndGoOutAgain) {
  test::write_text(scratch / "t.csv", "Step,B\n0.0,10\n5.0,11.5\n15.0,7\n");
  const std::string import = fmt::format("bin {} --csv -o {} --interval 5s --time-column Step --value-column B "
                                         "--origin 2016-01-09T14:00:00 --time-zone Asia/Tokyo", path("t.csv"), path("x.series"));
  EXPECT_EQ(run_command(import).status, 0);
  const auto again = run_command(import);
  EXPECT_NE(again.out.find("already in"), std::string::npos) << again.out;
  const auto exported = run_command(fmt::format("export {} -o {}", path("x.series"), path("out.csv")));
  EXPECT_EQ(exported.status, 0) << exported.err;
  EXPECT_NE(test::read_text(scratch / "out.csv").find("\nk,time,coverage,complete,value\n290463120,2016-01-09T05:00:00Z,1,1,10\n"
                                                      "290463121,2016-01-09T05:00:05Z,1,1,11.5\n290463123,2016-01-09T05:00:15Z,1,1,7\n"),
            std::string::npos) << test::read_text(scratch / "out.csv");
  const auto back = run_command(fmt::format("bin {} --csv -o {} --interval 5s --time-column time --value-column value",
                                            path("out.csv"), path("y.series")));
  EXPECT_EQ(back.status, 0) << back.err;
  EXPECT_EQ(canonical("y.series"), canonical("x.series"));
}

TEST_F(BinExport, ASecondWriterGetsAClearError) {
  const std::string a = capture("a.pcap", 0, 10), b = capture("b.pcap", 5, 10);
  ASSERT_EQ(run_command(fmt::format("bin {} -o {}", a, path("x.series"))).status, 0);
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path("x.series").c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  const auto blocked = run_command(fmt::format("bin {} -o {} --wait 100ms", b, path("x.series")));
  EXPECT_EQ(blocked.status, 1);
  EXPECT_NE(blocked.err.find("another process is writing"), std::string::npos) << blocked.err;
  EXPECT_EQ(run_command("export " + path("x.series")).status, 0) << "reading goes on";
  std::thread release([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    sqlite3_exec(other, "COMMIT", nullptr, nullptr, nullptr);
  });
  EXPECT_EQ(run_command(fmt::format("bin {} -o {} --wait 30s", b, path("x.series"))).status, 0) << "waiting helps";
  release.join();
  sqlite3_close(other);
}

TEST_F(BinExport, AFileSizeLimitIsAnErrorAndWhatWasFinishedStays) {
  const std::string small = capture("small.pcap", 0, 50), large = capture("large.pcap", 10, 20'000);
  const auto result = run_command(fmt::format("bin {} {} -o {} --interval 1ms", small, large, path("x.series")), "ulimit -f 1000;");
  EXPECT_EQ(result.status, 1) << result.err;
  EXPECT_NE(result.err.find("writing the series file failed: File too large"), std::string::npos) << result.err;
  EXPECT_NE(run_command("export --what traces " + path("x.series")).out.find("small.pcap"), std::string::npos);
  EXPECT_EQ(run_command(fmt::format("bin {} {} -o {}", small, large, path("x.series"))).status, 0) << "with space it goes on";
  EXPECT_EQ(run_command(fmt::format("bin {} {} -o {} --interval 1ms", large, small, path("whole.series"))).status, 0);
  EXPECT_EQ(canonical("x.series"), canonical("whole.series"));
}

/// The command as a child that can be signalled.
pid_t spawn(const std::vector<std::string>& arguments, const std::string& words) {
  const pid_t child = fork();
  if (child != 0) return child;
  const int out = ::open(words.c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0600);
  dup2(out, 1), dup2(out, 2);
  std::vector<char*> argv{const_cast<char*>(TIDEGAUGE_COMMAND)};
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  execv(TIDEGAUGE_COMMAND, argv.data());
  _exit(127);
}

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Captures whose rows take several portions, and the series that one undisturbed run makes of them.
class Faults : public BinExport {
 protected:
  void SetUp() override {
    for (int i = 0; i < 3; ++i) captures.push_back(capture(fmt::format("c{}.pcap", i), i * 200, packets[i]));
    whole_s = seconds_of([&] { ASSERT_EQ(run("whole.series"), 0); });
    expected = canonical("whole.series");
    std::random_device device;
    seed = device();
    std::printf("seed %llu, undisturbed run %.2f s\n", static_cast<unsigned long long>(seed), whole_s);
  }
  std::vector<std::string> arguments(const std::string& series) const {
    std::vector<std::string> list{"bin", "-o", path(series), "--interval", "1ms"};
    list.insert(list.end(), captures.begin(), captures.end());
    return list;
  }
  int run(const std::string& series) {
    int status = 0;
    waitpid(spawn(arguments(series), path("words")), &status, 0);
    return status;
  }
  /// Signals a run at a random moment; its wait status.
  int disturb(const std::string& series, int signal, std::uint64_t round) {
    const pid_t child = spawn(arguments(series), path("words"));
    const double after_s = RandomStream(seed, round).unit() * whole_s;
    std::this_thread::sleep_for(std::chrono::duration<double>(after_s));
    kill(child, signal);
    int status = 0;
    waitpid(child, &status, 0);
    return status;
  }
  /// Whatever is in the file belongs to a finished trace.
  void expect_whole_traces(const std::string& series, const std::string& when) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(path(series).c_str(), &db), SQLITE_OK);
    std::int64_t broken = -1;
    const auto read = [](void* out, int, char** cells, char**) { return *static_cast<std::int64_t*>(out) = std::atoll(cells[0]), 0; };
    const char* sql = "SELECT count(*) FROM traces t LEFT JOIN (SELECT trace, sum(packets) AS n FROM intervals GROUP BY trace) i "
                      "USING (trace) WHERE status <> 'whole' OR coalesce(i.n, 0) <> records_counted OR records_counted NOT IN (70000, 4000, 9000)";
    if (sqlite3_exec(db, sql, read, &broken, nullptr) == SQLITE_OK) {
      EXPECT_EQ(broken, 0) << when;
    } else {
      EXPECT_EQ(std::string(sqlite3_errmsg(db)), "no such table: traces") << when << ": killed before the tables were made";
    }
    sqlite3_close(db);
  }

  static constexpr int packets[] = {70'000, 4'000, 9'000};  ///< the first is handed over in more than one portion
  std::vector<std::string> captures;
  std::string expected;
  double whole_s = 0;
  std::uint64_t seed = 0;
};

TEST_F(Faults, KilledAtRandomMomentsAndRunAgainIsOneRun) {
  int killed = 0;
  for (std::uint64_t round = 0; round < 4; ++round) {
    const std::string series = fmt::format("k{}.series", round), when = fmt::format("seed {} round {}", seed, round);
    const int status = disturb(series, SIGKILL, round);
    killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    expect_whole_traces(series, when);
    ASSERT_EQ(run(series), 0) << when << ": " << test::read_text(scratch / "words");
    EXPECT_TRUE(canonical(series) == expected) << when << ": the canonical exports differ";
  }
  EXPECT_GT(killed, 0) << "no run was still going when its signal came";
}

TEST_F(Faults, KilledTwiceOnOneFile) {
  for (std::uint64_t round = 10; round < 12; ++round) {
    disturb("k.series", SIGKILL, round);
    expect_whole_traces("k.series", fmt::format("seed {} round {}", seed, round));
  }
  ASSERT_EQ(run("k.series"), 0) << test::read_text(scratch / "words");
  EXPECT_TRUE(canonical("k.series") == expected) << "seed " << seed << ": the canonical exports differ";
}

TEST_F(Faults, CtrlCStopsCleanlyAndTheSameCommandGoesOn) {
  int stopped = 0;
  for (const int signal : {SIGINT, SIGTERM}) {
    const std::string series = fmt::format("s{}.series", signal);
    const int status = disturb(series, signal, static_cast<std::uint64_t>(100 + signal));
    const std::string words = test::read_text(scratch / "words");
    if (WIFEXITED(status) && WEXITSTATUS(status) == 1) {
      ++stopped;
      EXPECT_NE(words.find("stopped by a signal"), std::string::npos) << words;
      EXPECT_NE(words.find("left out"), std::string::npos) << words;
    }
    expect_whole_traces(series, words);
    ASSERT_EQ(run(series), 0);
    EXPECT_TRUE(canonical(series) == expected) << "seed " << seed;
  }
  std::printf("%d of 2 runs were stopped in their middle\n", stopped);
}

}  // namespace
}  // namespace tidegauge
