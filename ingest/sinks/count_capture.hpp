// Counts one capture file into interval rows: the walker and the binning rule joined into one loop.
// Tested by tests/ingest/count_capture_test.cpp against tshark's independent counts of real captures.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ingest/formats/trace_index.hpp"
#include "kernels/core/status.hpp"
#include "kernels/data/interval_columns.hpp"
#include "kernels/data/partial_series.hpp"

namespace tidegauge {

struct CountOptions {
  std::int64_t interval_ns = 1'000'000'000;
  bool strict = false;
  std::size_t flush_rows = 1 << 16;  ///< rows kept in memory before they are handed over
  std::uint64_t index_step_bytes = index_step_default_bytes;  ///< of the decompressed stream between places of the index
  std::function<void(std::uint64_t done, std::uint64_t total)> progress{};
};

struct CountedCapture {
  std::string format;
  RecordAccount account;
  std::optional<std::int64_t> first_ns, last_ns;  ///< smallest and largest kept timestamp
  std::string damage;
  std::vector<IndexEntry> index;  ///< which bytes hold which intervals, in file order
};

/// Hands rows over in portions; rows of one interval add up over portions. An error of `rows` is returned once the walk
/// is over.
using RowPortion = std::map<std::int64_t, IntervalRow>;
Expected<CountedCapture> count_capture(const std::string& path, const CountOptions& options,
                                       const std::function<Status(const RowPortion&)>& rows);

}  // namespace tidegauge
