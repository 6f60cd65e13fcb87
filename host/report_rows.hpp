// Which points of a long series a plot needs: for each of so many buckets the rows with the smallest and the
// largest value, so that every peak is drawn. Gaps stay gaps. Tested by tests/host/report_test.cpp.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "host/report.hpp"

namespace tidegauge {

struct PlotRows {
  /// Rows of the point in order; nothing marks a gap, where lines must break.
  std::vector<std::optional<std::size_t>> rows;
  bool reduced = false;
};

/// At most about `most` rows.
PlotRows choose_rows(const ReportPoint& point, std::size_t most);

/// Every vector has one value per interval, and the times ascend.
Status check_point(const ReportPoint& point);

}  // namespace tidegauge
