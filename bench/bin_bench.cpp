// How much counting costs beside walking: raw pcap in the page cache, one core, all default counters.
//   bin_bench [--check] [records in millions, default 4] [rounds, default 7]
// --check: exit 1 if counting is below 0.3 of the walk, half the target.
// Stages, each over the same file and interleaved so that they meet the same machine:
//   walk    the bare record walk: reads every record header, adds up the wire lengths
//   decode  walk + decode: adds up the facts
//   count   walk + decode + order + count into 1 s rows, what `bin` does (CountSink)
//   pack    walk + decode + order + pack into device batches that nobody counts (PackSink)
// The trace: 96-byte snaplen, 98 bytes a record on average with the header, packets of a few hundred flows at random
// (70 % TCP, 20 % UDP, 5 % ICMP, 5 % others; 25 % IPv6), so that neither family, protocol nor record length can be
// predicted; 1 M packets a second. Left out: reading from a disk, inflating, writing rows anywhere.
// Read the best of the rounds; the spread is printed beside it, and on a machine that others use both are needed: the
// stages lose by different amounts when the cache or the other half of a core is busy.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/formats/capture.hpp"
#include "ingest/sinks/count_capture.hpp"
#include "ingest/sinks/count_sink.hpp"
#include "ingest/sinks/pack_sink.hpp"
#include "kernels/core/random.hpp"

namespace tidegauge {
namespace {

// The trace -----

struct Flow {
  std::array<std::uint8_t, 96> bytes{};  ///< Ethernet, IP and transport header, then nothing of interest
  bool v6 = false;
  std::uint8_t protocol = 0;
};

void put16(std::uint8_t* at, std::uint32_t value) {
  at[0] = static_cast<std::uint8_t>(value >> 8);
  at[1] = static_cast<std::uint8_t>(value);
}

Flow make_flow(RandomStream& random) {
  Flow flow;
  for (auto& byte : flow.bytes) byte = static_cast<std::uint8_t>(random());
  const double kind = random.unit();
  flow.v6 = random.unit() < 0.25;
  flow.protocol = kind < 0.70 ? 6 : kind < 0.90 ? 17 : kind < 0.95 ? (flow.v6 ? 58 : 1) : 50;
  put16(&flow.bytes[12], flow.v6 ? 0x86dd : 0x0800);
  flow.bytes[14] = flow.v6 ? 0x60 : 0x45;
  if (!flow.v6) put16(&flow.bytes[20], 0x4000);
  flow.bytes[flow.v6 ? 20 : 23] = flow.protocol;
  return flow;
}

struct Truth {
  std::uint64_t packets = 0, bytes = 0, tcp_packets = 0, ipv6_packets = 0, file_bytes = 24;
};

/// Wire lengths of a backbone: mostly acknowledgements and full segments, some between.
std::uint32_t draw_length(const Flow& flow, RandomStream& random) {
  const double kind = random.unit();
  const std::uint32_t least = flow.v6 ? 74 : 60;
  if (kind < 0.45) return least + static_cast<std::uint32_t>(random.below(8));
  if (kind < 0.80) return 1514;
  return least + static_cast<std::uint32_t>(random.below(1400));
}

Truth write_trace(const std::string& path, std::uint64_t records, std::uint64_t seed) {
  RandomStream random(seed, 0);
  std::vector<Flow> flows;
  for (int i = 0; i < 300; ++i) flows.push_back(make_flow(random));
  std::ofstream out(path, std::ios::binary);
  const std::array<std::uint32_t, 6> head{0xa1b2c3d4, 2 | 4 << 16, 0, 0, 96, 1};
  out.write(reinterpret_cast<const char*>(head.data()), sizeof head);
  Truth truth;
  std::vector<char> block;
  for (std::uint64_t i = 0; i < records; ++i) {
    Flow& flow = flows[random.below(flows.size())];
    const std::uint32_t wire = draw_length(flow, random), captured = std::min(wire, 96u);
    put16(&flow.bytes[flow.v6 ? 18 : 16], flow.v6 ? wire - 54 : wire - 14);
    if (flow.protocol == 6) flow.bytes[flow.v6 ? 67 : 47] = random.below(16) == 0 ? 0x02 : 0x10;
    const auto micros = static_cast<std::uint32_t>(i % 1'000'000);
    const std::array<std::uint32_t, 4> record{1'700'000'000 + static_cast<std::uint32_t>(i / 1'000'000),
                                              micros, captured, wire};
    const char* record_bytes = reinterpret_cast<const char*>(record.data());
    block.insert(block.end(), record_bytes, record_bytes + sizeof record);
    const char* packet_bytes = reinterpret_cast<const char*>(flow.bytes.data());
    block.insert(block.end(), packet_bytes, packet_bytes + captured);
    truth.packets += 1;
    truth.bytes += wire;
    truth.tcp_packets += flow.protocol == 6;
    truth.ipv6_packets += flow.v6;
    truth.file_bytes += sizeof record + captured;
    if (block.size() > 1 << 20)
      out.write(block.data(), static_cast<std::streamsize>(block.size())), block.clear();
  }
  out.write(block.data(), static_cast<std::streamsize>(block.size()));
  return truth;
}

// The stages -----

struct BareSink {
  std::uint64_t packets = 0, bytes = 0;
  TG_INLINE void packet(const PacketView& packet) { packets += 1, bytes += packet.wire_bytes; }
  void refuse(Refusal, std::uint64_t, std::uint64_t) {}
  void lost(std::uint64_t) {}
};

struct DecodeSink {
  std::uint64_t packets = 0, bytes = 0, facts = 0;
  TG_INLINE void packet(const PacketView& packet) {
    const HeaderFacts f = decode(packet);
    packets += 1, bytes += packet.wire_bytes, facts += binning::kind_of(f) + f.tcp_flags + f.ip_bytes;
  }
  void refuse(Refusal, std::uint64_t, std::uint64_t) {}
  void lost(std::uint64_t) {}
};

struct NoCounter final : PacketBatchCounter {
  std::uint64_t packets = 0;
  Status add(const PacketBatch& batch) override { return packets += batch.packets.size(), Status{}; }
  Expected<std::map<std::int64_t, IntervalRow>> take() override {
    return std::map<std::int64_t, IntervalRow>{};
  }
};

[[noreturn]] void fail(const std::string& what) {
  fmt::print(stderr, "bin_bench: {}\n", what);
  std::exit(1);
}

template <class Sink>
void walk(const std::string& path, Sink& sink) {
  if (auto walked = walk_capture(path, sink, {}); !walked) fail(walked.error().message());
}

std::uint64_t run_walk(const std::string& path) {
  BareSink sink;
  walk(path, sink);
  return sink.packets + sink.bytes;
}

std::uint64_t run_decode(const std::string& path) {
  DecodeSink sink;
  walk(path, sink);
  return sink.packets + sink.facts;
}

IntervalRow count_all(const std::string& path) {
  IntervalRow total;
  const auto counted = count_capture(path, {}, [&](const RowPortion& rows) -> Status {
    for (const auto& [k, row] : rows) total += row;
    return {};
  });
  if (!counted) fail(counted.error().message());
  return total;
}

std::uint64_t run_count(const std::string& path) { return count_all(path)[Column::packets]; }

std::uint64_t run_pack(const std::string& path) {
  NoCounter counter;
  RowPortions portions(1 << 16, [](const IntervalRows&) { return Status{}; });
  PackSink sink(1'000'000'000, counter, portions, {});
  walk(path, sink);
  sink.finish();
  return counter.packets;
}

struct Stage {
  const char* name;
  std::uint64_t (*run)(const std::string&);
  std::vector<double> seconds{};
  std::uint64_t answer = 0;
};

double time_once(Stage& stage, const std::string& path) {
  const auto begin = std::chrono::steady_clock::now();
  stage.answer = stage.run(path);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void check_answer(const std::string& path, const Truth& truth) {
  const IntervalRow total = count_all(path);
  const bool right = total[Column::packets] == truth.packets && total[Column::bytes] == truth.bytes &&
                     total[Column::tcp_packets] == truth.tcp_packets &&
                     total[Column::ipv6_packets] == truth.ipv6_packets && total[Column::cut] == 0;
  if (!right) fail("the counts differ from what was written");
  fmt::print("answer: {} packets, {} bytes, {} TCP, {} IPv6, as written\n", truth.packets, truth.bytes,
             truth.tcp_packets, truth.ipv6_packets);
}

int main_of(int argc, char** argv) {
  const bool check = argc > 1 && std::string_view(argv[1]) == "--check";
  if (check) ++argv, --argc;
  const std::uint64_t records = (argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 4) * 1'000'000;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 7;
  const std::string path =
      (std::filesystem::temp_directory_path() / fmt::format("bin_bench-{}.pcap", getpid())).string();
  const Truth truth = write_trace(path, records, 1);
  check_answer(path, truth);

  std::array stages{Stage{"walk", run_walk}, Stage{"decode", run_decode}, Stage{"count", run_count},
                    Stage{"pack", run_pack}};
  for (int round = 0; round < rounds; ++round)
    for (Stage& stage : stages) stage.seconds.push_back(time_once(stage, path));
  std::filesystem::remove(path);

  fmt::print("{:.1f} bytes a record, {} rounds, one core, page cache\n",
             static_cast<double>(truth.file_bytes) / static_cast<double>(records), rounds);
  fmt::print("{:>8} {:>8} {:>8} {:>9} {:>9} {:>10}\n", "stage", "Mpps", "GB/s", "ns/packet", "of walk",
             "worst Mpps");
  const double base = *std::min_element(stages[0].seconds.begin(), stages[0].seconds.end());
  for (const Stage& stage : stages) {
    const auto [best, worst] = std::minmax_element(stage.seconds.begin(), stage.seconds.end());
    const auto n = static_cast<double>(records);
    fmt::print("{:>8} {:>8.1f} {:>8.2f} {:>9.2f} {:>9.2f} {:>10.1f}\n", stage.name, n / *best * 1e-6,
               static_cast<double>(truth.file_bytes) / *best * 1e-9, *best / n * 1e9, base / *best,
               n / *worst * 1e-6);
  }
  const double ratio = base / *std::min_element(stages[2].seconds.begin(), stages[2].seconds.end());
  fmt::print("count_of_walk {:.2f} (target 0.60)\n", ratio);
  return check && ratio < 0.3 ? 1 : 0;
}

}  // namespace
}  // namespace tidegauge

int main(int argc, char** argv) { return tidegauge::main_of(argc, argv); }
