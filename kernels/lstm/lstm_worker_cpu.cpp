#include "kernels/lstm/lstm_worker.hpp"

#include <algorithm>
#include <utility>

#include "kernels/lstm/lstm_dropout_rule.hpp"
#include "kernels/lstm/lstm_loss_rule.hpp"

namespace tidegauge::lstm {
namespace {

constexpr std::size_t kLine = 16;  // floats of a cache line

/// The weights' gradient is added once in about so many rows: its register block is then loaded and stored
/// seldom, while the rows' gate gradients of one block (256 bytes each with 16 lanes) still fit the L1 cache.
constexpr std::size_t kChunkRows = 96;

std::size_t whole_lines(std::size_t floats) { return (floats + kLine - 1) / kLine * kLine; }

/// An odd number of cache lines: rows a power of two apart would fall into the same few sets of the cache.
std::size_t row_stride(std::size_t floats) { return (whole_lines(floats) / kLine | 1) * kLine; }

/// Sixteen running sums, because the compiler may not reorder one.
float dot(const float* a, const float* b, std::size_t count) {
  float sums[16] = {};
  std::size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    for (std::size_t lane = 0; lane < 16; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  }
  for (; i < count; ++i) sums[i % 16] += a[i] * b[i];
  for (std::size_t width = 8; width > 0; width /= 2) {
    for (std::size_t lane = 0; lane < width; ++lane) sums[lane] += sums[lane + width];
  }
  return sums[0];
}

void add_scaled(float* out, float factor, const float* in, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) out[i] += factor * in[i];
}

void multiply_by(float* out, const float* in, const float* factors, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) out[i] = in[i] * factors[i];
}

}  // namespace

/// Pointers into the worker's memory. h, dropped and factors are [steps][rows][row], one per layer.
struct TileWorker::Scratch {
  bool training;
  std::size_t row, slots_of_last;
  std::size_t slice, h_size, tape_size;  ///< floats of one step of h, of a layer's h and of a layer's tape
  float *x, *h, *tape;
  float *factors, *dropped;  ///< null without dropout
  float* outputs;            ///< [rows][horizon]
  float *dh, *dh_below;      ///< exchanged from layer to layer
  float *dc, *dgates;
  std::size_t chunk_steps;

  float* h_of(std::size_t layer) const { return h + layer * h_size; }
  float* dropped_of(std::size_t layer) const { return dropped + layer * h_size; }
  float* factors_of(std::size_t layer) const { return factors + layer * h_size; }
};

TileWorker::Scratch TileWorker::arrange(std::size_t rows, bool training, bool dropout) {
  const std::size_t steps = shape_.look_back, layers = shape_.layers;
  const std::size_t padded = plan_.layers[0].blocks * plan_.lanes;
  Scratch s{};
  s.training = training;
  s.row = row_stride(padded);
  s.slice = rows * s.row;
  s.h_size = steps * s.slice;
  s.tape_size = training ? steps * rows * padded * 6 : rows * padded;
  s.slots_of_last = training ? steps : 2;
  s.chunk_steps = std::max<std::size_t>(1, kChunkRows / rows);
  std::size_t size = 0;
  const auto part = [&](std::size_t floats) { return std::exchange(size, size + whole_lines(floats)); };
  const std::size_t x = part(steps * rows * shape_.features);
  const std::size_t h = part((layers - 1) * s.h_size + s.slots_of_last * s.slice);
  const std::size_t tape = part(training ? layers * s.tape_size : s.tape_size);
  const std::size_t factors = part(dropout ? (layers - 1) * s.h_size : 0);
  const std::size_t dropped = part(dropout ? (layers - 1) * s.h_size : 0);
  const std::size_t outputs = part(rows * shape_.horizon);
  const std::size_t gradient_of_h = training ? (layers > 1 ? s.h_size : s.slice) : 0;
  const std::size_t dh = part(gradient_of_h), dh_below = part(layers > 1 ? gradient_of_h : 0);
  const std::size_t dc = part(training ? rows * padded : 0);
  const std::size_t dgates = part(training ? std::min(s.chunk_steps, steps) * rows * padded * 4 : 0);
  float* memory = memory_.reserve(size);
  s.x = memory + x;
  s.h = memory + h;
  s.tape = memory + tape;
  s.factors = dropout ? memory + factors : nullptr;
  s.dropped = dropout ? memory + dropped : nullptr;
  s.outputs = memory + outputs;
  s.dh = memory + dh;
  s.dh_below = memory + dh_below;
  s.dc = memory + dc;
  s.dgates = memory + dgates;
  return s;
}

LayerTile TileWorker::layer_tile(const Scratch& s, const Weights& weights, std::size_t layer,
                                 std::size_t rows) const {
  const LayerPlan& plan = plan_.layers[layer];
  const bool last = layer + 1 == shape_.layers;
  LayerTile tile{};
  tile.rows = rows;
  tile.steps = shape_.look_back;
  tile.inputs = plan.inputs;
  tile.hidden = plan.hidden;
  tile.panels = weights.packed + plan.panels;
  tile.bias = weights.packed + plan.bias;
  tile.x = layer == 0 ? s.x : s.dropped ? s.dropped_of(layer - 1) : s.h_of(layer - 1);
  tile.x_row = layer == 0 ? shape_.features : s.row;
  tile.h = s.h_of(layer);
  tile.h_row = s.row;
  tile.h_slots = last ? s.slots_of_last : shape_.look_back;
  tile.tape = s.training ? s.tape + layer * s.tape_size : s.tape;
  return tile;
}

void TileWorker::gather(float* x, const TileOfWindows& tile) const {
  const std::size_t features = shape_.features;
  for (std::size_t row = 0; row < tile.rows; ++row) {
    const float* window = tile.windows.input(tile.first + row);
    for (std::size_t step = 0; step < shape_.look_back; ++step) {
      std::copy_n(window + step * features, features, x + (step * tile.rows + row) * features);
    }
  }
}

void TileWorker::run_head(float* out, const Weights& weights, const TileOfWindows& tile,
                          const float* h) const {
  const float* flat = weights.flat.data();
  const std::size_t hidden = shape_.hidden, row_floats = row_stride(plan_.layers[0].blocks * plan_.lanes);
  const std::size_t seen = shape_.look_back * shape_.features;
  for (std::size_t row = 0; row < tile.rows; ++row) {
    for (std::size_t o = 0; o < shape_.horizon; ++o) {
      float sum = flat[plan_.flat_head_bias + o];
      sum += dot(flat + plan_.flat_head + o * hidden, h + row * row_floats, hidden);
      if (shape_.skip)
        sum += dot(flat + plan_.flat_skip + o * seen, tile.windows.input(tile.first + row), seen);
      out[row * shape_.horizon + o] = sum;
    }
  }
}

void TileWorker::run_head_back(float* gradient, float* dh, const Weights& weights, const TileOfWindows& tile,
                               const float* h, const float* slopes) const {
  const std::size_t hidden = shape_.hidden, row_floats = row_stride(plan_.layers[0].blocks * plan_.lanes);
  const std::size_t seen = shape_.look_back * shape_.features;
  float* tail = gradient + plan_.packed_size;  // head and skip, in the flat vector's order
  for (std::size_t row = 0; row < tile.rows; ++row) {
    std::fill_n(dh + row * row_floats, row_floats, 0.0f);
    for (std::size_t o = 0; o < shape_.horizon; ++o) {
      const float slope = slopes[row * shape_.horizon + o];
      tail[plan_.flat_head_bias - plan_.flat_head + o] += slope;
      add_scaled(tail + o * hidden, slope, h + row * row_floats, hidden);
      add_scaled(dh + row * row_floats, slope, weights.flat.data() + plan_.flat_head + o * hidden, hidden);
      if (!shape_.skip) continue;
      float* skip = tail + plan_.flat_skip - plan_.flat_head + o * seen;
      add_scaled(skip, slope, tile.windows.input(tile.first + row), seen);
    }
  }
}

void TileWorker::run_layers_back(float* gradient, const Scratch& scratch, const Weights& weights,
                                 std::size_t rows) const {
  Scratch s = scratch;
  for (std::size_t layer = shape_.layers; layer-- > 0;) {
    const LayerPlan& plan = plan_.layers[layer];
    LayerGradient grad{};
    grad.back_hidden = weights.back + plan.back_hidden;
    grad.back_input = plan.has_back_input ? weights.back + plan.back_input : nullptr;
    grad.dh = s.dh;
    grad.dh_each_step = layer + 1 < shape_.layers;
    grad.dx = plan.has_back_input ? s.dh_below : nullptr;
    grad.dc = s.dc;
    grad.dgates = s.dgates;
    grad.chunk_steps = s.chunk_steps;
    grad.panels = gradient + plan.panels;
    grad.bias = gradient + plan.bias;
    code_.backward(layer_tile(s, weights, layer, rows), grad);
    if (layer > 0 && s.factors) multiply_by(s.dh_below, s.dh_below, s.factors_of(layer - 1), s.h_size);
    std::swap(s.dh, s.dh_below);
  }
}

namespace {

/// The factors of one layer's outputs, [steps][rows][row].
void draw_dropout(float* factors, const LstmShape& shape, const TileOfWindows& tile, std::size_t row_floats,
                  const DropoutMask& mask) {
  for (std::size_t step = 0; step < shape.look_back; ++step) {
    for (std::size_t row = 0; row < tile.rows; ++row, factors += row_floats) {
      for (std::size_t unit = 0; unit < shape.hidden; unit += 2) {
        const std::uint64_t draw =
            dropout_draw(mask, tile.first + row, shape.look_back, step, shape.hidden, unit / 2);
        factors[unit] = dropout_factor(mask, draw, false);
        if (unit + 1 < shape.hidden) factors[unit + 1] = dropout_factor(mask, draw, true);
      }
      std::fill(factors + shape.hidden, factors + row_floats, 0.0f);
    }
  }
}

}  // namespace

double TileWorker::train(float* gradient, const Weights& weights, const TileOfWindows& tile,
                         const LossSettings& loss, std::uint64_t step) {
  const bool dropout = loss.dropout > 0 && shape_.layers > 1;
  const Scratch s = arrange(tile.rows, true, dropout);
  gather(s.x, tile);
  for (std::size_t layer = 0; layer < shape_.layers; ++layer) {
    code_.forward(layer_tile(s, weights, layer, tile.rows));
    if (!dropout || layer + 1 == shape_.layers) continue;
    draw_dropout(s.factors_of(layer), shape_, tile, s.row,
                 dropout_mask(loss.dropout, loss.dropout_seed, step, layer));
    multiply_by(s.dropped_of(layer), s.h_of(layer), s.factors_of(layer), s.h_size);
  }
  const float* last = s.h_of(shape_.layers - 1) + (shape_.look_back - 1) * s.slice;
  run_head(s.outputs, weights, tile, last);

  const double share = 1.0 / static_cast<double>(tile.windows.size() * shape_.horizon);
  double total = 0;
  for (std::size_t row = 0; row < tile.rows; ++row) {
    for (std::size_t o = 0; o < shape_.horizon; ++o) {
      float& output = s.outputs[row * shape_.horizon + o];
      double slope = 0;
      const double error =
          static_cast<double>(output) - static_cast<double>(tile.windows.target(tile.first + row)[o]);
      total += loss_of(error, loss.kind, loss.huber_delta, slope);
      output = static_cast<float>(slope * share);
    }
  }
  run_head_back(gradient, s.dh, weights, tile, last, s.outputs);
  run_layers_back(gradient, s, weights, tile.rows);
  return total;
}

void TileWorker::predict(float* out, const Weights& weights, const TileOfWindows& tile) {
  const Scratch s = arrange(tile.rows, false, false);
  gather(s.x, tile);
  for (std::size_t layer = 0; layer < shape_.layers; ++layer)
    code_.predict(layer_tile(s, weights, layer, tile.rows));
  const std::size_t slot = (shape_.look_back - 1) % s.slots_of_last;
  run_head(out, weights, tile, s.h_of(shape_.layers - 1) + slot * s.slice);
}

}  // namespace tidegauge::lstm
