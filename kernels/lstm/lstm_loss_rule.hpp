// The loss of one output and its derivative, as torch.nn.MSELoss, HuberLoss and L1Loss (before the mean).
// Tested by tests/kernels/lstm_test.cpp.
#pragma once

#include "kernels/core/host_device.hpp"
#include "kernels/lstm/lstm.hpp"

namespace tidegauge {

/// @param error output minus target. @param slope out: derivative by the output.
TG_HD inline double loss_of(double error, Loss kind, double huber_delta, double& slope) {
  const double size = error < 0 ? -error : error;
  const double sign = error > 0 ? 1.0 : error < 0 ? -1.0 : 0.0;
  if (kind == Loss::mse || (kind == Loss::huber && size <= huber_delta)) {
    slope = kind == Loss::mse ? 2 * error : error;
    return kind == Loss::mse ? error * error : 0.5 * error * error;
  }
  if (kind == Loss::huber) {
    slope = huber_delta * sign;
    return huber_delta * (size - 0.5 * huber_delta);
  }
  slope = error - error + sign;  // NaN stays NaN
  return size;
}

}  // namespace tidegauge
