#include "host/overlap_score.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

namespace tidegauge {

namespace {

double sum_to(double n) { return n * (n + 1) / 2; }  // 1 + 2 + ... + n

/// Sum of the weights of the first `n` places of a range of `length`.
double weight_of_first(double n, double length, OverlapBias bias) {
  switch (bias) {
    case OverlapBias::flat: return n;
    case OverlapBias::front: return sum_to(length) - sum_to(length - n);
    case OverlapBias::back: return sum_to(n);
    case OverlapBias::middle: {
      const double half = static_cast<double>(static_cast<std::int64_t>(length / 2));
      // Places count up to the middle and down again: 1 2 2 1, 1 2 3 2 1 with the odd one in the falling half.
      return n <= half ? sum_to(n) : sum_to(half) + sum_to(length - half) - sum_to(length - n);
    }
  }
  return n;
}

struct Overlap {
  double share = 0;          ///< weighted, in [0, 1]
  std::size_t others = 0;    ///< that it overlaps
};

/// @param others ordered by first_k @param longest of them, in intervals
Overlap overlap_of(const IntervalRange& range, std::span<const IntervalRange> others, std::int64_t longest, OverlapBias bias) {
  Overlap overlap;
  std::vector<IntervalRange> parts;
  auto other = std::lower_bound(others.begin(), others.end(), range.first_k - longest,
                                [](const IntervalRange& r, std::int64_t k) { return r.first_k < k; });
  for (; other != others.end() && other->first_k <= range.last_k; ++other) {
    if (!other->overlaps(range)) continue;
    overlap.others += 1;
    parts.push_back({std::max(other->first_k, range.first_k), std::min(other->last_k, range.last_k)});
  }
  const auto length = static_cast<double>(range.last_k - range.first_k + 1);
  for (const IntervalRange& part : united(std::move(parts))) {
    const auto before = static_cast<double>(part.first_k - range.first_k), to = static_cast<double>(part.last_k - range.first_k + 1);
    overlap.share += weight_of_first(to, length, bias) - weight_of_first(before, length, bias);
  }
  overlap.share /= weight_of_first(length, length, bias);
  return overlap;
}

double mean_over(std::span<const IntervalRange> ranges, std::span<const IntervalRange> against, double alpha, OverlapBias bias) {
  std::vector<IntervalRange> others(against.begin(), against.end());
  std::sort(others.begin(), others.end(), [](const IntervalRange& a, const IntervalRange& b) { return a.first_k < b.first_k; });
  std::int64_t longest = 0;
  for (const IntervalRange& r : others) longest = std::max(longest, r.last_k - r.first_k + 1);
  double sum = 0;
  for (const IntervalRange& range : ranges) {
    const Overlap overlap = overlap_of(range, others, longest, bias);
    if (overlap.others == 0) continue;
    sum += alpha + (1 - alpha) * overlap.share / static_cast<double>(overlap.others);
  }
  return ranges.empty() ? 0 : sum / static_cast<double>(ranges.size());
}

}  // namespace

Expected<OverlapBias> overlap_bias_by_name(std::string_view name) {
  if (name == "flat") return OverlapBias::flat;
  if (name == "front") return OverlapBias::front;
  if (name == "middle") return OverlapBias::middle;
  if (name == "back") return OverlapBias::back;
  return Error{fmt::format("unknown bias '{}'", name), "--bias", "flat, front, middle or back", ErrorKind::usage};
}

OverlapScore score_overlap(std::span<const IntervalRange> truth, std::span<const IntervalRange> detected,
                           const OverlapSettings& settings) {
  OverlapScore score;
  score.recall = mean_over(truth, detected, settings.alpha, settings.bias);
  score.precision = mean_over(detected, truth, 0, OverlapBias::flat);
  const double sum = score.precision + score.recall;
  score.f1 = sum > 0 ? 2 * score.precision * score.recall / sum : 0;
  return score;
}

}  // namespace tidegauge
