// Our own LSTM for small networks on a GPU: a block takes a tile of 32 windows through all steps, forward and
// backward, with a layer's weights in shared memory: the CPU's algorithm (lstm_worker_cpu.cpp), and a block
// needs no other.
//
// Threads. 4 * hidden of them (whole warps): thread = group * hidden + unit holds a unit's four gates of the
// 8 windows of its group. Registers keep the sums, the cell state and, on the way back, dh and dc, so a step
// has two barriers.
//
// Shared memory.
//   weights  [sources][unit_stride] Gates  four gates' weights of a source (input or unit) and a unit. The
//            stride is odd: lanes of neighbouring units (forward) and of neighbouring sources (backward) both
//            meet different banks, so one copy serves both ways
//   gradient the same shape; added to global memory once a tile, not once a step
//   sources  [sources][row_stride]         x_t and h_(t-1); 36 floats a row, so that stores meet no conflict
//   dgates   [32][hidden] Gates            gate gradients of one step
//
// Kept for the way back, in global memory: i, f, g, o, c and h of every step, 24 bytes a window, unit and step.
// Estimate for H = 64, I = 4, T = 32 on an H100 (132 SMs at 1.7 GHz, 3.35 TB/s), not measured: a tile and step
// is 4,350 clocks of FMA forward and 8,450 backward, so 0.24 ms a tile at the peak rate, about 0.4 ms at 60 %
// of it. What is kept is 1.6 MB a tile, written once and read once: 3.1 MB in 0.4 ms on each of 132 SMs is
// 1.0 TB/s, 31 % of the memory's rate and mostly hidden. Computing the gates again instead would cost a third
// more FMA, so they are kept; tanh(c) is computed again: 20 instructions are less than 4 bytes each way. For
// 8 clocks of FMA shared memory is read in 5 to 6 forward (weights once a lane, sources broadcast), in 12 in
// the product that gives dh, in 6 in the weights' gradient.
//
// Deterministic: no atomics; a thread adds in a fixed order, blocks are added in order. Windows are gathered by
// index. Tested by tests/kernels/lstm_tile_kernel_test.cpp (on the host, against the oracle) and, in a model's
// block, by lstm_many_cuda_test.cpp on a card.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/device/kernel_context.hpp"
#include "kernels/lstm/lstm.hpp"
#include "kernels/lstm/lstm_activation_rule.hpp"
#include "kernels/lstm/lstm_dropout_rule.hpp"
#include "kernels/lstm/lstm_loss_rule.hpp"
#include "kernels/lstm/lstm_tile_plan.hpp"

namespace tidegauge::tile {

/// One number for each gate of a unit: sums, weights, gradients, activations.
struct alignas(16) Gates {
  float i, f, g, o;
};
struct alignas(16) FourRows {
  float v[4];
};

/// One float of each window of a thread's group.
struct GroupRows {
  float v[group_rows];
};

TG_DEVICE inline void add_product(Gates& sum, const Gates& weight, float factor) {
  sum.i = std::fma(weight.i, factor, sum.i);
  sum.f = std::fma(weight.f, factor, sum.f);
  sum.g = std::fma(weight.g, factor, sum.g);
  sum.o = std::fma(weight.o, factor, sum.o);
}

TG_DEVICE inline void add(Gates& sum, const Gates& other) {
  sum.i += other.i;
  sum.f += other.f;
  sum.g += other.g;
  sum.o += other.o;
}

TG_DEVICE inline GroupRows load_rows(const float* place) {
  const FourRows* four = reinterpret_cast<const FourRows*>(place);
  const FourRows low = four[0], high = four[1];
  return {{low.v[0], low.v[1], low.v[2], low.v[3], high.v[0], high.v[1], high.v[2], high.v[3]}};
}

TG_DEVICE inline void store_rows(float* place, const GroupRows& rows) {
  FourRows* four = reinterpret_cast<FourRows*>(place);
  four[0] = {{rows.v[0], rows.v[1], rows.v[2], rows.v[3]}};
  four[1] = {{rows.v[4], rows.v[5], rows.v[6], rows.v[7]}};
}

/// The sum of one value of each thread of a block, in an order that depends on the number of threads only.
/// @param shared one per thread.
template <class Context>
TG_DEVICE inline double block_sum(Context& context, double* shared, double value) {
  const std::uint32_t thread = context.thread();
  shared[thread] = value;
  context.sync();
  for (std::uint32_t count = context.block_threads(); count > 1;) {
    const std::uint32_t half = (count + 1) / 2;
    if (thread + half < count) shared[thread] += shared[thread + half];
    context.sync();
    count = half;
  }
  const double total = shared[0];
  context.sync();
  return total;
}

/// Some consecutive windows of a batch; the series lies in global memory.
struct TileWindows {
  const float* features;        ///< [points][features]
  const float* targets;         ///< [points]; not read by predict
  const std::uint32_t* starts;  ///< of this tile
  std::uint32_t rows;           ///< 1 to 32
  std::uint64_t first, batch;   ///< number of the first one in its batch, windows of the batch
};

/// One block at work. All threads of the block call the same functions; each function ends with a barrier or
/// says that it does not.
template <class Context>
class TileBlock {
 public:
  /// @param scratch of this block, TilePlan::scratch_floats, 16-byte aligned.
  TG_DEVICE TileBlock(Context& context, const TilePlan& plan, float* scratch, bool training)
      : context_(context),
        plan_(plan),
        thread_(context.thread()),
        unit_(thread_ % plan.hidden),
        group_(thread_ / plan.hidden),
        at_work_(group_ < row_groups),
        scratch_(scratch) {
    unsigned char* shared = context.template shared<unsigned char>();
    sums_ = reinterpret_cast<double*>(shared);
    weights_ = reinterpret_cast<Gates*>(shared + plan.shared_sums() * sizeof(double));
    dgates_ = weights_ + plan.shared_weights();
    gradient_ = dgates_ + (training ? tile_rows * plan.hidden : 0);
    sources_ = reinterpret_cast<float*>(gradient_ + (training ? plan.shared_weights() : 0));
  }

  /// Outputs [rows][horizon].
  TG_DEVICE void predict(float* out, const TileWindows& windows, const float* parameters) {
    take(windows, parameters);
    keep_ = false;
    dropout_ = 0;
    for (std::uint32_t layer = 0; layer < plan_.layers; ++layer) forward(layer);
    run_head(out);
    context_.sync();
  }

  /// @return the sum of losses over windows and outputs of what predict says, in thread 0 only.
  TG_DEVICE double validate(const TileWindows& windows, const float* parameters, const LossSettings& loss) {
    float* outputs = scratch_ + plan_.outputs();
    predict(outputs, windows, parameters);
    run_loss(outputs, loss);
    context_.sync();
    const double total = thread_ == 0 ? sum_of_losses() : 0;
    context_.sync();
    return total;
  }

  /// Adds these windows' part of the batch's mean loss to `gradient` (flat).
  /// @return the sum of losses over windows and outputs, in thread 0 only.
  TG_DEVICE double train(float* gradient, const TileWindows& windows, const float* parameters,
                         const LossSettings& loss, std::uint64_t step) {
    take(windows, parameters);
    keep_ = true;
    dropout_ = loss.dropout;
    dropout_seed_ = loss.dropout_seed;
    optimizer_step_ = step;
    for (std::uint32_t layer = 0; layer < plan_.layers; ++layer) forward(layer);
    float* slopes = scratch_ + plan_.outputs();
    run_head(slopes);
    context_.sync();
    run_loss(slopes, loss);
    context_.sync();
    const double total = thread_ == 0 ? sum_of_losses() : 0;
    add_head_gradient(gradient, slopes);
    GroupRows dh = head_slopes(slopes);
    context_.sync();
    for (std::uint32_t layer = plan_.layers; layer-- > 0;) {
      backward(gradient, layer, dh);
      dh = {};
    }
    return total;
  }

  /// The sum of one value of each thread, the same in every thread.
  TG_DEVICE double sum(double value) { return block_sum(context_, sums_, value); }

 private:
  TG_DEVICE void take(const TileWindows& windows, const float* parameters) {
    windows_ = windows;
    parameters_ = parameters;
    has_rows_ = at_work_ && group_ * group_rows < windows.rows;
  }

  // ---- places ----

  TG_DEVICE float* rows_of(std::uint32_t source) const {
    return sources_ + source * row_stride + group_ * group_rows;
  }
  TG_DEVICE std::size_t layer_step(std::uint32_t layer, std::uint32_t step) const {
    return std::size_t{layer} * plan_.steps + step;
  }
  TG_DEVICE Gates* kept_gates(std::uint32_t layer, std::uint32_t step) const {
    return reinterpret_cast<Gates*>(scratch_ + plan_.kept_gates()) + layer_step(layer, step) * plan_.cells() +
           thread_;
  }
  TG_DEVICE float* kept_cell(std::uint32_t layer, std::uint32_t step) const {
    return scratch_ + plan_.kept_cells() + layer_step(layer, step) * plan_.cells() + thread_;
  }
  /// [hidden][tile_rows]
  TG_DEVICE float* kept_h(std::uint32_t layer, std::uint32_t step) const {
    return scratch_ + plan_.kept_h() + layer_step(layer, step) * plan_.cells();
  }
  /// dLoss/dh of the layer below, [steps][hidden][tile_rows]; a layer reads its own and then writes that of
  /// the one below.
  TG_DEVICE float* dh_at(std::uint32_t step) const {
    return scratch_ + plan_.dh() + std::size_t{step} * plan_.cells() + unit_ * tile_rows +
           group_ * group_rows;
  }
  TG_DEVICE std::uint32_t cell_stride() const { return plan_.hidden * row_groups; }

  // ---- what a layer reads ----

  /// Weights from PyTorch's order [gate * hidden + unit][source].
  TG_DEVICE void load_weights(std::uint32_t layer) {
    const std::uint32_t inputs = plan_.inputs(layer);
    load_matrix(weights_, parameters_ + plan_.flat_input(layer), inputs);
    load_matrix(weights_ + inputs * plan_.unit_stride(), parameters_ + plan_.flat_hidden(layer),
                plan_.hidden);
  }
  TG_DEVICE void load_matrix(Gates* out, const float* flat, std::uint32_t sources) {
    float* words = reinterpret_cast<float*>(out);
    for (std::uint32_t at = thread_; at < 4 * plan_.hidden * sources; at += context_.block_threads()) {
      const std::uint32_t row = at / sources, source = at % sources, gate = row / plan_.hidden;
      words[4 * (source * plan_.unit_stride() + row % plan_.hidden) + gate] = flat[at];
    }
  }

  TG_DEVICE float factor(std::uint32_t layer, std::uint32_t row, std::uint32_t step,
                         std::uint32_t unit) const {
    const DropoutMask mask = dropout_mask(dropout_, dropout_seed_, optimizer_step_, layer);
    const std::uint64_t draw =
        dropout_draw(mask, windows_.first + row, plan_.steps, step, plan_.hidden, unit / 2);
    return dropout_factor(mask, draw, unit % 2 == 1);
  }

  TG_DEVICE float input(std::uint32_t layer, std::uint32_t step, std::uint32_t source,
                        std::uint32_t row) const {
    if (row >= windows_.rows) return 0;
    if (layer == 0)
      return windows_.features[(std::size_t{windows_.starts[row]} + step) * plan_.features + source];
    const float h = kept_h(layer - 1, step)[source * tile_rows + row];
    return dropout_ > 0 ? h * factor(layer - 1, row, step, source) : h;
  }
  /// No barrier.
  TG_DEVICE void load_inputs(std::uint32_t layer, std::uint32_t step) {
    for (std::uint32_t at = thread_; at < plan_.inputs(layer) * tile_rows; at += context_.block_threads())
      sources_[at / tile_rows * row_stride + at % tile_rows] =
          input(layer, step, at / tile_rows, at % tile_rows);
  }
  /// No barrier.
  TG_DEVICE void load_h(std::uint32_t layer, std::uint32_t step) {
    const float* h = kept_h(layer, step);
    float* out = sources_ + plan_.inputs(layer) * row_stride;
    for (std::uint32_t at = thread_; at < plan_.hidden * tile_rows; at += context_.block_threads())
      out[at / tile_rows * row_stride + at % tile_rows] = h[at];
  }

  // ---- forward ----

  TG_DEVICE void forward(std::uint32_t layer) {
    load_weights(layer);
    GroupRows c{};
    for (std::uint32_t step = 0; step < plan_.steps; ++step) {
      load_inputs(layer, step);
      context_.sync();
      Gates sums[group_rows];
      if (has_rows_) sum_gates(sums, layer, step);
      context_.sync();  // everybody has read h before it is replaced
      if (has_rows_) run_cell(c, sums, layer, step);
    }
    context_.sync();
  }

  TG_DEVICE void sum_gates(Gates (&sums)[group_rows], std::uint32_t layer, std::uint32_t step) const {
    const float* bias = parameters_ + plan_.flat_bias(layer) + unit_;
    const Gates first{bias[0], bias[plan_.hidden], bias[2 * plan_.hidden], bias[3 * plan_.hidden]};
    for (Gates& sum : sums) sum = first;
    // h before the first step is zero.
    const std::uint32_t sources = plan_.inputs(layer) + (step > 0 ? plan_.hidden : 0);
    for (std::uint32_t source = 0; source < sources; ++source) {
      const Gates weight = weights_[source * plan_.unit_stride() + unit_];
      const GroupRows rows = load_rows(rows_of(source));
      for (std::uint32_t r = 0; r < group_rows; ++r) add_product(sums[r], weight, rows.v[r]);
    }
  }

  TG_DEVICE void run_cell(GroupRows& c, const Gates (&sums)[group_rows], std::uint32_t layer,
                          std::uint32_t step) {
    GroupRows h;
    for (std::uint32_t r = 0; r < group_rows; ++r) {
      const Gates gates{sigmoid(sums[r].i), sigmoid(sums[r].f), hyperbolic_tangent(sums[r].g),
                        sigmoid(sums[r].o)};
      c.v[r] = std::fma(gates.f, c.v[r], gates.i * gates.g);
      h.v[r] = gates.o * hyperbolic_tangent(c.v[r]);
      if (!keep_) continue;
      kept_gates(layer, step)[r * cell_stride()] = gates;
      kept_cell(layer, step)[r * cell_stride()] = c.v[r];
    }
    store_rows(rows_of(plan_.inputs(layer) + unit_), h);
    if (keep_ || layer + 1 < plan_.layers)
      store_rows(kept_h(layer, step) + unit_ * tile_rows + group_ * group_rows, h);
  }

  // ---- head and loss ----

  /// h of the last step and layer of a window.
  TG_DEVICE float last_h(std::uint32_t unit, std::uint32_t row) const {
    return sources_[(plan_.inputs(plan_.layers - 1) + unit) * row_stride + row];
  }
  TG_DEVICE const float* window(std::uint32_t row) const {
    return windows_.features + std::size_t{windows_.starts[row]} * plan_.features;
  }

  /// No barrier.
  TG_DEVICE void run_head(float* out) {
    for (std::uint32_t at = thread_; at < windows_.rows * plan_.horizon; at += context_.block_threads()) {
      const std::uint32_t row = at % windows_.rows, o = at / windows_.rows;
      float sum = parameters_[plan_.flat_head_bias() + o];
      const float* head = parameters_ + plan_.flat_head() + std::size_t{o} * plan_.hidden;
      for (std::uint32_t unit = 0; unit < plan_.hidden; ++unit)
        sum = std::fma(head[unit], last_h(unit, row), sum);
      const float* skip = parameters_ + plan_.flat_skip() + std::size_t{o} * plan_.seen();
      const float* values = window(row);
      for (std::uint32_t k = 0; plan_.skip && k < plan_.seen(); ++k) sum = std::fma(skip[k], values[k], sum);
      out[std::size_t{row} * plan_.horizon + o] = sum;
    }
  }

  /// Outputs become the loss's derivatives by them; each window's sum of losses is left in shared memory. No
  /// barrier.
  TG_DEVICE void run_loss(float* outputs, const LossSettings& loss) {
    const double share = 1.0 / static_cast<double>(windows_.batch * plan_.horizon);
    for (std::uint32_t row = thread_; row < windows_.rows; row += context_.block_threads()) {
      const float* target = windows_.targets + windows_.starts[row] + plan_.steps;
      double total = 0;
      for (std::uint32_t o = 0; o < plan_.horizon; ++o) {
        float& output = outputs[std::size_t{row} * plan_.horizon + o];
        double slope = 0;
        total += loss_of(static_cast<double>(output) - static_cast<double>(target[o]), loss.kind,
                         loss.huber_delta, slope);
        output = static_cast<float>(slope * share);
      }
      sums_[row] = total;
    }
  }
  TG_DEVICE double sum_of_losses() const {
    double total = 0;
    for (std::uint32_t row = 0; row < windows_.rows; ++row) total += sums_[row];
    return total;
  }

  /// One thread a parameter of head and skip, in the flat vector's order. No barrier.
  TG_DEVICE void add_head_gradient(float* gradient, const float* slopes) {
    for (std::uint32_t at = plan_.flat_head() + thread_; at < plan_.parameters();
         at += context_.block_threads()) {
      float sum = 0;
      for (std::uint32_t row = 0; row < windows_.rows; ++row) {
        const float* of_row = slopes + std::size_t{row} * plan_.horizon;
        if (at < plan_.flat_head_bias()) {
          const std::uint32_t place = at - plan_.flat_head();
          sum = std::fma(of_row[place / plan_.hidden], last_h(place % plan_.hidden, row), sum);
        } else if (at < plan_.flat_skip()) {
          sum += of_row[at - plan_.flat_head_bias()];
        } else {
          const std::uint32_t place = at - plan_.flat_skip();
          sum = std::fma(of_row[place / plan_.seen()], window(row)[place % plan_.seen()], sum);
        }
      }
      gradient[at] += sum;
    }
  }

  /// dLoss/dh of the last step, of this thread's unit and windows. No barrier.
  TG_DEVICE GroupRows head_slopes(const float* slopes) const {
    GroupRows dh{};
    for (std::uint32_t r = 0; at_work_ && r < group_rows; ++r) {
      const std::uint32_t row = group_ * group_rows + r;
      for (std::uint32_t o = 0; row < windows_.rows && o < plan_.horizon; ++o)
        dh.v[r] = std::fma(slopes[std::size_t{row} * plan_.horizon + o],
                           parameters_[plan_.flat_head() + std::size_t{o} * plan_.hidden + unit_], dh.v[r]);
    }
    return dh;
  }

  // ---- backward ----

  /// @param dh dLoss/dh of the last step; the other steps' comes from the layer above, where there is one.
  TG_DEVICE void backward(float* gradient, std::uint32_t layer, GroupRows dh) {
    if (plan_.layers > 1) load_weights(layer);  // one layer's are still there
    for (std::uint32_t at = thread_; at < plan_.shared_weights(); at += context_.block_threads())
      gradient_[at] = {};
    GroupRows dc{};
    Gates bias{};
    for (std::uint32_t step = plan_.steps; step-- > 0;) {
      load_inputs(layer, step);
      if (step > 0) load_h(layer, step - 1);
      if (has_rows_) run_cell_back(bias, dh, dc, layer, step);
      context_.sync();
      if (has_rows_ && step > 0) dh = back_product(plan_.inputs(layer) + unit_);
      if (has_rows_ && layer > 0) pass_down(layer, step);
      if (at_work_) add_weight_gradient(plan_.inputs(layer) + (step > 0 ? plan_.hidden : 0));
      context_.sync();
    }
    flush(gradient, layer, bias);
  }

  TG_DEVICE void run_cell_back(Gates& bias, const GroupRows& carried, GroupRows& dc, std::uint32_t layer,
                               std::uint32_t step) {
    GroupRows dh = carried;
    if (layer + 1 < plan_.layers) {
      const GroupRows above = load_rows(dh_at(step));
      for (std::uint32_t r = 0; r < group_rows; ++r) dh.v[r] += above.v[r];
    }
    for (std::uint32_t r = 0; r < group_rows; ++r) {
      const Gates kept = kept_gates(layer, step)[r * cell_stride()];
      const float before = step > 0 ? kept_cell(layer, step - 1)[r * cell_stride()] : 0;
      const float squashed = hyperbolic_tangent(kept_cell(layer, step)[r * cell_stride()]);
      const float dcell = std::fma(dh.v[r] * kept.o, 1.0f - squashed * squashed, dc.v[r]);
      dc.v[r] = dcell * kept.f;
      const Gates gradient{
          dcell * kept.g * (kept.i * (1.0f - kept.i)), dcell * before * (kept.f * (1.0f - kept.f)),
          dcell * kept.i * (1.0f - kept.g * kept.g), dh.v[r] * squashed * (kept.o * (1.0f - kept.o))};
      dgates_[(group_ * group_rows + r) * plan_.hidden + unit_] = gradient;
      add(bias, gradient);
    }
  }

  /// Gate gradients times the weights of one source: that source's gradient in this thread's windows.
  TG_DEVICE GroupRows back_product(std::uint32_t source) const {
    GroupRows out{};
    const Gates* weights = weights_ + source * plan_.unit_stride();
    const Gates* dgates = dgates_ + group_ * group_rows * plan_.hidden;
    for (std::uint32_t unit = 0; unit < plan_.hidden; ++unit) {
      const Gates weight = weights[unit];
      for (std::uint32_t r = 0; r < group_rows; ++r) {
        const Gates d = dgates[r * plan_.hidden + unit];
        out.v[r] = std::fma(weight.i, d.i, out.v[r]);
        out.v[r] = std::fma(weight.f, d.f, out.v[r]);
        out.v[r] = std::fma(weight.g, d.g, out.v[r]);
        out.v[r] = std::fma(weight.o, d.o, out.v[r]);
      }
    }
    return out;
  }

  TG_DEVICE void pass_down(std::uint32_t layer, std::uint32_t step) {
    GroupRows dx = back_product(unit_);
    for (std::uint32_t r = 0; dropout_ > 0 && r < group_rows; ++r)
      dx.v[r] *= factor(layer - 1, group_ * group_rows + r, step, unit_);
    store_rows(dh_at(step), dx);
  }

  /// Each group of threads takes a quarter of the sources, for every window.
  TG_DEVICE void add_weight_gradient(std::uint32_t sources) {
    const std::uint32_t share = (sources + row_groups - 1) / row_groups;
    const std::uint32_t last = (group_ + 1) * share < sources ? (group_ + 1) * share : sources;
    std::uint32_t source = group_ * share;
    for (; source + 8 <= last; source += 8) add_weights_of<8>(source);
    for (; source + 4 <= last; source += 4) add_weights_of<4>(source);
    for (; source < last; ++source) add_weights_of<1>(source);
  }
  template <int N>
  TG_DEVICE void add_weights_of(std::uint32_t source) {
    Gates sums[N] = {};
    for (std::uint32_t row = 0; row < windows_.rows; row += 4) {
      Gates d[4];
      for (std::uint32_t r = 0; r < 4; ++r) d[r] = dgates_[(row + r) * plan_.hidden + unit_];
      for (int n = 0; n < N; ++n) {
        const FourRows x = *reinterpret_cast<const FourRows*>(sources_ + (source + n) * row_stride + row);
        for (std::uint32_t r = 0; r < 4; ++r) add_product(sums[n], d[r], x.v[r]);
      }
    }
    for (int n = 0; n < N; ++n) add(gradient_[(source + n) * plan_.unit_stride() + unit_], sums[n]);
  }

  /// Adds the tile's gradient of a layer to the block's, in the flat vector's order.
  TG_DEVICE void flush(float* gradient, std::uint32_t layer, const Gates& bias) {
    const std::uint32_t inputs = plan_.inputs(layer);
    add_matrix(gradient + plan_.flat_input(layer), gradient_, inputs);
    add_matrix(gradient + plan_.flat_hidden(layer), gradient_ + inputs * plan_.unit_stride(), plan_.hidden);
    if (at_work_) dgates_[thread_] = bias;  // the last step's are done with
    context_.sync();
    if (thread_ < plan_.hidden) {
      Gates sum = dgates_[unit_];
      for (std::uint32_t group = 1; group < row_groups; ++group)
        add(sum, dgates_[group * plan_.hidden + unit_]);
      float* out = gradient + plan_.flat_bias(layer) + unit_;
      out[0] += sum.i;
      out[plan_.hidden] += sum.f;
      out[2 * plan_.hidden] += sum.g;
      out[3 * plan_.hidden] += sum.o;
    }
    context_.sync();
  }
  TG_DEVICE void add_matrix(float* flat, const Gates* in, std::uint32_t sources) {
    const float* words = reinterpret_cast<const float*>(in);
    for (std::uint32_t at = thread_; at < 4 * plan_.hidden * sources; at += context_.block_threads()) {
      const std::uint32_t row = at / sources, source = at % sources, gate = row / plan_.hidden;
      flat[at] += words[4 * (source * plan_.unit_stride() + row % plan_.hidden) + gate];
    }
  }

  Context& context_;
  const TilePlan& plan_;
  const std::uint32_t thread_, unit_, group_;
  const bool at_work_;  ///< the last warp may have threads beyond the last group
  float* scratch_;
  double* sums_;  ///< one per thread at least
  Gates *weights_, *dgates_, *gradient_;
  float* sources_;

  TileWindows windows_{};
  const float* parameters_ = nullptr;
  double dropout_ = 0;
  std::uint64_t dropout_seed_ = 0, optimizer_step_ = 0;
  bool keep_ = false, has_rows_ = false;
};

}  // namespace tidegauge::tile
