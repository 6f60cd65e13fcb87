// Puts series files together that were made apart (`bin --shard`, or by days): every capture and import of each, once. Since a
// series file keeps the rows of each trace and the identity of its content, the result is the same for any order of the files,
// for files that share traces, and for a second run; it equals what `bin` gives of all captures at once. Each trace goes over
// in one transaction, so that the same command goes on after a stop.
//   merge_series({"shard-0.series", "shard-1.series"}, "january.series", {});
// Refused before anything is written: files of different intervals, and points whose captures were counted with different
// settings. Forecasts, labels and results speak of parts, and stay behind.
// Cost: one pass over the rows. Memory: some rows; an import's values. Tested by tests/host/merge_series_test.cpp.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "kernels/core/status.hpp"

namespace tidegauge {

struct MergeOptions {
  std::function<bool()> stop{};                            ///< asked before each trace
  std::function<void(const std::string& file)> progress{};  ///< told before each file
};

struct MergeReport {
  std::size_t added = 0, already_in = 0;  ///< traces
  bool stopped = false;
};

/// @param to made where it is absent, with the interval of `from`
Expected<MergeReport> merge_series(const std::vector<std::string>& from, const std::string& to, const MergeOptions& options);

}  // namespace tidegauge
