// `train --by-key`: one model per key of a series, beside the linear model and persistence.
#pragma once

#include <string>

#include "host/train_settings.hpp"
#include "tools/series_options.hpp"
#include "tools/setting_options.hpp"
#include "tools/verbs.hpp"

namespace tidegauge {

struct KeyedTrainRequest {
  const SeriesOptions& series;
  const DeviceOptions& device;
  const SettingOptions<TrainSettings>& options;
  std::string path;  ///< model file to write
  bool resume = false, restart = false;
  double checkpoint_every_s = 30;
  SeriesFile::KeyQuery keys;
};

Status run_train_by_key(const KeyedTrainRequest& request, const CommonOptions& common);

}  // namespace tidegauge
