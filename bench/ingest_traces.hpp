// The traces that the ingest benchmark reads: headers of 300 flows at random, so that neither family, protocol nor length
// can be predicted, raw and compressed in every way that a file can be split by.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace tidegauge::bench {

/// What was written.
struct Truth {
  std::uint64_t packets = 0, bytes = 0, tcp_packets = 0, ipv6_packets = 0, file_bytes = 24;
};

[[noreturn]] void fail(const std::string& what);

/// The files of one run, in a folder of their own and removed with it.
class IngestTraces {
 public:
  /// `whole` holds so many records, a million of them a second; all others the same of a quarter as many.
  explicit IngestTraces(std::uint64_t records);
  ~IngestTraces();
  IngestTraces(const IngestTraces&) = delete;
  IngestTraces& operator=(const IngestTraces&) = delete;

  std::string whole() const { return path("whole.pcap"); }
  std::string quarter() const { return path("quarter.pcap"); }
  std::string gz() const { return path("quarter.pcap.gz"); }            ///< one member
  std::string members() const { return path("members.pcap.gz"); }      ///< one member each 4 MiB
  std::string bgzf() const { return path("bgzf.pcap.gz"); }            ///< one block each 63 KiB, as bgzip
  std::string other_gz() const { return path("other.pcap.gz"); }       ///< as gz(), so that there are two files
  std::string slice() const { return path("slice.pcap"); }             ///< for what is slow
  const Truth& truth() const { return truth_; }
  const Truth& quarter_truth() const { return quarter_truth_; }
  const Truth& slice_truth() const { return slice_truth_; }

 private:
  std::string path(const char* name) const { return (folder_ / name).string(); }

  std::filesystem::path folder_;
  Truth truth_, quarter_truth_, slice_truth_;
};

}  // namespace tidegauge::bench
