#include "host/detection/alarm_rules.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>

#include "kernels/core/contract.hpp"

namespace tidegauge {

std::vector<double> refractory(std::span<const double> scores, std::size_t quiet) {
  std::vector<double> kept(scores.begin(), scores.end());
  std::deque<std::size_t> largest;  // rows of the quiet time that no later one outranks, the largest first
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (std::isnan(scores[i])) continue;
    while (!largest.empty() && i - largest.front() > quiet) largest.pop_front();
    if (!largest.empty() && std::abs(scores[largest.front()]) >= std::abs(scores[i])) kept[i] = 0;
    while (!largest.empty() && std::abs(scores[largest.back()]) <= std::abs(scores[i])) largest.pop_back();
    largest.push_back(i);
  }
  return kept;
}

std::vector<double> lasting(std::span<const double> scores, std::size_t length) {
  TG_REQUIRE(length > 0, "at least the point itself");
  std::vector<double> held(scores.begin(), scores.end());
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (std::isnan(scores[i])) continue;
    if (i + 1 < length) held[i] = 0;
    for (std::size_t back = 1; back < length && back <= i; ++back) {
      const double before = scores[i - back];
      if (!(before * scores[i] > 0)) held[i] = 0;  // the other sign, or missing
      else if (std::abs(before) < std::abs(held[i])) held[i] = before;
    }
  }
  return held;
}

std::vector<double> stronger(std::span<const double> a, std::span<const double> b) {
  TG_REQUIRE(a.size() == b.size(), "two scores of every point");
  std::vector<double> larger(a.begin(), a.end());
  for (std::size_t i = 0; i < a.size(); ++i)
    if (std::isnan(a[i]) || std::abs(b[i]) > std::abs(a[i])) larger[i] = b[i];
  return larger;
}

}  // namespace tidegauge
