// The zero-filled series of one point, computed the slow way: spans are united by looking at every pair until nothing
// changes, and every interval asks every span.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

namespace tidegauge::test {

struct OracleSpan { std::int64_t first_ns, last_ns; };

inline std::vector<OracleSpan> naive_union(std::vector<OracleSpan> spans, std::int64_t tolerance_ns) {
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t i = 0; i < spans.size() && !changed; ++i) {
      for (std::size_t j = 0; j < spans.size() && !changed; ++j) {
        if (i == j || spans[j].first_ns < spans[i].first_ns || spans[j].first_ns - spans[i].last_ns > tolerance_ns) continue;
        spans[i].last_ns = std::max(spans[i].last_ns, spans[j].last_ns);
        spans.erase(spans.begin() + static_cast<std::ptrdiff_t>(j));
        changed = true;
      }
    }
  }
  return spans;
}

/// Interval to covered nanoseconds, for times after the epoch.
inline std::map<std::int64_t, std::int64_t> naive_coverage(const std::vector<OracleSpan>& spans, std::int64_t interval_ns,
                                                           std::int64_t tolerance_ns) {
  std::map<std::int64_t, std::int64_t> covered;
  for (const OracleSpan& span : naive_union(spans, tolerance_ns))
    for (std::int64_t k = span.first_ns / interval_ns; k <= span.last_ns / interval_ns; ++k)
      covered[k] += std::min(span.last_ns + 1, (k + 1) * interval_ns) - std::max(span.first_ns, k * interval_ns);
  return covered;
}

}  // namespace tidegauge::test
