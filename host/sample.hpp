// The job behind `sample`: one capture in, a thinned capture and its side file out.
//   auto report = sample_trace({.input = "a.pcap.gz", .output = "b.pcap.zst", .side = "b.pcap.zst.sample.json"});
//
// The side file is JSON. It says how the sample was taken (mode, rate or period_ns, seed, seed_compatible), of what
// (input: name, fingerprint, format, damage), what came of it (output: fingerprint; records: the account), and holds for
// each window k, [k * interval_ns, (k+1) * interval_ns) since the epoch,
//   "windows": [[k, packets, bytes, sampled_packets, sampled_bytes], ...]
// the population and the sample. Rows of one k add up: late packets come in a row of their own. So a counter of any
// interval that is a multiple of interval_ns scales by sum(packets) / sum(sampled_packets) of its windows, exactly, in
// every mode; windows in which nothing was kept say how much is not represented.
//
// The side file is finished before the sample: one without the other is never a sample that passes for a whole capture.
// Memory: blocks; windows are written as they fill up. Tested by tests/tools/sample_test.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "host/compressed_output.hpp"
#include "ingest/formats/packet_file.hpp"
#include "ingest/sinks/sample_capture.hpp"
#include "kernels/core/status.hpp"

namespace tidegauge {

struct SampleJob {
  std::string input;
  std::string output;                   ///< "-" for stdout
  std::string side{};                   ///< empty: none
  SampleOptions options{};
  bool strict = false;
  PacketFileWriter::Format format = PacketFileWriter::Format::pcap;
  OutputCompression compression = OutputCompression::none;
  std::size_t flush_windows = std::size_t{1} << 16;
  std::function<void(std::uint64_t done, std::uint64_t total)> progress{};
  std::function<bool()> stop{};         ///< asked often; true ends the job with an error
};

struct SampleReport {
  SampledCapture capture;
  std::uint64_t output_bytes = 0;       ///< as written, compressed
};

/// Where something goes wrong neither file is there, and what was there is as it was.
Expected<SampleReport> sample_trace(const SampleJob& job);

/// The rate as text: "100", or a duration in the TIME modes.
std::string rate_text(const SampleOptions& options);

}  // namespace tidegauge
