// The files of the Numenta Anomaly Benchmark as they lie in a folder: data/GROUP/FILE.csv with timestamp,value lines, and
// labels/combined_windows.json. Files that are not there are left out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "host/nab_score.hpp"
#include "kernels/core/status.hpp"

namespace tidegauge {

struct NabSeries {
  std::string group, name;            ///< "realTraffic", "realTraffic/speed_6005.csv"
  std::vector<std::int64_t> time_ns;  ///< ascending; not always evenly spaced
  std::vector<double> values;
  std::vector<NabWindow> windows;
};

/// By name. Errors name the file and line.
Expected<std::vector<NabSeries>> read_nab(const std::string& folder);

}  // namespace tidegauge
