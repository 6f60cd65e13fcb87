#include "host/statistics/scales.hpp"

#include <algorithm>
#include <cmath>

namespace tidegauge {
namespace {

constexpr std::size_t least_blocks = 8;

using Runs = std::vector<std::vector<double>>;

void halve(Runs& runs) {
  for (auto& run : runs) {
    for (std::size_t i = 0; i + 1 < run.size(); i += 2) run[i / 2] = run[i] + run[i + 1];
    run.resize(run.size() / 2);
  }
  std::erase_if(runs, [](const auto& run) { return run.empty(); });
}

Scale describe(const Runs& runs, std::size_t intervals) {
  Scale s;
  s.intervals = intervals;
  double sum = 0, steps = 0;
  std::size_t step_count = 0;
  s.peak = runs.front().front();
  for (const auto& run : runs) {
    s.blocks += run.size();
    for (std::size_t i = 0; i < run.size(); ++i) {
      sum += run[i];
      s.zeros += run[i] == 0;
      s.peak = std::max(s.peak, run[i]);
      if (i > 0) steps += (run[i] - run[i - 1]) * (run[i] - run[i - 1]), ++step_count;
    }
  }
  const double blocks = static_cast<double>(s.blocks);
  s.mean = sum / blocks, s.zeros /= blocks;
  for (const auto& run : runs)
    for (const double v : run) s.variance += (v - s.mean) * (v - s.mean);
  s.variance /= blocks - 1;
  if (step_count > 0) s.successive = steps / static_cast<double>(step_count) / 2;
  return s;
}

}  // namespace

std::optional<double> Scale::index_of_dispersion() const {
  return mean > 0 ? std::optional(variance / mean) : std::nullopt;
}
std::optional<double> Scale::peak_to_mean() const { return mean > 0 ? std::optional(peak / mean) : std::nullopt; }
std::optional<double> Scale::relative_noise() const {
  return mean > 0 ? std::optional(std::sqrt(successive) / mean) : std::nullopt;
}

std::vector<Scale> scales_of(const Sample& sample) {
  Runs runs;
  for (const Segment& s : sample.runs) runs.emplace_back(sample.run(s).begin(), sample.run(s).end());
  std::vector<Scale> scales;
  for (std::size_t intervals = 1;; intervals *= 2, halve(runs)) {
    std::size_t blocks = 0;
    for (const auto& run : runs) blocks += run.size();
    if (blocks < least_blocks) return scales;
    scales.push_back(describe(runs, intervals));
  }
}

}  // namespace tidegauge
