// What can be said about a GPU's LSTM without cuDNN: which shapes, which algorithm, how many windows at once, and where the
// flat parameters (lstm_tensors) lie in cuDNN's opaque weight space. Tested by tests/kernels/lstm_cudnn_rule_test.cpp.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kernels/core/status.hpp"
#include "kernels/lstm/lstm.hpp"
#include "kernels/lstm/lstm_tile_plan.hpp"

namespace tidegauge::lstm {

/// cuDNN counts in 32 bits with a sign: the elements of an array, those of the gates' weights.
inline constexpr std::size_t most_elements = (std::size_t{1} << 31) - 1;
inline constexpr std::size_t most_steps = 65535;

/// Windows of one cuDNN call. Some versions fail beyond (a batch of 6464 with T = 5 and H = 32 ended in
/// CUDNN_STATUS_EXECUTION_FAILED); at 4096 a card is full.
inline constexpr std::size_t most_windows_of_any_shape = 4096;

/// Elements of a window in the largest array of a call: four gates, or as many inputs, at each step.
inline std::size_t widest_window(const LstmShape& shape) {
  return 4 * shape.look_back * std::max(shape.hidden, shape.features);
}

/// Bytes of device memory that training takes for each window of a call: inputs, two gradients, and of each layer its
/// outputs, those after dropout, and 8 floats a unit for what cuDNN keeps (gates, c, h and what it copies; an estimate).
inline std::size_t window_bytes(const LstmShape& shape) {
  const std::size_t of_a_step = shape.features + 2 * std::max(shape.hidden, shape.features) + shape.layers * 10 * shape.hidden;
  return shape.look_back * of_a_step * sizeof(float);
}

/// Windows of one call for such a network: by the arrays' limit, and by half of the device's memory, whoever else uses it.
/// So pieces, which round otherwise than whole batches, depend on nothing that changes from run to run; where other
/// programs left too little, taking the memory fails and says so. At least 1: see check_cudnn_shape.
inline std::size_t most_windows(const LstmShape& shape, std::size_t device_bytes) {
  const std::size_t by_memory = device_bytes / 2 / window_bytes(shape), by_elements = most_elements / widest_window(shape);
  return std::max<std::size_t>(1, std::min({most_windows_of_any_shape, by_elements, by_memory}));
}

/// A batch of any size as the fewest pieces of at most `most` windows, all but the last of one size.
inline std::size_t windows_at_once(std::size_t batch, std::size_t most) {
  const std::size_t pieces = (batch + most - 1) / most;
  return pieces == 0 ? 0 : (batch + pieces - 1) / pieces;
}

/// Whether cuDNN takes the shape; it says only "bad parameter" itself. @return what is too large.
inline Status check_cudnn_shape(const LstmShape& shape) {
  const auto too_large = [](const std::string& what, const char* option) {
    return Error{"cuDNN's LSTM takes " + what, option, std::string("a smaller ") + option + ", or --device cpu"};
  };
  if (shape.look_back > most_steps)
    return too_large("windows of at most 65535 steps, not " + std::to_string(shape.look_back), "--look-back");
  const std::size_t widest = std::max(shape.hidden, shape.features);
  if (4 * shape.hidden * widest > most_elements)
    return too_large("weights of fewer than 2^31 elements: 4 gates of " + std::to_string(shape.hidden) + " units with " +
                         std::to_string(widest) + " inputs are more", "--hidden");
  if (widest_window(shape) > most_elements)
    return too_large("windows of fewer than 2^31 elements: 4 gates of " + std::to_string(widest) + " units at " +
                         std::to_string(shape.look_back) + " steps are more", "--look-back");
  return {};
}

/// One row of the table: the first that fits is taken.
struct AlgorithmRow {
  int least_major;  ///< compute capability
  std::size_t most_hidden, least_steps;
  LstmAlgorithm algorithm;
};
/// From published measurements and PyTorch's rule, none of our own: small_h is 4 to 10 times as fast as standard for
/// H <= 128 (0.7 to 2.6 us a step against 7 to 10, batches of 6 to 47), and a trap above: 5 times slower at H = 168.
/// PyTorch takes it forward up to H = 192 and backward up to 128; forward and backward share one algorithm here, hence
/// 128. With one step there is nothing that could persist. No row asks for the batch: nothing is published for 256 and
/// more, and one choice must serve full, last and validation batches; --tune-cudnn measures with the run's own.
/// No row says tile: the estimate in lstm_tile_kernel.hpp was never measured on a card beside cuDNN. Until it is, tile is
/// for those who ask for it, measure it or have no cuDNN.
inline constexpr AlgorithmRow algorithm_table[] = {
    {6, 128, 2, LstmAlgorithm::small_h},
    {0, SIZE_MAX, 1, LstmAlgorithm::standard},
};

/// Never automatic: what was asked for, else what was begun with, else by the table.
inline LstmAlgorithm choose_algorithm(const LstmOptions& options, const LstmShape& shape, int compute_major) {
  for (const LstmAlgorithm given : {options.algorithm, options.begun_with})
    if (given != LstmAlgorithm::automatic) return given;
  for (const AlgorithmRow& row : algorithm_table)
    if (compute_major >= row.least_major && shape.hidden <= row.most_hidden && shape.look_back >= row.least_steps)
      return row.algorithm;
  return LstmAlgorithm::standard;
}

/// What --tune-cudnn tries; cuDNN and the card refuse what they cannot do. small_h is not tried where it is known to be a
/// trap, tile not where it fits no card.
/// CUDNN_RNN_ALGO_PERSIST_DYNAMIC is left out: it compiles for one batch size, and full and last batch take turns.
inline std::vector<LstmAlgorithm> algorithms_to_try(const LstmShape& shape) {
  std::vector<LstmAlgorithm> all{LstmAlgorithm::standard, LstmAlgorithm::persist_static};
  if (shape.hidden <= 192) all.push_back(LstmAlgorithm::small_h);
  if (lstm_tile_fits(shape, SIZE_MAX)) all.push_back(LstmAlgorithm::tile);
  return all;
}

/// Where cuDNN keeps the parameters of one layer, as offsets in floats into its weight space. Both arrays by linLayerID:
/// gate i, f, g, o of the input (0 to 3), then of the recurrent product (4 to 7); matrices row-major [hidden][columns].
struct CudnnLayerPlaces {
  std::array<std::uint32_t, 8> matrix, bias;
};

/// place[i] is the offset of flat parameter i, for all parameters before head.weight. Recurrent biases have no flat
/// parameter: they stay zero.
inline std::vector<std::uint32_t> cudnn_places(const LstmShape& shape, std::span<const CudnnLayerPlaces> layers) {
  std::vector<std::uint32_t> places;
  const auto add = [&places](std::uint32_t first, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) places.push_back(first + static_cast<std::uint32_t>(i));
  };
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const std::size_t inputs = l == 0 ? shape.features : shape.hidden;
    for (std::size_t gate = 0; gate < 4; ++gate) add(layers[l].matrix[gate], shape.hidden * inputs);
    for (std::size_t gate = 0; gate < 4; ++gate) add(layers[l].matrix[4 + gate], shape.hidden * shape.hidden);
    for (std::size_t gate = 0; gate < 4; ++gate) add(layers[l].bias[gate], shape.hidden);
  }
  return places;
}

}  // namespace tidegauge::lstm
