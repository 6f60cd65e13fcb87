// The detectors that stand beside each other on NAB, each with a small grid of settings to choose from. All are causal.
// Models are trained on the first 15 % of a file, which NAB does not score; what they give are errors, to which the same rules
// are applied as to the series' own changes, so that a row of the table says what the model adds.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bench/nab_corpus.hpp"
#include "host/detection/detector.hpp"

namespace tidegauge {

/// Errors of every row of a file, NaN where there are none.
using Errors = std::vector<double>;

/// What the models say of one file, computed once.
struct NabErrors {
  Errors linear, lstm;
};
Expected<NabErrors> model_errors(const NabSeries& series);

/// One setting of a detector.
struct NabCandidate {
  std::string settings;
  std::function<std::vector<double>(const NabSeries&, const NabErrors&)> scores;  ///< sizes, one per row
  double limit = 1;  ///< the fixed threshold
};

struct NabDetector {
  std::string key, words;  ///< the key in JSON, and what it is
  std::vector<NabCandidate> candidates;
};

std::vector<NabDetector> nab_detectors();

/// The released default and what is left of it without each of its parts; one candidate each.
std::vector<NabDetector> nab_ablations();

}  // namespace tidegauge
