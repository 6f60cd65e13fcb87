// Many models at once on a GPU (lstm_many.hpp): a block trains a model through whole epochs, with the tile of
// lstm_tile_kernel.hpp, its own order of batches, optimizer, validation and early stop. No block waits for
// another, so what becomes of a model depends on no other and not on the card's size. Cost: one launch a
// call; an epoch's order is drawn by one thread, some per cent of an epoch at H = 32 (estimate). Tested by
// tests/kernels/lstm_many_kernel_test.cpp (on the host) and lstm_many_cuda_test.cpp (on a card).
#pragma once

#include "kernels/data/epoch_loss.hpp"
#include "kernels/lstm/lstm_batch_kernel.hpp"
#include "kernels/lstm/lstm_many.hpp"
#include "kernels/windowing/shuffle_rule.hpp"

namespace tidegauge::tile {

/// One model; all pointers lead to global memory.
struct OfMany {
  Batch training, validation;  ///< starts in the order of time
  std::uint32_t* order;        ///< scratch, one per training window
  Trained now, kept;           ///< in and out; scratch, as it was before the epoch
  float* best;                 ///< in and out: parameters of best_epoch
  float* gradient;             ///< scratch
  EpochLoss* history;          ///< out: [0] the start if the history was empty, then this call's epochs
  std::uint64_t seed, dropout_seed, optimizer_steps;
  std::uint32_t batch_size, epochs_done, best_epoch;
  bool fresh;  ///< its history is empty
  double best_loss;
  ManyEnd end;
};

template <class Context>
class ModelBlock {
 public:
  TG_DEVICE ModelBlock(Context& context, OfMany& model, const TilePlan& plan, float* scratch,
                       const ManySettings& settings)
      : context_(context),
        block_(context, plan, scratch, true),
        place_(model),
        model_(model),
        plan_(plan),
        settings_(settings),
        loss_(settings.loss) {
    loss_.dropout_seed = model.dropout_seed;
  }

  TG_DEVICE void run(std::uint32_t most_epochs) {
    std::uint32_t lines = 0;
    if (model_.fresh) begin(lines);
    renew_end();
    for (std::uint32_t done = 0; done < most_epochs && model_.end == ManyEnd::none; ++done) run_epoch(lines);
    if (context_.thread() == 0) place_ = model_;
    context_.sync();
  }

 private:
  TG_DEVICE bool validated() const { return model_.validation.windows > 0; }
  TG_DEVICE bool finite(double x) const { return x - x == 0; }
  TG_DEVICE void renew_end() {
    if (model_.end != ManyEnd::diverged)
      model_.end =
          many_end(model_.epochs_done, model_.best_epoch, settings_.epochs, settings_.patience, validated());
  }

  TG_DEVICE void begin(std::uint32_t& lines) {
    const double validation = validation_loss();
    record(lines, {nan(), validation});
    model_.best_epoch = 0;
    if (validated() && finite(validation)) model_.best_loss = validation;
    if (validated() && !finite(validation)) model_.end = ManyEnd::diverged;
    copy(model_.best, model_.now.parameters);
    model_.fresh = false;
  }

  TG_DEVICE void run_epoch(std::uint32_t& lines) {
    keep(model_.kept, model_.now);
    const std::uint64_t steps_before = model_.optimizer_steps;
    draw_order();
    double sum = 0;
    for (std::uint32_t first = 0; first < model_.training.windows; first += model_.batch_size)
      sum += run_batch(first);
    const EpochLoss loss{sum / (static_cast<double>(model_.training.windows) * plan_.horizon),
                         validation_loss()};
    if (!finite(loss.training) || (validated() && !finite(loss.validation))) {
      keep(model_.now, model_.kept);
      model_.optimizer_steps = steps_before;
      model_.end = ManyEnd::diverged;
      return;
    }
    close_epoch(loss, lines);
  }

  TG_DEVICE void close_epoch(const EpochLoss& loss, std::uint32_t& lines) {
    record(lines, loss);
    ++model_.epochs_done;
    if (!validated() || loss.validation < model_.best_loss) {
      if (validated()) {
        model_.best_loss = loss.validation;
        model_.best_epoch = model_.epochs_done;
      }
      copy(model_.best, model_.now.parameters);
    }
    renew_end();
  }

  TG_DEVICE void draw_order() {
    for (std::uint32_t w = context_.thread(); w < model_.training.windows; w += context_.block_threads())
      model_.order[w] = model_.training.starts[w];
    context_.sync();
    if (settings_.shuffle && context_.thread() == 0)
      shuffle_in_place(model_.order, model_.training.windows, model_.seed, model_.epochs_done);
    context_.sync();
  }

  /// One optimizer step. @return the batch's sum of losses, the same in every thread.
  TG_DEVICE double run_batch(std::uint32_t first) {
    const std::uint32_t left = model_.training.windows - first;
    Batch batch = model_.training;
    batch.starts = model_.order + first;
    batch.windows = left < model_.batch_size ? left : model_.batch_size;
    for (std::uint32_t p = context_.thread(); p < plan_.parameters(); p += context_.block_threads())
      model_.gradient[p] = 0;
    context_.sync();
    double losses = 0;
    for (std::uint32_t t = 0; t < batch.tiles(); ++t)
      losses +=
          block_.train(model_.gradient, batch.tile(t), model_.now.parameters, loss_, model_.optimizer_steps);
    double squares = 0;
    for (std::uint32_t p = context_.thread(); p < plan_.parameters(); p += context_.block_threads())
      squares += static_cast<double>(model_.gradient[p]) * static_cast<double>(model_.gradient[p]);
    squares = block_.sum(squares);
    losses = block_.sum(losses);  // thread 0 has them, the others have zero
    ++model_.optimizer_steps;
    take_step(model_.now, model_.gradient, squares, context_.thread(), context_.block_threads(),
              plan_.parameters(), step_constants(settings_.optimizer, model_.optimizer_steps));
    context_.sync();
    return losses;
  }

  TG_DEVICE double validation_loss() {
    if (!validated()) return nan();
    double sum = 0;
    for (std::uint32_t t = 0; t < model_.validation.tiles(); ++t)
      sum += block_.validate(model_.validation.tile(t), model_.now.parameters, loss_);
    return block_.sum(sum) / (static_cast<double>(model_.validation.windows) * plan_.horizon);
  }

  TG_DEVICE static double nan() { return static_cast<double>(float_of_bits(0x7fc00000u)); }
  TG_DEVICE void record(std::uint32_t& lines, const EpochLoss& loss) {
    if (context_.thread() == 0) model_.history[lines] = loss;
    ++lines;
  }
  TG_DEVICE void copy(float* to, const float* from) {
    for (std::uint32_t p = context_.thread(); p < plan_.parameters(); p += context_.block_threads())
      to[p] = from[p];
    context_.sync();
  }
  TG_DEVICE void keep(const Trained& to, const Trained& from) {
    copy(to.parameters, from.parameters);
    copy(to.second_moment, from.second_moment);
    if (settings_.optimizer.kind == OptimizerKind::adam) copy(to.first_moment, from.first_moment);
  }

  Context& context_;
  TileBlock<Context> block_;
  OfMany& place_;
  OfMany model_;  ///< every thread has its own, and all are equal
  const TilePlan& plan_;
  const ManySettings& settings_;
  LossSettings loss_;
};

/// @param scratch [blocks][TilePlan::scratch_floats]
template <class Context>
TG_DEVICE inline void many_kernel(Context& context, OfMany* models, std::uint32_t count, float* scratch,
                                  const TilePlan& plan, const ManySettings& settings,
                                  std::uint32_t most_epochs) {
  for (std::uint32_t m = context.block(); m < count; m += context.blocks())
    ModelBlock<Context>(context, models[m], plan, scratch + context.block() * plan.scratch_floats(), settings)
        .run(most_epochs);
}

}  // namespace tidegauge::tile
