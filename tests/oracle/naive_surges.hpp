// Surges as one would find them by hand: every detection's range from a walk to its segment's ends, merged pair by pair.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/slope/surge.hpp"
#include "tests/oracle/naive_slopes.hpp"

namespace tidegauge::oracle {

inline double strength(SlopeKind kind, double s, bool rising) {
  if (rising) return s;
  return kind == SlopeKind::ratio ? 1 / s : -s;
}

inline Surges surges(const SurgeInput& in, const SurgeRule& rule) {
  Surges out;
  for (const bool rising : {true, false})
    for (std::size_t n = 0; n + 1 < in.begin.size(); ++n) {
      const auto cut = [&](auto all) { return all.empty() ? all : all.subspan(in.begin[n], in.begin[n + 1] - in.begin[n]); };
      const SlopeInput one{cut(in.points.values), cut(in.points.k), cut(in.points.complete), in.points.interval_ns};
      const std::vector<double> s = slopes(one, rule.kind);
      double threshold = std::numeric_limits<double>::infinity();
      std::vector<double> strongest;
      for (const double v : s) {
        if (std::isnan(v)) continue;
        double most = -std::numeric_limits<double>::infinity();
        if (rule.rising) most = std::max(most, strength(rule.kind, v, true));
        if (rule.falling) most = std::max(most, strength(rule.kind, v, false));
        strongest.push_back(most);
      }
      std::sort(strongest.begin(), strongest.end());
      if (rule.threshold) threshold = *rule.threshold;
      else if (!strongest.empty())  // the smallest that the share does not exceed
        for (std::size_t i = strongest.size(); i-- > 0;)
          if (static_cast<double>(i + 1) >= rule.quantile * static_cast<double>(strongest.size())) threshold = strongest[i];
      if (rising) out.slopes.insert(out.slopes.end(), s.begin(), s.end());
      if (rising) out.thresholds.push_back(threshold);
      if (!(rising ? rule.rising : rule.falling)) continue;

      const auto joined = [&](std::size_t i) {  // to the row before
        return one.k[i] == one.k[i - 1] + 1 && (one.complete.empty() || (one.complete[i] && one.complete[i - 1]));
      };
      std::vector<Surge> ranges;
      std::vector<double> peaks;
      for (std::size_t i = 0; i < s.size(); ++i) {
        if (!(strength(rule.kind, s[i], rising) > threshold)) continue;
        std::size_t first = i, last = i;
        while (first > 0 && joined(first) && one.k[i] - one.k[first] < rule.error) --first;
        while (last + 1 < s.size() && joined(last + 1) && one.k[last] - one.k[i] < rule.error) ++last;
        ranges.push_back({static_cast<std::uint32_t>(n), rising, one.k[first], one.k[last], one.k[i], s[i], 1});
        peaks.push_back(strength(rule.kind, s[i], rising));
      }
      for (std::size_t i = 1; i < ranges.size();) {
        if (ranges[i].first_k > ranges[i - 1].last_k) {
          ++i;
          continue;
        }
        ranges[i - 1].last_k = ranges[i].last_k;
        ranges[i - 1].detections += 1;
        if (peaks[i] > peaks[i - 1]) ranges[i - 1].peak_k = ranges[i].peak_k, ranges[i - 1].slope = ranges[i].slope, peaks[i - 1] = peaks[i];
        ranges.erase(ranges.begin() + static_cast<std::ptrdiff_t>(i));
        peaks.erase(peaks.begin() + static_cast<std::ptrdiff_t>(i));
      }
      out.ranges.insert(out.ranges.end(), ranges.begin(), ranges.end());
    }
  return out;
}

}  // namespace tidegauge::oracle
