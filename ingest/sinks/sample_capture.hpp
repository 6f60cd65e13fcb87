// Samples one capture: the walker and the sampling rule joined into one loop.
//   auto sampled = sample_capture("a.pcap.gz", {.every = 100}, {.packet = ..., .windows = ...});
// Cost: bench/ingest_bench, stage `sample`. Tested by tests/ingest/sample_test.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "ingest/formats/walk_options.hpp"
#include "ingest/sinks/sample_sink.hpp"
#include "ingest/source/fingerprint.hpp"
#include "kernels/core/status.hpp"
#include "kernels/data/partial_series.hpp"

namespace tidegauge {

struct SampledCapture {
  std::string format, damage;        ///< as in WalkResult
  RecordAccount account;             ///< `counted` is the population: all records that could have been kept
  SampleWindow total;                ///< of all windows
  std::uint64_t lost = 0;            ///< packets that the capture itself reports as lost
  Fingerprint fingerprint{};         ///< of a pipe; unknown of a file
  std::uint64_t input_bytes = 0;
};

/// Damage is passed over as in every walk. An error of the targets ends the walk where progress would be told next.
/// @param block_bytes read at once; 0 for what is fastest
Expected<SampledCapture> sample_capture(const std::string& path, const SampleOptions& options, const SampleTargets& targets,
                                        const WalkOptions& walking = {}, std::size_t block_bytes = 0);

}  // namespace tidegauge
