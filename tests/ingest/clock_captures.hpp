// Captures of every format whose clocks do what clocks do (tests/random_clocks.hpp), with payloads that filters tell
// apart and that come again; plain, or compressed in a few units.
#pragma once

#include "tests/ingest/capture_builder.hpp"
#include "tests/ingest/erf_builder.hpp"
#include "tests/ingest/source_support.hpp"
#include "tests/packets.hpp"
#include "tests/random_clocks.hpp"

namespace tidegauge::test {

/// Payloads that filters tell apart, some of which come again.
class Payloads {
 public:
  explicit Payloads(Random& random) : random_(random) {}
  /// Without the first `skip` bytes, those of Ethernet.
  Bytes next(std::size_t skip = 0) {
    if (!made_.empty() && random_() % 3 == 0) {
      last_ = made_[made_.size() - 1 - random_() % std::min<std::size_t>(made_.size(), 6)];
    } else {
      last_ = {random_() % 3 ? packet() : random_payload(random_, 1 + random_() % 90), random_() % 2 ? random_() % 700 : 0};
      made_.push_back(last_);
    }
    const std::size_t cut = skip < last_.first.size() ? skip : 0;
    return Bytes(last_.first.begin() + static_cast<std::ptrdiff_t>(cut), last_.first.end());
  }
  /// What the last one had more on the wire.
  std::uint32_t uncaptured() const { return last_.second; }

 private:
  Bytes packet() {
    const Bytes inner[] = {tcp(2), udp(53, 1'000 + random_() % 3), icmp(8), gre(0, 0x0800, 0, ipv4(6, tcp(16)))};
    const int protocols[] = {6, 17, 1, 47};
    const std::size_t kind = random_() % 4;
    return eth(0x0800, ipv4(protocols[kind], inner[kind])) + random_payload(random_, random_() % 30);
  }
  Random& random_;
  std::vector<std::pair<Bytes, std::uint32_t>> made_;
  std::pair<Bytes, std::uint32_t> last_;
};

/// Records of one of the random clocks, of two interfaces; sometimes a new section, an interface that cannot be read, a packet without
/// a time.
inline Bytes pcapng_of_clock(std::uint64_t seed, std::uint64_t round, std::size_t records) {
  RandomStream clock(seed, round);
  Random random(static_cast<std::uint32_t>(seed + round));
  Payloads payloads(random);
  PcapngBuilder file(random() % 2 == 0);
  const auto interfaces = [&] {
    file.interface(1, {file.number(9, 9, 1)});
    if (random() % 3 == 0) file.interface(1, {file.number(9, 9, 2)});  // unreadable
    else file.interface(101, {file.number(9, 9, 1), file.number(13, random() % 2 * 32, 1)});
  };
  interfaces();
  std::int64_t ts = 1'700'000'000'000'000'000;
  for (std::size_t i = 0; i < records; ++i) {
    ts = random_time(clock, round % clock_models, ts) & INT64_MAX;
    if (random() % 60 == 0) file.section(random() % 2 == 0), interfaces();
    if (random() % 20 == 0) file.simple(random_payload(random, 20));
    const std::uint32_t interface = random() % 2;
    const Bytes payload = payloads.next(interface == 1 ? 14 : 0);
    file.enhanced(interface, static_cast<std::uint64_t>(ts), payload, static_cast<std::uint32_t>(payload.size()) + payloads.uncaptured());
  }
  return file.bytes;
}

/// Every magic, version and layout, also those that the first records tell.
inline const std::vector<PcapShape>& pcap_shapes() {
  static const std::vector<PcapShape> shapes{
      {.name = "microseconds"},
      {.name = "nanoseconds", .magic = 0xa1b23c4d},
      {.name = "patched", .magic = 0xa1b2cd34},
      {.name = "Ixia, nanoseconds", .magic = 0x1c0001ac},
      {.name = "Ixia, microseconds", .magic = 0x1c0001ab},
      {.name = "frame check sequences", .link_word = 0x2400'0001},
      {.name = "version 2.2", .minor = 2},
      {.name = "version 543.0", .minor = 0, .major = 543},
      {.name = "Red Hat 6.1", .record_header = 24},
      {.name = "Nokia IPSO", .record_header = 20},
      {.name = "SuSE 6.3", .magic = 0xa1b2cd34, .record_header = 28},
  };
  return shapes;
}

inline Bytes pcap_of_clock(std::uint64_t seed, std::uint64_t round, std::size_t records, PcapShape shape = {}) {
  RandomStream clock(seed, round);
  Random random(static_cast<std::uint32_t>(seed + round));
  Payloads payloads(random);
  shape.big_endian = random() % 2 == 0;
  PcapBuilder file(shape);
  std::int64_t ts = 1'700'000'000'000'000'000;
  for (std::size_t i = 0; i < records; ++i) {
    ts = random_time(clock, round % clock_models, ts);
    const auto seconds = static_cast<std::uint32_t>(static_cast<std::uint64_t>(ts) / 1'000'000'000 % 4'000'000'000u);
    const Bytes payload = i < 3 || random() % 20 ? payloads.next() : Bytes();  // the first records tell some layouts
    file.record(seconds, random() % 1'000'000, payload, static_cast<std::uint32_t>(payload.size()) + payloads.uncaptured());
  }
  return file.bytes;
}

/// Ethernet and IPv4; types that are not decoded or are no packets are rare, because to believe them the walker looks ahead as
/// far as a record can be long, which is farther than these captures.
inline Bytes erf_of_clock(std::uint64_t seed, std::uint64_t round, std::size_t records) {
  RandomStream clock(seed, round);
  Random random(static_cast<std::uint32_t>(seed + round));
  Payloads payloads(random);
  ErfBuilder file;
  std::int64_t ts = 1'700'000'000'000'000'000;
  for (std::size_t i = 0; i < records; ++i) {
    ts = random_time(clock, round % clock_models, ts);
    const std::uint8_t usual[] = {2, 16, 22}, odd[] = {3, 27};
    const std::uint8_t type = i < 4 ? 2 : random() % 100 ? usual[random() % 3] : odd[random() % 2];
    const Bytes payload = payloads.next(type == 22 ? 14 : 0);
    const std::uint64_t seconds = static_cast<std::uint64_t>(ts) / 1'000'000'000 % 4'000'000'000u;
    file.record(erf_time(seconds, random()), payload, static_cast<std::uint16_t>(payload.size() + payloads.uncaptured() + 4),
                {.type = type, .extension_headers = static_cast<int>(random() % 3)});
  }
  return file.bytes;
}

inline Bytes capture_of_clock(std::uint64_t seed, std::uint64_t round, std::size_t records) {
  if (round % 3 == 0) return pcapng_of_clock(seed, round / 3, records);
  if (round % 3 == 1) return pcap_of_clock(seed, round / 3, records, pcap_shapes()[round / 3 % pcap_shapes().size()]);
  return erf_of_clock(seed, round / 3, records);
}

/// A member, frame or stream, or a few, cut anywhere.
inline Bytes compressed(const Bytes& bytes, Random& random) {
  const Compressor& compressor = kCompressors[random() % kCompressors.size()];
  Bytes members;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t size = std::min<std::size_t>(bytes.size() - at, random() % 3 == 0 ? bytes.size() : 1 + random() % 4000);
    append(members, compressor.compress(Bytes(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                                              bytes.begin() + static_cast<std::ptrdiff_t>(at + size))));
    at += size;
  }
  return members;
}

}  // namespace tidegauge::test
