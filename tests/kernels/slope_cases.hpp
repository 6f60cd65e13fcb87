// Series that reach every branch of the slope rule, and the comparison "same bits".
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "kernels/slope/slope.hpp"
#include "tests/support.hpp"

namespace tidegauge::test {

struct SlopeCase {
  std::vector<double> values;
  std::vector<std::int64_t> k;
  std::vector<std::uint8_t> complete;
  std::int64_t interval_ns = 1'000'000'000;
  SlopeInput input() const { return {values, k, complete, interval_ns}; }
};

/// Counts, zeros (also negative ones), negatives, NaN of either sign, infinities, huge and subnormal values; gaps;
/// incomplete rows in every other series.
inline SlopeCase random_slope_case(std::size_t size, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const double special[] = {0.0,
                            -0.0,
                            1.0,
                            -1.0,
                            std::numeric_limits<double>::infinity(),
                            -std::numeric_limits<double>::infinity(),
                            std::numeric_limits<double>::quiet_NaN(),
                            -std::numeric_limits<double>::quiet_NaN(),
                            5e-324,
                            1.7e308,
                            -1.7e308,
                            3e-310};
  constexpr std::int64_t lengths[] = {1'000'000, 60'000'000, 1'000'000'000, 86'400'000'000'000};
  SlopeCase made;
  made.interval_ns = lengths[seed % std::size(lengths)];
  std::int64_t k = static_cast<std::int64_t>(random() % 2'000'000) - 1'000'000;
  for (std::size_t i = 0; i < size; ++i) {
    k += random() % 16 == 0 ? 2 + static_cast<std::int64_t>(random() % 1000) : 1;
    made.k.push_back(k);
    made.values.push_back(random() % 8 == 0 ? special[random() % std::size(special)]
                                            : static_cast<double>(random() % 100'000) / 7.0);
    if (seed % 2 == 1) made.complete.push_back(random() % 10 != 0);
  }
  return made;
}

inline void expect_same_bits(const std::vector<double>& got, const std::vector<double>& wanted,
                             const std::string& what) {
  ASSERT_EQ(got.size(), wanted.size()) << what;
  for (std::size_t i = 0; i < got.size(); ++i)
    ASSERT_EQ(std::bit_cast<std::uint64_t>(got[i]), std::bit_cast<std::uint64_t>(wanted[i]))
        << what << ", point " << i << ": got " << got[i] << ", wanted " << wanted[i];
}

}  // namespace tidegauge::test
