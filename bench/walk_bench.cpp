// The bare record walk out of the page cache, beside a read of the same memory, a read() of the same file and
// libpcap.
//   walk_bench --check     exit 1 below twice the rate of the loop of libpcap
//   walk_bench [--records N] [--repeat N] [capture]
// Without a capture it writes one: N records (20 M) of 98 bytes into the temporary folder.
// Every walk is one core, in seconds of that thread. Left out: disk (the file is walked once before the clock
// starts), decoding, counting.
#include "bench/walk_bench.hpp"

#ifdef TIDEGAUGE_HAVE_PCAP
#include <pcap/pcap.h>
#endif

namespace tidegauge::bench {
namespace {

struct Row {
  std::string name;
  Timing timing;
  std::uint64_t records;
};

void print(const Row& row, const Row& walk, double bytes) {
  fmt::print("{:<28} {:>8.1f} {:>8.2f} {:>9.2f} {:>9.0f} %\n", row.name,
             static_cast<double>(row.records) / row.timing.best_s / 1e6, bytes / row.timing.best_s / 1e9,
             walk.timing.best_s / row.timing.best_s, 100 * (row.timing.worst_s / row.timing.best_s - 1));
}

/// What has to be paid to see the file's bytes at all: the copy out of the page cache, in the walk's blocks.
std::uint64_t read_blocks(const std::string& path) {
  auto source = open_source(path);
  if (!source) std::exit(1);
  std::vector<std::uint8_t> block((*source)->block_bytes());
  std::uint64_t bytes = 0;
  for (;;) {
    const auto got = (*source)->read(block.data(), block.size());
    if (!got || *got == 0) return bytes;
    bytes += *got;
  }
}

#ifdef TIDEGAUGE_HAVE_PCAP
SumSink libpcap_loop(const std::string& path) {
  char error[PCAP_ERRBUF_SIZE];
  pcap_t* const pcap = pcap_open_offline(path.c_str(), error);
  SumSink sums;
  if (!pcap) return sums;
  pcap_pkthdr* header;
  const u_char* bytes;
  while (pcap_next_ex(pcap, &header, &bytes) == 1) {
    ++sums.packets;
    sums.wire_bytes += header->len;
    sums.captured_bytes += header->caplen;
    sums.ts_sum += static_cast<std::uint64_t>(header->ts.tv_sec) * 1'000'000'000 +
                   static_cast<std::uint64_t>(header->ts.tv_usec) * 1000;
  }
  pcap_close(pcap);
  return sums;
}
#endif

int run(int count, char** arguments) {
  const std::uint64_t records = number_argument(count, arguments, "--records", 20'000'000);
  const bool check = count == 2 && std::string_view(arguments[1]) == "--check";
  if (check) count = 1;
  const int repeat = static_cast<int>(number_argument(count, arguments, "--repeat", 5));
  const bool given = count > 1 && count % 2 == 0;  // options come in pairs
  TempFolder folder;
  const std::string path = given ? arguments[count - 1] : folder / "records.pcap";

  SumSink wanted;
  if (!given) wanted = write_records(path, records);
  const auto walked = bare_walk(path);
  if (!walked) {
    fmt::print(stderr, "{}\n", walked.error().message());
    return 1;
  }
  if (given) wanted = *walked;
  if (!(*walked == wanted)) {
    fmt::print(stderr, "the walk is wrong: {} of {} packets\n", walked->packets, wanted.packets);
    return 1;
  }
  const double bytes = static_cast<double>(std::filesystem::file_size(path));
  fmt::print("{} records, {:.2f} GB; the walk's sums are {}\n", wanted.packets, bytes / 1e9,
             given ? "taken as they are" : "those that were written");

  std::vector<Row> rows;
  bool right = true;
  rows.push_back(
      {"bare walk", time_best(repeat, [&] { right &= *bare_walk(path) == wanted; }), wanted.packets});
  rows.push_back({"read() of the blocks alone", time_best(repeat, [&] { right &= read_blocks(path) > 0; }),
                  wanted.packets});
  {
    const ResidentFile resident(path);
    std::uint64_t sum = 0;
    const Timing timing = time_best(repeat, [&] { sum += resident.sum_words(); });
    rows.push_back({sum == 1 ? "" : "memory read (mapped, summed)", timing, wanted.packets});
  }
#ifdef TIDEGAUGE_HAVE_PCAP
  rows.push_back({"libpcap pcap_next_ex", time_best(repeat, [&] { right &= libpcap_loop(path) == wanted; }),
                  wanted.packets});
#endif
  if (!right) {
    fmt::print(stderr, "a repeated walk, or libpcap, gave other sums\n");
    return 1;
  }
  fmt::print("{:<28} {:>8} {:>8} {:>9} {:>11}\n", "best of " + std::to_string(repeat), "Mpps", "GB/s",
             "/ walk", "spread");
  for (const Row& row : rows) print(row, rows.front(), bytes);
#ifdef TIDEGAUGE_HAVE_PCAP
  const double faster = rows.back().timing.best_s / rows.front().timing.best_s;
  fmt::print("walk_of_libpcap {:.1f}\n", faster);
  return check && faster < 2 ? 1 : 0;
#else
  return 0;
#endif
}

}  // namespace
}  // namespace tidegauge::bench

int main(int count, char** arguments) { return tidegauge::bench::run(count, arguments); }
