// The verb: modes and rates by name, compressed output, the side file, `-`, and what it refuses.
#include <nlohmann/json.hpp>

#include "tests/capture_writer.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

using namespace test;
using Json = nlohmann::json;

std::string quoted(const fs::path& path) { return " '" + path.string() + "' "; }

/// 1,000 packets in 10 s, one each 10 ms; packet i has 100 + i bytes.
CaptureWriter thousand() {
  CaptureWriter capture;
  for (int i = 0; i < 1000; ++i) capture.packet(1'600'000'000'000'000 + i * 10'000, static_cast<std::uint32_t>(100 + i));
  return capture;
}

class SampleVerb : public testing::Test {
 protected:
  SampleVerb() { thousand().save(scratch / "in.pcap"); }
  /// `sample` of it, as JSON.
  Json sample(const std::string& name, const std::string& options, int status = 0) {
    const auto result = run_command("sample" + quoted(scratch / "in.pcap") + "-o" + quoted(scratch / name) + options + " --json");
    EXPECT_EQ(result.status, status) << result.err;
    return status == 0 ? Json::parse(result.out) : Json{{"error", result.err}};
  }
  /// The account of `bin` over a capture.
  Json binned(const std::string& name) {
    const auto result = run_command("bin" + quoted(scratch / name) + "-o" + quoted(scratch / (name + ".series")) + "--json");
    EXPECT_EQ(result.status, 0) << result.err;
    return Json::parse(result.out)["files"][0]["account"];
  }
  Json side(const std::string& name) { return Json::parse(read_text(scratch / (name + ".sample.json"))); }
  ScratchFolder scratch;
};

TEST_F(SampleVerb, DefaultsAreTheSeeds) {
  const Json report = sample("out.pcap", "");
  EXPECT_EQ(report["mode"], "COUNT_SYS");
  EXPECT_EQ(report["rate"], "1000");
  EXPECT_EQ(report["population"], 1000);
  EXPECT_EQ(report["sampled"], 1);
}

TEST_F(SampleVerb, EveryModeKeepsAboutItsShareAndTheSideFileAddsUp) {
  for (const std::string mode : {"COUNT_SYS -r 10", "count_rand_uniform -r 10", "COUNT_RAND_KN -r 10", "TIME_SYS -r 100ms",
                                 "TIME_RAND_POISSON -r 0.1"}) {
    const Json report = sample("out.pcap", "-m " + mode);
    EXPECT_NEAR(report["sampled"].get<double>(), 100, 4 * 9.5) << mode;  // binomial, or Poisson and less
    const Json document = side("out.pcap");
    EXPECT_EQ(document["format"], "tidegauge-sample");
    EXPECT_EQ(document["mode"], report["mode"]);
    EXPECT_EQ(document.contains("period_ns"), mode.starts_with("TIME"));
    EXPECT_EQ(document["windows"].size(), 10u) << mode;
    std::uint64_t sampled = 0, bytes = 0, sampled_bytes = 0;
    for (const Json& row : document["windows"]) {
      EXPECT_EQ(row[1], 100);
      bytes += row[2].get<std::uint64_t>(), sampled += row[3].get<std::uint64_t>(), sampled_bytes += row[4].get<std::uint64_t>();
    }
    EXPECT_EQ(document["windows"][0][0], 1'600'000'000);
    EXPECT_EQ(sampled, report["sampled"]);
    EXPECT_EQ(bytes, 1000 * 100 + 1000 * 999 / 2);
    EXPECT_EQ(sampled_bytes, report["sampled_bytes"]);
    EXPECT_EQ(document["records"]["population"], 1000);
  }
  EXPECT_EQ(sample("out.pcap", "-m FLOW_HASH -r 1")["sampled"], 1000);
}

TEST_F(SampleVerb, CompressesByNameOrOptionAndBinReadsIt) {
  const std::pair<const char*, const char*> table[] = {{"a.pcap", ""}, {"a.pcap.gz", ""}, {"a.pcap.zst", ""},
                                                       {"a.pcapng.zst", ""}, {"b.pcap", "--compress gz"}, {"c", "--compress zst --pcapng"}};
  const std::string formats[] = {"pcap", "pcap in gzip", "pcap in zstd", "pcapng in zstd", "pcap in gzip", "pcapng in zstd"};
  for (std::size_t i = 0; i < std::size(table); ++i) {
    const auto& [name, options] = table[i];
    sample(name, std::string("-r 10 ") + options);
    EXPECT_EQ(binned(name)["counted"], 100) << name;
    // Sampled again, the side file says what it read.
    const auto again = run_command("sample" + quoted(scratch / name) + "-o" + quoted(scratch / "again.pcap") + "-r 1");
    EXPECT_EQ(again.status, 0) << again.err;
    EXPECT_EQ(side("again.pcap")["input"]["format"], formats[i]);
    EXPECT_EQ(side("again.pcap")["input"]["fingerprint"], side(name)["output"]["fingerprint"]) << name;
  }
  EXPECT_TRUE(read_text(scratch / "again.pcap") == read_text(scratch / "a.pcap"));
}

TEST_F(SampleVerb, ASeedGivesOneSampleAndAnotherSeedAnother) {
  for (const char* mode : {"COUNT_RAND_UNIFORM", "COUNT_RAND_KN"}) {
    for (const char* name : {"a.pcap", "b.pcap"}) sample(name, std::string("-r 10 --seed 5 -m ") + mode);
    sample("c.pcap", std::string("-r 10 --seed 6 -m ") + mode);
    EXPECT_TRUE(read_text(scratch / "a.pcap") == read_text(scratch / "b.pcap")) << mode;
    EXPECT_FALSE(read_text(scratch / "a.pcap") == read_text(scratch / "c.pcap")) << mode;
  }
}

TEST_F(SampleVerb, ThroughPipesItIsTheSame) {
  sample("a.pcap", "-r 7");
  Json wanted = side("a.pcap");
  wanted["input"]["path"] = "-";
  const std::string command = "sample - -o - -r 7 --side" + quoted(scratch / "piped.json"), in = quoted(scratch / "in.pcap");
  for (const bool pipe : {true, false}) {  // false: a file as standard input
    const auto result = pipe ? run_command(command, "cat" + in + "|") : run_command(command + "<" + in);
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_TRUE(result.out == read_text(scratch / "a.pcap"));
    EXPECT_EQ(Json::parse(read_text(scratch / "piped.json")), wanted);
    fs::remove(scratch / "piped.json");
  }
  const auto lone = run_command("sample" + quoted(scratch / "in.pcap") + "-o - -r 7");
  EXPECT_NE(lone.err.find("no side file"), std::string::npos);
}

TEST_F(SampleVerb, SeedCompatibleHasItsQuirksAndIsSilentAboutDamage) {
  const Json report = sample("out.pcap", "-r 10 --seed-compatible");
  EXPECT_EQ(report["sampled"], 101);  // packets 1, 2, 12, 22, ... 992
  const std::string whole = read_text(scratch / "in.pcap");
  write_text(scratch / "cut.pcap", whole.substr(0, whole.size() - 5));
  const std::string cut = "sample" + quoted(scratch / "cut.pcap") + "-o" + quoted(scratch / "cut.out");
  const auto corrected = run_command(cut), silent = run_command(cut + "--seed-compatible"), strict = run_command(cut + "--strict");
  EXPECT_EQ(corrected.status, 0);
  EXPECT_NE(corrected.err.find("cut.pcap: "), std::string::npos) << corrected.err;
  EXPECT_EQ(silent.status, 0);
  EXPECT_EQ(silent.err, "");
  EXPECT_EQ(Json::parse(read_text(scratch / "cut.out.sample.json"))["records"]["refused"]["truncated"], 1);
  EXPECT_EQ(strict.status, 3);
}

TEST_F(SampleVerb, AFailureLeavesWhatWasThere) {
  write_text(scratch / "out.pcap", "before");
  write_text(scratch / "out.pcap.sample.json", "{}");
  write_text(scratch / "no.pcap", "no capture at all, of whatever kind");
  const auto result = run_command("sample" + quoted(scratch / "no.pcap") + "-o" + quoted(scratch / "out.pcap"));
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(read_text(scratch / "out.pcap"), "before");
  EXPECT_EQ(read_text(scratch / "out.pcap.sample.json"), "{}");
  EXPECT_FALSE(fs::exists(scratch / "out.pcap.part"));
}

TEST_F(SampleVerb, MistakesNameTheirOption) {
  const std::pair<const char*, const char*> table[] = {
      {"-m COUNT", "--mode"},      {"-r 0", "--rate"},         {"-r ten", "--rate"},        {"-r -1", "--rate"},
      {"-r 10ms", "--rate"},       {"-m TIME_SYS -r 2d", "--rate"}, {"-m TIME_SYS -r 0", "--rate"}, {"--interval 1us", "--interval"},
      {"--compress rar", "--compress"}, {"--side x --no-side", "--side"}, {"--strict --seed-compatible", "--seed-compatible"}};
  for (const auto& [options, named] : table) {
    const std::string error = sample("out.pcap", options, 2)["error"];
    EXPECT_NE(error.find(named), std::string::npos) << options << ": " << error;
    EXPECT_FALSE(fs::exists(scratch / "out.pcap")) << options;
  }
  const std::string both = sample("out.pcap", "-m X --interval 0s", 2)["error"];
  EXPECT_NE(both.find("--mode"), std::string::npos);
  EXPECT_NE(both.find("--interval"), std::string::npos);
  const std::string same = sample("in.pcap", "", 2)["error"];
  EXPECT_NE(same.find("also the file of the input"), std::string::npos) << same;
  EXPECT_TRUE(read_text(scratch / "in.pcap") == thousand().bytes());
}

}  // namespace
}  // namespace tidegauge
