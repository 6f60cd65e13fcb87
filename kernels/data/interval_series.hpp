// A stretch of an interval series as models see it: every interval inside the covered spans has a row (zeros where no
// packet came), intervals outside have none. No data is not zero.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tidegauge {

/// Half-open range of rows of an IntervalSeries.
struct Segment {
  std::size_t first = 0, last = 0;
  std::size_t size() const { return last - first; }
  friend bool operator==(const Segment&, const Segment&) = default;
};

struct IntervalSeries {
  std::string point;                     ///< observation point (link and direction)
  std::int64_t interval_ns = 0;          ///< Δ
  std::vector<std::string> columns;      ///< names, one per value of a row
  std::vector<std::int64_t> k;           ///< interval numbers, strictly ascending
  std::vector<double> values;            ///< row-major [k.size()][columns.size()]
  std::vector<std::uint8_t> complete;    ///< 1 where the interval is fully covered (within the joint tolerance)

  std::size_t size() const { return k.size(); }
  double at(std::size_t row, std::size_t column) const { return values[row * columns.size() + column]; }
  /// Start of the interval of `row`, nanoseconds since the epoch.
  std::int64_t start_ns(std::size_t row) const { return k[row] * interval_ns; }

  /// Maximal runs of consecutive, complete intervals: what training, slopes and scores may cross.
  std::vector<Segment> segments() const {
    std::vector<Segment> runs;
    for (std::size_t i = 0; i < k.size(); ++i) {
      if (!complete[i]) continue;
      const bool continues = !runs.empty() && runs.back().last == i && k[i] == k[i - 1] + 1;
      if (continues) ++runs.back().last;
      else runs.push_back({i, i + 1});
    }
    return runs;
  }
};

}  // namespace tidegauge
