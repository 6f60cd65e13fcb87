// `predict` with what `train --by-key` wrote: every key's forecasts beside those of the plain models.
#pragma once

#include <string>
#include <vector>

#include "host/forecaster.hpp"
#include "host/keyed_model_file.hpp"
#include "tools/series_options.hpp"
#include "tools/verbs.hpp"

namespace tidegauge {

struct PredictRequest {
  SeriesOptions series;
  DeviceOptions device;
  std::string model, csv, column;
  std::vector<std::string> keys;
  bool all = false, no_save = false;
};

/// The first interval to speak of. An error where the model has seen everything.
Expected<std::int64_t> first_to_predict(const PredictRequest& request, const Model& model, const IntervalSeries& series);

/// What the newest window says about intervals that have not come: one row per step.
struct Upcoming {
  std::int64_t k, start_ns;
  double predicted;
};
std::vector<Upcoming> upcoming(const ForecastSet& set);

Status run_predict_by_key(const PredictRequest& request, KeyedModels models, const CommonOptions& common);

}  // namespace tidegauge
