// True ranges from a file.
// CSV: a header and one range per line.
//   start_k,end_k        interval numbers, both included
//   start_time,end_time  times; an interval that the half-open span [start, end) touches belongs to the range
//   start,end            either: a whole number is an interval, ISO 8601 and seconds with decimals ("1705327200.5", "@17053")
//                        are times
// The first of these pairs that the header has is read; further columns are left alone.
// JSON as the Numenta Anomaly Benchmark's combined_windows.json: {"file": [["start", "end"], ...], ...}, times of rows, both
// included; the name of the file in it says whose windows are read.
// Cost: one pass. Thread safety: pure function. Tested by tests/host/truth_test.cpp.
#pragma once

#include <string>
#include <vector>

#include "host/range_score.hpp"
#include "kernels/core/status.hpp"

namespace tidegauge {

/// Errors name file and line. A range that ends before it begins is an error. A file that begins with a brace is JSON.
/// @param name whose windows of a JSON file are wanted; may be empty where it has one
Expected<std::vector<IntervalRange>> read_truth(const std::string& path, std::int64_t interval_ns, const std::string& name = {});

}  // namespace tidegauge
