// How fast captures become counters, each part beside what bounds it and beside the peers found here, in one
// run.
//   ingest_bench [--check] [--records MILLIONS, default 4] [--rounds N, default 7]
// --check: no peers, fewer rounds, and exit 1 below half the targets.
// On one core, over the same file in the page cache, interleaved so that all meet the same machine:
//   memory, read    a read of the file's bytes where they lie; read() of them in the blocks that the walk
//   takes walk            the bare record walk: every record header, the wire lengths added up decode, count
//   what the walk, then decoding and counting into 1 s rows add (count is what `bin` does) pack walk + decode
//   + order + pack into device batches that nobody counts libpcap         the loop of libpcap, wire lengths
//   added up inflate, bin gz the first quarter of the file gzipped: ISA-L alone with checksums, and counting
//   it
// then, with --check left out, tracertstats, tcpstat, capinfos and tshark as whole programs, where they are
// installed (tshark on the first 100,000 records). The trace: 96-byte snaplen, 98 bytes a record on average
// with the header, packets of 300 flows at random (70 % TCP, 20 % UDP, 5 % ICMP, 5 % others; 25 % IPv6), so
// that neither family, protocol nor length can be predicted; a million a second. Left out: disks, and writing
// rows anywhere. Times are of this thread, those of peers by the wall. A ratio is the median of those within
// the rounds, because on a machine that others use too the best rounds of two stages may have met different
// machines.
#include <fcntl.h>
#include <fmt/format.h>
#include <isa-l/igzip_lib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#ifdef TIDEGAUGE_HAVE_PCAP
#include <pcap/pcap.h>
#endif

#include "ingest/formats/capture.hpp"
#include "ingest/sinks/count_capture.hpp"
#include "ingest/sinks/count_sink.hpp"
#include "ingest/sinks/pack_sink.hpp"
#include "kernels/core/random.hpp"

namespace tidegauge {
namespace {

[[noreturn]] void fail(const std::string& what) {
  fmt::print(stderr, "ingest_bench: {}\n", what);
  std::exit(1);
}

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

/// The files of one run, removed with it.
class Files {
 public:
  explicit Files(std::uint64_t records) {
    std::string name = (std::filesystem::temp_directory_path() / "ingest_bench-XXXXXX").string();
    if (!mkdtemp(name.data())) fail("cannot make a folder for the traces");
    folder_ = name;
    truth_ = write_trace(whole(), records, 1);
    gz_truth_ = write_trace(quarter(), std::max<std::uint64_t>(records / 4, 1), 1);
    write_gzip(quarter(), gz());
  }
  ~Files() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;
  std::string whole() const { return (folder_ / "trace.pcap").string(); }
  std::string quarter() const { return (folder_ / "quarter.pcap").string(); }
  std::string gz() const { return (folder_ / "quarter.pcap.gz").string(); }
  std::string slice() const { return (folder_ / "slice.pcap").string(); }
  const Truth& truth() const { return truth_; }
  const Truth& gz_truth() const { return gz_truth_; }

 private:
  static void write_gzip(const std::string& from, const std::string& to) {
    std::ifstream in(from, std::ios::binary);
    std::vector<char> content(std::istreambuf_iterator<char>(in), {});
    std::vector<std::uint8_t> out(content.size() + (1 << 16)), work(ISAL_DEF_LVL1_DEFAULT);
    isal_zstream stream{};
    isal_deflate_init(&stream);
    stream.level = 1;
    stream.level_buf = work.data();
    stream.level_buf_size = static_cast<std::uint32_t>(work.size());
    stream.gzip_flag = IGZIP_GZIP;
    stream.end_of_stream = 1;
    stream.next_in = reinterpret_cast<std::uint8_t*>(content.data());
    stream.avail_in = static_cast<std::uint32_t>(content.size());
    stream.next_out = out.data();
    stream.avail_out = static_cast<std::uint32_t>(out.size());
    if (isal_deflate(&stream) != COMP_OK || stream.avail_in != 0) fail("cannot gzip the trace");
    std::ofstream(to, std::ios::binary).write(reinterpret_cast<const char*>(out.data()), stream.total_out);
  }

  std::filesystem::path folder_;
  Truth truth_, gz_truth_;
};

// The stages: each returns the number that check_answers holds against the truth -----

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

struct NoCounter final : PacketBatchCounter {
  std::uint64_t packets = 0;
  Status add(const PacketBatch& batch) override { return packets += batch.packets.size(), Status{}; }
  Expected<IntervalRows> take() override { return IntervalRows{}; }
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

IntervalRow count_all(const std::string& path) {
  IntervalRow total;
  const auto counted = count_capture(path, {}, [&](const RowPortion& rows) -> Status {
    for (const auto& [k, row] : rows) total += row;
    return {};
  });
  if (!counted) fail(counted.error().message());
  return total;
}

std::uint64_t count(const std::string& path) { return count_all(path)[Column::bytes]; }

/// All but the first two packets, which their neighbours decide.
std::uint64_t pack(const std::string& path) {
  NoCounter counter;
  RowPortions portions(1 << 16, [](const IntervalRows&) { return Status{}; });
  PackSink sink(1'000'000'000, counter, portions, {});
  if (auto walked = walk_capture(path, sink, {}); !walked) fail(walked.error().message());
  sink.finish();
  return counter.packets + 2;
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
  std::uint64_t run() const {
    std::uint64_t sum = 0;
    for (std::size_t at = 0; at + 8 <= size_; at += 8) {
      std::uint64_t word;
      std::memcpy(&word, static_cast<const char*>(at_) + at, 8);
      sum += word;
    }
    return sum == 1 ? 0 : size_;  // so that the sum is needed
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

// Timing -----

struct Stage {
  std::string name;
  std::function<std::uint64_t()> run;
  std::uint64_t wanted;  ///< what run() has to return
  const Truth* truth;    ///< of the file that it reads
  std::vector<double> seconds{};
  double best() const { return *std::min_element(seconds.begin(), seconds.end()); }
};

/// Seconds that this thread has computed: what other work on the machine takes away is left out.
double thread_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

void check_answers(const std::vector<Stage>& stages, const Files& files) {
  const IntervalRow total = count_all(files.whole());
  const Truth& truth = files.truth();
  const bool right = total[Column::packets] == truth.packets && total[Column::bytes] == truth.bytes &&
                     total[Column::tcp_packets] == truth.tcp_packets &&
                     total[Column::ipv6_packets] == truth.ipv6_packets && total[Column::cut] == 0;
  if (!right) fail("the counts differ from what was written");
  for (const Stage& stage : stages)
    if (stage.run() != stage.wanted) fail(stage.name + " gives another answer than what was written");
  fmt::print("answer: {} packets, {} bytes, {} TCP, {} IPv6, as written\n", truth.packets, truth.bytes,
             truth.tcp_packets, truth.ipv6_packets);
}

std::vector<Stage> make_stages(const Files& files, const Resident& resident, Inflation& inflation) {
  const std::string path = files.whole(), gz = files.gz();
  const Truth &truth = files.truth(), &gz_truth = files.gz_truth();
  std::vector<Stage> stages{
      {"memory", [&] { return resident.run(); }, truth.file_bytes, &truth},
      {"read", [=] { return read_file(path); }, truth.file_bytes, &truth},
      {"walk", [=] { return bare_walk(path); }, truth.bytes, &truth},
      {"decode", [=] { return decode_walk(path); }, truth.bytes, &truth},
      {"count", [=] { return count(path); }, truth.bytes, &truth},
      {"pack", [=] { return pack(path); }, truth.packets, &truth},
      {"inflate", [&] { return inflation.run(); }, gz_truth.file_bytes, &gz_truth},
      {"bin gz", [=] { return count(gz); }, gz_truth.bytes, &gz_truth},
  };
#ifdef TIDEGAUGE_HAVE_PCAP
  stages.push_back({"libpcap", [=] { return libpcap_loop(path); }, truth.bytes, &truth});
#endif
  return stages;
}

const Stage* find(const std::vector<Stage>& stages, std::string_view name) {
  const auto at =
      std::find_if(stages.begin(), stages.end(), [&](const Stage& stage) { return stage.name == name; });
  return at == stages.end() ? nullptr : &*at;
}

/// How many times as fast `stage` is, a record of its file, as `base`: the median over the rounds.
double speed_ratio(const Stage& stage, const Stage& base) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < stage.seconds.size(); ++i)
    ratios.push_back(base.seconds[i] / static_cast<double>(base.truth->packets) /
                     (stage.seconds[i] / static_cast<double>(stage.truth->packets)));
  std::nth_element(ratios.begin(), ratios.begin() + static_cast<std::ptrdiff_t>(ratios.size() / 2),
                   ratios.end());
  return ratios[ratios.size() / 2];
}

void print_stages(const std::vector<Stage>& stages) {
  const Stage& walked = *find(stages, "walk");
  fmt::print("{:>12} {:>8} {:>8} {:>10} {:>9} {:>11}\n", "stage", "Mpps", "GB/s", "ns/packet", "of walk",
             "worst Mpps");
  for (const Stage& stage : stages) {
    const double best = stage.best(), worst = *std::max_element(stage.seconds.begin(), stage.seconds.end());
    const auto n = static_cast<double>(stage.truth->packets);
    fmt::print("{:>12} {:>8.1f} {:>8.2f} {:>10.2f} {:>9.2f} {:>11.1f}\n", stage.name, n / best * 1e-6,
               static_cast<double>(stage.truth->file_bytes) / best * 1e-9, best / n * 1e9,
               speed_ratio(stage, walked), n / worst * 1e-6);
  }
}

/// Targets of the design; `held` of each must be reached.
bool print_ratios(const std::vector<Stage>& stages, double held) {
  const std::array<std::tuple<const char*, const char*, double>, 3> targets{
      {{"count", "walk", 0.8}, {"bin gz", "inflate", 0.92}, {"walk", "libpcap", 4}}};
  bool reached = true;
  for (const auto& [name, base, target] : targets) {
    const Stage *const stage = find(stages, name), *const other = find(stages, base);
    if (!stage || !other) continue;
    const double ratio = speed_ratio(*stage, *other);
    fmt::print("{} / {}: {:.2f} (target {})\n", name, base, ratio, target);
    reached &= ratio >= held * target;
  }
  return reached;
}

// Peers -----

struct Peer {
  const char* program;
  const char* arguments;  ///< the trace's name follows
  bool slice;             ///< too slow for the whole
};
constexpr std::array<Peer, 5> peers{{
    {"tracertstats", "-i 1", false},
    {"tcpstat", "-o '%n\\n' 1 -r", false},
    {"capinfos", "-c", false},
    {"tshark", "-q -z io,stat,1 -n -r", true},
    {"tshark", "-n -T fields -E separator=, -e frame.time_epoch -e frame.len -e ip.proto -r", true},
}};

void race_peers(const Files& files, double count_per_packet, int rounds) {
  constexpr std::uint64_t slice_records = 100'000;
  write_trace(files.slice(), slice_records, 1);
  for (const Peer& peer : peers) {
    const std::string program = peer.program;
    if (std::system(("command -v " + program + " >/dev/null").c_str()) != 0) {
      fmt::print("{:>12}    not installed\n", program);
      continue;
    }
    const std::string file =
        (program == "tracertstats" ? "pcapfile:" : "") + (peer.slice ? files.slice() : files.whole());
    const std::string command = fmt::format("{} {} {} >/dev/null 2>&1", program, peer.arguments, file);
    const double records = static_cast<double>(peer.slice ? slice_records : files.truth().packets);
    double best = 1e30;
    for (int round = 0; round < (peer.slice ? 2 : rounds); ++round) {
      const auto begin = std::chrono::steady_clock::now();
      if (std::system(command.c_str()) != 0) fail("this failed: " + command);
      best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    }
    fmt::print("{:>12} {:>8.3f} Mpps, count is {:.0f} x   {}\n", program, records / best * 1e-6,
               best / records / count_per_packet, peer.arguments);
  }
}

int main_of(int argc, char** argv) {
  bool check = false;
  std::uint64_t millions = 4;
  int rounds = 0;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--check")
      check = true;
    else if (argument == "--records" && i + 1 < argc)
      millions = std::strtoull(argv[++i], nullptr, 10);
    else if (argument == "--rounds" && i + 1 < argc)
      rounds = std::atoi(argv[++i]);
    else
      fail("usage: ingest_bench [--check] [--records MILLIONS] [--rounds N]");
  }
  if (rounds <= 0) rounds = check ? 5 : 7;
  if (millions == 0) fail("at least a million records");
  const Files files(millions * 1'000'000);
  const Resident resident(files.whole(), files.truth().file_bytes);
  Inflation inflation(files.gz());
  std::vector<Stage> stages = make_stages(files, resident, inflation);
  check_answers(stages, files);
  for (int round = 0; round < rounds; ++round) {
    for (Stage& stage : stages) {
      const double begin = thread_seconds();
      stage.run();
      stage.seconds.push_back(thread_seconds() - begin);
    }
  }
  fmt::print("{:.1f} bytes a record, {} rounds, one core, page cache\n",
             static_cast<double>(files.truth().file_bytes) / static_cast<double>(files.truth().packets),
             rounds);
  print_stages(stages);
  const bool reached = print_ratios(stages, 0.5);
  const Stage& counting = *find(stages, "count");
  if (!check) race_peers(files, counting.best() / static_cast<double>(counting.truth->packets), rounds);
  return check && !reached ? 1 : 0;
}

}  // namespace
}  // namespace tidegauge

int main(int argc, char** argv) { return tidegauge::main_of(argc, argv); }
