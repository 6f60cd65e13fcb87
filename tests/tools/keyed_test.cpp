// Filters, keys and distinct addresses as users ask for them.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "tests/capture_writer.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

using test::run_command;

class Keyed : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return (scratch / name).string(); }
  /// Packets of 100 bytes every 10 ms, every third UDP; ports 1234 > 80, 10.1.1.1 > 10.1.1.2.
  std::string capture(const std::string& name, std::int64_t at_s, int count) {
    test::CaptureWriter writer;
    for (int i = 0; i < count; ++i) writer.packet((1'452'315'600 + at_s) * 1'000'000 + i * 10'000, 100, i % 3 != 0);
    writer.save(scratch / name);
    return path(name);
  }
  std::string canonical(const std::string& series) {
    const auto result = run_command("export --canonical " + path(series));
    EXPECT_EQ(result.status, 0) << result.err;
    return result.out;
  }
  std::string bin(const std::string& arguments, const std::string& series) {
    const auto result = run_command(fmt::format("bin {} -o {}", arguments, path(series)));
    EXPECT_EQ(result.status, 0) << result.err;
    return result.out;
  }
  test::ScratchFolder scratch;
};

TEST_F(Keyed, FilterCountsWhatMatchesAndNamesTheRest) {
  const std::string a = capture("a.pcap", 0, 300);
  EXPECT_NE(bin("--filter 'udp port 80' " + a, "x.series").find("300 records read = 100 counted + 200 filtered"), std::string::npos);
  EXPECT_NE(bin("--only tcp " + a, "y.series").find("300 records read = 200 counted + 100 filtered"), std::string::npos);
  // Nothing matches: covered, and zero.
  EXPECT_NE(bin("--filter 'tcp port 22' " + a, "z.series").find("0 counted + 300 filtered"), std::string::npos);
  const auto zeros = run_command(fmt::format("export {} --columns packets,sources --no-header-comments", path("z.series")));
  EXPECT_EQ(zeros.status, 2) << "there are no sketches";
  const auto exported = run_command(fmt::format("export {} --columns packets --no-header-comments", path("z.series")));
  EXPECT_EQ(exported.out, "k,time,coverage,complete,packets\n1452315600,2016-01-09T05:00:00Z,1,1,0\n"
                          "1452315601,2016-01-09T05:00:01Z,1,1,0\n1452315602,2016-01-09T05:00:02Z,0.990000001,1,0\n");
}

TEST_F(Keyed, MistakesAreUsageErrorsBeforeAnythingIsWritten) {
  const std::string a = capture("a.pcap", 0, 3);
  for (const auto& [arguments, words] : std::vector<std::pair<std::string, std::string>>{
           {"--filter 'tcp prot 80'", "syntax error"}, {"--by prefix --prefix-length 24,96", "at most 64"}, {"--by ports", "dport"},
           {"--dedup 5000", "1024"}, {"--only sctp", "icmp"}, {"--by direction", "--inside-prefix"},
           {"--keys auto", "--by prefix"}, {"--csv --distinct", "no packets"}}) {
    const auto result = run_command(fmt::format("bin {} {} -o {}", arguments, a, path("none.series")));
    EXPECT_EQ(result.status, 2) << arguments;
    EXPECT_NE(result.err.find(words), std::string::npos) << arguments << ": " << result.err;
  }
  EXPECT_FALSE(test::fs::exists(scratch / "none.series"));
}

TEST_F(Keyed, KeysComeOutInEveryShape) {
  const std::string a = capture("a.pcap", 0, 150);
  bin("--by protocol --by dport,prefix --keys auto:1 --distinct " + a, "x.series");
  const auto rows = [&](const std::string& arguments) {
    const auto result = run_command("export --no-header-comments " + path("x.series") + " " + arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    return result.out;
  };
  EXPECT_EQ(rows("--by protocol --columns packets"), "k,time,key,packets\n1452315600,2016-01-09T05:00:00Z,6,66\n"
                                                     "1452315600,2016-01-09T05:00:00Z,17,34\n"
                                                     "1452315601,2016-01-09T05:00:01Z,6,34\n"
                                                     "1452315601,2016-01-09T05:00:01Z,17,16\n");
  EXPECT_EQ(rows("--by dport --wide --columns bytes"), "k,time,coverage,complete,80_bytes\n"
                                                       "1452315600,2016-01-09T05:00:00Z,1,1,10000\n"
                                                       "1452315601,2016-01-09T05:00:01Z,0.490000001,0,5000\n");
  EXPECT_EQ(rows("--by prefix --top 1 --columns packets"), "k,time,key,packets\n"
                                                           "1452315600,2016-01-09T05:00:00Z,10.1.0.0/16,100\n"
                                                           "1452315601,2016-01-09T05:00:01Z,10.1.0.0/16,50\n");
  EXPECT_EQ(rows("--columns sources,packets,destinations"), "k,time,coverage,complete,sources,packets,destinations\n"
                                                            "1452315600,2016-01-09T05:00:00Z,1,1,1,100,1\n"
                                                            "1452315601,2016-01-09T05:00:01Z,0.490000001,0,1,50,1\n");
  // 66 and 34 of 100, 34 and 16 of 50: -(p log p + q log q) in bits; one port is no surprise.
  const std::string entropies = rows("--columns dport_entropy,protocol_entropy");
  EXPECT_NE(entropies.find("Z,1,1,0,0.92481"), std::string::npos) << entropies;
  EXPECT_NE(entropies.find(",0,0,0.90438"), std::string::npos) << entropies;
  EXPECT_EQ(run_command("export " + path("x.series") + " --by sport").status, 2);
  EXPECT_EQ(run_command("export " + path("x.series") + " --top 3").status, 2) << "--top without --by";
}

TEST_F(Keyed, WithoutAListKeysAreApproximateAndSaySo) {
  test::CaptureWriter writer;  // 10.1.1.1 > 10.1.1.2, and now and then from another address
  for (int i = 0; i < 40; ++i) writer.packet(1'452'315'600'000'000 + i * 50'000, 100, true);
  writer.save(scratch / "one.pcap");
  const std::string series = path("x.series");
  bin("--by prefix,dst-mac --prefix-length 32 --key-capacity 1 " + path("one.pcap"), "x.series");
  const auto rows = [&](const std::string& name, const std::string& arguments) {
    const auto result = run_command("export " + path(name) + " " + arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    return result.out;
  };
  EXPECT_EQ(rows("x.series", "--no-header-comments --by prefix"),
            "k,time,key,packets,bytes,missed_packets,missed_bytes\n"
            "1452315600,2016-01-09T05:00:00Z,10.1.1.1/32,20,2000,0,0\n"
            "1452315601,2016-01-09T05:00:01Z,10.1.1.1/32,20,2000,0,0\n");
  EXPECT_NE(rows("x.series", "--by prefix").find("# approximate: "), std::string::npos);
  EXPECT_NE(rows("x.series", "--json --by prefix --wide --columns bytes").find("\"missed_bytes\""), std::string::npos);
  // An exact series stays exact.
  for (const char* other : {"--by prefix,dst-mac --prefix-length 32", "--by prefix,dst-mac --keys auto"}) {
    const auto mixed = run_command(fmt::format("bin {} {} -o {}", other, capture("c.pcap", 9, 7), series));
    EXPECT_EQ(mixed.status, 1) << other;
    EXPECT_NE(mixed.err.find("counted with other settings"), std::string::npos) << mixed.err;
    EXPECT_NE(mixed.err.find("1 held"), std::string::npos) << mixed.err;
  }
}

TEST_F(Keyed, WhatAKeyMayLackIsKeptThroughRebin) {
  TG_NEEDS_SHARED_DATA();
  const std::string real = (test::shared_data() / "pcaps" / "bro.org.pcap").string();
  bin("--by dst-prefix --prefix-length 32 --key-capacity 1 --interval 1s " + real, "fine.series");
  bin("--by dst-prefix --prefix-length 32 --key-capacity 1 --interval 1s --threads 3 " + real, "again.series");
  EXPECT_EQ(canonical("again.series"), canonical("fine.series"));
  ASSERT_EQ(run_command(fmt::format("rebin {} -o {} --interval 5s", path("fine.series"), path("coarse.series"))).status, 0);
  const auto sums = [&](const std::string& series) {
    std::pair<std::uint64_t, std::uint64_t> counted_and_missed;
    std::istringstream text(canonical(series));
    for (std::string line; std::getline(text, line);) {
      const std::uint64_t bytes = line.rfind(',') == std::string::npos ? 0 : std::strtoull(line.c_str() + line.rfind(',') + 1, nullptr, 10);
      if (line.find(",dst-prefix,") != std::string::npos) counted_and_missed.first += bytes;
      if (line.find(",dst-prefix-missed,any,") != std::string::npos) counted_and_missed.second += bytes;
    }
    return counted_and_missed;
  };
  EXPECT_GT(sums("fine.series").second, 0u);
  EXPECT_LT(sums("fine.series").second, sums("fine.series").first);
  EXPECT_EQ(sums("coarse.series"), sums("fine.series"));
  const auto exported = run_command(fmt::format("export {} --by dst-prefix --top 2 --no-header-comments", path("coarse.series")));
  EXPECT_NE(exported.out.find("key,packets,bytes,missed_packets,missed_bytes\n"), std::string::npos);
}

TEST_F(Keyed, RepeatedRecordsAreRefused) {
  const std::string a = capture("a.pcap", 0, 10);  // TCP packets are equal to each other, and so are UDP ones
  EXPECT_NE(bin("--dedup 5 " + a, "x.series").find("10 records read = 2 counted + 8 duplicate"), std::string::npos);
  EXPECT_NE(bin("--dedup 1 " + a, "y.series").find("10 records read = 7 counted + 3 duplicate"), std::string::npos);
  const auto exported = run_command(fmt::format("export {} --columns packets,duplicates --no-header-comments", path("x.series")));
  EXPECT_NE(exported.out.find(",2,8\n"), std::string::npos) << exported.out;
}

TEST_F(Keyed, OtherSettingsDoNotMixAndTheListOfAPointStays) {
  const std::string a = capture("a.pcap", 0, 50), b = capture("b.pcap", 5, 60);
  bin("--by prefix --keys auto:1 " + a, "x.series");
  bin("--by prefix --keys auto:9 " + b, "x.series");  // the point's list goes on
  for (const char* other : {"", "--by prefix,dport --keys auto", "--by prefix --keys auto --filter tcp"}) {
    const auto mixed = run_command(fmt::format("bin {} {} -o {}", other, capture("c.pcap", 9, 7), path("x.series")));
    EXPECT_EQ(mixed.status, 1) << other;
    EXPECT_NE(mixed.err.find("counted with other settings"), std::string::npos) << mixed.err;
  }
  // The same capture under a filter, at a point of its own.
  EXPECT_NE(bin("--filter tcp --point tcp " + a, "x.series").find("1 added"), std::string::npos);
}

TEST_F(Keyed, AnyOrderAndThreadsOfRealCapturesGiveTheSameSeries) {
  TG_NEEDS_SHARED_DATA();
  std::vector<std::string> files;
  for (const char* name : {"bro.org.pcap", "cwd-navigation.pcap", "vlan.pcap", "denial6-6.pcap", "channel_4d_5s.pcap",
                           "ip-in-mpls.pcap.gz", "beckoffiplink.pcapng"})
    files.push_back((test::shared_data() / "pcaps" / name).string());
  const std::string options = "--by protocol,sport,dport,vlan,interface,prefix,dst-mac --keys auto:20 --distinct --dedup 3 "
                              "--interval 10s ";
  bin(options + fmt::format("{}", fmt::join(files, " ")), "a.series");
  std::reverse(files.begin(), files.end());
  bin(options + "--threads 3 " + fmt::format("{}", fmt::join(files, " ")), "b.series");
  const std::string text = canonical("a.series");
  EXPECT_EQ(canonical("b.series"), text);
  for (const char* part : {",dst-mac,", ",sport,", ",interface,", ",sources,", ",destinations,"})
    EXPECT_NE(text.find(part), std::string::npos) << part;
}

TEST_F(Keyed, TrainsAModelPerKeyIntoOneFile) {
  bin("--by protocol " + capture("a.pcap", 0, 12'000), "x.series");
  const std::string by = "train " + path("x.series") + " --by-key protocol --look-back 3 --hidden 4";
  const std::string train = by + " --column packets --epochs 3";
  const auto both = run_command(train);
  ASSERT_EQ(both.status, 0) << both.err;
  for (const char* words : {"\n6 ", "\n17 ", "persistence", " of 2 keys", "x.model"})
    EXPECT_NE(both.out.find(words), std::string::npos) << words << " in\n" << both.out;
  EXPECT_FALSE(test::fs::exists(path("x.model.checkpoint")));

  const auto one = run_command(train + " --keys 17 --json -m " + path("one.model"));
  ASSERT_EQ(one.status, 0) << one.err;
  EXPECT_NE(one.out.find("\"key\": \"17\""), std::string::npos) << one.out;
  EXPECT_EQ(run_command(by + " --column packets --resume --epochs 4").status, 0);

  for (const auto& [arguments, status, words] : std::vector<std::tuple<std::string, int, std::string>>{
           {train + " --keys 17,99", 2, "protocol 99 never came"},
           {train + " --resume --keys 17", 2, "other keys"},
           {by + " --column value -m " + path("new.model"), 2, "packets, bytes"},
           {"train " + path("x.series") + " --keys 17", 2, "--by-key"},
           {"train " + path("x.series") + " --by-key dport", 2, "was not counted by 'dport'"},
           {"predict " + path("x.series") + " -m " + path("x.model") + " --keys 99", 2, "no model of protocol 99"},
           {"train " + path("x.series") + " --from " + path("x.model"), 1, "one model a key"}}) {
    const auto result = run_command(arguments);
    EXPECT_EQ(result.status, status) << arguments;
    EXPECT_NE(result.err.find(words), std::string::npos) << arguments << ": " << result.err;
  }
}

/// A key's forecasts are those of a model that was trained on a capture of that key alone.
TEST_F(Keyed, PredictsEveryKeyAsAModelOfItsOwnWould) {
  bin("--by protocol " + capture("a.pcap", 0, 12'000), "x.series");
  const std::string training = " --column packets --look-back 3 --hidden 4 --epochs 2";
  ASSERT_EQ(run_command("train " + path("x.series") + " --by-key protocol" + training).status, 0);
  const auto all = run_command("predict " + path("x.series") + " -m " + path("x.model") + " --csv " + path("all.csv"));
  ASSERT_EQ(all.status, 0) << all.err;
  for (const char* words : {"\n6 ", "\n17 ", "persistence"})
    EXPECT_NE(all.out.find(words), std::string::npos) << words << " in\n" << all.out;
  const std::string csv = test::read_text(path("all.csv"));
  EXPECT_TRUE(csv.starts_with("key,time,k,step,actual,lstm,ar,persistence,seasonal\n6,")) << csv.substr(0, 100);
  EXPECT_NE(csv.find("\n17,"), std::string::npos);

  const auto one = run_command("predict " + path("x.series") + " -m " + path("x.model") + " --keys 17 --csv -");
  ASSERT_EQ(one.status, 0) << one.err;
  bin("--filter udp " + path("a.pcap"), "udp.series");
  ASSERT_EQ(run_command("train " + path("udp.series") + training).status, 0);
  const auto alone = run_command("predict " + path("udp.series") + " -m " + path("udp.model") + " --csv -");
  ASSERT_EQ(alone.status, 0) << alone.err;
  std::istringstream keyed_lines(one.out), lines(alone.out);
  std::string keyed_line, line;
  std::size_t compared = 0;
  std::getline(lines, line), std::getline(keyed_lines, keyed_line);  // names of columns
  for (; std::getline(lines, line) && std::getline(keyed_lines, keyed_line); ++compared)
    EXPECT_EQ(keyed_line.substr(0, 3 + line.size()), "17," + line);
  EXPECT_GT(compared, 10u);
}

}  // namespace
}  // namespace tidegauge
