// How fast captures become counters, each part beside what bounds it and beside the peers found here, in one
// run.
//   ingest_bench [--check] [--records MILLIONS, default 4] [--rounds N, default 7]
// Exit 1 where a ratio that was measured is below its target (the table `targets`); with --check, which has no peers and
// fewer rounds, below half of it, and of several cores only where they were to be had: machines that run tests are busy.
//
// One core, times of this thread, the file in the page cache, stages in turns so that all meet the same machine:
//   memory, read    a read of the file's bytes where they lie; read() of them in the walk's blocks
//   walk            the bare record walk: every record header, the wire lengths added up
//   decode, count   what the walk, then decoding and counting into 1 s rows add (count is what `bin` does)
//   by dport, distinct  the same with a counter per destination port; with sketches of both addresses
//   sample          one packet in 100 written as a capture into memory that is thrown away, with the population per second
//   pack            walk + decode + order + pack into device batches that nobody counts
//   libpcap         its loop, wire lengths added up
//   inflate, read gz, bin gz  a quarter of the file gzipped: ISA-L alone with checksums, the source, and counting it
// All cores, by the wall, where there are two: the same over memory, read, count, gz (one member), members, bgzf and two
// files, each with one thread and with all; ISA-L in all at once, which tells how many cores are to be had; and tracertstats,
// tcpstat, capinfos and tshark as whole programs, where they are installed (tshark on the first 100,000 records).
//
// The trace: 96-byte snaplen, 98 bytes a record on average with the header, packets of 300 flows at random (70 % TCP, 20 %
// UDP, 5 % ICMP, 5 % others; 25 % IPv6); a million a second. Left out: disks, and writing rows anywhere.
#include <fcntl.h>
#include <fmt/format.h>
#include <isa-l/igzip_lib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#ifdef TIDEGAUGE_HAVE_PCAP
#include <pcap/pcap.h>
#endif

#include "ingest/formats/capture.hpp"
#include "ingest/formats/packet_file.hpp"
#include "ingest/sinks/count_capture.hpp"
#include "ingest/sinks/pack_sink.hpp"
#include "ingest/sinks/sample_capture.hpp"
#include "ingest_traces.hpp"
#include "rounds.hpp"

namespace tidegauge::bench {
namespace {

// One way over a file each; returns the number that is held against the truth -----

struct BareSink {
  std::uint64_t packets = 0, bytes = 0;
  TG_INLINE void packet(const PacketView& packet) { packets += 1, bytes += packet.wire_bytes; }
  void refuse(Refusal, std::uint64_t, std::uint64_t) {}
  void lost(std::uint64_t) {}
};

struct DecodeSink {
  std::uint64_t bytes = 0, facts = 0, tcp = 0;
  TG_INLINE void packet(const PacketView& packet) {
    const HeaderFacts f = decode(packet);
    bytes += packet.wire_bytes, facts += binning::kind_of(f) + f.tcp_flags, tcp += f.ip_bytes;
  }
  void refuse(Refusal, std::uint64_t, std::uint64_t) {}
  void lost(std::uint64_t) {}
};

/// A device that throws its batches away: what is left is what packing costs.
class NoDevice final : public Backend {
 public:
  explicit NoDevice(std::uint64_t& packets) : packets_(packets) {}
  std::string_view name() const override { return "none"; }
  Expected<std::unique_ptr<PacketBatchCounter>> batch_counter(const BatchShape& shape, std::uint32_t) override {
    return std::unique_ptr<PacketBatchCounter>(std::make_unique<Counter>(packets_, make_batch_counter_cpu(shape)));
  }
  Status slopes(std::span<double>, const SlopeInput&, const SlopeRule&) override { return nothing(); }
  Status surges(Surges&, const SurgeInput&, const SurgeRule&) override { return nothing(); }
  Expected<std::unique_ptr<LstmNetwork>> lstm(const LstmShape&, std::uint64_t, const LstmOptions&) override { return nothing(); }
  Expected<std::unique_ptr<ManyNetworks>> many(std::vector<ManyState>, std::span<const ManyTask>,
                                               const ManySettings&) override {
    return nothing();
  }

 private:
  static Error nothing() { return {"this device does nothing", "", ""}; }
  struct Counter final : PacketBatchCounter {
    Counter(std::uint64_t& count, std::unique_ptr<PacketBatchCounter> of) : packets(count), memory(std::move(of)) {}
    PacketBatch& batch() override { return memory->batch(); }
    Status submit() override { return packets += batch().packets, batch().clear(), Status{}; }
    Expected<CountedRows> take() override { return CountedRows{}; }
    std::size_t keyed_bytes() const override { return 0; }
    std::uint64_t& packets;
    std::unique_ptr<PacketBatchCounter> memory;
  };
  std::uint64_t& packets_;
};

template <class Sink>
Sink walk(const std::string& path, Sink sink) {
  if (auto walked = walk_capture(path, sink, {}); !walked) fail(walked.error().message());
  return sink;
}

std::uint64_t bare_walk(const std::string& path) { return walk(path, BareSink{}).bytes; }

std::uint64_t decode_walk(const std::string& path) {
  const DecodeSink sink = walk(path, DecodeSink{});
  return sink.facts == 1 && sink.tcp == 1 ? 0 : sink.bytes;  // so that the facts are needed
}

/// @param threads that may work on the file
/// @param options what else is counted
IntervalRow count_all(const std::string& path, std::size_t threads = 1, CountOptions options = {}) {
  ThreadBudget budget(threads - 1);
  if (threads > 1) options.spare_threads = &budget;
  IntervalRow total;
  const auto counted = count_capture(path, options, [&](const RowPortion& rows) -> Status {
    for (const auto& [k, row] : rows) total += row;
    return {};
  });
  if (!counted) fail(counted.error().message());
  return total;
}

std::uint64_t count(const std::string& path, std::size_t threads = 1) {
  return count_all(path, threads)[Column::bytes];
}

std::uint64_t count_keyed(const std::string& path, KeyedOptions keyed) {
  CountOptions options;
  options.keyed = std::move(keyed);
  options.keyed_rows = [](const KeyedRows&, const KeyPlan&) { return Status{}; };
  return count_all(path, 1, std::move(options))[Column::bytes];
}

std::uint64_t count_by_dport(const std::string& path) {
  KeyedOptions keyed;
  keyed.by.push_back({.kind = KeyKind::dport});
  return count_keyed(path, std::move(keyed));
}

std::uint64_t count_distinct(const std::string& path) {
  KeyedOptions keyed;
  keyed.distinct = true;
  return count_keyed(path, std::move(keyed));
}

/// Both files, each by one thread: one after the other, or side by side.
std::uint64_t count_two(const std::string& first, const std::string& second, bool side_by_side) {
  if (!side_by_side) return count(first) + count(second);
  std::uint64_t bytes = 0;
  std::thread other([&] { bytes = count(second); });
  const std::uint64_t mine = count(first);
  other.join();
  return mine + bytes;
}

/// The bytes of the population, from the windows; 0 where the sample is not what the mode keeps.
std::uint64_t sample(const std::string& path) {
  constexpr std::uint64_t every = 100;
  std::uint64_t written = 0, bytes = 0;
  PacketFileWriter writer(PacketFileWriter::Format::pcap, [&](std::string_view text) { return written += text.size(), Status(); });
  const SampleTargets targets{.packet = [&](const PacketView& packet) { return writer.packet(packet); },
                              .windows = [&](const SampleWindows& windows) -> Status {
                                for (const auto& [k, window] : windows) bytes += window.bytes;
                                return {};
                              }};
  const auto sampled = sample_capture(path, {.every = every}, targets);
  if (!sampled) fail(sampled.error().message());
  if (const Status finished = writer.finish(); !finished) fail(finished.error().message());
  const bool right = sampled->total.sampled_packets == (sampled->total.packets + every - 1) / every &&
                     written > 16 * sampled->total.sampled_packets;
  return right ? bytes : 0;
}

/// All but the first two packets, which their neighbours decide.
std::uint64_t pack(const std::string& path) {
  std::uint64_t packets = 0;
  CounterPool pool({std::make_shared<NoDevice>(packets)}, {}, 1);
  RowPortions portions(1 << 16, [](const IntervalRows&) { return Status{}; });
  PackSink sink(1'000'000'000, pool, portions);
  if (auto walked = walk_capture(path, sink, {}); !walked) fail(walked.error().message());
  sink.finish();
  return packets + 2;
}

/// What has to be paid to see the bytes at all: the copy out of the page cache, or inflating, in the walk's
/// blocks.
std::uint64_t read_all(ByteSource& source) {
  std::vector<std::uint8_t> block(source.block_bytes());
  for (std::uint64_t bytes = 0;;) {
    const auto got = source.read(block.data(), block.size());
    if (!got) fail(got.error().message());
    if (*got == 0) return bytes;
    bytes += *got;
  }
}

std::uint64_t read_file(const std::string& path) {
  auto source = open_source(path);
  if (!source) fail(source.error().message());
  return read_all(**source);
}

/// ISA-L as its documentation uses it, out of memory: no member may follow, nothing is recognised.
class Inflation {
 public:
  explicit Inflation(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    input_.assign(std::istreambuf_iterator<char>(in), {});
  }
  std::uint64_t run() {
    std::vector<std::uint8_t> out(std::size_t{256} << 10);
    inflate_state state;
    isal_inflate_init(&state);
    state.crc_flag = ISAL_GZIP;
    state.next_in = reinterpret_cast<std::uint8_t*>(input_.data());
    state.avail_in = static_cast<std::uint32_t>(input_.size());
    std::uint64_t bytes = 0;
    do {
      state.next_out = out.data();
      state.avail_out = static_cast<std::uint32_t>(out.size());
      if (isal_inflate(&state) != ISAL_DECOMP_OK) fail("ISA-L cannot inflate the trace");
      bytes += out.size() - state.avail_out;
    } while (state.block_state != ISAL_BLOCK_FINISH);
    return bytes;
  }

 private:
  std::vector<char> input_;
};

/// Runs `part(i)` for each of `threads` parts at once; the sum of what they return.
template <class Part>
std::uint64_t in_parts(std::size_t threads, const Part& part) {
  std::vector<std::uint64_t> sums(threads);
  std::vector<std::thread> others;
  for (std::size_t i = 1; i < threads; ++i) others.emplace_back([&, i] { sums[i] = part(i); });
  sums[0] = part(0);
  for (std::thread& other : others) other.join();
  std::uint64_t sum = 0;
  for (const std::uint64_t one : sums) sum += one;
  return sum;
}

/// The file mapped with its pages present, for the memory's own speed: every byte once, as 64-bit words.
class Resident {
 public:
  Resident(const std::string& path, std::uint64_t size) : size_(size) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    at_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE | MAP_POPULATE, descriptor, 0);
    ::close(descriptor);
    if (at_ == MAP_FAILED) fail("cannot map the trace");
  }
  ~Resident() { ::munmap(at_, size_); }
  Resident(const Resident&) = delete;
  Resident& operator=(const Resident&) = delete;
  std::uint64_t run(std::size_t threads = 1) const {
    return in_parts(threads, [&](std::size_t part) {
      const std::size_t begin = size_ / threads * part, end = part + 1 == threads ? size_ : size_ / threads * (part + 1);
      std::uint64_t sum = 0;
      for (std::size_t at = begin; at + 8 <= end; at += 8) {
        std::uint64_t word;
        std::memcpy(&word, static_cast<const char*>(at_) + at, 8);
        sum += word;
      }
      return sum == 1 ? 0 : end - begin;  // so that the sum is needed
    });
  }

 private:
  void* at_;
  std::size_t size_;
};

#ifdef TIDEGAUGE_HAVE_PCAP
std::uint64_t libpcap_loop(const std::string& path) {
  char error[PCAP_ERRBUF_SIZE];
  pcap_t* const pcap = pcap_open_offline(path.c_str(), error);
  if (!pcap) fail(error);
  std::uint64_t bytes = 0;
  pcap_pkthdr* header;
  const u_char* packet;
  while (pcap_next_ex(pcap, &header, &packet) == 1) bytes += header->len;
  pcap_close(pcap);
  return bytes;
}
#endif

// What must be reached -----

/// "bound n": n times one core, or what all cores read out of memory, whichever is less.
constexpr std::array<Target, 13> targets{{
    // one core
    {"count", "walk", 0.8},
    {"sample", "walk", 0.7},
    {"bin gz", "inflate", 0.92},
    {"walk", "libpcap", 4},
    // all cores
    {"count n", "bound n", 0.9},
    {"gz n", "inflate", 1.0},
    {"gz n", "gz 1", 1.0},
    {"members n", "members 1", 1.8},
    {"bgzf n", "bgzf 1", 1.8},
    {"2 files 2", "2 files 1", 1.8},
    // all cores beside whole programs
    {"count n", "tracertstats", 10},
    {"gz n", "tracertstats gz", 1.8},
    {"count n", "tshark CSV", 5'000},
}};

// The two tables -----

void check_answers(const Stages& stages) {
  for (const Stage& stage : stages)
    if (stage.run() != stage.wanted) fail(stage.name + " gives another answer than what was written");
}

void check_counts(const IngestTraces& traces) {
  const IntervalRow total = count_all(traces.whole());
  const Truth& truth = traces.truth();
  const bool right = total[Column::packets] == truth.packets && total[Column::bytes] == truth.bytes &&
                     total[Column::tcp_packets] == truth.tcp_packets &&
                     total[Column::ipv6_packets] == truth.ipv6_packets && total[Column::cut] == 0;
  if (!right) fail("the counts differ from what was written");
  fmt::print("answer: {} packets, {} bytes, {} TCP, {} IPv6, as written\n", truth.packets, truth.bytes,
             truth.tcp_packets, truth.ipv6_packets);
}

/// A stage over the whole trace that adds up wire lengths, or else says what it returns.
/// `copies` times.
Stage over_whole(const IngestTraces& traces, std::string name, std::function<std::uint64_t()> run,
                 std::optional<std::uint64_t> wanted = {}, std::uint64_t copies = 1) {
  const Truth& truth = traces.truth();
  return {std::move(name), std::move(run), wanted.value_or(copies * truth.bytes), copies * truth.packets,
          copies * truth.file_bytes};
}
/// The same over the quarter.
Stage over_quarter(const IngestTraces& traces, std::string name, std::function<std::uint64_t()> run,
                   std::optional<std::uint64_t> wanted = {}, std::uint64_t copies = 1) {
  const Truth& truth = traces.quarter_truth();
  return {std::move(name), std::move(run), wanted.value_or(copies * truth.bytes), copies * truth.packets,
          copies * truth.file_bytes};
}

Stages one_core(const IngestTraces& traces, const Resident& resident, Inflation& inflation) {
  const std::string path = traces.whole(), gz = traces.gz();
  const std::uint64_t size = traces.truth().file_bytes;
  Stages stages{
      over_whole(traces, "memory", [&] { return resident.run(); }, size),
      over_whole(traces, "read", [=] { return read_file(path); }, size),
      over_whole(traces, "walk", [=] { return bare_walk(path); }),
      over_whole(traces, "decode", [=] { return decode_walk(path); }),
      over_whole(traces, "count", [=] { return count(path); }),
      over_whole(traces, "by dport", [=] { return count_by_dport(path); }),
      over_whole(traces, "distinct", [=] { return count_distinct(path); }),
      over_whole(traces, "sample", [=] { return sample(path); }),
      over_whole(traces, "pack", [=] { return pack(path); }, traces.truth().packets),
      over_quarter(traces, "inflate", [&] { return inflation.run(); }, traces.quarter_truth().file_bytes),
      over_quarter(traces, "read gz", [=] { return read_file(gz); }, traces.quarter_truth().file_bytes),
      over_quarter(traces, "bin gz", [=] { return count(gz); }),
  };
#ifdef TIDEGAUGE_HAVE_PCAP
  stages.push_back(over_whole(traces, "libpcap", [=] { return libpcap_loop(path); }));
#endif
  return stages;
}

Stages all_cores(const IngestTraces& traces, const Resident& resident, Inflation& inflation, std::size_t n) {
  const std::string path = traces.whole(), gz = traces.gz(), other = traces.other_gz();
  const std::string members = traces.members(), bgzf = traces.bgzf();
  const std::uint64_t size = traces.truth().file_bytes;
  return {
      over_whole(traces, "memory n", [&resident, n] { return resident.run(n); }, size),
      over_whole(traces, "read n", [=] { return in_parts(n, [&](std::size_t) { return read_file(path); }); }, n * size, n),
      over_whole(traces, "count 1", [=] { return count(path); }),
      over_whole(traces, "count n", [=] { return count(path, n); }),
      over_quarter(traces, "inflate", [&] { return inflation.run(); }, traces.quarter_truth().file_bytes),
      over_quarter(traces, "inflate n", [&inflation, n] { return in_parts(n, [&](std::size_t) { return inflation.run(); }); },
                   n * traces.quarter_truth().file_bytes, n),
      over_quarter(traces, "gz 1", [=] { return count(gz); }),
      over_quarter(traces, "gz n", [=] { return count(gz, n); }),
      over_quarter(traces, "members 1", [=] { return count(members); }),
      over_quarter(traces, "members n", [=] { return count(members, n); }),
      over_quarter(traces, "bgzf 1", [=] { return count(bgzf); }),
      over_quarter(traces, "bgzf n", [=] { return count(bgzf, n); }),
      over_quarter(traces, "2 files 1", [=] { return count_two(gz, other, false); }, {}, 2),
      over_quarter(traces, "2 files 2", [=] { return count_two(gz, other, true); }, {}, 2),
  };
}

/// A stage that did not run, but that no other can outdo.
Stage bound_of(const Stages& stages, std::size_t n) {
  const Stage &one = *find(stages, "count 1"), &memory = *find(stages, "memory n");
  Stage bound{"bound n", {}, 0, one.packets, one.bytes};
  for (std::size_t i = 0; i < one.seconds.size(); ++i)
    bound.seconds.push_back(static_cast<double>(one.packets) / std::min(static_cast<double>(n) * rate(one, i), rate(memory, i)));
  return bound;
}

// Peers -----

struct Peer {
  const char *name, *program;
  const char* arguments;  ///< the trace's name follows
  enum class File { whole, gz, slice } file;
};
constexpr std::array<Peer, 6> peers{{
    {"tracertstats", "tracertstats", "-i 1 pcapfile:", Peer::File::whole},
    {"tracertstats gz", "tracertstats", "-i 1 pcapfile:", Peer::File::gz},
    {"tcpstat", "tcpstat", "-o '%n\\n' 1 -r ", Peer::File::whole},
    {"capinfos", "capinfos", "-c ", Peer::File::whole},
    {"tshark io,stat", "tshark", "-q -z io,stat,1 -n -r ", Peer::File::slice},
    {"tshark CSV", "tshark",
     "-n -T fields -E separator=, -e ip.src -e ip.dst -e frame.len -e frame.time_epoch -Y 'tcp && ip && not(icmp)' -r ",
     Peer::File::slice},
}};

void add_peers(Stages& stages, const IngestTraces& traces) {
  for (const Peer& peer : peers) {
    if (std::system(fmt::format("command -v {} >/dev/null", peer.program).c_str()) != 0) {
      fmt::print("{}: not installed\n", peer.name);
      continue;
    }
    const bool slice = peer.file == Peer::File::slice, gz = peer.file == Peer::File::gz;
    const std::string file = slice ? traces.slice() : gz ? traces.gz() : traces.whole();
    const Truth& truth = slice ? traces.slice_truth() : gz ? traces.quarter_truth() : traces.truth();
    const std::string command = fmt::format("{} {}{} >/dev/null 2>&1", peer.program, peer.arguments, file);
    const auto run = [command]() -> std::uint64_t {
      if (std::system(command.c_str()) != 0) fail("this failed: " + command);
      return 0;
    };
    stages.push_back({peer.name, run, 0, truth.packets, truth.file_bytes});
  }
}

// The program -----

struct Options {
  bool check = false;
  std::uint64_t millions = 4;
  int rounds = 0;
  double held() const { return check ? 0.5 : 1; }  ///< how much of a target must be reached
};

Options options_of(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--check")
      options.check = true;
    else if (argument == "--records" && i + 1 < argc)
      options.millions = std::strtoull(argv[++i], nullptr, 10);
    else if (argument == "--rounds" && i + 1 < argc)
      options.rounds = std::atoi(argv[++i]);
    else
      fail("usage: ingest_bench [--check] [--records MILLIONS] [--rounds N]");
  }
  if (options.rounds <= 0) options.rounds = options.check ? 5 : 7;
  if (options.millions == 0) fail("at least a million records");
  return options;
}

using Missed = std::vector<std::string>;

Missed run_one_core(const IngestTraces& traces, const Resident& resident, Inflation& inflation, const Options& options) {
  Stages stages = one_core(traces, resident, inflation);
  check_answers(stages);
  run_rounds(stages, options.rounds, thread_seconds);
  fmt::print("{:.1f} bytes a record, {} rounds, one core, page cache\n",
             static_cast<double>(traces.truth().file_bytes) / static_cast<double>(traces.truth().packets),
             options.rounds);
  print_stages(stages, "walk");
  return missed_targets(stages, targets, options.held());
}

Missed run_all_cores(const IngestTraces& traces, const Resident& resident, Inflation& inflation, const Options& options) {
  const std::size_t n = std::thread::hardware_concurrency();
  if (n < 2) return fmt::print("\none core only: nothing to say about several\n"), Missed();
  fmt::print("\n{} threads, by the wall\n", n);
  Stages stages = all_cores(traces, resident, inflation, n);
  if (!options.check) add_peers(stages, traces);
  check_answers(stages);
  run_rounds(stages, options.rounds, wall_seconds);
  stages.push_back(bound_of(stages, n));
  print_stages(stages, "count 1");
  Missed missed = missed_targets(stages, targets, options.held());
  const double cores = speed_ratio(*find(stages, "inflate n"), *find(stages, "inflate"));
  if (options.check && cores < 0.8 * static_cast<double>(n)) {
    fmt::print("other work has the cores (there were {:.2f}): these are not held against their targets\n", cores);
    return {};
  }
  return missed;
}

int main_of(const Options& options) {
  const IngestTraces traces(options.millions * 1'000'000);
  const Resident resident(traces.whole(), traces.truth().file_bytes);
  Inflation inflation(traces.gz());
  check_counts(traces);
  Missed missed = run_one_core(traces, resident, inflation, options);
  std::ranges::move(run_all_cores(traces, resident, inflation, options), std::back_inserter(missed));
  for (const std::string& words : missed) fmt::print("below {}its target: {}\n", options.check ? "half of " : "", words);
  return missed.empty() ? 0 : 1;
}

}  // namespace
}  // namespace tidegauge::bench

int main(int argc, char** argv) { return tidegauge::bench::main_of(tidegauge::bench::options_of(argc, argv)); }
