// Synthetic traces, read back by a deliberately naive reader that knows the formats from the RFCs alone.
#include "ingest/synthetic/synthetic.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <map>

#include "tests/support.hpp"

namespace tidegauge {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t start = 1'705'327'200 * second;

Expected<SynthSummary> generate(Bytes& out, const SynthSettings& settings) {
  return write_synthetic(settings, [&](std::span<const std::uint8_t> bytes) -> Status {
    out.insert(out.end(), bytes.begin(), bytes.end());
    return {};
  });
}

SynthSettings small(double rate, std::int64_t seconds, std::uint64_t seed = 1) {
  SynthSettings s;
  s.rate = rate;
  s.duration_ns = seconds * second;
  s.seed = seed;
  s.conversations = 2'000;
  return s;
}

std::uint32_t le32(const Bytes& b, std::size_t at) {
  return b[at] | b[at + 1] << 8 | b[at + 2] << 16 | static_cast<std::uint32_t>(b[at + 3]) << 24;
}
std::uint32_t be16(const Bytes& b, std::size_t at) {
  return static_cast<std::uint32_t>(b[at] << 8 | b[at + 1]);
}
std::uint32_t be32(const Bytes& b, std::size_t at) { return be16(b, at) << 16 | be16(b, at + 2); }

/// RFC 1071 word by word; `bytes` beyond what is there count as zeros.
std::uint32_t word_sum(const Bytes& b, std::size_t from, std::size_t bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes; ++i)
    if (from + i < b.size()) sum += static_cast<std::uint32_t>(b[from + i]) << (i % 2 ? 0 : 8);
  return sum;
}
bool sums_to_ones(std::uint32_t sum) {
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return sum == 0xffff;
}

struct Record {
  std::int64_t ts_ns;
  std::uint32_t wire;
  Bytes bytes;
};

std::vector<Record> read_pcap(const Bytes& file, std::uint32_t snaplen = 96) {
  std::vector<Record> records;
  EXPECT_GE(file.size(), 24u);
  const std::uint32_t magic = le32(file, 0);
  EXPECT_TRUE(magic == 0xa1b2c3d4 || magic == 0xa1b23c4d);
  EXPECT_EQ(le32(file, 4), 2u | 4u << 16);
  EXPECT_EQ(le32(file, 16), snaplen);
  EXPECT_EQ(le32(file, 20), 1u);
  const std::uint32_t unit = magic == 0xa1b23c4d ? 1 : 1000;
  std::size_t at = 24;
  while (at + 16 <= file.size()) {
    const std::uint32_t part = le32(file, at + 4), captured = le32(file, at + 8), wire = le32(file, at + 12);
    EXPECT_LT(part, 1'000'000'000u / unit);
    EXPECT_EQ(captured, std::min(wire, snaplen));
    if (captured > file.size() - at - 16) break;
    records.push_back({le32(file, at) * second + part * unit, wire,
                       Bytes(file.begin() + static_cast<std::ptrdiff_t>(at + 16),
                             file.begin() + static_cast<std::ptrdiff_t>(at + 16 + captured))});
    at += 16 + captured;
  }
  EXPECT_EQ(at, file.size());
  return records;
}

/// What the naive reader counts, and how often a header did not hold what it must.
struct Census {
  std::uint64_t packets = 0, tcp = 0, udp = 0, icmp = 0, gre = 0, esp = 0, ospf = 0, arp = 0, v4 = 0, v6 = 0,
                vlan = 0;
  std::uint64_t syn = 0, syn_ack = 0, fin = 0, rst = 0, first_fragments = 0, later_fragments = 0;
  std::uint64_t tiny = 0, middle = 0, big = 0;
  std::uint64_t checksums_checked = 0;
  std::map<std::string, int> faults;

  void fault_unless(bool good, const std::string& what) {
    if (!good) ++faults[what];
  }

  void take(const Record& r) {
    ++packets;
    (r.wire <= 128 ? tiny : r.wire < 1200 ? middle : big) += 1;
    fault_unless(r.wire >= 60 && r.wire <= 1518, "frame length");
    std::size_t at = 12;
    if (be16(r.bytes, at) == 0x8100) {
      ++vlan;
      at += 4;
    }
    const std::uint32_t type = be16(r.bytes, at);
    at += 2;
    if (type == 0x0806) {
      ++arp;
      fault_unless(r.wire == 60 && be32(r.bytes, at) == 0x00010800, "arp");
    } else if (type == 0x0800) {
      take_ipv4(r, at);
    } else if (type == 0x86dd) {
      take_ipv6(r, at);
    } else {
      ++faults["ethernet type"];
    }
  }

  void take_ipv4(const Record& r, std::size_t at) {
    ++v4;
    fault_unless(r.bytes[at] == 0x45, "ipv4 version");
    const std::uint32_t total = be16(r.bytes, at + 2);
    fault_unless(total >= 28 && total <= 1500, "ipv4 length");
    fault_unless(r.wire == std::max<std::size_t>(60, at + total), "frame holds the ipv4 packet");
    fault_unless(sums_to_ones(word_sum(r.bytes, at, 20)), "ipv4 checksum");
    const std::uint32_t flags = be16(r.bytes, at + 6);
    const bool more = flags & 0x2000;
    const bool later = flags & 0x1fff;
    first_fragments += more && !later;
    later_fragments += later;
    fault_unless(!more || (total - 20) % 8 == 0, "fragment length");
    const std::uint32_t pseudo = word_sum(r.bytes, at + 12, 8) + total - 20 + r.bytes[at + 9];
    take_transport(r, at + 20, at + total, r.bytes[at + 9], later, more, pseudo);
  }

  void take_ipv6(const Record& r, std::size_t at) {
    ++v6;
    fault_unless(r.bytes[at] >> 4 == 6, "ipv6 version");
    const std::uint32_t payload = be16(r.bytes, at + 4);
    fault_unless(r.wire == std::max<std::size_t>(60, at + 40 + payload), "frame holds the ipv6 packet");
    std::uint32_t next = r.bytes[at + 6];
    const std::uint32_t addresses = word_sum(r.bytes, at + 8, 32);
    const std::size_t end = at + 40 + payload;
    at += 40;
    bool more = false, later = false;
    if (next == 44) {
      next = r.bytes[at];
      more = be16(r.bytes, at + 2) & 1;
      later = be16(r.bytes, at + 2) >> 3;
      first_fragments += more && !later;
      later_fragments += later;
      at += 8;
    }
    take_transport(r, at, end, next, later, more, addresses + static_cast<std::uint32_t>(end - at) + next);
  }

  void take_transport(const Record& r, std::size_t at, std::size_t end, std::uint32_t protocol, bool later,
                      bool more, std::uint32_t pseudo) {
    if (later) return;
    const auto bytes = static_cast<std::uint32_t>(end - at);
    const bool whole = r.bytes.size() >= end && !more;  // only then can the checksum be told
    const auto check = [&](std::uint32_t with, const char* what) {
      if (!whole) return;
      ++checksums_checked;
      fault_unless(sums_to_ones(word_sum(r.bytes, at, bytes) + with), what);
    };
    switch (protocol) {
      case 6: {
        ++tcp;
        const std::uint32_t flags = r.bytes[at + 13];
        fault_unless((flags & 0x12) || (flags & 0x04), "tcp flags: SYN, ACK or RST");
        fault_unless(!(flags & 2) || !(flags & 5), "tcp flags: SYN without FIN and RST");
        fault_unless((r.bytes[at + 12] >> 4) * 4u <= bytes && r.bytes[at + 12] >> 4 >= 5,
                     "tcp header length");
        syn += (flags & 0x12) == 2;
        syn_ack += (flags & 0x12) == 0x12;
        fin += flags & 1;
        rst += (flags & 4) >> 2;
        check(pseudo, "tcp checksum");
        break;
      }
      case 17:
        ++udp;
        fault_unless(more || be16(r.bytes, at + 4) == bytes, "udp length");
        check(pseudo, "udp checksum");
        break;
      case 1:
        ++icmp;
        check(0, "icmp checksum");
        break;
      case 58:
        ++icmp;
        check(pseudo, "icmpv6 checksum");
        break;
      case 47: {
        ++gre;
        const std::size_t inner = at + 4;
        fault_unless(be32(r.bytes, at) == 0x0800 && r.bytes[inner] == 0x45, "gre");
        fault_unless(inner + be16(r.bytes, inner + 2) == end, "gre inner length");
        fault_unless(sums_to_ones(word_sum(r.bytes, inner, 20)), "gre inner checksum");
        if (whole) {
          const std::uint32_t with =
              word_sum(r.bytes, inner + 12, 8) + 6 + static_cast<std::uint32_t>(end - inner - 20);
          ++checksums_checked;
          fault_unless(sums_to_ones(word_sum(r.bytes, inner + 20, end - inner - 20) + with),
                       "gre inner tcp checksum");
        }
        break;
      }
      case 50:
        ++esp;
        fault_unless(be32(r.bytes, at) > 255, "esp index");
        break;
      case 89:
        ++ospf;
        check(0, "ospf checksum");
        break;
      default:
        ++faults["ip protocol"];
    }
  }

  double share(std::uint64_t n) const { return static_cast<double>(n) / static_cast<double>(packets); }
};

void expect_sound(const std::vector<Record>& records, const Census& census) {
  for (const auto& [what, times] : census.faults) ADD_FAILURE() << what << ": " << times << " times";
  for (std::size_t i = 1; i < records.size(); ++i)
    ASSERT_GE(records[i].ts_ns, records[i - 1].ts_ns) << "record " << i;
}

TEST(Synth, EveryRecordIsWellFormedAndTheMixIsABackbones) {
  for (const bool nanoseconds : {false, true}) {
    SynthSettings s = small(20'000, 10, 7);
    s.nanoseconds = nanoseconds;
    Bytes file;
    const auto summary = generate(file, s);
    ASSERT_TRUE(summary);
    EXPECT_EQ(summary->file_bytes, file.size());
    const auto records = read_pcap(file);
    EXPECT_EQ(summary->packets, records.size());
    Census c;
    std::uint64_t wire = 0;
    for (const Record& r : records) {
      c.take(r);
      wire += r.wire;
    }
    EXPECT_EQ(summary->wire_bytes, wire);
    expect_sound(records, c);
    EXPECT_EQ(static_cast<std::int64_t>(records.front().ts_ns) >= start, true);
    EXPECT_LT(records.back().ts_ns, start + 10 * second);

    EXPECT_NEAR(c.share(c.tcp), 0.85, 0.01);
    EXPECT_NEAR(c.share(c.udp), 0.12, 0.01);
    EXPECT_NEAR(c.share(c.icmp), 0.0165, 0.003);
    EXPECT_NEAR(c.share(c.esp), 0.009, 0.002);
    EXPECT_NEAR(c.share(c.gre), 0.003, 0.001);
    EXPECT_GT(c.arp, 0u);
    EXPECT_GT(c.ospf, 0u);
    EXPECT_NEAR(c.share(c.v6), 0.12, 0.015);
    EXPECT_NEAR(c.share(c.vlan), 0.02, 0.015);  // by conversation: a popular one weighs more
    EXPECT_EQ(c.packets, c.tcp + c.udp + c.icmp + c.esp + c.gre + c.arp + c.ospf + c.later_fragments);

    const auto of_tcp = [&](std::uint64_t n) { return static_cast<double>(n) / static_cast<double>(c.tcp); };
    EXPECT_GT(of_tcp(c.syn), 0.004);
    EXPECT_LT(of_tcp(c.syn), 0.05);
    EXPECT_LT(c.syn_ack, c.syn);
    EXPECT_GT(of_tcp(c.syn_ack), 0.7 * of_tcp(c.syn));
    EXPECT_GT(of_tcp(c.fin), 0.005);
    EXPECT_LT(of_tcp(c.fin), 0.06);
    EXPECT_GT(of_tcp(c.rst), 0.0005);
    EXPECT_LT(of_tcp(c.rst), 0.02);
    EXPECT_GT(c.first_fragments, 20u);
    EXPECT_NEAR(static_cast<double>(c.later_fragments), static_cast<double>(c.first_fragments),
                0.3 * static_cast<double>(c.first_fragments));

    EXPECT_NEAR(c.share(c.tiny), 0.47, 0.08);  // trimodal: acknowledgements, the middle, full packets
    EXPECT_NEAR(c.share(c.middle), 0.18, 0.08);
    EXPECT_NEAR(c.share(c.big), 0.35, 0.08);
    EXPECT_GT(c.share(c.checksums_checked), 0.3);
  }
}

TEST(Synth, SameSeedSameBytes) {
  Bytes a, b, c;
  SynthSettings s = small(3'000, 20);
  s.random_surges = 2;
  ASSERT_TRUE(generate(a, s));
  ASSERT_TRUE(generate(b, s));
  EXPECT_TRUE(a == b);
  s.seed = 2;
  ASSERT_TRUE(generate(c, s));
  EXPECT_FALSE(a == c);
}

std::vector<double> per_second(const std::vector<Record>& records, std::size_t seconds) {
  std::vector<double> counts(seconds);
  for (const Record& r : records) {
    const auto k = static_cast<std::size_t>((r.ts_ns - start) / second);
    EXPECT_LT(k, seconds);
    if (k < seconds) counts[k] += 1;
  }
  return counts;
}
double mean(const std::vector<double>& v, std::size_t from, std::size_t to) {
  double sum = 0;
  for (std::size_t i = from; i < to; ++i) sum += v[i];
  return sum / static_cast<double>(to - from);
}

TEST(Synth, TheRateFollowsTheDay) {
  // A day of 100 s, whose busiest moment is at 15/24: 62.5 s after an epoch multiple of 100 s (the start is
  // one).
  SynthSettings s = small(1'000, 200);
  s.day_ns = 100 * second;
  s.burstiness = 0.02;
  Bytes file;
  ASSERT_TRUE(generate(file, s));
  const auto counts = per_second(read_pcap(file), 200);
  EXPECT_NEAR(mean(counts, 0, 200), 1'000, 50);
  for (const std::size_t day : {0u, 100u}) {
    EXPECT_NEAR(mean(counts, day + 55, day + 70) / mean(counts, day + 5, day + 20), 1.25 / 0.75, 0.25);
  }
}

TEST(Synth, NoiseIsBurstyWithAMemory) {
  SynthSettings s = small(1'000, 150, 3);
  s.diurnal = 0;
  s.burstiness = 0.2;
  Bytes file;
  ASSERT_TRUE(generate(file, s));
  const auto counts = per_second(read_pcap(file), 150);
  const double m = mean(counts, 0, 150);
  double variance = 0, neighbours = 0;
  for (std::size_t i = 0; i < 150; ++i) variance += (counts[i] - m) * (counts[i] - m) / 150;
  for (std::size_t i = 1; i < 150; ++i) neighbours += (counts[i] - m) * (counts[i - 1] - m) / 149;
  EXPECT_GT(variance, 5 * m);  // Poisson alone would give m
  EXPECT_GT(neighbours / variance, 0.4);
}

TEST(Synth, SurgesAreWhereTheTruthSays) {
  SynthSettings s = small(1'500, 120, 5);
  s.random_surges = 3;
  s.surges = {{start + 2 * second, 500'000'000, 0.25, SurgeKind::flash},
              {start + 116 * second, 4 * second, 2.5, SurgeKind::syn_flood}};
  s.burstiness = 0.03;
  Bytes file;
  const auto summary = generate(file, s);
  ASSERT_TRUE(summary);
  const auto records = read_pcap(file);
  ASSERT_EQ(summary->surges.size(), 5u);
  double calm_packets = static_cast<double>(records.size()), calm_ns = 120e9;
  for (const PlantedSurge& surge : summary->surges) {
    for (const Record& r : records) calm_packets -= r.ts_ns >= surge.start_ns && r.ts_ns < surge.end_ns();
    calm_ns -= static_cast<double>(surge.length_ns);
  }
  for (const PlantedSurge& surge : summary->surges) {
    double packets = 0, syns = 0;
    for (const Record& r : records) {
      if (r.ts_ns < surge.start_ns || r.ts_ns >= surge.end_ns()) continue;
      ++packets;
      Census one;
      one.take(r);
      syns += static_cast<double>(one.syn);
    }
    const double ratio = packets / static_cast<double>(surge.length_ns) * calm_ns / calm_packets;
    EXPECT_NEAR(ratio / surge.factor, 1, 0.12) << "factor " << surge.factor;
    if (surge.kind == SurgeKind::syn_flood) {
      EXPECT_NEAR(syns / packets, 1 - 1 / surge.factor, 0.06);
    } else {
      EXPECT_LT(syns / packets, 0.06 + 2 / std::sqrt(packets));  // short surges are small samples
    }
  }
  EXPECT_EQ(summary->surges[0].kind, SurgeKind::dip);
}

TEST(Synth, RandomSurgesAreApartForAnySeed) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SynthSettings s = small(1, 60, seed);
    s.random_surges = 12;
    s.conversations = 1;
    Bytes file;
    const auto summary = generate(file, s);
    ASSERT_TRUE(summary) << summary.error().message();
    ASSERT_EQ(summary->surges.size(), 12u);
    for (std::size_t i = 1; i < 12; ++i)
      EXPECT_GT(summary->surges[i].start_ns, summary->surges[i - 1].end_ns()) << "seed " << seed;
  }
}

TEST(Synth, GivenCountsAreExact) {
  SynthSettings s = small(1, 1);
  s.rates = {{start, second, 100},
             {start + second, second, 0},
             {start + 2 * second, 2 * second, 40'001},
             {start + 4 * second, second, 1}};
  Bytes file;
  const auto summary = generate(file, s);
  ASSERT_TRUE(summary);
  const auto counts = per_second(read_pcap(file), 5);
  EXPECT_EQ(counts[0], 100);
  EXPECT_EQ(counts[1], 0);
  EXPECT_EQ(counts[2] + counts[3], 40'001);
  EXPECT_EQ(counts[4], 1);
}

TEST(Synth, GapsAreEmptyAndBackwardStampsAreSmall) {
  SynthSettings s = small(2'000, 10);
  s.gaps = {{start + 3 * second, 2 * second}};
  s.backward = 0.01;
  Bytes file;
  ASSERT_TRUE(generate(file, s));
  const auto records = read_pcap(file);
  const auto counts = per_second(records, 10);
  EXPECT_GT(counts[2], 1'000);
  EXPECT_LE(counts[3] + counts[4], 2);  // stamped back from the next second at most
  std::size_t backward = 0;
  for (std::size_t i = 1; i < records.size(); ++i) {
    backward += records[i].ts_ns < records[i - 1].ts_ns;
    EXPECT_GT(records[i].ts_ns, records[i - 1].ts_ns - 1'001'000);
  }
  EXPECT_NEAR(static_cast<double>(backward), 0.01 * static_cast<double>(records.size()),
              0.006 * static_cast<double>(records.size()));
}

TEST(Synth, LargerSnaplensHoldWholePacketsWithRightChecksums) {
  SynthSettings s = small(2'000, 4);
  s.snaplen = 2'000;
  Bytes file;
  ASSERT_TRUE(generate(file, s));
  const auto records = read_pcap(file, 2'000);
  Census c;
  for (const Record& r : records) c.take(r);
  expect_sound(records, c);
  EXPECT_GT(c.share(c.checksums_checked), 0.95);  // all but fragments, ESP, ARP
}

TEST(Synth, TinyTracesAreTraces) {
  SynthSettings s = small(1, 1);
  s.duration_ns = 1;
  Bytes file;
  ASSERT_TRUE(generate(file, s));
  EXPECT_EQ(file.size(), 24u);
  s = small(1e6, 1);
  s.duration_ns = 1'000;
  file.clear();
  ASSERT_TRUE(generate(file, s));
  EXPECT_LT(read_pcap(file).size(), 20u);
}

TEST(Synth, SillySettingsNameTheOption) {
  const std::pair<const char*, std::function<void(SynthSettings&)>> table[] = {
      {"--duration", [](auto& s) { s.duration_ns = 0; }},
      {"--rate", [](auto& s) { s.rate = 0; }},
      {"--rate", [](auto& s) { s.rate = std::nan(""); }},
      {"--rate", [](auto& s) { s.rate = -5; }},
      {"--start", [](auto& s) { s.start_ns = -second; }},
      {"--start", [](auto& s) { s.start_ns = 5'000'000'000 * second; }},
      {"--start", [](auto& s) { s.duration_ns = std::numeric_limits<std::int64_t>::max(); }},
      {"--surge",
       [](auto& s) {
         s.surges = {{start, std::numeric_limits<std::int64_t>::max(), 2, {}}};
       }},
      {"--gap",
       [](auto& s) {
         s.gaps = {{std::numeric_limits<std::int64_t>::max(), second}};
       }},
      {"--rates",
       [](auto& s) {
         s.rates = {{start, 1'000, 1e15}};
       }},
      {"--day", [](auto& s) { s.day_ns = 0; }},
      {"--conversations", [](auto& s) { s.conversations = 0; }},
      {"--snaplen", [](auto& s) { s.snaplen = 63; }},
      {"--tcp", [](auto& s) { s.tcp = 1.1; }},
      {"--ipv6", [](auto& s) { s.ipv6 = -0.1; }},
      {"--diurnal", [](auto& s) { s.diurnal = 1; }},
      {"--surges", [](auto& s) { s.random_surges = 10'000'000; }},
      {"--surge",
       [](auto& s) {
         s.surges = {{start - 1, second, 2, {}}};
       }},
      {"--surge",
       [](auto& s) {
         s.surges = {{start, 0, 2, {}}};
       }},
      {"--surge",
       [](auto& s) {
         s.surges = {{start, second, 0, {}}};
       }},
      {"--surge",
       [](auto& s) {
         s.surges = {{start, second, 2, {}}, {start + 1, second, 2, {}}};
       }},
      {"--gap",
       [](auto& s) {
         s.gaps = {{start, 0}};
       }},
  };
  for (const auto& [option, change] : table) {
    SynthSettings s = small(10, 10);
    change(s);
    Bytes file;
    const auto summary = generate(file, s);
    ASSERT_FALSE(summary) << option;
    EXPECT_EQ(summary.error().where, option);
    EXPECT_EQ(summary.error().kind, ErrorKind::usage) << option;
    EXPECT_TRUE(file.empty()) << option;
  }
}

TEST(Synth, AWriterThatFailsEndsIt) {
  const auto summary = write_synthetic(small(1'000, 5), [](auto) -> Status {
    return Error{"full", "disk", ""};
  });
  ASSERT_FALSE(summary);
  EXPECT_EQ(summary.error().what, "full");
}

}  // namespace
}  // namespace tidegauge
