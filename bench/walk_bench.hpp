// What benches of the record walk share: a file of 98-byte records, the bare walk over it, a read of the same
// memory, and a clock. The bare walk is what counting is held against.
#pragma once

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/formats/capture.hpp"

namespace tidegauge::bench {

/// The least that a sink can do with a packet: every header field is used, nothing of the payload.
struct SumSink {
  std::uint64_t packets = 0, wire_bytes = 0, captured_bytes = 0, refused = 0;
  std::uint64_t ts_sum = 0;
  TG_INLINE void packet(const PacketView& packet) {
    ++packets;
    wire_bytes += packet.wire_bytes;
    captured_bytes += packet.captured_bytes;
    ts_sum += static_cast<std::uint64_t>(packet.ts_ns);
  }
  void refuse(Refusal, std::uint64_t n, std::uint64_t) { refused += n; }
  void lost(std::uint64_t) {}
  friend bool operator==(const SumSink&, const SumSink&) = default;
};

/// The bare record walk of a whole file.
inline Expected<SumSink> bare_walk(const std::string& path) {
  SumSink sink;
  auto result = walk_capture(path, sink, {});
  if (!result) return std::move(result).error();
  return sink;
}

/// A capture of `records` Ethernet / IPv4 / TCP packets cut at 82 bytes, so that a record has 98;
/// microseconds, a million a second. Returns what a walk has to sum to.
inline SumSink write_records(const std::string& path, std::uint64_t records) {
  std::FILE* const out = std::fopen(path.c_str(), "wb");
  if (!out) {
    fmt::print(stderr, "cannot write {}\n", path);
    std::exit(1);
  }
  const std::uint32_t file_header[6] = {0xa1b2c3d4, 0x00040002, 0, 0, 82, 1};
  std::fwrite(file_header, sizeof file_header, 1, out);
  std::uint8_t record[98] = {};
  const std::uint8_t frame[] = {2, 0,    0, 0, 0, 1, 2, 0,    0, 0,  0, 2, 8,
                                0, 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0};
  std::memcpy(record + 16, frame, sizeof frame);
  SumSink sums;
  for (std::uint64_t i = 0; i < records; ++i) {
    const auto wire = static_cast<std::uint32_t>(82 + i * 7919 % 1432);
    const std::uint32_t header[4] = {static_cast<std::uint32_t>(1'600'000'000 + i / 1'000'000),
                                     static_cast<std::uint32_t>(i % 1'000'000), 82, wire};
    std::memcpy(record, header, sizeof header);
    record[16 + 16] = static_cast<std::uint8_t>((wire - 14) >> 8);
    record[16 + 17] = static_cast<std::uint8_t>(wire - 14);
    std::memcpy(record + 16 + 26, &i, 8);  // addresses
    std::fwrite(record, sizeof record, 1, out);
    ++sums.packets;
    sums.wire_bytes += wire;
    sums.captured_bytes += 82;
    sums.ts_sum += header[0] * std::uint64_t{1'000'000'000} + header[1] * std::uint64_t{1000};
  }
  std::fclose(out);
  return sums;
}

/// A folder for generated captures, removed again.
class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "tidegauge-bench-XXXXXX").string();
    if (!mkdtemp(name.data())) std::exit(1);
    path_ = name;
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

struct Timing {
  double best_s = 1e30, worst_s = 0;
};

/// Seconds that this thread has computed: what other work on the machine takes away is left out, and so is
/// waiting for a disk (which a walk out of the page cache does not).
inline double thread_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Runs `work`, which is one thread's, `times` times.
inline Timing time_best(int times, const std::function<void()>& work) {
  Timing timing;
  for (int i = 0; i < times; ++i) {
    const double start = thread_seconds();
    work();
    const double seconds = thread_seconds() - start;
    timing.best_s = std::min(timing.best_s, seconds);
    timing.worst_s = std::max(timing.worst_s, seconds);
  }
  return timing;
}

/// A file mapped with its pages present, for the memory's own speed.
class ResidentFile {
 public:
  explicit ResidentFile(const std::string& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat info {};
    if (descriptor < 0 || ::fstat(descriptor, &info) != 0) std::exit(1);
    size_ = static_cast<std::size_t>(info.st_size);
    void* const at = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE | MAP_POPULATE, descriptor, 0);
    ::close(descriptor);
    if (at == MAP_FAILED) std::exit(1);
    data_ = static_cast<const std::uint8_t*>(at);
  }
  ~ResidentFile() { ::munmap(const_cast<std::uint8_t*>(data_), size_); }
  ResidentFile(const ResidentFile&) = delete;
  ResidentFile& operator=(const ResidentFile&) = delete;
  std::size_t size() const { return size_; }

  /// Touches every byte once, as 64-bit words.
  std::uint64_t sum_words() const {
    std::uint64_t sum = 0;
    for (std::size_t at = 0; at + 8 <= size_; at += 8) {
      std::uint64_t word;
      std::memcpy(&word, data_ + at, 8);
      sum += word;
    }
    return sum;
  }

 private:
  const std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

/// `--name N` of the command line.
inline std::uint64_t number_argument(int count, char** arguments, std::string_view name,
                                     std::uint64_t otherwise) {
  for (int i = 1; i + 1 < count; ++i) {
    if (arguments[i] == name) return std::strtoull(arguments[i + 1], nullptr, 10);
  }
  return otherwise;
}

}  // namespace tidegauge::bench
