// Whether what is said of a point changes when what comes after it does.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <limits>
#include <span>
#include <vector>

#include "kernels/core/random.hpp"

namespace tidegauge {

using ScoreFunction = std::function<std::vector<double>(std::span<const double>)>;

/// A series with level shifts and gaps, cut and continued otherwise at many places: results before the cut keep their bits.
inline void expect_causal(const ScoreFunction& score) {
  constexpr std::size_t rows = 400;
  RandomStream random(7, 3);
  std::vector<double> values(rows);
  for (std::size_t i = 0; i < rows; ++i)
    values[i] = i % 37 == 5 ? std::numeric_limits<double>::quiet_NaN() : random.unit() + (i / 90 % 2 ? 4 : 0);
  const std::vector<double> whole = score(values);
  ASSERT_EQ(whole.size(), rows);
  for (std::size_t cut = 1; cut < rows; cut += 13) {
    std::vector<double> other = values;
    for (std::size_t i = cut; i < rows; ++i) other[i] = 1000 * random.unit() - 500;
    const std::vector<double> changed = score(other);
    ASSERT_EQ(std::memcmp(whole.data(), changed.data(), cut * sizeof(double)), 0) << "cut at " << cut;
  }
}

}  // namespace tidegauge
