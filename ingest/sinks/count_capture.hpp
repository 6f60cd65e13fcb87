// Counts one capture file into interval rows: the walker and the binning rule joined into one loop.
// Tested by tests/ingest/count_capture_test.cpp against tshark's independent counts of real captures.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "ingest/sinks/key_plan.hpp"
#include "ingest/sinks/keyed_options.hpp"
#include "kernels/core/status.hpp"
#include "kernels/data/interval_columns.hpp"
#include "kernels/data/partial_series.hpp"

namespace tidegauge {

struct CountOptions {
  std::int64_t interval_ns = 1'000'000'000;
  bool strict = false;
  std::size_t flush_rows = 1 << 16;  ///< rows kept in memory before they are handed over
  std::function<void(std::uint64_t done, std::uint64_t total)> progress{};
  /// Filters, duplicates, keys, distinct addresses; any of them takes KeyedSink instead of CountSink. Checked by
  /// check_keyed_options() before.
  KeyedOptions keyed{};
  /// Takes keyed rows in portions, as `rows` takes the others; the plan names their keys.
  std::function<Status(const KeyedRows&, const KeyPlan&)> keyed_rows{};
  std::size_t flush_keyed_bytes = 32 << 20;  ///< about how many of them are kept in memory
};

struct CountedCapture {
  std::string format;
  RecordAccount account;
  std::optional<std::int64_t> first_ns, last_ns;  ///< smallest and largest kept timestamp
  std::string damage;
};

/// Hands rows over in portions; rows of one interval add up over portions. An error of `rows` is returned once the walk
/// is over.
using RowPortion = std::map<std::int64_t, IntervalRow>;
Expected<CountedCapture> count_capture(const std::string& path, const CountOptions& options,
                                       const std::function<Status(const RowPortion&)>& rows);

}  // namespace tidegauge
