// From intervals back to packets where a `.times` file says when they were.
#include <fmt/format.h>

#include <optional>

#include "tests/ingest/clock_captures.hpp"
#include "tests/ingest/extract_support.hpp"

namespace tidegauge {
namespace {

using namespace test;

/// A line for each record that has a time in the capture or is refused by name, up to a second off, in lines of any
/// length. None where a time does not fit a line.
std::optional<std::vector<std::int64_t>> write_times(const fs::path& path, const fs::path& capture, Random& random) {
  std::vector<std::int64_t> line_ns;
  std::string text;
  for (const auto& record : walk_file(capture).records) {
    if (record.ts_ns < second || record.ts_ns > 9'000'000'000'000'000'000) {
      if (record.fate == "packet") return std::nullopt;
    }
    std::int64_t ns = record.ts_ns + (random() % 2 ? random() % 1'000 : random() % second);
    if (random() % 3 == 0) ns -= ns % 1'000'000;
    line_ns.push_back(ns);
    text += fmt::format("{}.{:09}", ns / second, ns % second);
    if (ns % 1'000'000 == 0) text.resize(text.size() - 6);
    text += random() % 4 ? "\n" : "\r\n";
  }
  Bytes bytes(text.begin(), text.end());
  write_bytes(path, random() % 2 ? bytes : gzip_member(bytes));
  return line_ns;
}

TEST(ExtractTimes, TimesBesideACaptureDecide) {
  const std::uint32_t seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  ScratchFolder scratch;
  Random random(seed);
  std::size_t stretches = 0;
  for (std::uint64_t round = 0; round < 60; ++round) {
    SCOPED_TRACE(fmt::format("round {}", round));
    Bytes bytes = capture_of_clock(seed, round, 40 + random() % 200);
    if (random() % 4 == 0) bytes = compressed(bytes, random);
    const fs::path path = scratch / "x", times = scratch / "x.times";
    write_bytes(path, bytes);
    const auto walk = walk_file(path);
    if (!walk.ok() || walk.damaged + walk.truncated != 0) continue;  // lines and records cannot be aligned
    const auto line_ns = write_times(times, path, random);
    if (!line_ns) continue;
    const How how{.keyed = random() % 2 ? random_choice(random) : KeyedOptions{}, .times = times.string(), .line_ns = *line_ns};
    expect_each_record_once(path, how, random, &stretches);
    if (testing::Test::HasFatalFailure()) return;
  }
  EXPECT_GT(stretches, 30u);
}

TEST(ExtractTimes, ATimesFileIsEnteredInItsMiddle) {
  ScratchFolder scratch;
  const std::string path = scratch / "x.pcap";
  write_bytes(path, steady_pcap());
  std::string lines;
  for (std::uint32_t i = 0; i < 10'000; ++i) lines += fmt::format("{}.{:09}\n", first_second + i, i);
  How how{.times = scratch / "x.times"};
  write_text(how.times, lines);
  const Counted counted = count(path, how, 50'000, 4'096);
  EXPECT_GE(counted.index.size(), 18u);
  const std::vector<IntervalRange> two{{first_second + 2'000, first_second + 2'009}, {first_second + 8'000, first_second + 8'009}};
  const auto read = [&](const std::string& capture) {
    StretchReader reader = reader_of(capture, how, counted, two);
    const auto records = read_all(reader);
    EXPECT_EQ(records.size(), 20u);
    if (records.size() == 20) {
      EXPECT_EQ(records[13].ts_ns, (first_second + 8'003) * second + 8'003);
    }
    return reader.input_bytes();
  };
  const std::uint64_t capture_bytes = [&] {
    StretchReader reader = reader_of(path, {}, counted, two);
    read_all(reader);
    return reader.input_bytes();
  }();
  const std::uint64_t block = 1 << 20;  // of a plain file; the lines have 210,000 bytes
  EXPECT_LE(read(path), capture_bytes + 2 * block);
  const Bytes zipped = gzip_member(Bytes(lines.begin(), lines.end()));
  how.times += ".gz";
  write_bytes(how.times, zipped);
  EXPECT_EQ(count(path, how, 50'000, 4'096).index.size(), counted.index.size());
  EXPECT_LE(read(path), capture_bytes + zipped.size()) << "read once, however many stretches are wanted";

  how.times = scratch / "x.times";
  for (const auto& [words, text] : std::vector<std::pair<const char*, std::string>>{
           {"it has 30000", lines.substr(0, 30'000)},
           {"no line begins at byte", "1" + lines},
           {"more than a second off", std::string(lines).replace(lines.find("1600002003"), 10, "1600009003")},
           {"is not a time", std::string(lines).replace(lines.find("1600002003"), 10, "16000020x3")},
           {"do not match", lines.substr(0, lines.find("1600002003"))}}) {
    write_text(how.times, text);
    StretchReader reader = reader_of(path, how, counted, {{first_second + 2'000, first_second + 2'009}});
    const auto packets = reader.next();
    ASSERT_FALSE(packets) << words;
    EXPECT_NE(packets.error().message().find(words), std::string::npos) << packets.error().message();
  }
}

}  // namespace
}  // namespace tidegauge
