#include "host/detection/errors.hpp"

#include <cmath>
#include <limits>

#include "kernels/core/contract.hpp"

namespace tidegauge {

std::vector<double> changes_since(const TimedValues& series, std::int64_t lag_ns) {
  TG_REQUIRE(series.time_ns.size() == series.values.size() && lag_ns > 0, "a time for every value, and a lag");
  std::vector<double> changes(series.values.size(), std::numeric_limits<double>::quiet_NaN());
  std::size_t before = 0;  // the first row that is too new to be compared with
  double expected = 0;
  std::int64_t expected_at = 0;
  bool known = false;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const std::int64_t newest = series.time_ns[i] - lag_ns;
    for (; before < i && series.time_ns[before] <= newest; ++before) {
      if (std::isnan(series.values[before])) continue;
      expected = series.values[before];
      expected_at = series.time_ns[before];
      known = true;
    }
    if (known && newest - expected_at <= lag_ns / 10) changes[i] = series.values[i] - expected;
  }
  return changes;
}

std::vector<double> changes(std::span<const double> values) {
  std::vector<double> changes(values.size(), std::numeric_limits<double>::quiet_NaN());
  for (std::size_t i = 1; i < values.size(); ++i) changes[i] = values[i] - values[i - 1];
  return changes;
}

}  // namespace tidegauge
