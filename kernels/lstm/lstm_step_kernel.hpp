// The bodies of the kernels around the cells of a training step, one text for the GPU and for the host's emulation of it
// (kernels/device/kernel_context.hpp). In the order of a step:
//   gather_inputs     windows by index out of the series
//   (cells forward)   cuDNN; drop_outputs between layers
//   run_head          outputs, loss and its slopes, and what the last step's h gets back
//   (cells backward)
//   head_gradient     of head and skip connection
//   collect_gradient  all of it into flat order, and its squared norm
//   update            clipping and the optimizer
//   finish_step       the loss into its place, and on to the next batch
// Everything that differs from step to step is read from device memory (StepConstants, StepWork::done), so that a step
// recorded once as a CUDA graph can be replayed. No atomic additions: sums have a fixed order, which follows from sizes.
// Cost: memory bound; each reads and writes its data once. Tested by tests/kernels/lstm_step_kernel_test.cpp (on the
// host) and lstm_cuda_test.cpp (on a card).
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "kernels/device/kernel_context.hpp"
#include "kernels/lstm/lstm_dropout_rule.hpp"
#include "kernels/lstm/lstm_loss_rule.hpp"
#include "kernels/optimizer/optimizer_rule.hpp"

namespace tidegauge::lstm {

inline constexpr std::uint32_t step_block_threads = 256;
/// Of collect_gradient: its blocks each leave one partial sum, which every block of update adds up.
inline constexpr std::uint32_t most_norm_blocks = 128;

/// Of one step; computed on the host in double, hence the CPU's.
struct StepConstants {
  std::uint64_t optimizer_step;  ///< steps taken before: names the dropout masks
  AdamStep adam;
  RmspropStep rmsprop;
};

/// Sizes, and where things lie on the device. A call does some batches of `batch_windows` windows; a batch is done in
/// pieces.
struct StepWork {
  std::uint32_t features, hidden, look_back, horizon;
  bool skip;

  const float* series;            ///< [points][features]
  const float* targets;           ///< [points]
  const std::uint32_t* starts;    ///< of all windows of the call
  const StepConstants* constants; ///< [batches of the call]
  std::uint32_t* done;            ///< batches of the call that are done
  std::uint32_t batch_windows;    ///< windows from one batch's first to the next one's
  std::uint32_t first, windows;   ///< the piece: windows [first, first + windows) of the batch

  const float* head;    ///< parameters from head.weight on, flat order
  const float* h;       ///< [windows][hidden], the top layer's at the last step
  float* slopes;        ///< [windows][horizon], dLoss/doutput
  Loss loss;
  double huber_delta;
  double share;         ///< 1 / (windows of the batch * horizon)
};

struct Dropout {
  double probability;
  std::uint64_t seed;
};

TG_DEVICE inline const std::uint32_t* starts_of_piece(const StepWork& work) {
  return work.starts + std::size_t{*work.done} * work.batch_windows + work.first;
}

template <class Context>
TG_DEVICE inline std::size_t grid_thread(Context& context) {
  return std::size_t{context.block()} * context.block_threads() + context.thread();
}
template <class Context>
TG_DEVICE inline std::size_t grid_threads(Context& context) {
  return std::size_t{context.block_threads()} * context.blocks();
}

/// The sum over a warp, in all of its lanes, by halving.
template <class Context>
TG_DEVICE inline float sum_lanes(Context& context, float value) {
  for (std::uint32_t distance = warp_size / 2; distance != 0; distance /= 2) {
    const std::uint32_t other =
        context.shuffle(std::bit_cast<std::uint32_t>(value), context.lane() ^ distance);
    value += std::bit_cast<float>(other);
  }
  return value;
}

/// The sum over a block, in thread 0 (elsewhere 0), by halving. `partial` is shared memory for one double a thread.
template <class Context>
TG_DEVICE inline double sum_block(Context& context, double* partial, double value) {
  partial[context.thread()] = value;
  std::uint32_t count = context.block_threads();
  while (count > 1) {
    context.sync();
    const std::uint32_t half = (count + 1) / 2;
    if (context.thread() + half < count) partial[context.thread()] += partial[context.thread() + half];
    count = half;
  }
  return context.thread() == 0 ? partial[0] : 0.0;
}

/// @param x out: [look_back][windows][features]
template <class Context>
TG_DEVICE inline void gather_inputs(Context& context, float* x, const StepWork& work) {
  const std::uint32_t* starts = starts_of_piece(work);
  const std::size_t step_size = std::size_t{work.windows} * work.features, size = step_size * work.look_back;
  for (std::size_t i = grid_thread(context); i < size; i += grid_threads(context)) {
    const std::size_t step = i / step_size, window = i % step_size / work.features, feature = i % work.features;
    x[i] = work.series[(starts[window] + step) * work.features + feature];
  }
}

/// Multiplies a layer's outputs (forward) or their gradient (backward) with the masks of the CPU. A thread takes the two
/// units that share a draw. `out` may be `in`. Both are [look_back][windows][hidden].
template <class Context>
TG_DEVICE inline void drop_outputs(Context& context, float* out, const float* in, const StepWork& work,
                                   const Dropout& dropout, std::uint32_t layer) {
  const DropoutMask mask = dropout_mask(dropout.probability, dropout.seed,
                                        work.constants[*work.done].optimizer_step, layer);
  const std::size_t pairs = (work.hidden + 1) / 2, step_size = pairs * work.windows;
  for (std::size_t i = grid_thread(context); i < step_size * work.look_back; i += grid_threads(context)) {
    const std::size_t step = i / step_size, window = i % step_size / pairs, pair = i % pairs;
    const std::uint64_t draw =
        dropout_draw(mask, work.first + window, work.look_back, step, work.hidden, pair);
    const std::size_t unit = (step * work.windows + window) * work.hidden + 2 * pair;
    out[unit] = in[unit] * dropout_factor(mask, draw, false);
    if (2 * pair + 1 < work.hidden) out[unit + 1] = in[unit + 1] * dropout_factor(mask, draw, true);
  }
}

/// Output o of one window, in all lanes of the warp.
template <class Context>
TG_DEVICE inline float head_output(Context& context, const StepWork& work, const float* h, const float* window,
                                   std::uint32_t o) {
  const float* weight = work.head + std::size_t{o} * work.hidden;
  const float* bias = work.head + std::size_t{work.horizon} * work.hidden;
  float sum = 0;
  for (std::uint32_t u = context.lane(); u < work.hidden; u += warp_size) sum += weight[u] * h[u];
  if (work.skip) {
    const std::uint32_t seen = work.look_back * work.features;
    const float* skip = bias + work.horizon + std::size_t{o} * seen;
    for (std::uint32_t k = context.lane(); k < seen; k += warp_size) sum += skip[k] * window[k];
  }
  return sum_lanes(context, sum) + bias[o];
}

/// Only outputs. @param out [windows][horizon]
template <class Context>
TG_DEVICE inline void predict_head(Context& context, float* out, const StepWork& work) {
  const std::uint32_t* starts = starts_of_piece(work);
  for (std::size_t w = grid_thread(context) / warp_size; w < work.windows; w += grid_threads(context) / warp_size) {
    const float* window = work.series + std::size_t{starts[w]} * work.features;
    for (std::uint32_t o = 0; o < work.horizon; ++o) {
      const float output = head_output(context, work, work.h + w * work.hidden, window, o);
      if (context.lane() == 0) out[w * work.horizon + o] = output;
    }
  }
}

/// Outputs, losses and slopes. A warp takes a window.
/// @param dh out: dLoss/dh at the last step [windows][hidden]
/// @param losses out: [windows of the batch], a window's sum over its outputs
template <class Context>
TG_DEVICE inline void run_head(Context& context, float* dh, double* losses, const StepWork& work) {
  const std::uint32_t* starts = starts_of_piece(work);
  for (std::size_t w = grid_thread(context) / warp_size; w < work.windows; w += grid_threads(context) / warp_size) {
    const float* window = work.series + std::size_t{starts[w]} * work.features;
    const float* target = work.targets + starts[w] + work.look_back;
    double total = 0;
    for (std::uint32_t o = 0; o < work.horizon; ++o) {
      const float output = head_output(context, work, work.h + w * work.hidden, window, o);
      double slope = 0;
      total += loss_of(static_cast<double>(output) - static_cast<double>(target[o]), work.loss, work.huber_delta,
                       slope);
      const float scaled = static_cast<float>(slope * work.share);
      if (context.lane() == 0) work.slopes[w * work.horizon + o] = scaled;
      const float* weight = work.head + std::size_t{o} * work.hidden;
      for (std::uint32_t u = context.lane(); u < work.hidden; u += warp_size) {
        float& sum = dh[w * work.hidden + u];  // this lane's alone
        sum = (o == 0 ? 0.0f : sum) + scaled * weight[u];
      }
    }
    if (context.lane() == 0) losses[work.first + w] = total;
  }
}

/// Columns of the head: one per hidden unit, the bias, one per value that the skip connection sees.
TG_HD inline std::uint32_t head_columns(const StepWork& work) {
  return work.hidden + 1 + (work.skip ? work.look_back * work.features : 0);
}
inline std::uint32_t head_gradient_blocks(const StepWork& work) {
  return work.horizon * ((head_columns(work) + warp_size - 1) / warp_size);
}

/// Gradient of the head's parameters, which the first piece of a batch sets and the others add to. A block takes 32
/// columns of an output, a lane a column; its warps share the windows out.
/// @param gradient from head.weight on, flat order. Shared memory: one float a thread.
template <class Context>
TG_DEVICE inline void head_gradient(Context& context, float* gradient, const StepWork& work) {
  float* partial = context.template shared<float>();
  const std::uint32_t* starts = starts_of_piece(work);
  const std::uint32_t columns = head_columns(work), tiles = (columns + warp_size - 1) / warp_size;
  const std::uint32_t seen = columns - work.hidden - 1, warps = context.block_threads() / warp_size;
  for (std::uint32_t tile = context.block(); tile < tiles * work.horizon; tile += context.blocks()) {
    const std::uint32_t o = tile / tiles, column = tile % tiles * warp_size + context.lane();
    float sum = 0;
    for (std::size_t w = context.thread() / warp_size; w < work.windows && column < columns; w += warps) {
      const float slope = work.slopes[w * work.horizon + o];
      if (column < work.hidden)
        sum += slope * work.h[w * work.hidden + column];
      else if (column == work.hidden)
        sum += slope;
      else
        sum += slope * work.series[std::size_t{starts[w]} * work.features + (column - work.hidden - 1)];
    }
    partial[context.thread()] = sum;
    context.sync();
    if (context.thread() < warp_size && column < columns) {
      for (std::uint32_t warp = 1; warp < warps; ++warp) sum += partial[warp * warp_size + context.lane()];
      const std::size_t bias = std::size_t{work.horizon} * work.hidden;
      const std::size_t place = column < work.hidden    ? std::size_t{o} * work.hidden + column
                                : column == work.hidden ? bias + o
                                                        : bias + work.horizon + std::size_t{o} * seen +
                                                              (column - work.hidden - 1);
      gradient[place] = work.first == 0 ? sum : gradient[place] + sum;
    }
    context.sync();  // before the next tile's sums
  }
}

/// The parameters in flat order, and where the cells keep theirs.
struct StepParameters {
  std::uint64_t count, cells;   ///< all, and those of the cells, which come first
  const std::uint32_t* places;  ///< [cells] offset of each in the spaces
  float* flat;                  ///< [count]
  float* space;                 ///< the cells' copy
  float* gradient;              ///< [count], flat order
  const float* space_gradient;
  float *first_moment, *second_moment;  ///< [count]; the first is not read for RMSprop
  double* norm_parts;                   ///< [blocks of collect_gradient]
  std::uint32_t norm_blocks;
};

inline std::uint32_t norm_blocks_for(std::uint64_t count) {
  const std::uint64_t needed = (count + step_block_threads - 1) / step_block_threads;
  return static_cast<std::uint32_t>(needed < most_norm_blocks ? needed : most_norm_blocks);
}

/// Runs on norm_blocks blocks. Shared memory: one double a thread.
template <class Context>
TG_DEVICE inline void collect_gradient(Context& context, const StepParameters& p) {
  double squares = 0;
  for (std::size_t i = grid_thread(context); i < p.count; i += grid_threads(context)) {
    const float value = i < p.cells ? p.space_gradient[p.places[i]] : p.gradient[i];
    p.gradient[i] = value;
    squares += static_cast<double>(value) * static_cast<double>(value);
  }
  const double total = sum_block(context, context.template shared<double>(), squares);
  if (context.thread() == 0) p.norm_parts[context.block()] = total;
}

/// What the gradient is multiplied with so that its norm is at most `largest`; 1 where that is 0 or the norm is no
/// number (which then shows in the parameters).
TG_HD inline float clip_scale(const StepParameters& p, double largest) {
  if (!(largest > 0)) return 1;
  double squares = 0;
  for (std::uint32_t b = 0; b < p.norm_blocks; ++b) squares += p.norm_parts[b];
  const double norm = std::sqrt(squares);
  return norm > largest ? static_cast<float>(largest / norm) : 1.0f;
}

/// Shared memory: one float.
template <class Context>
TG_DEVICE inline void update(Context& context, const StepParameters& p, const StepConstants* constants,
                             const std::uint32_t* done, OptimizerKind kind, double clip_norm) {
  float* shared_scale = context.template shared<float>();
  if (context.thread() == 0) *shared_scale = clip_scale(p, clip_norm);
  context.sync();
  const float scale = *shared_scale;
  const StepConstants& step = constants[*done];
  for (std::size_t i = grid_thread(context); i < p.count; i += grid_threads(context)) {
    const float gradient = p.gradient[i] * scale;
    if (kind == OptimizerKind::adam)
      step.adam.apply(p.flat[i], gradient, p.first_moment[i], p.second_moment[i]);
    else
      step.rmsprop.apply(p.flat[i], gradient, p.second_moment[i]);
    if (i < p.cells) p.space[p.places[i]] = p.flat[i];
  }
}

/// One block. @param window_losses [windows] of the whole batch. @param batch_losses the mean goes to [*done].
/// Shared memory: one double a thread.
template <class Context>
TG_DEVICE inline void finish_step(Context& context, double* batch_losses, const double* window_losses,
                                  std::uint32_t windows, double share, std::uint32_t* done) {
  double sum = 0;
  for (std::uint32_t w = context.thread(); w < windows; w += context.block_threads()) sum += window_losses[w];
  const double total = sum_block(context, context.template shared<double>(), sum);
  if (context.thread() != 0) return;
  batch_losses[*done] = total * share;
  ++*done;
}

}  // namespace tidegauge::lstm
