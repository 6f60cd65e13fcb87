// Linear models over windows: y[o] = bias[o] + weight[o] . window, fitted by least squares. With one feature this is
// AR(look_back); it is the baseline printed beside every LSTM and the skip connection from which the network starts.
//
// Problem: windows overlap and neighbours are nearly equal, so the normal equations are badly conditioned, and short
// series have fewer windows than weights. Answer: centred, in double, and a ridge on the distance from persistence
// (weight 1 on the target's newest value, 0 elsewhere) instead of from zero: where the data says little, the model
// falls back to "as now". The default ridge (1e-9 of the mean variance) changes nothing where data speaks.
// Absolute and Huber loss: iteratively reweighted least squares (Holland and Welsch 1977).
// Cost: windows * P^2 flops with P = look_back * features, P^3 / 3 for Cholesky; times the iterations for other losses.
// Thread safety: pure functions. Tested by tests/kernels/linear_test.cpp.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/core/status.hpp"
#include "kernels/data/window_batch.hpp"
#include "kernels/lstm/lstm.hpp"

namespace tidegauge {

struct LinearModel {
  std::size_t inputs = 0;      ///< look_back * features, oldest step first, as skip.weight
  std::size_t horizon = 0;
  std::vector<double> weight;  ///< row-major [horizon][inputs]
  std::vector<double> bias;    ///< [horizon]
  double ridge = 0;            ///< that it was fitted with
  bool fitted() const { return horizon > 0; }
};

struct LinearSettings {
  LossSettings loss;
  double ridge = 1e-9;            ///< in units of the mean variance of the inputs
  std::size_t target_feature = 0; ///< feature that holds the target's own past: persistence is its newest value
};

/// Fits on all windows of the batch. Fewer than two windows is an error.
Expected<LinearModel> fit_linear(const WindowBatch& windows, const LinearSettings& settings);

/// Outputs [windows.size()][horizon], row-major.
void predict_linear(std::span<double> out, const LinearModel& model, const WindowBatch& windows);

/// Mean loss of outputs [windows.size()][horizon] against the windows' targets: mean of e^2, of |e|, or of Huber's
/// e^2/2 below delta and delta*(|e| - delta/2) above.
double mean_loss(std::span<const double> outputs, const WindowBatch& windows, const LossSettings& loss);

/// The ridge out of a fixed ladder (1e-9 ... 100) whose fit on `training` has the smallest loss on `validation`; the
/// first of equals. Without validation windows the smallest ridge.
Expected<LinearModel> fit_linear_validated(const WindowBatch& training, const WindowBatch& validation,
                                           LinearSettings settings);

}  // namespace tidegauge
