// Everything that decides what a training run computes, and its JSON form in model files and settings files.
// Thread safety: values. Tested by tests/host/train_settings_test.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "host/scaler.hpp"
#include "kernels/core/status.hpp"
#include "kernels/lstm/lstm.hpp"
#include "kernels/optimizer/optimizer.hpp"
#include "kernels/windowing/windowing.hpp"

namespace tidegauge {

constexpr std::size_t max_look_back = 1 << 20;  ///< intervals; keeps every size product far from overflow

struct TrainSettings {
  std::string column;                      ///< what is predicted; empty: see read_model_series
  std::vector<std::string> extra_columns;  ///< further inputs
  bool time_of_day = false;                ///< sine and cosine of the time of day as inputs (UTC)
  bool time_of_week = false;               ///< the same for the week

  std::size_t look_back = 32;  ///< intervals read
  std::size_t horizon = 1;     ///< intervals predicted at once
  std::size_t hidden = 32;
  std::size_t layers = 1;
  bool skip = true;            ///< the network predicts on top of the linear model

  ScalerKind scaler = ScalerKind::minmax;
  bool log1p = false;
  PartSize training_part = PartSize::of_fraction(0.7);  ///< with the validation tail
  PartSize validation = PartSize::of_fraction(0.15);    ///< of the training part
  std::size_t season = 0;      ///< intervals; 0 takes a week or a day if the training part holds two of them

  LossSettings loss;           ///< dropout_seed is overwritten: it follows from `seed`
  OptimizerSettings optimizer = optimizer_defaults(OptimizerKind::adam);
  std::size_t batch = 0;       ///< windows a step; 0 chooses by the number of windows, 32 to 1,024
  std::size_t epochs = 100;
  std::size_t patience = 10;   ///< epochs without a better validation loss before stopping; 0 never stops early
  std::uint64_t seed = 1;
  bool shuffle = true;
  LstmAlgorithm cudnn = LstmAlgorithm::automatic;  ///< a GPU's; how fast, and how it rounds
  bool tf32 = false;                               ///< a GPU's products: fast and coarse

  std::size_t feature_count() const;
  LstmShape shape() const;
  LstmOptions lstm_options() const { return {cudnn, tf32}; }
  std::vector<std::string> columns() const;  ///< the predicted one first
};

/// All mistakes at once, one per line; usage error. Also a training part given in rows that holds no two windows.
Status check_settings(const TrainSettings& settings);

std::string settings_to_json(const TrainSettings& settings);
/// Absent keys keep their defaults; unknown keys and wrong types are errors that name them.
Expected<TrainSettings> settings_from_json(std::string_view json);

std::string_view loss_name(Loss loss);
std::string_view optimizer_name(OptimizerKind kind);

}  // namespace tidegauge
