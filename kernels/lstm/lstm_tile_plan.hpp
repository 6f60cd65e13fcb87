// Where things lie for our own GPU kernel: in the flat parameter vector, in a block's shared memory and in
// its scratch in global memory. Plain numbers, computed on the host and passed by value. Tested by
// tests/kernels/lstm_tile_kernel_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/core/host_device.hpp"
#include "kernels/lstm/lstm.hpp"

namespace tidegauge::tile {

inline constexpr std::uint32_t tile_rows = 32;  ///< windows of a tile
inline constexpr std::uint32_t group_rows = 8;  ///< windows of a thread
inline constexpr std::uint32_t row_groups = tile_rows / group_rows;
inline constexpr std::uint32_t row_stride = 36;  ///< floats from source to source in shared memory
inline constexpr std::uint32_t most_hidden = 64;
inline constexpr std::uint32_t most_threads = row_groups * most_hidden;

struct TilePlan {
  std::uint32_t features, hidden, layers, steps, horizon;
  bool skip;

  explicit TilePlan(const LstmShape& s)
      : features(static_cast<std::uint32_t>(s.features)),
        hidden(static_cast<std::uint32_t>(s.hidden)),
        layers(static_cast<std::uint32_t>(s.layers)),
        steps(static_cast<std::uint32_t>(s.look_back)),
        horizon(static_cast<std::uint32_t>(s.horizon)),
        skip(s.skip) {}

  /// Whole warps.
  TG_HD std::uint32_t threads() const { return (row_groups * hidden + 31) / 32 * 32; }
  TG_HD std::uint32_t inputs(std::uint32_t layer) const { return layer == 0 ? features : hidden; }
  TG_HD std::uint32_t seen() const {
    return steps * features;
  }  ///< what the skip connection sees of a window

  // ---- in the flat vector (lstm_tensors) ----
  TG_HD std::uint32_t flat_input(std::uint32_t layer) const {
    if (layer == 0) return 0;
    return 4 * hidden * (features + hidden + 1) + (layer - 1) * 4 * hidden * (2 * hidden + 1);
  }
  TG_HD std::uint32_t flat_hidden(std::uint32_t layer) const {
    return flat_input(layer) + 4 * hidden * inputs(layer);
  }
  TG_HD std::uint32_t flat_bias(std::uint32_t layer) const {
    return flat_hidden(layer) + 4 * hidden * hidden;
  }
  TG_HD std::uint32_t flat_head() const { return flat_bias(layers - 1) + 4 * hidden; }
  TG_HD std::uint32_t flat_head_bias() const { return flat_head() + horizon * hidden; }
  TG_HD std::uint32_t flat_skip() const { return flat_head_bias() + horizon; }
  TG_HD std::uint32_t parameters() const { return flat_skip() + (skip ? horizon * seen() : 0); }

  // ---- in shared memory ----
  TG_HD std::uint32_t unit_stride() const { return hidden | 1; }
  /// Inputs and units of the widest layer.
  TG_HD std::uint32_t sources() const {
    const std::uint32_t above = layers > 1 ? 2 * hidden : 0, first = features + hidden;
    return first > above ? first : above;
  }
  TG_HD std::uint32_t shared_weights() const { return sources() * unit_stride(); }  ///< four floats each
  /// Doubles: one per thread, and one per window.
  TG_HD std::uint32_t shared_sums() const { return threads() > tile_rows ? threads() : tile_rows; }
  std::size_t shared_bytes(bool training) const {
    const std::size_t of_gates = std::size_t{16} * shared_weights();
    const std::size_t of_sources = sizeof(float) * sources() * row_stride;
    return sizeof(double) * shared_sums() + of_sources + of_gates +
           (training ? of_gates + std::size_t{16} * tile_rows * hidden : 0);
  }

  // ---- in a block's scratch, in floats; every part is whole multiples of 16 bytes ----
  TG_HD std::size_t cells() const { return std::size_t{tile_rows} * hidden; }  ///< of one step
  TG_HD std::size_t all_cells() const { return std::size_t{layers} * steps * cells(); }
  TG_HD std::size_t kept_gates() const { return 0; }
  TG_HD std::size_t kept_cells() const { return 4 * all_cells(); }
  TG_HD std::size_t kept_h() const { return kept_cells() + all_cells(); }
  TG_HD std::size_t dh() const { return kept_h() + all_cells(); }
  TG_HD std::size_t outputs() const { return dh() + (layers > 1 ? steps * cells() : 0); }
  TG_HD std::size_t scratch_floats() const { return outputs() + std::size_t{tile_rows} * horizon; }
};

}  // namespace tidegauge::tile

namespace tidegauge {

/// Whether a block with so much shared memory (a card's opt-in limit) can train the shape.
inline bool lstm_tile_fits(const LstmShape& shape, std::size_t shared_bytes) {
  constexpr std::size_t most =
      1 << 20;  // of everything that is multiplied below: no product overflows 32 bits
  if (shape.hidden > tile::most_hidden || shape.features > 1024 || shape.layers > 64 ||
      shape.look_back > most || shape.horizon > most || shape.look_back * shape.features > most ||
      shape.horizon * (shape.hidden + 1 + shape.look_back * shape.features) > 64 * most)
    return false;
  return tile::TilePlan(shape).shared_bytes(true) <= shared_bytes;
}

}  // namespace tidegauge
