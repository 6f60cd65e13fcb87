// Weights between the flat vector (PyTorch's order, lstm_tensors) and the layouts that the tile code reads
// (lstm_tile.hpp). Cost: each weight is read and written twice a step, about 0.5 % of a step at H = 64.
// Thread safety: the functions write only the blocks that they are asked for. Tested by tests/kernels/lstm_test.cpp.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "kernels/lstm/lstm.hpp"
#include "kernels/lstm/lstm_tile.hpp"

namespace tidegauge::lstm {

/// Where one layer lies in each layout, in floats.
struct LayerPlan {
  std::size_t inputs, hidden, blocks;
  bool has_back_input;  ///< every layer but the first gives a gradient to the one below
  std::size_t flat_input, flat_hidden, flat_bias;  ///< in the flat vector
  std::size_t panels, bias;                        ///< in the packed weights and in a group's gradient
  std::size_t back_hidden, back_input;             ///< in the back weights
};

struct PackPlan {
  PackPlan(const LstmShape& shape, const LayerCode& code);

  std::size_t lanes, back_columns;
  std::vector<LayerPlan> layers;
  std::size_t flat_head, flat_head_bias, flat_skip, flat_size;
  std::size_t packed_size;  ///< all layers' panels and biases; a group's gradient has head and skip behind
  std::size_t back_size;
  std::size_t tail() const { return flat_size - flat_head; }  ///< head and skip, as in the flat vector
  std::size_t gradient_size() const;                          ///< whole cache lines
};

void pack_block(float* packed, std::span<const float> flat, const PackPlan& plan, const LayerPlan& layer,
                std::size_t block);
/// The part of a layer's back panels that multiplies the gate gradients of `block`.
void pack_back_block(float* back, std::span<const float> flat, const PackPlan& plan, const LayerPlan& layer,
                     std::size_t block);
/// The inverse of pack_block.
void unpack_block(std::span<float> flat, const float* packed, const PackPlan& plan, const LayerPlan& layer,
                  std::size_t block);

}  // namespace tidegauge::lstm
