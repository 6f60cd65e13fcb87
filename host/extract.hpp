// The job behind `extract`: from intervals back to the packets that were counted into them.
//   auto report = extract_packets(file, {.point = "default", .ranges = {{1452315600, 1452315609}}}, write);
// Each trace of the point is found again (where it lay, or in another folder), checked against its fingerprint, and read
// only where its time index says that the intervals may be. What comes out is exact: the packets that were counted into
// these intervals (by the filter, without the repetitions that --dedup refused) and no others; the sum of the series' own
// counts is held against it.
// Cost: the stretches of the captures that overlap (16 MiB each, or all of a compressed capture before them).
// Memory: a stretch's wanted packets for each capture that overlaps in time. Tested by tests/host/extract_test.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/store.hpp"
#include "ingest/formats/packet_file.hpp"
#include "ingest/sinks/stretch_reader.hpp"
#include "kernels/core/status.hpp"

namespace tidegauge {

struct ExtractOptions {
  std::string point{};                  ///< empty: the only point there is
  std::vector<IntervalRange> ranges{};
  std::string input_dir{};              ///< where moved captures lie now, by their file names (those of pipes under any);
                                        ///< empty: where they lay
  std::optional<std::uint64_t> limit{}; ///< packets after which to stop
  PacketFileWriter::Format format = PacketFileWriter::Format::pcap;
  std::function<bool()> stop{};         ///< asked often; true ends the job with an error
};

struct ExtractReport {
  std::uint64_t packets = 0;
  std::size_t traces = 0;               ///< read, at least in part
  std::optional<std::uint64_t> counted; ///< packets of these intervals in the series; none where the limit ended the job
  std::uint64_t input_bytes = 0;        ///< read of the captures, and of their .times files
  std::uint64_t capture_bytes = 0;      ///< their sizes
  std::vector<std::string> remarks;     ///< for people: what takes longer than it could
};

/// A capture that is not there, or has changed, is an error that names it. The report is not compared with itself: where
/// `counted` differs from `packets`, the caller has an error to report.
Expected<ExtractReport> extract_packets(const SeriesFile& file, const ExtractOptions& options,
                                        const PacketFileWriter::Write& write);

}  // namespace tidegauge
