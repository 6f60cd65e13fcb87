// Slopes as one would write them on paper: no shared rule, medians by sorting.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/slope/slope.hpp"

namespace tidegauge::oracle {

inline double middle(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

inline std::vector<double> slopes(const SlopeInput& in, SlopeKind kind) {
  const double none = std::numeric_limits<double>::quiet_NaN(),
               infinite = std::numeric_limits<double>::infinity();
  std::vector<double> out(in.values.size(), none), finite;
  for (std::size_t i = 1; i < out.size(); ++i) {
    const double a = in.values[i - 1], b = in.values[i];
    const bool usable = in.complete.empty() || (in.complete[i - 1] != 0 && in.complete[i] != 0);
    if (!usable || in.k[i] != in.k[i - 1] + 1 || std::isnan(a) || std::isnan(b)) continue;
    if (kind != SlopeKind::ratio)
      out[i] = (b - a) / (static_cast<double>(in.interval_ns) / 1e9);
    else if (a != 0)
      out[i] = b / a;
    else if (b > 0)
      out[i] = infinite;
    else if (b < 0)
      out[i] = -infinite;
    if (std::isnan(out[i])) out[i] = none;
    if (std::isfinite(out[i])) finite.push_back(out[i]);
  }
  if (kind != SlopeKind::robust || finite.empty()) return out;
  const double center = middle(finite);
  for (double& f : finite) f = std::fabs(f - center);
  const double scale = 1.4826 * middle(finite);
  for (double& s : out) {
    if (std::isnan(s)) continue;
    s = s == center ? 0 : (s - center) / scale;
  }
  return out;
}

}  // namespace tidegauge::oracle
