// Where a training run starts: the split, the scale, the windows, the plain models beside the network, and the first
// parameters. What every way of training shares: one model, fine-tuning, many models by key.
// Cost: a pass over the series and the fits of the linear model. Thread safety: values.
// Tested by tests/host/trainer_test.cpp.
#pragma once

#include <string>
#include <vector>

#include "host/model_file.hpp"
#include "host/train_settings.hpp"
#include "host/training_data.hpp"
#include "kernels/core/status.hpp"
#include "kernels/data/interval_series.hpp"
#include "kernels/linear/linear.hpp"

namespace tidegauge {

struct TrainingStart {
  Model model;
  TrainingData data;
  LinearModel linear_start;  ///< fitted without the validation tail, so that epoch 0 is validated fairly
};

/// Everything but the parameters. @param frozen_scalers null: fitted on the training part.
Expected<TrainingStart> prepare_training(const IntervalSeries& series, const TrainSettings& settings,
                                         const std::vector<Scaler>* frozen_scalers);

/// The seed's parameters; with the skip connection the network is the linear model.
void set_first_parameters(TrainingStart& start);

/// The start of a model that goes on where it stands: other settings than epochs and patience, or other data, are an error.
/// @param where the model's file, named in errors.
Expected<TrainingStart> prepare_continuation(Model model, const IntervalSeries& series,
                                             const TrainSettings& settings, const std::string& where);

/// Dropout draws from a stream of its own.
std::uint64_t dropout_seed(const TrainSettings& settings);

}  // namespace tidegauge
