// How results of the models go into a series file; one form for the verbs and for the pipeline.
// Tested by tests/tools/learn_test.cpp and tests/host/pipeline_test.cpp.
#pragma once

#include <string>

#include "host/evaluation.hpp"
#include "host/forecaster.hpp"
#include "host/labeller.hpp"
#include "host/store.hpp"

namespace tidegauge {

/// Every model's forecasts, the metrics that compare them (table "metrics") and the model's settings (table "model").
Status save_forecasts(SeriesFile& file, const std::string& point, const ForecastSet& forecasts,
                      const Evaluation& evaluation, const TrainSettings& model);

/// What made the labels, as JSON: slope kind, direction, threshold that was applied, error, and how a forecast was read.
/// @param method "residual", "slope" or "rules"; empty for the slope of the series itself.
std::string label_settings_json(const LabelOutcome& outcome, const LabelSettings& settings, const std::string& method);

}  // namespace tidegauge
