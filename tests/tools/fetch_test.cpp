// The verb against archives on loopback that drop connections, lie, refuse and redirect (archive_server.py); stopped in the
// middle by signals and by kill -9; every byte of a file asked for once.
#include <fcntl.h>
#include <signal.h>

#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "tests/capture_writer.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

using namespace test;
using Json = nlohmann::json;
using std::chrono::milliseconds;

std::string quoted(const fs::path& path) { return " '" + path.string() + "' "; }

template <class Condition>
bool wait_until(const Condition& condition) {
  for (int i = 0; i < 3000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(milliseconds(10));
  }
  return false;
}

/// Bytes without a repetition in which a lost or doubled part could hide.
std::string random_bytes(std::size_t size, std::uint32_t seed) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>((seed = seed * 1664525 + 1013904223) >> 24);
  return bytes;
}

/// A process with its standard input held open.
class Child {
 public:
  Child(const std::vector<std::string>& words, const fs::path& output) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) std::abort();
    pid_ = fork();
    if (pid_ == 0) {
      signal(SIGINT, SIG_DFL);  // a shell's background jobs ignore it, and what they start would too
      dup2(ends[0], STDIN_FILENO);
      const int out = open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
      dup2(out, STDOUT_FILENO);
      dup2(out, STDERR_FILENO);
      std::vector<char*> arguments;
      for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
      arguments.push_back(nullptr);
      execvp(arguments[0], arguments.data());
      _exit(127);
    }
    close(ends[0]);
    input_ = ends[1];
  }
  ~Child() {
    if (pid_ > 0) end(SIGKILL);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  /// Exit status, or 128 + signal.
  int end(int signal) {
    kill(pid_, signal);
    close(input_);
    int status = 0;
    waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_;
  int input_;
};

class FetchVerb : public testing::Test {
 protected:
  void SetUp() override {
    TG_NEEDS_PROGRAM("python3");
    fs::create_directories(archive);
    server.emplace(std::vector<std::string>{"python3", TIDEGAUGE_TEST_DATA "/tools/archive_server.py", archive.string(),
                                            (scratch / "port").string(), log.string()}, scratch / "server.out");
    ASSERT_TRUE(wait_until([&] { return fs::exists(scratch / "port"); })) << read_text(scratch / "server.out");
    base = "http://127.0.0.1:" + read_text(scratch / "port") + "/";
  }

  std::string add(const std::string& name, std::size_t size) {
    const std::string bytes = random_bytes(size, static_cast<std::uint32_t>(std::hash<std::string>{}(name)));
    fs::create_directories((archive / name).parent_path());
    write_text(archive / name, bytes);
    return bytes;
  }

  /// `fetch` of a template on one day; few and quick retries.
  std::string one(const std::string& path, const std::string& options = "") const {
    return "fetch --template '" + base + path + "' --from 2020-01-01 --retry-wait 5ms -o" + quoted(here) + options;
  }
  /// With a HOME of its own, so that no netrc file of the tester's plays a part.
  CommandResult fetch(const std::string& arguments, const std::string& environment = "") const {
    return run_command(arguments, "HOME=" + scratch.path().string() + " " + environment);
  }
  Json fetch_json(const std::string& arguments, int status = 0, const std::string& environment = "") const {
    const auto result = fetch(arguments + " --json", environment);
    EXPECT_EQ(result.status, status) << arguments << "\n" << result.err;
    return Json::parse(result.out, nullptr, false);
  }

  /// What the server was asked since the last call. A request is logged at its end, which may come after the client's.
  std::vector<Json> requests() {
    std::this_thread::sleep_for(milliseconds(30));
    std::istringstream lines(read_text(log));
    std::vector<Json> all;
    for (std::string line; std::getline(lines, line);) all.push_back(Json::parse(line));
    const std::vector<Json> fresh(all.begin() + static_cast<std::ptrdiff_t>(told), all.end());
    told = all.size();
    return fresh;
  }
  std::uint64_t sent() {
    std::uint64_t bytes = 0;
    for (const Json& request : requests()) bytes += request["sent"].get<std::uint64_t>();
    return bytes;
  }

  ScratchFolder scratch;
  const fs::path archive = scratch / "archive", here = scratch / "here", log = scratch / "log";
  std::optional<Child> server;
  std::string base;
  std::size_t told = 0;
};

TEST_F(FetchVerb, AWeekOfMawiWithAMissingDay) {
  std::vector<std::string> days;
  for (int day = 27; day <= 29; ++day) days.push_back("201512" + std::to_string(day) + "1400." + (day < 28 ? "dump.gz" : "pcap.gz"));
  const std::string first = add("samplepoint-F/2015/" + days[0], 1000), last = add("samplepoint-F/2015/" + days[2], 20'000);
  const std::string command = "fetch mawi --base-url " + base + "plain/ --from 2015-12-27 --to 2015-12-29 -o" + quoted(here);
  const Json report = fetch_json(command);
  EXPECT_EQ(report["outcomes"]["fetched"], 2);
  EXPECT_EQ(report["outcomes"]["missing"], 1);
  EXPECT_EQ(report["files"][1]["day"], "2015-12-28");
  EXPECT_EQ(report["bytes"], 21'000);
  EXPECT_TRUE(read_text(here / days[0]) == first);
  EXPECT_TRUE(read_text(here / days[2]) == last);
  EXPECT_EQ(std::distance(fs::directory_iterator(here), {}), 2) << "nothing but the files is left";
  EXPECT_EQ(requests().size(), 3u);

  const auto again = fetch(command);
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_NE(again.out.find("0 fetched, 2 already there, 1 missing, 0 failed"), std::string::npos) << again.out;
  EXPECT_EQ(requests().size(), 1u) << "only the missing day is asked for again";
}

TEST_F(FetchVerb, TroubleOnTheWayCostsNoByteTwice) {
  const std::string bytes = add("a.gz", 400'000);
  for (const std::string kind : {"plain", "drop", "busy", "hop"}) {
    const Json report = fetch_json(one(kind + "/a.gz"));
    EXPECT_TRUE(read_text(here / "a.gz") == bytes) << kind;
    EXPECT_EQ(report["retries"], kind == "drop" ? 3 : kind == "busy" ? 2 : 0) << kind;
    EXPECT_EQ(sent(), bytes.size()) << kind;
    fs::remove(here / "a.gz");
  }
}

TEST_F(FetchVerb, WhatDoesNotContinueIsBegunAnew) {
  const std::string bytes = add("a.gz", 400'000);
  for (const auto& [kind, asked] : {std::pair<std::string, std::size_t>{"no-range", 2}, {"over", 3}, {"wrong-range", 3}, {"moving", 2}}) {
    fetch_json(one(kind + "/a.gz"));
    EXPECT_TRUE(read_text(here / "a.gz") == bytes) << kind;
    EXPECT_EQ(requests().size(), asked) << kind;
    fs::remove(here / "a.gz");
  }
}

TEST_F(FetchVerb, AFileThatChangedBetweenTwoRunsIsBegunAnew) {
  add("a.gz", 400'000);
  fetch_json(one("drop/a.gz", "--tries 1"), 1);
  ASSERT_GT(fs::file_size(here / "a.gz.part"), 0u);
  const std::string other = random_bytes(300'000, 7);
  write_text(archive / "a.gz", other);
  fetch_json(one("plain/a.gz"));
  EXPECT_TRUE(read_text(here / "a.gz") == other);
}

TEST_F(FetchVerb, WhatCannotBeHadIsSaidAndNothingIsNamed) {
  const std::string bytes = add("a.gz", 20'000);
  struct Row {
    const char *path, *words;
    std::size_t requests;
  };
  for (const Row& row : {Row{"always-busy/a.gz", "answers 503; given up after 3 tries", 3}, Row{"forbidden/a.gz", "forbids it (403)", 1},
                         Row{"private/a.gz", "(401)", 1}, Row{"loop/a.gz", "more than 5 times", 6},
                         Row{"endless/a.gz", "does not say how long the file is", 1}, Row{"plain/b.gz", "none of the files", 1}}) {
    const auto result = fetch(one(row.path, "--tries 3"));
    EXPECT_EQ(result.status, 1) << row.path;
    EXPECT_NE(result.err.find(row.words), std::string::npos) << row.path << ": " << result.err;
    EXPECT_EQ(requests().size(), row.requests) << row.path;
    EXPECT_FALSE(fs::exists(here / "a.gz")) << row.path;
  }
}

TEST_F(FetchVerb, OneFailureDoesNotStopTheOthersButRefusedCredentialsDo) {
  add("01.gz", 1000);
  add("03.gz", 1000);
  write_text(scratch / "list.csv", "url,bytes_gz,md5_gz\n01.gz,1001,\n");
  const Json one_failed = fetch_json(one("plain/{DD}.gz", "--to 2020-01-03 --parallel 1 --checksums" + quoted(scratch / "list.csv")), 1);
  EXPECT_EQ(one_failed["outcomes"]["fetched"], 1);
  EXPECT_EQ(one_failed["outcomes"]["missing"], 1);
  EXPECT_EQ(one_failed["outcomes"]["failed"], 1);
  requests();
  const Json refused = fetch_json(one("private/{DD}.gz", "--to 2020-01-31 --parallel 1 --name 'p{DD}.gz'"), 1);
  EXPECT_EQ(refused["outcomes"]["failed"], 1);
  EXPECT_EQ(refused["outcomes"]["stopped"], 30);
  EXPECT_EQ(requests().size(), 1u);
}

TEST_F(FetchVerb, TheListDecidesWhatIsWhole) {
  const std::string bytes = add("a.gz", 20'000);
  const auto list = [&](const std::string& size, const std::string& md5) {
    write_text(scratch / "list.csv", "url,bytes_gz,md5_gz\nhttp://elsewhere/a.gz," + size + "," + md5 + "\n");
    return " --checksums" + quoted(scratch / "list.csv");
  };
  const std::string md5 = run_shell("md5sum" + quoted(archive / "a.gz")).out.substr(0, 32), wrong(32, '0');
  struct Row {
    const char *path, *size;
    std::string md5;
    const char* words;
  };
  for (const Row& row : {Row{"short/a.gz", "20000", md5, "the server has 10000 bytes, the list says 20000"},
                         Row{"plain/a.gz", "20000", wrong, "the list says 00000000"},
                         Row{"endless/a.gz", "20001", "", "has 20000 bytes, the list says 20001"}}) {
    const auto result = fetch(one(row.path) + list(row.size, row.md5));
    EXPECT_EQ(result.status, 1) << row.path;
    EXPECT_NE(result.err.find(row.words), std::string::npos) << result.err;
    EXPECT_TRUE(fs::is_empty(here)) << row.path;
  }
  fetch_json(one("drop/a.gz") + list("20000", md5));  // over four requests
  EXPECT_TRUE(read_text(here / "a.gz") == bytes);
  const auto other = fetch(one("plain/a.gz") + list("20001", ""));
  EXPECT_EQ(other.status, 1);
  EXPECT_NE(other.err.find("is there with 20000 bytes"), std::string::npos) << other.err;
  fs::remove(here / "a.gz");
  fetch_json(one("endless/a.gz") + list("20000", md5));
  EXPECT_TRUE(read_text(here / "a.gz") == bytes);
}

TEST_F(FetchVerb, CredentialsComeFromNetrcOrEnvironmentAndGoToOneServerOnly) {
  add("a.gz", 1000);
  write_text(scratch / "my.netrc", "machine 127.0.0.1 login me password secret\nmachine localhost login me password secret\n");
  fs::copy_file(scratch / "my.netrc", scratch / ".netrc");  // HOME's
  for (const auto& [options, environment] :
       {std::pair{" --netrc" + quoted(scratch / "my.netrc"), std::string()}, {std::string(), std::string()},
        {" --netrc /dev/null", std::string("TIDEGAUGE_USER=me TIDEGAUGE_PASSWORD=secret")}}) {
    fetch_json(one("private/a.gz", options), 0, environment);
    fs::remove(here / "a.gz");
    for (const Json& request : requests()) EXPECT_TRUE(request["credentials"]);
    const auto away = fetch(one("away/a.gz", options), environment);
    EXPECT_EQ(away.status, 1) << "what localhost asks for is not what 127.0.0.1 may have";
    EXPECT_EQ((away.out + away.err).find("secret"), std::string::npos);
    const auto asked = requests();
    ASSERT_EQ(asked.size(), 2u);
    EXPECT_TRUE(asked[0]["credentials"]);
    EXPECT_FALSE(asked[1]["credentials"]);
  }
}

TEST_F(FetchVerb, StoppedAtAnyMomentItGoesOn) {
  const std::string bytes = add("a.gz", 600'000);
  for (const int signal : {SIGKILL, SIGINT, SIGTERM}) {
    Child child({TIDEGAUGE_COMMAND, "fetch", "--template", base + "slow/a.gz", "--from", "2020-01-01", "-o", here.string()},
                scratch / "out");
    ASSERT_TRUE(wait_until([&] {
      std::error_code absent;
      return fs::file_size(here / "a.gz.part", absent) >= 100'000 && !absent;
    }));
    const int status = child.end(signal);
    EXPECT_EQ(status, signal == SIGKILL ? 128 + SIGKILL : 1);
    EXPECT_EQ(read_text(scratch / "out").find("stopped by a signal") != std::string::npos, signal != SIGKILL);
    EXPECT_FALSE(fs::exists(here / "a.gz"));
    const auto there = fs::file_size(here / "a.gz.part");
    requests();
    fetch_json(one("plain/a.gz"));
    EXPECT_TRUE(read_text(here / "a.gz") == bytes);
    EXPECT_EQ(sent(), bytes.size() - there) << "the rest, and no more";
    fs::remove(here / "a.gz");
  }
}

TEST_F(FetchVerb, KilledAtRandomMomentsItBringsTheSameFiles) {
  constexpr std::size_t file_bytes = 60'000;
  constexpr int days = 9, kills = 6, at_once = 2;
  const auto seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  std::vector<std::string> bytes;
  for (int day = 1; day <= days; ++day) bytes.push_back(add(fmt::format("0{}.gz", day), file_bytes));
  for (int i = 0; i < kills; ++i) {
    Child child({TIDEGAUGE_COMMAND, "fetch", "--template", base + "slow/{DD}.gz", "--from", "2020-01-01", "--to", "2020-01-09", "-o",
                 here.string()}, scratch / "out");
    std::this_thread::sleep_for(milliseconds(20 + random() % 60));
    child.end(random() % 2 ? SIGKILL : SIGTERM);
  }
  fetch_json(one("slow/{DD}.gz", "--to 2020-01-09"));
  for (int day = 1; day <= days; ++day)
    EXPECT_TRUE(read_text(here / fmt::format("0{}.gz", day)) == bytes[static_cast<std::size_t>(day - 1)]) << day;
  EXPECT_EQ(std::distance(fs::directory_iterator(here), {}), days) << "and nothing else is left";
  EXPECT_LT(sent(), (days + kills * at_once) * file_bytes) << "at most what was under way is sent again";
}

TEST_F(FetchVerb, AFileKilledBeforeItGotItsNameIsNotAskedForAgain) {
  const std::string bytes = random_bytes(1000, 1);
  fs::create_directories(here);
  write_text(here / "a.gz.part", bytes);
  write_text(here / "a.gz.part.tag", "1000\n\"v1\"\n");
  fetch_json(one("plain/a.gz"));
  EXPECT_TRUE(read_text(here / "a.gz") == bytes);
  EXPECT_TRUE(requests().empty());
}

TEST_F(FetchVerb, FilesComeTwoAtATimeUnlessSaidOtherwise) {
  for (const char* day : {"01", "02", "03", "04", "05"}) add(std::string(day) + ".gz", 50'000);
  for (const auto& [options, most] :
       {std::pair{"--name 'a{DD}'", 2}, {"--name 'b{DD}' --parallel 1", 1}, {"--name 'c{DD}' --parallel 5", 5}}) {
    fetch_json(one("slow/{DD}.gz", std::string("--to 2020-01-05 ") + options));
    int at_once = 0;
    for (const Json& request : requests()) at_once = std::max(at_once, request["at_once"].get<int>());
    EXPECT_EQ(at_once, most) << options;
  }
}

TEST_F(FetchVerb, TheRateCanBeLimited) {
  // libcurl lets a first moment pass, and this server gives 1.5 MB a second at most: unlimited, it would be more than 1 MB.
  add("a.gz", 3'000'000);
  const auto result = run_shell("timeout -s TERM 0.8 " TIDEGAUGE_COMMAND " " + one("slow/a.gz", "--rate-limit 100kB --parallel 1"));
  EXPECT_EQ(result.status, 124) << result.err;
  EXPECT_LT(fs::file_size(here / "a.gz.part"), 800'000u);
}

TEST_F(FetchVerb, ADryRunShowsSizesAndFetchesNothing) {
  add("01.gz", 20'000);
  add("03.gz", 500);
  const Json report = fetch_json(one("plain/{DD}.gz", "--to 2020-01-03 --dry-run"));
  EXPECT_EQ(report["outcomes"]["planned"], 2);
  EXPECT_EQ(report["outcomes"]["missing"], 1);
  EXPECT_EQ(report["bytes"], 20'500);
  EXPECT_FALSE(fs::exists(here));
  for (const Json& request : requests()) EXPECT_EQ(request["method"], "HEAD");
  const auto table = fetch(one("plain/{DD}.gz", "--to 2020-01-03 --dry-run"));
  EXPECT_NE(table.out.find("2020-01-01            20000  " + base + "plain/01.gz\n"), std::string::npos) << table.out;
  EXPECT_NE(table.out.find("2020-01-02          missing"), std::string::npos) << table.out;
}

TEST_F(FetchVerb, CaidaFilesAreThoseOfTheFoldersPages) {
  const std::string folder = "passive-2018/equinix-nyc/20180419-130000.UTC/";
  const std::string name = "equinix-nyc.dirA.20180419-133149.UTC.anon.pcap.gz";
  const std::string bytes = add(folder + name, 1000);
  add(folder + "equinix-nyc.dirB.20180419-133149.UTC.anon.pcap.gz", 1000);
  add(folder + "equinix-nyc.dirA.20180419-133149.UTC.anon.times.gz", 1000);
  const Json report = fetch_json("fetch caida --base-url " + base + "plain --from 2018-04-19 --to 2018-04-20 --directions A -o" + quoted(here));
  EXPECT_EQ(report["outcomes"]["fetched"], 1);
  EXPECT_EQ(report["outcomes"]["missing"], 1) << "the second day's folder";
  EXPECT_TRUE(read_text(here / name) == bytes);
}

TEST_F(FetchVerb, MawilabsLabelsComeByDay) {
  const std::string labels = add("2007/01/25/20070125_anomalous_suspicious.csv", 300), notices = add("2007/01/25/20070125_notice.csv", 200);
  const Json report = fetch_json("fetch mawilab --base-url " + base + "plain --from 2007-01-25 --to 2007-01-26 -o" + quoted(here));
  EXPECT_EQ(report["outcomes"]["fetched"], 2);
  EXPECT_EQ(report["outcomes"]["missing"], 2);
  EXPECT_TRUE(read_text(here / "20070125_anomalous_suspicious.csv") == labels);
  EXPECT_TRUE(read_text(here / "20070125_notice.csv") == notices);
}

class FetchAndBin : public FetchVerb {
 protected:
  void SetUp() override {
    FetchVerb::SetUp();
    for (int day = 1; day <= 3; ++day) {
      CaptureWriter capture;
      for (int i = 0; i < 500; ++i) capture.packet(1'577'836'800'000'000 + day * 86'400'000'000 + i * 10'000, 100);
      capture.save(archive / fmt::format("0{}.pcap", day));
    }
  }
  std::string packets(const std::string& series) const {
    return run_command("export" + quoted(scratch / series) + "--canonical").out;
  }
  const std::string counted = " --bin-and-delete" + quoted(scratch / "a.series");
};

TEST_F(FetchAndBin, CountsWhatComesAndKeepsNothingOfIt) {
  const Json report = fetch_json(one("plain/{DD}.pcap", "--to 2020-01-04 --interval 2s" + counted));
  EXPECT_EQ(report["outcomes"]["fetched"], 3);
  EXPECT_EQ(report["outcomes"]["missing"], 1);
  EXPECT_TRUE(fs::is_empty(here));
  const auto binned = run_command("bin" + quoted(archive / "01.pcap") + quoted(archive / "02.pcap") + quoted(archive / "03.pcap") +
                                  "--interval 2s -o" + quoted(scratch / "b.series"));
  EXPECT_EQ(binned.status, 0) << binned.err;
  EXPECT_FALSE(packets("a.series").empty());
  EXPECT_EQ(packets("a.series"), packets("b.series"));
  requests();
  const Json again = fetch_json(one("plain/{DD}.pcap", "--to 2020-01-03" + counted));
  EXPECT_EQ(again["outcomes"]["there"], 3);
  EXPECT_TRUE(requests().empty()) << "what is in the series is not fetched again";
}

TEST_F(FetchAndBin, KilledBeforeTheDeletingItDeletesLater) {
  fetch_json(one("plain/{DD}.pcap", "--to 2020-01-02" + counted));
  const std::string before = packets("a.series");
  fs::copy_file(archive / "01.pcap", here / "01.pcap");
  fetch_json(one("plain/{DD}.pcap", "--to 2020-01-02" + counted));
  EXPECT_TRUE(fs::is_empty(here));
  EXPECT_EQ(packets("a.series"), before);
}

TEST_F(FetchAndBin, WhatCannotBeCountedStays) {
  write_text(archive / "02.pcap", "no capture at all, however long it is read");
  const Json report = fetch_json(one("plain/{DD}.pcap", "--to 2020-01-03" + counted), 1);
  EXPECT_EQ(report["outcomes"]["fetched"], 2);
  EXPECT_EQ(report["outcomes"]["failed"], 1);
  EXPECT_TRUE(fs::exists(here / "02.pcap"));
  EXPECT_EQ(std::distance(fs::directory_iterator(here), {}), 1);
}

TEST_F(FetchVerb, MistakesAreNamedTogether) {
  struct Row {
    std::string arguments;
    const char* words;
  };
  for (const Row& row : {Row{"fetch mawi", "--from"}, Row{"fetch --from 2020-01-01", "needs an archive or --template"},
                         Row{"fetch mawi --from 2020-01-02 --to 2020-01-01", "no day is left"},
                         Row{"fetch mawi --from 2006-01-01", "has nothing on 2006-01-01"},
                         Row{"fetch mawi --from 2020-13-01 --weekdays funday", "--from: '2020-13-01' is not a day"},
                         Row{"fetch mawi --from 2020-13-01 --weekdays funday", "'funday' are no weekdays"},
                         Row{"fetch mawi --from 2020-01-01 --base-url http://me:secret@h/", "credentials do not belong into a URL"},
                         Row{"fetch caida --from 2018-04-19 --bin-and-delete x", "two observation points"},
                         Row{"fetch --template 'http://me:secret@h/{DD}' --from 2020-01-01", "credentials do not belong into a URL"}}) {
    const auto result = fetch(row.arguments);
    EXPECT_EQ(result.status, 2) << row.arguments;
    EXPECT_NE(result.err.find(row.words), std::string::npos) << result.err;
    EXPECT_EQ(result.err.find("secret"), std::string::npos) << result.err;
  }
  EXPECT_TRUE(requests().empty());
}

}  // namespace
}  // namespace tidegauge
