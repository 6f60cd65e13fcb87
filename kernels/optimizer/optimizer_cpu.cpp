#include "kernels/optimizer/optimizer.hpp"

#include <cmath>
#include <string>

#include "kernels/core/contract.hpp"
#include "kernels/optimizer/optimizer_rule.hpp"

namespace tidegauge {
namespace {

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

void adam(float* __restrict w, const float* __restrict g, float* __restrict m, float* __restrict v,
          std::size_t count, const AdamStep& step) {
  for (std::size_t i = 0; i < count; ++i) step.apply(w[i], g[i], m[i], v[i]);
}

void rmsprop(float* __restrict w, const float* __restrict g, float* __restrict v, std::size_t count,
             const RmspropStep& step) {
  for (std::size_t i = 0; i < count; ++i) step.apply(w[i], g[i], v[i]);
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
         adam_step(settings, state.steps));
  } else {
    rmsprop(parameters.data(), gradient.data(), state.second_moment.data(), count, rmsprop_step(settings));
  }
}

}  // namespace tidegauge
