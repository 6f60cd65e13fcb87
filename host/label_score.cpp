#include "host/label_score.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace tidegauge {

namespace {

/// Drops what does not touch the stretch. @return how many were dropped.
std::size_t restrict_to(std::vector<IntervalRange>& ranges, const std::optional<IntervalRange>& stretch) {
  if (!stretch) return 0;
  const std::size_t before = ranges.size();
  std::erase_if(ranges, [&](const IntervalRange& r) { return !r.overlaps(*stretch); });
  return before - ranges.size();
}

std::string row(const LabelScore& score, const char* count, const RangeScore& s) {
  return fmt::format("{:<12} {:<11} {:>5} {:>5} {:>5} {:>10.3f} {:>7.3f} {:>6.3f}\n", score.source, count,
                     s.true_positives, s.false_positives, s.false_negatives, s.precision, s.recall, s.f1);
}

nlohmann::json figures(const RangeScore& s) {
  return {{"true_positives", s.true_positives}, {"false_positives", s.false_positives},
          {"false_negatives", s.false_negatives}, {"precision", s.precision}, {"recall", s.recall}, {"f1", s.f1}};
}

}  // namespace

std::vector<IntervalRange> ranges_of(const Labels& labels) {
  std::vector<IntervalRange> ranges;
  for (const LabelledRange& r : labels.ranges) ranges.push_back({r.first_k, r.last_k});
  return ranges;
}

LabelScore score_labels(const std::vector<IntervalRange>& truth, const Labels& labels, const ScoreSettings& settings) {
  LabelScore score;
  score.source = labels.source;
  score.column = labels.column;
  std::vector<IntervalRange> inside = truth, detected = ranges_of(labels);
  score.truth_outside = restrict_to(inside, settings.stretch);
  score.detected_outside = restrict_to(detected, settings.stretch);
  score.one_to_one = score_one_to_one(inside, detected);
  if (settings.seed_compatible) {
    std::vector<std::int64_t> points = labels.detections;
    if (settings.stretch)
      std::erase_if(points, [&](std::int64_t k) { return !settings.stretch->overlaps({k, k}); });
    score.pairs = score_pairs(inside, points);
  }
  return score;
}

std::string score_table(const std::vector<LabelScore>& scores) {
  std::string text = fmt::format("{:<12} {:<11} {:>5} {:>5} {:>5} {:>10} {:>7} {:>6}\n", "detections", "count", "TP", "FP",
                                 "FN", "precision", "recall", "F1");
  for (const LabelScore& score : scores) {
    text += row(score, "one-to-one", score.one_to_one);
    if (score.pairs) text += row(score, "pairs", *score.pairs);
    if (score.truth_outside + score.detected_outside > 0)
      text += fmt::format("  left out, outside the stretch that is scored: {} true ranges, {} detections\n",
                          score.truth_outside, score.detected_outside);
  }
  return text;
}

std::string score_json(const std::vector<LabelScore>& scores) {
  nlohmann::json rows = nlohmann::json::array();
  for (const LabelScore& score : scores) {
    nlohmann::json one{{"source", score.source}, {"column", score.column}, {"one_to_one", figures(score.one_to_one)},
                       {"truth_outside", score.truth_outside}, {"detected_outside", score.detected_outside}};
    if (score.pairs) one["pairs"] = figures(*score.pairs);
    rows.push_back(std::move(one));
  }
  return nlohmann::json{{"scores", rows}}.dump();
}

}  // namespace tidegauge
