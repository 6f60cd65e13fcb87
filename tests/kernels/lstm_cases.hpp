// Networks, series and windows that the LSTM's tests on every device share.
#pragma once

#include <algorithm>
#include <cmath>
#include <ostream>
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

struct LstmCase {
  LstmShape shape;
  std::size_t windows;
  LossSettings loss;
};

inline std::ostream& operator<<(std::ostream& out, const LstmCase& c) {
  return out << "I" << c.shape.features << " H" << c.shape.hidden << " L" << c.shape.layers << " T"
             << c.shape.look_back << " O" << c.shape.horizon << (c.shape.skip ? " skip" : " plain") << " N"
             << c.windows << " loss " << int(c.loss.kind) << " dropout " << c.loss.dropout;
}

inline LstmShape shape_of(std::size_t features, std::size_t hidden, std::size_t layers, std::size_t steps,
                          std::size_t horizon = 1, bool skip = true) {
  return {features, hidden, layers, steps, horizon, skip};
}

inline const LossSettings kMse{}, kHuber{.kind = Loss::huber, .huber_delta = 0.4}, kAbsolute{.kind = Loss::absolute},
    kDropout{.dropout = 0.3, .dropout_seed = 11},
    kHeavyDropout{.kind = Loss::huber, .dropout = 0.8, .dropout_seed = 5};

/// Each branch that a kernel can take: unit counts around every lane count, row groups of every size, one
/// step (no recurrence), a chunk of steps and one more, several layers, tiles of one window and one more than
/// full.
inline const LstmCase lstm_cases[] = {
    {shape_of(1, 1, 1, 1), 1, kMse},
    {shape_of(1, 1, 1, 2, 1, false), 2, kMse},
    {shape_of(4, 7, 1, 3), 3, kHuber},
    {shape_of(5, 8, 1, 2, 3), 5, kAbsolute},
    {shape_of(1, 10, 1, 2, 1, false), 32, kMse},
    {shape_of(4, 15, 2, 5), 31, kDropout},
    {shape_of(4, 16, 1, 32), 33, kMse},
    {shape_of(5, 17, 3, 4, 3), 23, kHuber},
    {shape_of(16, 16, 2, 3), 24, kMse},  // inputs of the first layer as wide as the hidden ones
    {shape_of(1, 31, 2, 9, 1, false), 25, kHeavyDropout},
    {shape_of(4, 32, 1, 6, 3, false), 47, kAbsolute},
    {shape_of(1, 33, 3, 2), 48, kDropout},
    {shape_of(4, 64, 1, 32), 49, kMse},
    {shape_of(4, 65, 2, 3, 3), 7, kHuber},
    {shape_of(1, 128, 1, 5, 1, false), 26, kMse},
    {shape_of(3, 48, 1, 4), 12, kMse},
    {shape_of(2, 9, 1, 1), 400, kMse},  // more tiles than groups
};

}  // namespace tidegauge::test
