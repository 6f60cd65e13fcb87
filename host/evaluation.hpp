// Measures a model beside its baselines on the same points and says in words whether the LSTM helped.
// Cost: one pass per model. Thread safety: pure functions. Tested by tests/host/forecaster_test.cpp.
#pragma once

#include <string>
#include <vector>

#include "host/forecaster.hpp"
#include "host/metrics.hpp"
#include "host/model_file.hpp"

namespace tidegauge {

struct MetricsRow {
  std::string model;     ///< "lstm", "ar", "persistence", "seasonal"
  std::string name;      ///< for people: "LSTM(10)", "AR(2)", "persistence", "seasonal (288)"
  std::size_t step = 0;  ///< 0: all steps together
  Metrics metrics;
};

struct Evaluation {
  std::string column;              ///< what was predicted
  std::vector<MetricsRow> rows;    ///< all steps together first, then (if there are several) each step; LSTM first
  std::vector<std::string> notes;  ///< what was left out and why
  std::string verdict;
  bool lstm_helped = false;
};

/// Points where what came is known and every model that is compared has a value. A seasonal forecast that is missing on
/// more than half of the points is left out, and a note says so.
Evaluation evaluate(const ForecastSet& forecasts, const Model& model);

/// The rows as an aligned table; with several steps: all together, the first and the last.
std::string metrics_table(const Evaluation& evaluation);
/// Every row, note and the verdict; figures that are not defined are null.
std::string metrics_json(const Evaluation& evaluation);

}  // namespace tidegauge
