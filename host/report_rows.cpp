#include "host/report_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace tidegauge {

namespace {

/// The extremes of [first, last) in order; the first row where nothing was measured.
void add_extremes(std::vector<std::optional<std::size_t>>& rows, const std::vector<double>& values,
                  std::size_t first, std::size_t last) {
  std::optional<std::size_t> low, high;
  for (std::size_t i = first; i < last; ++i) {
    if (std::isnan(values[i])) continue;
    if (!low || values[i] < values[*low]) low = i;
    if (!high || values[i] > values[*high]) high = i;
  }
  if (!low) return rows.push_back(first);
  rows.push_back(std::min(*low, *high));
  if (*low != *high) rows.push_back(std::max(*low, *high));
}

}  // namespace

PlotRows choose_rows(const ReportPoint& point, std::size_t most) {
  PlotRows plot;
  const std::size_t n = point.start_ns.size();
  const std::size_t bucket = std::max<std::size_t>(1, (2 * n + most - 1) / most);
  plot.reduced = n > most;
  for (std::size_t first = 0; first < n;) {
    std::size_t run = first + 1;  // end of the bucket, or of the stretch without a gap
    const std::size_t limit = plot.reduced ? std::min(n, first + bucket) : run;
    while (run < limit && point.start_ns[run] - point.start_ns[run - 1] == point.interval_ns) ++run;
    if (first > 0 && point.start_ns[first] - point.start_ns[first - 1] != point.interval_ns)
      plot.rows.push_back(std::nullopt);
    add_extremes(plot.rows, point.actual, first, run);
    first = run;
  }
  return plot;
}

Status check_point(const ReportPoint& point) {
  const auto misfit = [&](const std::string& what) {
    return Error{what, "report of " + point.name, "this is a mistake in the program that made the report"};
  };
  const std::size_t n = point.start_ns.size();
  if (point.actual.size() != n) return misfit("there is not one value per interval");
  for (const ReportForecast& f : point.forecasts)
    if (f.values.size() != n)
      return misfit(fmt::format("the forecast {} has not one value per interval", f.name));
  if (std::adjacent_find(point.start_ns.begin(), point.start_ns.end(), std::greater_equal<>()) !=
      point.start_ns.end())
    return misfit("the times do not ascend");
  return {};
}

}  // namespace tidegauge
