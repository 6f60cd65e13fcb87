#include "host/range_score.hpp"

#include <algorithm>
#include <set>
#include <tuple>

namespace tidegauge {

namespace {

void finish(RangeScore& score) {
  const auto ratio = [](double part, double rest) { return part + rest > 0 ? part / (part + rest) : 0.0; };
  const auto hits = static_cast<double>(score.true_positives);
  score.precision = ratio(hits, static_cast<double>(score.false_positives));
  score.recall = ratio(hits, static_cast<double>(score.false_negatives));
  const double sum = score.precision + score.recall;
  score.f1 = sum > 0 ? 2 * score.precision * score.recall / sum : 0;
}

struct Event {
  IntervalRange range;
  bool is_truth;
  std::size_t position;
};

/// Free ranges of one side, by end.
using Waiting = std::set<std::tuple<std::int64_t, std::size_t, std::int64_t>>;  // last_k, position, first_k

}  // namespace

// Greedy by earliest end is exact here. When the range I that ends first (at r) is served, every free counterpart J
// that overlaps it contains r, and everything else ends at r or later; so the J that ends first overlaps a subset of
// what any other J overlaps, and giving it to I costs a maximum matching nothing.
RangeScore score_one_to_one(std::span<const IntervalRange> truth, std::span<const IntervalRange> detected) {
  std::vector<Event> events;
  for (std::size_t i = 0; i < truth.size(); ++i) events.push_back({truth[i], true, i});
  for (std::size_t i = 0; i < detected.size(); ++i) events.push_back({detected[i], false, i});
  std::sort(events.begin(), events.end(), [](const Event& a, const Event& b) {
    return std::tuple(a.range.last_k, !a.is_truth, a.position) < std::tuple(b.range.last_k, !b.is_truth, b.position);
  });
  // Ranges that have begun by r; ranges enter in the order of their beginning.
  std::vector<std::size_t> by_begin(events.size());
  for (std::size_t i = 0; i < events.size(); ++i) by_begin[i] = i;
  std::stable_sort(by_begin.begin(), by_begin.end(), [&](std::size_t a, std::size_t b) {
    return events[a].range.first_k < events[b].range.first_k;
  });

  RangeScore score;
  Waiting waiting[2];  // [is_truth]
  const auto key = [](const Event& e) { return std::tuple(e.range.last_k, e.position, e.range.first_k); };
  std::size_t entered = 0;
  for (const Event& served : events) {
    while (entered < by_begin.size() && events[by_begin[entered]].range.first_k <= served.range.last_k) {
      const Event& e = events[by_begin[entered++]];
      waiting[e.is_truth].insert(key(e));
    }
    if (waiting[served.is_truth].erase(key(served)) == 0) continue;  // matched before
    Waiting& others = waiting[!served.is_truth];
    if (others.empty()) continue;
    const std::size_t other = std::get<1>(*others.begin());
    others.erase(others.begin());
    score.matches.push_back(served.is_truth ? RangeMatch{served.position, other} : RangeMatch{other, served.position});
  }
  std::sort(score.matches.begin(), score.matches.end(),
            [](const RangeMatch& a, const RangeMatch& b) { return a.truth < b.truth; });
  score.true_positives = score.matches.size();
  score.false_negatives = truth.size() - score.matches.size();
  score.false_positives = detected.size() - score.matches.size();
  finish(score);
  return score;
}

RangeScore score_pairs(std::span<const IntervalRange> truth, std::span<const std::int64_t> detections) {
  RangeScore score;
  std::vector<std::int64_t> sorted(detections.begin(), detections.end());
  std::sort(sorted.begin(), sorted.end());
  for (const IntervalRange& range : truth) {
    const auto first = std::upper_bound(sorted.begin(), sorted.end(), range.first_k);
    const auto last = std::lower_bound(sorted.begin(), sorted.end(), range.last_k);
    const std::size_t pairs = last > first ? static_cast<std::size_t>(last - first) : 0;
    score.true_positives += pairs;
    score.false_negatives += pairs == 0;
  }
  // A detection is inside some range if a range that begins before it ends after it.
  std::vector<IntervalRange> by_begin(truth.begin(), truth.end());
  std::sort(by_begin.begin(), by_begin.end(),
            [](const IntervalRange& a, const IntervalRange& b) { return a.first_k < b.first_k; });
  std::size_t next = 0;
  std::int64_t furthest_end = INT64_MIN;
  for (std::int64_t d : sorted) {
    for (; next < by_begin.size() && by_begin[next].first_k < d; ++next)
      furthest_end = std::max(furthest_end, by_begin[next].last_k);
    score.false_positives += furthest_end <= d;
  }
  finish(score);
  return score;
}

}  // namespace tidegauge
