#include <algorithm>
#include <cmath>
#include <memory>
#include <thread>

#include "kernels/core/contract.hpp"
#include "kernels/core/parallel.hpp"
#include "kernels/linear/linear.hpp"
#include "kernels/lstm/lstm_many.hpp"
#include "kernels/windowing/windowing.hpp"

namespace tidegauge {
namespace {

/// One model's way through its epochs.
class OneOfMany {
 public:
  OneOfMany(ManyState& state, const ManyTask& task, const ManySettings& settings, LstmNetwork& network)
      : state_(state), task_(task), settings_(settings), network_(network), loss_(settings.loss) {
    loss_.dropout_seed = task.dropout_seed;
  }

  Status run(std::size_t most_epochs) {
    TG_TRY(network_.set_parameters(state_.parameters));
    if (state_.history.empty()) TG_TRY(begin());
    renew_end(state_, task_, settings_);
    for (std::size_t done = 0; done < most_epochs && state_.end == ManyEnd::none; ++done) TG_TRY(run_epoch());
    return {};
  }

 private:
  /// The start counts as epoch 0 of early stopping.
  Status begin() {
    const auto loss = validation_loss();
    if (!loss) return loss.error();
    state_.history.assign(1, {std::nan(""), *loss});
    state_.best_parameters = state_.parameters;
    if (task_.validation.size() == 0) return {};
    if (std::isfinite(*loss)) state_.best_loss = *loss;
    else state_.end = ManyEnd::diverged;
    return {};
  }

  Status run_epoch() {
    order_.assign(task_.training.starts.begin(), task_.training.starts.end());
    if (settings_.shuffle) shuffle_starts(order_, task_.seed, state_.epochs_done());
    WindowBatch windows = task_.training;
    windows.starts = order_;
    OptimizerState optimizer = state_.optimizer;
    const std::size_t batches = (order_.size() + task_.batch_size - 1) / task_.batch_size;
    const auto losses =
        network_.train(windows, task_.batch_size, 0, batches, loss_, settings_.optimizer, optimizer);
    if (!losses) return losses.error();
    const auto validation = validation_loss();
    if (!validation) return validation.error();
    return close_epoch({mean_over_windows(*losses), *validation}, std::move(optimizer));
  }

  double mean_over_windows(const std::vector<double>& losses) const {
    double sum = 0;
    for (std::size_t batch = 0; batch < losses.size(); ++batch) {
      const std::size_t left = order_.size() - batch * task_.batch_size;
      sum += losses[batch] * static_cast<double>(std::min(task_.batch_size, left));
    }
    return sum / static_cast<double>(order_.size());
  }

  Status close_epoch(const EpochLoss& loss, OptimizerState optimizer) {
    const bool validated = task_.validation.size() > 0;
    if (!std::isfinite(loss.training) || (validated && !std::isfinite(loss.validation))) {
      state_.end = ManyEnd::diverged;
      return {};
    }
    auto parameters = network_.parameters();
    if (!parameters) return parameters.error();
    state_.parameters = *std::move(parameters);
    state_.optimizer = std::move(optimizer);
    state_.history.push_back(loss);
    if (!validated || loss.validation < state_.best_loss) {
      if (validated) state_.best_loss = loss.validation;
      if (validated) state_.best_epoch = state_.epochs_done();
      state_.best_parameters = state_.parameters;
    }
    renew_end(state_, task_, settings_);
    return {};
  }

  Expected<double> validation_loss() {
    const WindowBatch& windows = task_.validation;
    if (windows.size() == 0) return std::nan("");
    outputs_.resize(windows.size() * windows.horizon);
    TG_TRY(network_.predict(outputs_, windows));
    return mean_loss(std::vector<double>(outputs_.begin(), outputs_.end()), windows, loss_);
  }

  ManyState& state_;
  const ManyTask& task_;
  const ManySettings& settings_;
  LstmNetwork& network_;
  LossSettings loss_;
  std::vector<std::uint32_t> order_;
  std::vector<float> outputs_;
};

class ManyOnCpu final : public ManyNetworks {
 public:
  ManyOnCpu(std::vector<ManyState> states, std::span<const ManyTask> tasks, const ManySettings& settings,
            std::size_t threads)
      : states_(std::move(states)), tasks_(tasks.begin(), tasks.end()), settings_(settings), threads_(threads) {
    still_training(states_, tasks_, settings_);
  }
  Status train(std::size_t most_epochs) override {
    return train_many_cpu(states_, tasks_, settings_, most_epochs, threads_);
  }
  std::vector<ManyStanding> standings() const override {
    std::vector<ManyStanding> standings;
    for (const ManyState& state : states_) standings.push_back({state.epochs_done(), state.end});
    return standings;
  }
  Status fetch() override { return {}; }
  std::span<const ManyState> states() const override { return states_; }

 private:
  std::vector<ManyState> states_;
  const std::vector<ManyTask> tasks_;
  const ManySettings settings_;
  const std::size_t threads_;
};

}  // namespace

void renew_end(ManyState& state, const ManyTask& task, const ManySettings& settings) {
  if (state.end == ManyEnd::diverged) return;
  state.end = many_end(state.epochs_done(), state.best_epoch, settings.epochs, settings.patience,
                       task.validation.size() > 0);
}

std::vector<std::size_t> still_training(std::span<ManyState> states, std::span<const ManyTask> tasks,
                                        const ManySettings& settings) {
  TG_REQUIRE(states.size() == tasks.size(), "a state for each task");
  std::vector<std::size_t> training;
  for (std::size_t m = 0; m < states.size(); ++m) {
    // Without a history even no epochs leave something to do: the start's validation.
    if (!states[m].history.empty()) renew_end(states[m], tasks[m], settings);
    if (states[m].end == ManyEnd::none) training.push_back(m);
  }
  return training;
}

Status train_many_cpu(std::span<ManyState> states, std::span<const ManyTask> tasks,
                      const ManySettings& settings, std::size_t most_epochs, std::size_t threads) {
  const std::vector<std::size_t> training = still_training(states, tasks, settings);
  if (training.empty()) return {};
  if (threads == 0) threads = std::max<std::size_t>(1, std::thread::hardware_concurrency());
  ThreadPool pool(std::min(threads, training.size()));
  std::vector<std::unique_ptr<LstmNetwork>> networks(pool.threads());
  std::vector<Status> outcomes(training.size());
  pool.run(training.size(), [&](std::size_t i, std::size_t worker) {
    auto& network = networks[worker];
    if (!network) network = make_lstm_cpu(settings.shape, 0, threads / pool.threads());
    const std::size_t m = training[i];
    outcomes[i] = OneOfMany(states[m], tasks[m], settings, *network).run(most_epochs);
  });
  for (const Status& outcome : outcomes) TG_TRY(outcome);
  return {};
}

std::unique_ptr<ManyNetworks> make_many_cpu(std::vector<ManyState> states, std::span<const ManyTask> tasks,
                                            const ManySettings& settings, std::size_t threads) {
  return std::make_unique<ManyOnCpu>(std::move(states), tasks, settings, threads);
}

}  // namespace tidegauge
