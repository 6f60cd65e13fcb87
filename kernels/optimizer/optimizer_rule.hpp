// One parameter's step, for the CPU and the GPU alike, and the constants that it takes. The constants are computed once
// a step on the host, in double; the step itself is float. A GPU contracts products and sums into fused multiply-adds,
// so devices agree to a few units in the last place, not in bits.
// Formulas and sources: optimizer.hpp. Tested by tests/kernels/optimizer_test.cpp.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/core/host_device.hpp"
#include "kernels/optimizer/optimizer.hpp"

namespace tidegauge {

/// m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; w -= rate m / (sqrt(v) root_scale + epsilon), where rate and
/// root_scale hold the corrections of the start-up bias.
struct AdamStep {
  float b1, one_b1, b2, one_b2, rate, root_scale, epsilon;

  TG_HD void apply(float& w, float g, float& m, float& v) const {
    m = b1 * m + one_b1 * g;
    v = b2 * v + one_b2 * (g * g);
    w -= rate * m / (std::sqrt(v) * root_scale + epsilon);
  }
};

/// @param steps steps taken, this one included: 1 for the first.
TG_HD inline AdamStep adam_step(const OptimizerSettings& s, std::uint64_t steps) {
  const double t = static_cast<double>(steps);
  return {static_cast<float>(s.beta1),
          static_cast<float>(1 - s.beta1),
          static_cast<float>(s.beta2),
          static_cast<float>(1 - s.beta2),
          static_cast<float>(s.learning_rate / (1 - std::pow(s.beta1, t))),
          static_cast<float>(1 / std::sqrt(1 - std::pow(s.beta2, t))),
          static_cast<float>(s.epsilon)};
}

/// v = rho v + (1 - rho) g^2; w -= rate g / sqrt(v + epsilon).
struct RmspropStep {
  float rho, one_rho, rate, epsilon;

  TG_HD void apply(float& w, float g, float& v) const {
    v = rho * v + one_rho * (g * g);
    w -= rate * g / std::sqrt(v + epsilon);
  }
};

TG_HD inline RmspropStep rmsprop_step(const OptimizerSettings& s) {
  return {static_cast<float>(s.rho), static_cast<float>(1 - s.rho), static_cast<float>(s.learning_rate),
          static_cast<float>(s.epsilon)};
}

}  // namespace tidegauge
