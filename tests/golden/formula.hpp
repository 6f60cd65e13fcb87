// The numbers that make_lstm_golden.py fed to PyTorch.
#pragma once

#include <cstdint>
#include <vector>

namespace tidegauge::test {

inline std::vector<float> golden_formula(std::uint64_t stream, std::size_t count) {
  std::vector<float> values;
  for (std::uint64_t i = 0; i < count; ++i) {
    values.push_back(
        static_cast<float>(static_cast<double>((i * 7919 + stream * 104729) % 2003) / 2003.0 - 0.5));
  }
  return values;
}

}  // namespace tidegauge::test
