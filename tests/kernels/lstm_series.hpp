// Made-up series, weights and shapes for the tests of the LSTM.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "kernels/core/random.hpp"
#include "kernels/lstm/lstm.hpp"

namespace tidegauge::test {

/// A made-up series and windows over it; owns what a WindowBatch points at.
struct Series {
  std::vector<float> features, targets;
  std::vector<std::uint32_t> starts;
  LstmShape shape;

  Series(const LstmShape& of, std::size_t windows, std::uint64_t seed) : shape(of) {
    RandomStream random(seed, 1);
    const std::size_t points = shape.look_back + shape.horizon + windows + 7;
    for (std::size_t i = 0; i < points * shape.features; ++i) features.push_back(uniform(random));
    for (std::size_t i = 0; i < points; ++i) targets.push_back(uniform(random));
    for (std::size_t w = 0; w < windows; ++w)
      starts.push_back(static_cast<std::uint32_t>(random.below(windows + 7)));
  }
  static float uniform(RandomStream& random) { return static_cast<float>(2 * random.unit() - 1); }
  WindowBatch batch() const {
    return {.features = features,
            .feature_count = shape.features,
            .targets = targets,
            .look_back = shape.look_back,
            .horizon = shape.horizon,
            .starts = starts};
  }
};

/// Weights of about 1 / sqrt(sources), biases too, so that no gate saturates and every term counts.
inline std::vector<float> random_parameters(const LstmShape& shape, std::uint64_t seed) {
  RandomStream random(seed, 2);
  std::vector<float> flat(lstm_parameter_count(shape));
  const float scale = 1.5f / std::sqrt(static_cast<float>(shape.hidden + shape.features));
  for (float& value : flat) value = scale * Series::uniform(random);
  return flat;
}

/// Largest difference, relative to the largest expected value.
template <class A, class B>
double distance(const A& found, const B& expected) {
  double worst = 0, scale = 1e-30;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double difference = std::abs(static_cast<double>(found[i]) - static_cast<double>(expected[i]));
    worst = std::isnan(difference) ? difference : std::max(worst, difference);
    scale = std::max(scale, std::abs(static_cast<double>(expected[i])));
  }
  return worst / scale;
}

inline LstmShape shape_of(std::size_t features, std::size_t hidden, std::size_t layers, std::size_t steps,
                          std::size_t horizon = 1, bool skip = true) {
  return {features, hidden, layers, steps, horizon, skip};
}

}  // namespace tidegauge::test
