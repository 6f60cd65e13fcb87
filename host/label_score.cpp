#include "host/label_score.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "host/duration.hpp"

namespace tidegauge {

namespace {

/// Drops what does not touch the stretch. @return how many were dropped.
std::size_t restrict_to(std::vector<IntervalRange>& ranges, const std::optional<IntervalRange>& stretch) {
  if (!stretch) return 0;
  const std::size_t before = ranges.size();
  std::erase_if(ranges, [&](const IntervalRange& r) { return !r.overlaps(*stretch); });
  return before - ranges.size();
}

/// From the beginning of each true range found to the first detection of what found it, in intervals.
std::optional<std::int64_t> median_delay(const RangeScore& found, std::span<const IntervalRange> truth,
                                         std::span<const IntervalRange> detected, std::span<const std::int64_t> detections) {
  std::vector<std::int64_t> delays;
  for (const RangeMatch& match : found.matches) {
    const IntervalRange& range = detected[match.detection];
    const auto first = std::lower_bound(detections.begin(), detections.end(), range.first_k);
    if (first != detections.end() && *first <= range.last_k) delays.push_back(*first - truth[match.truth].first_k);
  }
  if (delays.empty()) return std::nullopt;
  const auto middle = delays.begin() + static_cast<std::ptrdiff_t>((delays.size() - 1) / 2);
  std::nth_element(delays.begin(), middle, delays.end());
  return *middle;
}

/// The rows that lie in a range of intervals; none if there is no such row.
std::optional<NabWindow> rows_in(const IntervalRange& range, std::span<const std::int64_t> rows) {
  const auto first = std::lower_bound(rows.begin(), rows.end(), range.first_k);
  const auto behind = std::upper_bound(first, rows.end(), range.last_k);
  if (first == behind) return std::nullopt;
  return NabWindow{static_cast<std::size_t>(first - rows.begin()), static_cast<std::size_t>(behind - rows.begin()) - 1};
}

std::vector<NabScore> nab_scores(std::vector<IntervalRange> truth, std::span<const std::int64_t> detections,
                                 std::span<const std::int64_t> rows) {
  NabFile file{std::vector<double>(rows.size(), 0.0), {}};
  std::sort(truth.begin(), truth.end(), [](const IntervalRange& a, const IntervalRange& b) { return a.first_k < b.first_k; });
  for (const IntervalRange& range : truth) {
    const auto window = rows_in(range, rows);
    if (!window) continue;
    if (!file.windows.empty() && window->first <= file.windows.back().last)  // windows lie apart
      file.windows.back().last = std::max(file.windows.back().last, window->last);
    else file.windows.push_back(*window);
  }
  for (const std::int64_t k : detections)
    if (const auto row = rows_in({k, k}, rows)) file.scores[row->first] = 1;
  std::vector<NabScore> scores;
  for (const NabProfile& profile : nab_profiles) scores.push_back(nab_score({&file, 1}, 0.5, profile));
  return scores;
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
  score.overlap = score_overlap(inside, detected, settings.overlap);
  if (const auto delay = median_delay(score.one_to_one, inside, detected, labels.detections))
    score.median_delay_ns = *delay * labels.interval_ns;
  constexpr double day = 86400e9;
  if (settings.covered_ns > 0)
    score.alarms_per_day = static_cast<double>(detected.size()) * day / static_cast<double>(settings.covered_ns);
  std::vector<std::int64_t> points = labels.detections;
  if (settings.stretch) std::erase_if(points, [&](std::int64_t k) { return !settings.stretch->overlaps({k, k}); });
  if (settings.seed_compatible) score.pairs = score_pairs(inside, points);
  if (!settings.nab_rows.empty()) score.nab = nab_scores(inside, points, settings.nab_rows);
  return score;
}

std::string score_table(const std::vector<LabelScore>& scores) {
  std::string text = fmt::format("{:<12} {:<11} {:>5} {:>5} {:>5} {:>10} {:>7} {:>6}\n", "detections", "count", "TP", "FP",
                                 "FN", "precision", "recall", "F1");
  for (const LabelScore& score : scores) {
    text += row(score, "one-to-one", score.one_to_one);
    text += fmt::format("{:<12} {:<11} {:>5} {:>5} {:>5} {:>10.3f} {:>7.3f} {:>6.3f}\n", score.source, "by overlap", "", "", "",
                        score.overlap.precision, score.overlap.recall, score.overlap.f1);
    if (score.pairs) text += row(score, "pairs", *score.pairs);
    if (score.median_delay_ns)
      text += fmt::format("  found {} {} the beginning (median)\n", format_duration(std::abs(*score.median_delay_ns)),
                          *score.median_delay_ns < 0 ? "before" : "after");
    if (score.alarms_per_day) text += fmt::format("  {:.3g} alarms a day\n", *score.alarms_per_day);
    for (std::size_t i = 0; i < score.nab.size(); ++i)
      text += fmt::format("  NAB, {}: {:.1f} of 100 ({} of {} windows, {} false positives)\n", nab_profiles[i].name,
                          score.nab[i].normalised, score.nab[i].found, score.nab[i].windows, score.nab[i].false_positives);
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
    one["overlap"] = {{"precision", score.overlap.precision}, {"recall", score.overlap.recall}, {"f1", score.overlap.f1}};
    if (score.pairs) one["pairs"] = figures(*score.pairs);
    if (score.median_delay_ns) one["median_delay_s"] = static_cast<double>(*score.median_delay_ns) * 1e-9;
    if (score.alarms_per_day) one["alarms_per_day"] = *score.alarms_per_day;
    for (std::size_t i = 0; i < score.nab.size(); ++i)
      one["nab"][std::string(nab_profiles[i].name)] = {
          {"score", score.nab[i].normalised}, {"windows", score.nab[i].windows}, {"found", score.nab[i].found},
          {"false_positives", score.nab[i].false_positives}};
    rows.push_back(std::move(one));
  }
  return nlohmann::json{{"scores", rows}}.dump();
}

}  // namespace tidegauge
