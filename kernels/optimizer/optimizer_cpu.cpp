#include "kernels/optimizer/optimizer.hpp"

#include <cmath>
#include <string>

#include "kernels/core/contract.hpp"

namespace tidegauge {
namespace {

// std::sqrt may set errno, which forbids the compiler to take four roots at once.
#ifdef __clang__
#define TG_VECTOR_ROOTS
#else
#define TG_VECTOR_ROOTS __attribute__((optimize("no-math-errno")))
#endif

/// Eight running sums in double: exact enough for any size, and the same on every machine.
double squared_norm(std::span<const float> values) {
  double sums[8] = {};
  std::size_t i = 0;
  for (; i + 8 <= values.size(); i += 8) {
    for (std::size_t lane = 0; lane < 8; ++lane) {
      const double value = static_cast<double>(values[i + lane]);
      sums[lane] += value * value;
    }
  }
  for (; i < values.size(); ++i)
    sums[i % 8] += static_cast<double>(values[i]) * static_cast<double>(values[i]);
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

void clip(std::span<float> gradient, double largest_norm) {
  const double norm = std::sqrt(squared_norm(gradient));
  if (!(norm > largest_norm)) return;
  const float scale = static_cast<float>(largest_norm / norm);
  for (float& value : gradient) value *= scale;
}

/// m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; w -= rate m / (sqrt(v) root_scale + epsilon), where rate
/// and root_scale hold the corrections of the start-up bias.
TG_VECTOR_ROOTS void adam(float* __restrict w, const float* __restrict g, float* __restrict m,
                          float* __restrict v, std::size_t count, const OptimizerSettings& s,
                          std::uint64_t steps) {
  const double t = static_cast<double>(steps);
  const float rate = static_cast<float>(s.learning_rate / (1 - std::pow(s.beta1, t)));
  const float root_scale = static_cast<float>(1 / std::sqrt(1 - std::pow(s.beta2, t)));
  const float b1 = static_cast<float>(s.beta1), one_b1 = static_cast<float>(1 - s.beta1);
  const float b2 = static_cast<float>(s.beta2), one_b2 = static_cast<float>(1 - s.beta2);
  const float epsilon = static_cast<float>(s.epsilon);
  for (std::size_t i = 0; i < count; ++i) {
    m[i] = b1 * m[i] + one_b1 * g[i];
    v[i] = b2 * v[i] + one_b2 * (g[i] * g[i]);
    w[i] -= rate * m[i] / (std::sqrt(v[i]) * root_scale + epsilon);
  }
}

/// v = rho v + (1 - rho) g^2; w -= rate g / sqrt(v + epsilon).
TG_VECTOR_ROOTS void rmsprop(float* __restrict w, const float* __restrict g, float* __restrict v,
                             std::size_t count, const OptimizerSettings& s) {
  const float rate = static_cast<float>(s.learning_rate), epsilon = static_cast<float>(s.epsilon);
  const float rho = static_cast<float>(s.rho), one_rho = static_cast<float>(1 - s.rho);
  for (std::size_t i = 0; i < count; ++i) {
    v[i] = rho * v[i] + one_rho * (g[i] * g[i]);
    w[i] -= rate * g[i] / std::sqrt(v[i] + epsilon);
  }
}

}  // namespace

OptimizerSettings optimizer_defaults(OptimizerKind kind) {
  OptimizerSettings settings;
  settings.kind = kind;
  if (kind == OptimizerKind::rmsprop) settings.epsilon = 1e-7;
  return settings;
}

Expected<OptimizerKind> optimizer_by_name(std::string_view name) {
  if (name == "adam") return OptimizerKind::adam;
  if (name == "rmsprop") return OptimizerKind::rmsprop;
  return Error{"unknown optimizer '" + std::string(name) + "'", "", "adam or rmsprop", ErrorKind::usage};
}

void optimizer_step(std::span<float> parameters, std::span<float> gradient, OptimizerState& state,
                    const OptimizerSettings& settings) {
  const std::size_t count = parameters.size();
  TG_REQUIRE(gradient.size() == count, "a gradient of another size than the parameters");
  const bool adam_chosen = settings.kind == OptimizerKind::adam;
  if (state.second_moment.empty()) {
    if (adam_chosen) state.first_moment.assign(count, 0.0f);
    state.second_moment.assign(count, 0.0f);
  }
  TG_REQUIRE(state.second_moment.size() == count && state.first_moment.size() == (adam_chosen ? count : 0),
             "an optimizer state of another network or optimizer");
  if (settings.clip_norm > 0) clip(gradient, settings.clip_norm);
  ++state.steps;
  if (adam_chosen) {
    adam(parameters.data(), gradient.data(), state.first_moment.data(), state.second_moment.data(), count,
         settings, state.steps);
  } else {
    rmsprop(parameters.data(), gradient.data(), state.second_moment.data(), count, settings);
  }
}

}  // namespace tidegauge
