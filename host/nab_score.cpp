#include "host/nab_score.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

#include "kernels/core/contract.hpp"

namespace tidegauge {

namespace {

/// S(y).
double scaled_sigmoid(double position) { return position >= 3 ? -1 : 2 / (1 + std::exp(5 * position)) - 1; }

constexpr std::size_t no_window = SIZE_MAX;

/// What detecting a row is worth.
struct ScoredRow {
  double anomaly;
  double worth;        ///< before normalising, weighted
  std::size_t window;  ///< counted over all files; or no_window
};

struct Corpus {
  std::vector<ScoredRow> rows;  ///< by anomaly score, the highest first
  std::size_t windows = 0;      ///< that hold a scored row
};

void add_file(Corpus& corpus, const NabFile& file, const NabProfile& profile) {
  const std::size_t probation = nab_probation(file.scores.size());
  std::size_t next = 0;
  std::optional<NabWindow> before;
  for (std::size_t row = 0; row < file.scores.size(); ++row) {
    const bool inside = next < file.windows.size() && row >= file.windows[next].first;
    ScoredRow scored{file.scores[row], 0, no_window};
    if (inside) {
      const NabWindow& window = file.windows[next];
      const auto width = static_cast<double>(window.last - window.first + 1);
      scored.worth = profile.true_positive * scaled_sigmoid(-static_cast<double>(window.last - row + 1) / width) / scaled_sigmoid(-1);
      scored.window = corpus.windows;
    } else {
      const double behind = before ? static_cast<double>(row - before->last) / static_cast<double>(before->last - before->first) : 3;
      scored.worth = profile.false_positive * scaled_sigmoid(behind);
    }
    if (row >= probation && !std::isnan(scored.anomaly)) corpus.rows.push_back(scored);
    if (inside && row == file.windows[next].last) {
      before = file.windows[next++];
      if (row >= probation) ++corpus.windows;
    }
  }
}

Corpus corpus_of(std::span<const NabFile> files, const NabProfile& profile) {
  Corpus corpus;
  for (const NabFile& file : files) {
    for (std::size_t i = 0; i < file.windows.size(); ++i) {
      const NabWindow& w = file.windows[i];
      TG_REQUIRE(w.first <= w.last && w.last < file.scores.size() && (i == 0 || file.windows[i - 1].last < w.first),
                 "windows are ascending, apart, and within the rows");
    }
    add_file(corpus, file, profile);
  }
  std::stable_sort(corpus.rows.begin(), corpus.rows.end(),
                   [](const ScoredRow& a, const ScoredRow& b) { return a.anomaly > b.anomaly; });
  return corpus;
}

/// The score while the threshold goes down.
class Sweep {
 public:
  Sweep(const Corpus& corpus, const NabProfile& profile)
      : profile_(profile), best_(corpus.windows, -profile.false_negative) {
    score_.windows = corpus.windows;
    score_.raw = -profile.false_negative * static_cast<double>(corpus.windows);
  }

  void detect(const ScoredRow& row) {
    if (row.window == no_window) {
      score_.raw += row.worth;
      score_.false_positives += 1;
      return;
    }
    double& best = best_[row.window];
    if (best == -profile_.false_negative) score_.found += 1;
    score_.raw += std::max(best, row.worth) - best;
    best = std::max(best, row.worth);
  }

  NabScore score() const {
    NabScore score = score_;
    const auto windows = static_cast<double>(score.windows);
    const double null = -profile_.false_negative * windows, perfect = profile_.true_positive * windows;
    score.normalised = 100 * (score.raw - null) / (perfect - null);
    return score;
  }

 private:
  const NabProfile& profile_;
  std::vector<double> best_;  ///< of each window
  NabScore score_;
};

}  // namespace

std::size_t nab_probation(std::size_t rows) { return std::min<std::size_t>(rows * 15 / 100, 750); }

NabScore nab_score(std::span<const NabFile> files, double threshold, const NabProfile& profile) {
  const Corpus corpus = corpus_of(files, profile);
  Sweep sweep(corpus, profile);
  for (const ScoredRow& row : corpus.rows) {
    if (row.anomaly < threshold) break;
    sweep.detect(row);
  }
  return sweep.score();
}

NabOptimum nab_optimum(std::span<const NabFile> files, const NabProfile& profile) {
  const Corpus corpus = corpus_of(files, profile);
  Sweep sweep(corpus, profile);
  NabOptimum best{std::numeric_limits<double>::infinity(), sweep.score()};
  for (auto row = corpus.rows.begin(); row != corpus.rows.end();) {
    const double threshold = row->anomaly;
    for (; row != corpus.rows.end() && row->anomaly == threshold; ++row) sweep.detect(*row);
    if (const NabScore score = sweep.score(); score.raw > best.score.raw) best = {threshold, score};
  }
  return best;
}

}  // namespace tidegauge
