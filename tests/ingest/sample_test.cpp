// Each mode against the plain statement of its rule, packet for packet; windows that add up; and what a sample scales back
// to, within its statistical error.
#include "ingest/sinks/sample_capture.hpp"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <set>
#include <string>

#include "tests/ingest/capture_builder.hpp"
#include "tests/ingest/walk_support.hpp"
#include "tests/oracle/naive_sample.hpp"
#include "tests/packets.hpp"
#include "tests/random_clocks.hpp"

namespace tidegauge {
namespace {

using namespace test;

constexpr std::int64_t second = 1'000'000'000, day = 86'400 * second;
constexpr SampleMode modes[] = {SampleMode::count_sys, SampleMode::count_rand_uniform, SampleMode::count_rand_kn,
                                SampleMode::time_sys, SampleMode::time_rand_poisson, SampleMode::flow_hash};

/// What came out, in words of oracle::Record, and the windows of all portions.
struct Sample {
  std::vector<oracle::Record> records;
  SampleWindows windows;
  std::size_t portions = 0;
  SampledCapture capture;
  std::string error;
  SampleTargets targets(std::size_t flush_windows = 3) {
    return {.packet = [this](const PacketView& packet) {
              RecordingSink sink;
              sink.packet(packet);
              records.push_back(sink.records.front());
              return Status();
            },
            .windows = [this](const SampleWindows& some) {
              for (const auto& [k, window] : some) windows[k] += window;
              ++portions;
              return Status();
            },
            .flush_windows = flush_windows};
  }
};

Sample sample_file(const std::string& path, const SampleOptions& options, std::size_t block_bytes = 0) {
  Sample sample;
  auto capture = sample_capture(path, options, sample.targets(), {}, block_bytes);
  if (capture) sample.capture = *std::move(capture);
  else sample.error = capture.error().message();
  return sample;
}

/// Packets at `times`, straight into the sink as a walker hands them over.
template <class Rule>
oracle::Copies copies_by(const oracle::Times& times, const SampleOptions& options) {
  oracle::Copies copies;
  const SampleTargets targets{.packet = [&](const PacketView& packet) {
                                EXPECT_EQ(packet.wire_bytes, copies.size() + 60);  // the packet at hand
                                return ++copies.back(), Status();
                              },
                              .windows = [](const SampleWindows&) { return Status(); }};
  SampleSink<Rule> sink(options, targets);
  const std::uint8_t byte = 7;
  for (const std::int64_t ts : times) {
    copies.push_back(0);
    hand_over_hot(sink, {ts, static_cast<std::uint32_t>(copies.size()) + 60, 1, &byte, LinkType::ethernet});
  }
  EXPECT_TRUE(sink.status());
  EXPECT_EQ(sink.finish().counted, times.size());
  return copies;
}

oracle::Times times_of(RandomStream& random, std::uint64_t model, std::size_t n) {
  oracle::Times times;
  std::int64_t ts = 1'700'000'000 * second;
  while (times.size() < n) times.push_back(ts = random_time(random, model, ts));
  return times;
}

// The rules -----

TEST(SampleRules, CountModesAgreeWithTheirStatement) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  for (std::uint64_t round = 0; round < 400; ++round) {
    RandomStream random(seed, round);
    const auto times = times_of(random, round % clock_models, random.below(200));
    const SampleOptions o{.every = 1 + random.below(round % 3 == 0 ? 300 : 12), .seed = random(),
                          .seed_compatible = false, .interval_ns = second};
    for (const bool compatible : {false, true}) {
      SampleOptions options = o;
      options.seed_compatible = compatible;
      const std::size_t n = times.size();
      ASSERT_EQ(copies_by<sampling::CountdownRule>(times, options), oracle::every_nth(n, o.every, compatible)) << round;
      ASSERT_EQ(copies_by<sampling::UniformRule>(times, options), oracle::each_by_itself(n, o.every, o.seed, compatible)) << round;
      options.mode = SampleMode::count_rand_kn;
      ASSERT_EQ(copies_by<sampling::CountdownRule>(times, options), oracle::one_of_each_block(n, o.every, o.seed, compatible)) << round;
    }
  }
}

TEST(SampleRules, TimeModesAgreeWithTheirStatementUnderAllClocks) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  const std::int64_t periods[] = {1000, 7'000'000, second, 90 * second + 1, day};
  for (std::uint64_t round = 0; round < 800; ++round) {
    RandomStream random(seed, round);
    const auto times = times_of(random, round % clock_models, random.below(60));
    SampleOptions options{.mode = SampleMode::time_sys, .period_ns = periods[random.below(5)], .seed = random()};
    ASSERT_EQ(copies_by<sampling::TimeRule>(times, options), oracle::first_of_each_period(times, options.period_ns)) << round;
    options.mode = SampleMode::time_rand_poisson;
    ASSERT_EQ(copies_by<sampling::TimeRule>(times, options),
              oracle::at_exponential_gaps(times, options.period_ns, options.seed)) << round;
  }
}

TEST(SampleRules, TimeModesAsTheSeedHasThem) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  const std::int64_t periods[] = {3000, 7'000'000, second, 2 * second};
  for (std::uint64_t round = 0; round < 400; ++round) {
    RandomStream random(seed, round);
    oracle::Times times;
    const std::int64_t period = periods[random.below(4)];
    std::int64_t ts = 1'700'000'000 * second;
    for (std::size_t n = random.below(60); times.size() < n;) {
      const std::uint64_t reach = 1 + static_cast<std::uint64_t>(random.below(5) == 0 ? 20 * period : period / 2);
      ts += static_cast<std::int64_t>(random.below(reach)) - (random.below(6) == 0 ? period : 0);
      times.push_back(ts);
    }
    SampleOptions options{.mode = SampleMode::time_sys, .period_ns = period, .seed = random(), .seed_compatible = true};
    ASSERT_EQ(copies_by<sampling::TimeRule>(times, options), oracle::periods_as_seed(times, period)) << round;
    options.mode = SampleMode::time_rand_poisson;
    ASSERT_EQ(copies_by<sampling::TimeRule>(times, options), oracle::gaps_as_seed(times, period, options.seed)) << round;
  }
}

TEST(SampleRules, TheQuirksByHand) {
  const oracle::Times times{0, 1 * second, 2 * second, 3 * second, 4 * second, 5 * second, 6 * second};
  EXPECT_EQ(copies_by<sampling::CountdownRule>(times, {.every = 3}), (oracle::Copies{1, 0, 0, 1, 0, 0, 1}));
  EXPECT_EQ(copies_by<sampling::CountdownRule>(times, {.every = 3, .seed_compatible = true}), (oracle::Copies{1, 1, 0, 0, 1, 0, 0}));
  const SampleOptions by_period{.mode = SampleMode::time_sys, .period_ns = 2 * second};
  const oracle::Times gap{1 * second, 2 * second, 9 * second, 10 * second};
  EXPECT_EQ(copies_by<sampling::TimeRule>(gap, by_period), (oracle::Copies{1, 1, 1, 1}));
  SampleOptions as_seed = by_period;
  as_seed.seed_compatible = true;
  EXPECT_EQ(copies_by<sampling::TimeRule>(gap, as_seed), (oracle::Copies{1, 0, 4, 0}));
}

TEST(SampleRules, APacketWrittenWithoutEndIsAnError) {
  const std::uint8_t byte = 7;
  Sample sample;
  const SampleTargets targets = sample.targets();
  SampleSink<sampling::TimeRule> sink({.mode = SampleMode::time_sys, .period_ns = 1000, .seed_compatible = true}, targets);
  for (const std::int64_t ts : {std::int64_t{0}, 100 * day}) hand_over_hot(sink, {ts, 60, 1, &byte, LinkType::ethernet});
  ASSERT_FALSE(sink.status());
  EXPECT_NE(sink.status().error().message().find("8640000000000 times"), std::string::npos) << sink.status().error().message();
  EXPECT_EQ(sample.records.size(), 1u);
}

// Flows -----

Bytes conversation(std::uint32_t number, bool back, bool v6, bool tcp_packet) {
  const Bytes from = be16(1024 + number % 50000), to = be16(443);
  const Bytes ports = back ? to + from : from + to;
  const Bytes transport = ports + (tcp_packet ? zeros(16) : be16(8) + be16(0));
  Bytes packet = v6 ? ipv6(tcp_packet ? 6 : 17, transport) : ipv4(tcp_packet ? 6 : 17, transport);
  if (back) {
    const std::ptrdiff_t at = v6 ? 8 : 12, size = v6 ? 16 : 4;
    std::swap_ranges(packet.begin() + at, packet.begin() + at + size, packet.begin() + at + size);
  }
  return eth(v6 ? 0x86dd : 0x0800, packet);
}

TEST(SampleFlows, AreKeptWholeInBothDirectionsAndOneInN) {
  ScratchFolder scratch;
  PcapBuilder pcap;
  constexpr std::uint32_t flows = 6000;
  for (int turn = 0; turn < 2; ++turn)
    for (std::uint32_t i = 0; i < flows; ++i)
      pcap.record(1'600'000'000 + i / 100, i, conversation(i, turn == 1, i % 3 == 0, i % 2 == 0), 100);
  write_bytes(scratch / "a.pcap", pcap.bytes);
  std::set<std::string> kept_before;
  for (const std::uint64_t seed : {1, 2}) {
    const auto sample = sample_file((scratch / "a.pcap").string(), {.mode = SampleMode::flow_hash, .every = 10, .seed = seed});
    std::map<std::string, int> kept;
    for (const auto& record : sample.records)
      ++kept[oracle::flow_of({record.ts_ns, record.wire, record.captured, record.payload.data(), LinkType::ethernet})];
    for (const auto& [flow, packets] : kept) EXPECT_EQ(packets, 2);
    // Binomial: 600 flows, standard deviation 23. The seeds are fixed.
    EXPECT_NEAR(static_cast<double>(kept.size()), 600, 4 * 23.3) << seed;
    std::set<std::string> flows_kept;
    for (const auto& [flow, packets] : kept) flows_kept.insert(flow);
    EXPECT_NE(flows_kept, kept_before) << "another seed keeps other flows";
    kept_before = flows_kept;
  }
}

TEST(SampleFlows, FragmentsStayTogetherAndPacketsWithoutIpAreDrawnAlone) {
  ScratchFolder scratch;
  PcapBuilder pcap;
  for (std::uint32_t i = 0; i < 500; ++i) {
    Bytes first = ipv4(17, udp(1000 + i, 53, zeros(8)), 0x2000), later = ipv4(17, zeros(16), 0x0002);
    for (Bytes* fragment : {&first, &later}) (*fragment)[15] = static_cast<std::uint8_t>(i), (*fragment)[14] = static_cast<std::uint8_t>(i >> 8);
    pcap.record(1'600'000'000, i, eth(0x0800, first), 60);
    pcap.record(1'600'000'000, i, eth(0x0800, later), 60);
    pcap.record(1'600'000'000, i, eth(0x0806, zeros(28)), 60);
  }
  write_bytes(scratch / "a.pcap", pcap.bytes);
  const auto sample = sample_file((scratch / "a.pcap").string(), {.mode = SampleMode::flow_hash, .every = 5});
  std::map<std::string, int> kept;
  for (const auto& record : sample.records)
    ++kept[oracle::flow_of({record.ts_ns, record.wire, record.captured, record.payload.data(), LinkType::ethernet})];
  // Binomial: 100 of 500, standard deviation 9. The seed is fixed.
  EXPECT_NEAR(kept[""], 100, 4 * 9);
  kept.erase("");
  EXPECT_NEAR(static_cast<double>(kept.size()), 100, 4 * 9);
  for (const auto& [flow, packets] : kept) EXPECT_EQ(packets, 2);
}

// Captures -----

/// The oracle's answer for a whole capture.
oracle::Copies wanted_copies(const std::vector<oracle::Record>& records, const SampleOptions& o) {
  oracle::Times times;
  for (const auto& record : records) times.push_back(record.ts_ns);
  switch (o.mode) {
    case SampleMode::count_sys: return oracle::every_nth(times.size(), o.every, o.seed_compatible);
    case SampleMode::count_rand_uniform: return oracle::each_by_itself(times.size(), o.every, o.seed, o.seed_compatible);
    case SampleMode::count_rand_kn: return oracle::one_of_each_block(times.size(), o.every, o.seed, o.seed_compatible);
    case SampleMode::time_sys:
      return o.seed_compatible ? oracle::periods_as_seed(times, o.period_ns) : oracle::first_of_each_period(times, o.period_ns);
    case SampleMode::time_rand_poisson:
      return o.seed_compatible ? oracle::gaps_as_seed(times, o.period_ns, o.seed)
                               : oracle::at_exponential_gaps(times, o.period_ns, o.seed);
    default: return {};
  }
}

void check_file(const fs::path& path, const SampleOptions& options, std::size_t block_bytes) {
  const auto whole = walk_file(path);
  ASSERT_TRUE(whole.ok()) << whole.error;
  std::vector<oracle::Record> packets, wanted;
  for (const auto& record : whole.records)
    if (record.fate == "packet") packets.push_back(record);
  const auto copies = wanted_copies(packets, options);
  SampleWindows windows;
  for (std::size_t i = 0; i < packets.size(); ++i) {
    SampleWindow& window = windows[oracle::floor_interval(packets[i].ts_ns, options.interval_ns)];
    window += {1, packets[i].wire, copies[i], copies[i] * packets[i].wire};
    if (options.seed_compatible) packets[i].ts_ns = oracle::cut_to_us(packets[i].ts_ns);
    wanted.insert(wanted.end(), copies[i], packets[i]);
  }
  const auto sample = sample_file(path.string(), options, block_bytes);
  ASSERT_EQ(sample.error, "");
  EXPECT_EQ(difference(sample.records, wanted), "");
  EXPECT_EQ(sample.windows, windows);
  EXPECT_EQ(sample.capture.account.counted, packets.size());
  EXPECT_EQ(sample.capture.account[Refusal::truncated], whole.truncated);
  EXPECT_EQ(sample.capture.damage, whole.damage);
}

TEST(SampleCapture, EqualsTheOracleInEveryModeAndFormat) {
  ScratchFolder scratch;
  const std::uint32_t seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  Random random(seed);
  std::vector<fs::path> files;
  const auto add = [&](const std::string& name, const Bytes& bytes) {
    files.push_back(scratch / name);
    write_bytes(files.back(), bytes);
  };
  add("us.pcap", ordinary_pcap(random, 400).bytes);
  add("ns.pcap.gz", gzip_member(ordinary_pcap(random, 400, {.name = "ns", .magic = 0xa1b23c4d}).bytes));
  add("big.pcap", ordinary_pcap(random, 400, {.name = "big", .big_endian = true}).bytes);
  add("a.pcapng", ordinary_pcapng(random, 400).bytes);
  const Bytes whole = ordinary_pcap(random, 300).bytes;
  add("cut.pcap", prefix(whole, whole.size() - 3));
  for (const fs::path& file : files) {
    for (const SampleMode mode : modes) {
      if (mode == SampleMode::flow_hash) continue;  // random bytes have no flows; see SampleFlows
      for (const bool compatible : {false, true}) {
        SCOPED_TRACE(fmt::format("{} {} {}", file.filename().string(), name_of(mode), compatible));
        const SampleOptions options{.mode = mode, .every = 1 + random() % 20, .period_ns = (1 + random() % 30) * second,
                                    .seed = random(), .seed_compatible = compatible, .interval_ns = 5 * second};
        check_file(file, options, random() % 2 == 0 ? 0 : 300 + random() % 2000);
      }
    }
  }
}

TEST(SampleCapture, AFailedTargetAndWrongSettingsAreErrors) {
  ScratchFolder scratch;
  Random random(1);
  write_bytes(scratch / "a.pcap", ordinary_pcap(random, 50).bytes);
  const std::string path = (scratch / "a.pcap").string();
  const SampleTargets full{.packet = [](const PacketView&) -> Status { return Error{"the disk is full", "", ""}; },
                           .windows = [](const SampleWindows&) { return Status(); }};
  const auto failed = sample_capture(path, {}, full);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().what, "the disk is full");
  const SampleOptions wrong[] = {{.every = 0},
                                 {.interval_ns = 1},
                                 {.mode = SampleMode::time_sys, .period_ns = 999},
                                 {.mode = SampleMode::time_rand_poisson, .period_ns = day + 1},
                                 {.mode = SampleMode::time_sys, .period_ns = 1500, .seed_compatible = true}};
  for (const SampleOptions& options : wrong) {
    const auto sample = sample_file(path, options);
    EXPECT_NE(sample.error, "") << name_of(options.mode);
  }
}

// Statistics -----

/// What the windows' bytes scale back to, in standard errors of simple random sampling in a window.
std::vector<double> errors_of(const std::vector<oracle::Record>& packets, const Sample& sample, std::int64_t interval_ns) {
  struct Moments {
    double n = 0, sum = 0, squares = 0;
  };
  std::map<std::int64_t, Moments> moments;
  for (const auto& packet : packets) {
    Moments& m = moments[oracle::floor_interval(packet.ts_ns, interval_ns)];
    m.n += 1, m.sum += packet.wire, m.squares += static_cast<double>(packet.wire) * packet.wire;
  }
  std::vector<double> errors;
  for (const auto& [k, window] : sample.windows) {
    const Moments& m = moments[k];
    const auto kept = static_cast<double>(window.sampled_packets);
    if (kept < 10) continue;  // the standard error speaks of many
    const double estimate = static_cast<double>(window.sampled_bytes) * m.n / kept;
    const double variance = m.squares / m.n - m.sum / m.n * (m.sum / m.n);
    errors.push_back((estimate - m.sum) / (m.n * std::sqrt(variance / kept * (1 - kept / m.n))));
  }
  return errors;
}

TEST(SampleStatistics, VolumesScaleBackWithinTheirStandardError) {
  ScratchFolder scratch;
  Random random(20160109);
  PcapBuilder pcap({.name = "ns", .magic = 0xa1b23c4d});
  constexpr std::uint32_t rows = 40, each = 8000;
  for (std::uint32_t s = 0; s < rows; ++s) {
    std::vector<std::uint32_t> fractions;
    while (fractions.size() < each / (1 + s % 2)) fractions.push_back(random() % 1'000'000'000);  // no rhythm, two rates
    std::sort(fractions.begin(), fractions.end());
    for (const std::uint32_t ns : fractions) pcap.record(1'600'000'000 + s, ns, Bytes{1}, random() % 3 == 0 ? 1500 : 60);
  }
  const fs::path path = scratch / "a.pcap";
  write_bytes(path, pcap.bytes);
  const auto packets = walk_file(path).records;
  for (const SampleMode mode : modes) {
    if (mode == SampleMode::flow_hash) continue;
    const SampleOptions options{.mode = mode, .every = 100, .period_ns = second / 60, .seed = 7};
    const auto errors = errors_of(packets, sample_file(path.string(), options), options.interval_ns);
    ASSERT_EQ(errors.size(), rows) << name_of(mode);
    double squares = 0, sum = 0;
    for (const double e : errors) {
      EXPECT_LT(std::abs(e), 4) << name_of(mode);
      squares += e * e, sum += e;
    }
    // 40 errors of variance 1: the mean square is within 0.3 and 2 and the mean within 0.6, at more than 3.5 sigma each.
    EXPECT_GT(squares / rows, 0.3) << name_of(mode);
    EXPECT_LT(squares / rows, 2.0) << name_of(mode);
    EXPECT_LT(std::abs(sum / rows), 0.6) << name_of(mode);
  }
}

}  // namespace
}  // namespace tidegauge
