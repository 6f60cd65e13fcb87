// The CSV files around a synthetic trace: rates to follow, and the truth about its planted surges.
// Cost: one pass. Thread safety: pure functions. Tested by tests/host/synth_files_test.cpp.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "ingest/synthetic/synthetic.hpp"
#include "kernels/core/status.hpp"

namespace tidegauge {

/// Reads `time,packets` or `time,packets_per_second` rows: times ascending, epoch seconds or ISO 8601, one
/// header line; a row lasts until the next one, the last as long as the one before it (a single row: one
/// second).
Expected<std::vector<RateRow>> read_rate_file(const std::string& path);

/// start,end (epoch seconds with decimals, as `score` reads them), factor, kind, start_time, end_time (ISO
/// 8601).
std::string truth_csv(std::span<const PlantedSurge> surges);

}  // namespace tidegauge
