// One optimizer step of one network over many blocks, and prediction: the kernels around
// lstm_tile_kernel.hpp's block.
//   gradient_kernel  a block adds up the gradients of its tiles, in order, into a part of global memory of its own
//   reduce_kernel    a thread per parameter adds the blocks' parts in order; squares for the norm, the batch's loss
//   step_kernel      clips and takes the step (optimizer_rule.hpp)
// How tiles fall to blocks depends on the batch alone (gradient_blocks), not on the card. Three launches a
// step, no synchronisation with the host. Tested by tests/kernels/lstm_tile_kernel_test.cpp.
#pragma once

#include "kernels/lstm/lstm_tile_kernel.hpp"
#include "kernels/optimizer/optimizer_rule.hpp"

namespace tidegauge::tile {

inline constexpr std::uint32_t step_threads = 256;  ///< of a block of reduce_kernel and step_kernel

/// As many blocks as a batch's gradient is added up in: one a tile, up to about the SMs of a large card.
inline std::uint32_t gradient_blocks(std::size_t windows) {
  constexpr std::size_t most = 128;
  const std::size_t tiles = (windows + tile_rows - 1) / tile_rows;
  return static_cast<std::uint32_t>(tiles < most ? tiles : most);
}

/// As many blocks as reduce_kernel and step_kernel have.
inline std::uint32_t step_blocks(std::uint32_t parameters) { return (parameters + step_threads - 1) / step_threads; }

/// A batch of windows; everything lies in global memory.
struct Batch {
  const float* features;
  const float* targets;
  const std::uint32_t* starts;
  std::uint32_t windows;

  TG_HD std::uint32_t tiles() const { return (windows + tile_rows - 1) / tile_rows; }
  TG_DEVICE TileWindows tile(std::uint32_t t) const {
    const std::uint32_t first = t * tile_rows, left = windows - first;
    return {features, targets, starts + first, left < tile_rows ? left : tile_rows, first, windows};
  }
};

/// @param gradients out: [blocks][parameters]. @param losses out: [blocks], sums over windows and outputs.
template <class Context>
TG_DEVICE inline void gradient_kernel(Context& context, float* gradients, double* losses, float* scratch,
                                      const TilePlan& plan, const Batch& batch, const float* parameters,
                                      const LossSettings& loss, std::uint64_t step) {
  TileBlock<Context> block(context, plan, scratch + context.block() * plan.scratch_floats(), true);
  float* gradient = gradients + std::size_t{context.block()} * plan.parameters();
  for (std::uint32_t p = context.thread(); p < plan.parameters(); p += context.block_threads())
    gradient[p] = 0;
  context.sync();
  const std::uint64_t tiles = batch.tiles();
  double total = 0;
  for (std::uint64_t t = context.block() * tiles / context.blocks();
       t < (context.block() + 1) * tiles / context.blocks(); ++t)
    total += block.train(gradient, batch.tile(static_cast<std::uint32_t>(t)), parameters, loss, step);
  if (context.thread() == 0) losses[context.block()] = total;
}

/// @param squares out: [blocks], of the reduced gradient. @param parts blocks of gradient_kernel.
template <class Context>
TG_DEVICE inline void reduce_kernel(Context& context, float* gradient, double* squares, double* mean_loss,
                                    const float* gradients, const double* losses, std::uint32_t parts,
                                    std::uint32_t parameters, std::uint64_t outputs) {
  const std::uint32_t p = context.block() * context.block_threads() + context.thread();
  float sum = 0;
  for (std::uint32_t part = 0; p < parameters && part < parts; ++part)
    sum += gradients[std::size_t{part} * parameters + p];
  if (p < parameters) gradient[p] = sum;
  const double of_block = block_sum(context, context.template shared<double>(),
                                    static_cast<double>(sum) * static_cast<double>(sum));
  if (context.thread() == 0) squares[context.block()] = of_block;
  if (p != 0) return;
  double total = 0;
  for (std::uint32_t part = 0; part < parts; ++part) total += losses[part];
  *mean_loss = total / static_cast<double>(outputs);
}

/// What one step takes of the settings; the powers in it cost too much to compute in every thread of a large
/// grid.
struct StepConstants {
  OptimizerKind kind;
  double clip_norm;
  AdamStep adam;
  RmspropStep rmsprop;
};
/// @param steps steps taken, this one included.
TG_HD inline StepConstants step_constants(const OptimizerSettings& settings, std::uint64_t steps) {
  return {settings.kind, settings.clip_norm, adam_step(settings, steps), rmsprop_step(settings)};
}

/// The vectors of one network that a step changes.
struct Trained {
  float *parameters, *first_moment, *second_moment;  ///< first_moment: Adam only
};

/// Clips and steps parameters `first`, first + stride, ... @param squares sum over the whole gradient.
TG_DEVICE inline void take_step(const Trained& trained, const float* gradient, double squares,
                                std::uint32_t first, std::uint32_t stride, std::uint32_t parameters,
                                const StepConstants& step) {
  const double norm = std::sqrt(squares);
  const bool clipped = step.clip_norm > 0 && norm > step.clip_norm;
  const float scale = clipped ? static_cast<float>(step.clip_norm / norm) : 1.0f;
  for (std::uint32_t p = first; p < parameters; p += stride) {
    const float g = gradient[p] * scale;
    if (step.kind == OptimizerKind::adam)
      step.adam.apply(trained.parameters[p], g, trained.first_moment[p], trained.second_moment[p]);
    else
      step.rmsprop.apply(trained.parameters[p], g, trained.second_moment[p]);
  }
}

/// @param squares of reduce_kernel, which had as many blocks as this one.
template <class Context>
TG_DEVICE inline void step_kernel(Context& context, const Trained& trained, const float* gradient,
                                  const double* squares, std::uint32_t parameters,
                                  const StepConstants& step) {
  double total = 0;
  for (std::uint32_t block = context.thread(); block < context.blocks(); block += context.block_threads())
    total += squares[block];
  total = block_sum(context, context.template shared<double>(), total);
  take_step(trained, gradient, total, context.block() * context.block_threads() + context.thread(),
            context.blocks() * context.block_threads(), parameters, step);
}

/// @param out [windows][horizon]
template <class Context>
TG_DEVICE inline void predict_kernel(Context& context, float* out, float* scratch, const TilePlan& plan,
                                     const Batch& batch, const float* parameters) {
  TileBlock<Context> block(context, plan, scratch + context.block() * plan.scratch_floats(), false);
  for (std::uint32_t t = context.block(); t < batch.tiles(); t += context.blocks())
    block.predict(out + std::size_t{t} * tile_rows * plan.horizon, batch.tile(t), parameters);
}

}  // namespace tidegauge::tile
