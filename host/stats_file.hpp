// CAIDA's `.pcap.stats` files as a series of their own: what the archive counted per capture file, where the captures
// themselves are not at hand (or too large to fetch).
//   tidegauge bin oc48.dirA.*.pcap.stats -o a.series --interval 5m --point dirA
// "name: number" lines; First and Last timestamp say what the file covers. Recognised by its content.
// One chosen counter becomes an imported value of the interval that the file covers, and not a row of packet counters:
// a row has every column, and those that the file does not tell (TCP packets, bytes on the wire) would read as zeros,
// or would have to be guessed. No data is not zero.
// A value stands for a whole interval, so the file must cover one, and only that one, up to the joint tolerance.
// Tested by tests/host/stats_file_test.cpp.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "host/coverage.hpp"
#include "kernels/core/status.hpp"

namespace tidegauge {

struct StatsFile {
  Span span;  ///< First and Last timestamp
  std::map<std::string, std::uint64_t> counters;  ///< by the file's names, without the colon: "IPv4 bytes"
};

/// Whether the file is text that begins as these do: "name: value" lines, First timestamp among the first.
bool is_stats_file(const std::string& path);

/// Every error names the line.
Expected<StatsFile> read_stats_file(const std::string& path);

struct StatsValue {
  std::int64_t k = 0;
  double value = 0;
};
/// The value of `field` and its interval. An error where the file does not cover one interval, which says the length
/// that would fit.
Expected<StatsValue> stats_value(const StatsFile& file, const std::string& path, const std::string& field,
                                 std::int64_t interval_ns, std::int64_t tolerance_ns);

/// What changes the numbers, as JSON: part of a trace's identity.
std::string stats_settings(const std::string& field);

}  // namespace tidegauge
