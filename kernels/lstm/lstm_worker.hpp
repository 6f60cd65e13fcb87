// One thread's way of a tile of windows through the network: inputs gathered by index, the layers, dropout
// between them, head, skip connection and loss, and back again. The sums over windows are taken in the order
// of the windows. Cost: the scratch holds the tile's tape, 28 * steps * hidden bytes a window and layer, and
// is allocated once. Thread safety: one worker per thread; the weights are only read. Tested by tests/kernels/lstm_test.cpp.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/lstm/lstm_buffer.hpp"
#include "kernels/lstm/lstm_pack.hpp"

namespace tidegauge::lstm {

struct Weights {
  std::span<const float> flat;  ///< head and skip are read from here
  const float* packed;
  const float* back;  ///< not read by predict
};

/// A consecutive part of a batch.
struct TileOfWindows {
  const WindowBatch& windows;
  std::size_t first, rows;
};

class TileWorker {
 public:
  TileWorker(const LstmShape& shape, const PackPlan& plan, const LayerCode& code)
      : shape_(shape), plan_(plan), code_(code) {}

  /// Adds the gradient of the mean loss over the batch (PackPlan's gradient layout) for these windows.
  /// @return their sum of losses over windows and outputs.
  double train(float* gradient, const Weights& weights, const TileOfWindows& tile, const LossSettings& loss,
               std::uint64_t step);
  /// Outputs [rows][horizon].
  void predict(float* out, const Weights& weights, const TileOfWindows& tile);

 private:
  struct Scratch;
  Scratch arrange(std::size_t rows, bool training, bool dropout);
  LayerTile layer_tile(const Scratch& scratch, const Weights& weights, std::size_t layer,
                       std::size_t rows) const;
  void gather(float* x, const TileOfWindows& tile) const;
  void run_head(float* out, const Weights& weights, const TileOfWindows& tile, const float* h) const;
  void run_head_back(float* gradient, float* dh, const Weights& weights, const TileOfWindows& tile,
                     const float* h, const float* slopes) const;
  void run_layers_back(float* gradient, const Scratch& scratch, const Weights& weights,
                       std::size_t rows) const;

  const LstmShape& shape_;
  const PackPlan& plan_;
  const LayerCode& code_;
  AlignedBuffer memory_;
};

}  // namespace tidegauge::lstm
