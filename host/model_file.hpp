// A trained model and the state of its training, and their file: safetensors with PyTorch's names and gate order
// (i, f, g, o), so that torch.nn.LSTM loads the weights:
//   weight_ih_l0 [4H,I], weight_hh_l0 [4H,H], bias_ih_l0 [4H], bias_hh_l0 [4H] (zeros; summed when read), ...,
//   head.weight [O,H], head.bias [O], skip.weight [O,T*I]            the model to use: the best so far
//   training.parameters [P]                                         where training stands
//   adam.m, adam.v or rmsprop.v [P]                                 the optimizer's state
//   linear.weight, linear.bias (F64)                                the AR baseline, printed beside the LSTM
// Settings, scalers, progress and losses are JSON under the metadata key "tidegauge". Shuffling and dropout draw from
// (seed, epoch) and (seed, step), so progress is the whole random state.
// A checkpoint is the same file with progress.finished = false; it predicts too.
// Cost: one file. Thread safety: values. Tested by tests/host/model_file_test.cpp.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "host/safetensors.hpp"
#include "host/scaler.hpp"
#include "host/train_settings.hpp"
#include "kernels/core/status.hpp"
#include "kernels/data/epoch_loss.hpp"
#include "kernels/linear/linear.hpp"
#include "kernels/optimizer/optimizer.hpp"

namespace tidegauge {

struct TrainProgress {
  std::size_t epoch = 0;           ///< whole epochs done
  std::size_t batch = 0;           ///< batches done of the next epoch
  double loss_sum = 0;             ///< over those batches, each weighted by its windows
  std::vector<EpochLoss> history;  ///< [0] is the start
  std::size_t best_epoch = 0;
  double best_loss = std::numeric_limits<double>::infinity();
  std::vector<float> parameters;   ///< where training stands; the model keeps the best
  OptimizerState optimizer;
  LstmAlgorithm algorithm = LstmAlgorithm::automatic;  ///< that ran last (LstmNetwork::algorithm)
  bool finished = false;
};

struct Model {
  TrainSettings settings;
  std::string point;              ///< observation point of the training series
  std::int64_t interval_ns = 0;
  std::vector<Scaler> scalers;    ///< one per column
  std::vector<float> parameters;  ///< flat, as lstm_tensors says
  LinearModel linear;             ///< AR baseline in scaled units
  std::size_t season = 0;         ///< intervals; 0: none
  double mase_scale = 0;          ///< mean one-step change of the training part, in the column's unit
  std::int64_t training_end_k = 0;  ///< first interval after the training part
  std::uint64_t data_hash = 0;    ///< of what it was trained on
  std::uint64_t base_hash = 0;    ///< of the model that it was fine-tuned from; 0: none
  TrainProgress progress;

  /// For a network that goes on from here or predicts: an automatic choice starts with what ran in training.
  LstmOptions lstm_options() const {
    LstmOptions options = settings.lstm_options();
    options.begun_with = progress.algorithm;
    return options;
  }
};

Status save_model(const std::string& path, const Model& model);
Expected<Model> load_model(const std::string& path);

// What a file of several models (keyed_model_file.hpp) is made of -----

inline constexpr const char* model_entry = "tidegauge";                ///< in the metadata: one model's description
inline constexpr const char* keyed_models_entry = "tidegauge_by_key";  ///< that it is a file of several models

/// Adds a model's tensors, `prefix` before each name. @return its description.
std::string put_model(TensorFile& file, const Model& model, const std::string& prefix);
/// Of a file of one model.
Expected<Model> read_model(const TensorFile& file);
Expected<Model> take_model(const TensorFile& file, const std::string& description, const std::string& prefix);
Error unusable_model(Error why, const std::string& path);

}  // namespace tidegauge
