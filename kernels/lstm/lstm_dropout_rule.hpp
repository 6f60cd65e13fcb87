// Which outputs of a layer are dropped on the way to the next one. A mask depends on the seed, the optimizer
// step, the layer and the place (window within the batch, step of the window, unit), so any thread, tile or
// device draws the same. Two units share one 64-bit draw; the probability is exact to 2^-32.
// Tested by tests/kernels/lstm_test.cpp (LstmDropout, and the oracle, which spells the draws out again).
#pragma once

#include <cstdint>

#include "kernels/core/host_device.hpp"
#include "kernels/core/random.hpp"

namespace tidegauge {

struct DropoutMask {
  std::uint64_t key;
  std::uint64_t threshold;  ///< a 32-bit draw below it drops
  float keep_scale;         ///< 1 / (1 - probability), so that the mean stays
};

TG_HD inline DropoutMask dropout_mask(double probability, std::uint64_t seed, std::uint64_t step,
                                      std::uint64_t layer) {
  return {random_bits(seed, step, layer), static_cast<std::uint64_t>(probability * 4294967296.0),
          probability < 1 ? static_cast<float>(1.0 / (1.0 - probability)) : 0.0f};
}

/// The draw for units 2 * pair (low half) and 2 * pair + 1 (high half).
TG_HD inline std::uint64_t dropout_draw(const DropoutMask& mask, std::uint64_t window,
                                        std::uint64_t look_back, std::uint64_t step, std::uint64_t hidden,
                                        std::uint64_t pair) {
  return mix64(mask.key ^ mix64((window * look_back + step) * ((hidden + 1) / 2) + pair));
}

/// What the output is multiplied with: 0 or keep_scale.
TG_HD inline float dropout_factor(const DropoutMask& mask, std::uint64_t draw, bool high) {
  return (high ? draw >> 32 : draw & 0xffffffffu) < mask.threshold ? 0.0f : mask.keep_scale;
}

}  // namespace tidegauge
