// What a model said about each interval beforehand. Row i speaks of interval k[i], at step `step` after the last
// interval that it had seen.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tidegauge {

struct Forecast {
  std::string model;                  ///< "lstm", "persistence", "seasonal", "ar", or a model file's name
  std::string column;                 ///< what is predicted
  std::int64_t interval_ns = 0;
  std::size_t step = 1;               ///< 1 = the next interval
  std::vector<std::int64_t> k;        ///< ascending; gaps where no window fits
  std::vector<double> predicted;      ///< in the column's own unit
  std::vector<double> actual;         ///< NaN where not (fully) observed
};

}  // namespace tidegauge
