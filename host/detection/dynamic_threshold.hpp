// Dynamic non-parametric thresholds with pruning (Hundman and others 2018, "Detecting spacecraft anomalies using LSTMs and
// nonparametric dynamic thresholding", sections 3.2 and 3.3).
//   eps = mean + z * deviation of a window of smoothed errors, z of a ladder, so that leaving out what is above eps lowers mean and
//   deviation most for how much is left out: (dmean / mean + ddeviation / deviation) / (points above + runs of them^2).
//   Pruning: peaks of the runs, the largest first, then the largest error below eps; from the last step on that falls by more
//   than a share p, what follows is no anomaly.
// There a window is judged after it is whole. Here a point is judged by the window that ends with it, so that it is causal; a
// point counts only if its own run is left.
// Cost: the window times the ladder per point. Thread safety: pure functions.
// Tested by tests/host/detection_threshold_test.cpp.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace tidegauge {

struct DynamicThresholdSettings {
  std::size_t window = 500;  ///< points, the judged one with them
  std::size_t least = 100;   ///< of them, before anything is said
  double prune = 0.13;       ///< p
};

/// (error - eps) / (mean + deviation) of the window, as there; 0 where nothing is unusual, NaN where too little came before.
/// @param errors sizes (not negative), smoothed
std::vector<double> dynamic_threshold(std::span<const double> errors, const DynamicThresholdSettings& settings);

}  // namespace tidegauge
