// Optimizers over one flat parameter vector. Adam: Kingma and Ba 2015, as torch.optim.Adam (epsilon outside the root).
// RMSprop: Hinton 2012, as keras.optimizers.RMSprop (no momentum, not centred; epsilon inside the root as in Keras 2/3:
// w -= lr * g / sqrt(v + epsilon)).
// Cost: memory bound, reads and writes parameters and state once. Tested by tests/kernels/optimizer_test.cpp.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "kernels/core/status.hpp"

namespace tidegauge {

enum class OptimizerKind : std::uint8_t { adam, rmsprop };

struct OptimizerSettings {
  OptimizerKind kind = OptimizerKind::adam;
  double learning_rate = 1e-3;
  double beta1 = 0.9, beta2 = 0.999;  ///< Adam
  double rho = 0.9;                   ///< RMSprop
  double epsilon = 1e-8;              ///< 1e-8 for Adam; optimizer_defaults gives RMSprop's 1e-7
  double clip_norm = 0;               ///< global L2 norm of the gradient is cut to this; 0 = off
};

/// The usual defaults of each kind: Adam 1e-3, 0.9, 0.999, 1e-8; RMSprop 1e-3, 0.9, 1e-7.
OptimizerSettings optimizer_defaults(OptimizerKind kind);
Expected<OptimizerKind> optimizer_by_name(std::string_view name);

/// Everything that a checkpoint must keep.
struct OptimizerState {
  std::vector<float> first_moment;   ///< Adam's m; empty for RMSprop
  std::vector<float> second_moment;  ///< v
  std::uint64_t steps = 0;
};

/// Clips the gradient, then takes one step. State vectors are sized on first use.
void optimizer_step(std::span<float> parameters, std::span<float> gradient, OptimizerState& state,
                    const OptimizerSettings& settings);

}  // namespace tidegauge
