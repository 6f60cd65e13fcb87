// Counts one capture file into interval rows: the walker and the binning rule joined into one loop, on as many threads
// as the caller has to spare and the file can be split for (split_walk.hpp). The answer depends on neither.
// Tested by tests/ingest/count_capture_test.cpp against tshark's independent counts of real captures.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ingest/formats/trace_index.hpp"
#include "ingest/formats/walk_options.hpp"
#include "ingest/sinks/counter_pool.hpp"
#include "ingest/sinks/key_plan.hpp"
#include "ingest/sinks/keyed_options.hpp"
#include "ingest/sinks/row_portions.hpp"
#include "ingest/source/fingerprint.hpp"
#include "ingest/source/growing_file.hpp"
#include "kernels/core/status.hpp"
#include "kernels/core/thread_budget.hpp"
#include "kernels/data/interval_columns.hpp"
#include "kernels/data/partial_series.hpp"

namespace tidegauge {

struct CountOptions {
  std::int64_t interval_ns = 1'000'000'000;
  bool strict = false;
  std::size_t flush_rows = 1 << 16;  ///< rows kept in memory before they are handed over
  std::uint64_t index_step_bytes = index_step_default_bytes;  ///< of the decompressed stream between places of the index
  std::function<void(std::uint64_t done, std::uint64_t total)> progress{};
  ThreadBudget* spare_threads = nullptr;      ///< what may help the calling thread with one capture
  std::size_t block_bytes = 0;                ///< read at once; 0 for what is fastest
  std::uint64_t piece_bytes = 0;              ///< as in find_pieces(); the answer does not depend on it
  /// CAIDA's file of nanoseconds beside the capture (times_file_of()); empty for none. A capture that has one is walked by
  /// one thread.
  std::string times{};
  /// Filters, duplicates, keys, distinct addresses; any of them takes KeyedSink instead of CountSink. Checked by
  /// check_keyed_options() before.
  KeyedOptions keyed{};
  /// Takes keyed rows in portions, as `rows` takes the others; the plan names their keys.
  std::function<Status(const KeyedRows&, const KeyPlan&)> keyed_rows{};
  /// The capture still grows: it is read on at its end until it is whole, by one thread. Not with `times`.
  std::optional<FollowOptions> follow{};
  CounterPool* counters = nullptr;  ///< a device's, made for the keys asked for; without them the CPU counts
  std::size_t flush_keyed_bytes = RowPortions::default_keyed_bytes;  ///< about how many of them are kept in memory
};

struct CountedCapture {
  std::string format;
  RecordAccount account;
  std::optional<std::int64_t> first_ns, last_ns;  ///< smallest and largest kept timestamp
  std::string damage;
  std::vector<IndexEntry> index{};  ///< which bytes hold which intervals, in file order
  Fingerprint fingerprint{};       ///< of a pipe or a file that was followed; unknown of others
  std::uint64_t input_bytes = 0;
  StageSeconds seconds{};
  std::uint64_t pieces = 1;        ///< that the file was cut into
  std::uint64_t walked_again = 0;  ///< those among them where a thread began at a wrong place
};

/// Hands rows over in portions; rows of one interval add up over portions. An error of `rows` is returned once the walk
/// is over.
using RowPortion = std::map<std::int64_t, IntervalRow>;
Expected<CountedCapture> count_capture(const std::string& path, const CountOptions& options,
                                       const std::function<Status(const RowPortion&)>& rows);

}  // namespace tidegauge
