// A made-up report that uses every part, with names from a hostile world.
#pragma once

#include <cmath>
#include <limits>
#include <string>

#include "host/report.hpp"

namespace tidegauge::test {

inline constexpr const char* hostile_name =
    "</script><script>document.title='owned'</script>\"'&<img src=x onerror=alert(1)>";

/// 1,800 seconds of a rhythm with two surges and, after 600 s, a gap of a minute.
inline ReportPoint example_point(std::size_t intervals = 1'800) {
  constexpr std::int64_t second = 1'000'000'000;
  const std::int64_t start = 1'705'327'200 * second;
  ReportPoint p;
  p.name = "link A, in";
  p.column = "tcp_bytes";
  p.interval_ns = second;
  p.forecasts = {{"lstm", {}}, {"ar", {}}, {"persistence", {}}};
  for (std::size_t i = 0; i < intervals; ++i) {
    const double x = static_cast<double>(i);
    const bool surge = (i >= 400 && i < 430) || (i >= 1'200 && i < 1'260);
    const double calm =
        2.4e6 * (1 + 0.35 * std::sin(x / 90) + 0.08 * std::sin(x * 1.7) + 0.05 * std::sin(x * 5.3));
    p.start_ns.push_back(start + static_cast<std::int64_t>(i + (i >= 600 ? 60 : 0)) * second);
    p.actual.push_back(calm * (surge ? 2.3 : 1));
    const bool known = i >= 900;
    const double nan = std::numeric_limits<double>::quiet_NaN();
    p.forecasts[0].values.push_back(known ? calm * 1.02 : nan);
    p.forecasts[1].values.push_back(known ? calm * 1.06 : nan);
    p.forecasts[2].values.push_back(known ? p.actual[i - 1] : nan);
  }
  const auto at = [&](std::size_t i) { return p.start_ns[std::min(i, intervals - 1)]; };
  p.ranges = {{at(398), at(404), Direction::rising, "series"},
              {at(428), at(433), Direction::falling, "series"},
              {at(1'198), at(1'262), Direction::rising, "lstm"},
              {at(1'258), at(1'264), Direction::falling, "lstm"},
              {at(1'500), at(1'504), Direction::rising, "lstm"}};
  p.truth = {{at(400), at(430)}, {at(1'200), at(1'260)}};
  p.metrics = {{"LSTM(10)", 81'230.4, 120'411.0, 3.42, 3.39, 0.71, 0.982},
               {"AR(2)", 90'112.7, 131'002.0, 3.80, 3.77, 0.79, 0.978},
               {"persistence", 114'000.2, 160'320.9, 4.71, 4.70, 1.0, 0.961},
               {"seasonal", {}, {}, {}, {}, {}, {}}};
  p.scores = {{"lstm", 0.5, 1.0, 2.0 / 3, 1, 1, 0}, {"series", 1.0, 0.5, 2.0 / 3, 1, 0, 1}};
  p.quality = {{"late: packets of an earlier interval than the record before", "0"},
               {"cut: packets with a header cut by the snaplen", "12"}};
  p.verdict = "The LSTM helped: its MAPE is 3.42 %, that of AR(2) 3.80 %.";
  p.notes = {"2 partly covered intervals are left out."};
  return p;
}

inline ReportData example_report() {
  constexpr std::int64_t second = 1'000'000'000;
  ReportData data;
  data.title = std::string("Traffic report: ") + hostile_name;
  data.settings = {{"interval", "1s"}, {"look back", "32"}, {hostile_name, hostile_name}};
  data.versions = {{"tidegauge", "0.1.0"}};
  data.points = {example_point()};
  data.points[0].forecasts[1].name = hostile_name;
  data.traces = {{"captures/20240115-1400.pcap.gz",
                  "link A, in",
                  "pcap",
                  18'204'113,
                  1'747'594'848,
                  {{1'705'327'200 * second, 1'705'328'400 * second}},
                  {},
                  ""},
                 {hostile_name,
                  "link A, in",
                  "pcapng",
                  912,
                  80'000,
                  {},
                  {{"truncated", "1"}, {"damaged", "3"}},
                  "cut off at byte 88,210 \xff\xfe"}};
  data.notes = {"Made from two captures."};
  return data;
}

}  // namespace tidegauge::test
