// The score of the Numenta Anomaly Benchmark (Lavin and Ahmad, "Evaluating Real-time Anomaly Detection Algorithms", ICMLA
// 2015), with the rules of its scorer (nab/sweeper.py, nab/optimizer.py of numenta/NAB 1.1):
//   * Rows are numbered from 0. The first min(floor(15 %), 750) are probation and not scored.
//   * A row is detected where its anomaly score is at or above the threshold.
//   * In a window only the best detection counts: of the row at distance d from the window's right end (d = 1 there, and
//     the window's width at its left end) S(-d / width) / S(-1), times the weight of a true positive. S(y) = 2 / (1 + e^5y) - 1,
//     and S(y) = -1 from y = 3 on. A window without a detection costs the weight of a false negative.
//   * Every detection outside costs: S(distance behind the last window / (its width - 1)), 1 where there was none, times the
//     weight of a false positive.
//   * 100 * (score - null) / (perfect - null), where null detects nothing and perfect finds every window at its left end.
// Windows that lie in the probation altogether count neither in null nor in perfect (the benchmark's files have none).
// Cost: n log n. Thread safety: pure functions. Tested by tests/host/nab_score_test.cpp on cases worked out by hand.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace tidegauge {

struct NabProfile {
  std::string_view name;
  double true_positive, false_positive, false_negative;
};
inline constexpr std::array<NabProfile, 3> nab_profiles{{{"standard", 1.0, 0.11, 1.0},
                                                         {"reward_low_FP_rate", 1.0, 0.22, 1.0},
                                                         {"reward_low_FN_rate", 1.0, 0.11, 2.0}}};

/// Rows, both included.
struct NabWindow {
  std::size_t first = 0, last = 0;
};

struct NabFile {
  std::vector<double> scores;      ///< one per row, any scale; NaN is never detected
  std::vector<NabWindow> windows;  ///< ascending, apart from each other, within the rows
};

struct NabScore {
  double normalised = 0;  ///< 100 is perfect, 0 detects nothing; NaN without windows
  double raw = 0;
  std::size_t windows = 0, found = 0, false_positives = 0;  ///< rows detected outside windows
};

std::size_t nab_probation(std::size_t rows);

/// One threshold for all files.
NabScore nab_score(std::span<const NabFile> files, double threshold, const NabProfile& profile);

struct NabOptimum {
  double threshold = 0;  ///< infinity where detecting nothing is best
  NabScore score;
};
/// The benchmark's own figure: the threshold that makes the score of these files largest, the highest of equals.
NabOptimum nab_optimum(std::span<const NabFile> files, const NabProfile& profile);

}  // namespace tidegauge
