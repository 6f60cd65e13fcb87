#include "host/models/lstm_correction.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "kernels/windowing/windowing.hpp"

namespace tidegauge {

namespace {

constexpr std::size_t step_features = 3;

void put_step(float* out, const LinearHorizon& r, double value, std::size_t t) {
  constexpr double day_ns = 86'400e9;
  const double day = static_cast<double>(r.time.first_k + static_cast<std::int64_t>(t)) *
                     (static_cast<double>(r.time.interval_ns) / day_ns);
  out[0] = static_cast<float>(r.scaled(value));
  out[1] = static_cast<float>(std::sin(2 * std::numbers::pi * std::fmod(day, 1)));
  out[2] = static_cast<float>(std::cos(2 * std::numbers::pi * std::fmod(day, 1)));
}

/// Windows whose target is the regression's error; row t + 1 of `targets` belongs to origin t.
struct ResidualWindows {
  std::vector<float> features, targets;
  std::vector<std::uint32_t> training, validation;
  WindowBatch batch(std::span<const std::uint32_t> starts, std::size_t look_back) const {
    return {features, step_features, targets, look_back, 1, starts};
  }
};

ResidualWindows residual_windows(std::span<const double> values, const LinearMean& linear,
                                 std::size_t look_back, std::size_t first_validated) {
  const LinearHorizon& r = linear.members.front();
  ResidualWindows windows;
  windows.features.resize(values.size() * step_features);
  windows.targets.resize(values.size() + 1);
  std::size_t known_run = 0;  // values without a gap up to t
  for (std::size_t t = 0; t < values.size(); ++t) {
    put_step(&windows.features[t * step_features], r, values[t], t);
    known_run = std::isfinite(values[t]) ? known_run + 1 : 0;
    const std::size_t target = t + r.horizon;
    if (target >= values.size() || known_run < look_back) continue;
    const double residual = r.scaled(values[target]) - r.scaled(linear.forecast(values.first(t + 1)));
    if (!std::isfinite(residual)) continue;
    windows.targets[t + 1] = static_cast<float>(residual);
    (target < first_validated ? windows.training : windows.validation)
        .push_back(static_cast<std::uint32_t>(t + 1 - look_back));
  }
  return windows;
}

Expected<double> correction_loss(LstmNetwork& network, const WindowBatch& windows, const LossSettings& loss) {
  std::vector<float> outputs(windows.size());
  TG_TRY(network.predict(outputs, windows));
  return mean_loss(std::vector<double>(outputs.begin(), outputs.end()), windows, loss);
}

/// Leaves the network with its best parameters. @return the epoch that they are from.
Expected<std::size_t> train_correction(LstmNetwork& network, const ResidualWindows& windows,
                                       const CorrectionSettings& settings, const LossSettings& loss) {
  const WindowBatch validation = windows.batch(windows.validation, settings.look_back);
  auto start = correction_loss(network, validation, loss);
  if (!start) return std::move(start).error();
  double best_loss = *start;
  std::size_t best_epoch = 0;
  auto best = network.parameters();
  if (!best) return std::move(best).error();
  OptimizerSettings optimizer = optimizer_defaults(OptimizerKind::adam);
  optimizer.learning_rate = settings.learning_rate;
  optimizer.clip_norm = 1;
  OptimizerState state;
  std::vector<std::uint32_t> order = windows.training;
  const std::size_t batches = (order.size() + settings.batch - 1) / settings.batch;
  for (std::size_t epoch = 1; epoch <= settings.epochs && epoch <= best_epoch + settings.patience; ++epoch) {
    shuffle_starts(order, settings.seed, epoch);
    const auto losses = network.train(windows.batch(order, settings.look_back), settings.batch, 0, batches,
                                      loss, optimizer, state);
    if (!losses) return losses.error();
    const auto validated = correction_loss(network, validation, loss);
    if (!validated) return validated.error();
    if (!(*validated < best_loss)) continue;
    best_loss = *validated;
    best_epoch = epoch;
    best = network.parameters();
    if (!best) return std::move(best).error();
  }
  TG_TRY(network.set_parameters(*best));
  return best_epoch;
}

/// The usual start with a head of zeros.
std::vector<float> silent_parameters(const LstmShape& shape, std::uint64_t seed) {
  std::vector<float> parameters = lstm_initial_parameters(shape, seed);
  for (const LstmTensor& tensor : lstm_tensors(shape))
    if (tensor.name.starts_with("head."))
      std::fill_n(parameters.begin() + static_cast<std::ptrdiff_t>(tensor.offset), tensor.size, 0.0f);
  return parameters;
}

}  // namespace

Expected<std::unique_ptr<LstmCorrection>> LstmCorrection::fit(std::span<const double> training,
                                                              const LinearForecast& linear,
                                                              const CorrectionSettings& settings,
                                                              Backend& backend) {
  auto model = std::make_unique<LstmCorrection>();
  model->look_back_ = settings.look_back;
  const auto first_validated =
      static_cast<std::size_t>(static_cast<double>(training.size()) * (1 - settings.validation));
  for (const LinearMean& whole : linear.horizons()) {
    const auto before = refit_linear(whole, training.first(first_validated));
    if (!before) return before.error();
    const ResidualWindows windows = residual_windows(training, *before, settings.look_back, first_validated);
    const LstmShape shape{step_features, settings.hidden, 1, settings.look_back, 1, false};
    auto network = backend.lstm(shape, settings.seed);
    if (!network) return std::move(network).error();
    TG_TRY((*network)->set_parameters(silent_parameters(shape, settings.seed)));
    LossSettings loss;
    loss.kind = Loss::absolute;
    std::size_t epochs = 0;
    if (!windows.training.empty() && !windows.validation.empty()) {
      const auto best = train_correction(**network, windows, settings, loss);
      if (!best) return best.error();
      epochs = *best;
    }
    model->best_epochs_.push_back(epochs);
    model->parts_.push_back({whole, before->members.front(), std::move(*network)});
  }
  return model;
}

void LstmCorrection::forecast(std::span<double> out, std::span<const double> known) const {
  std::vector<float> steps(look_back_ * step_features);
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const Part& part = parts_[i];
    out[i] = part.linear.forecast(known);
    if (best_epochs_[i] == 0 || known.size() < look_back_) continue;
    const std::span<const double> window = known.last(look_back_);
    if (!std::all_of(window.begin(), window.end(), [](double v) { return std::isfinite(v); })) continue;
    const std::size_t first = known.size() - look_back_;
    for (std::size_t step = 0; step < look_back_; ++step)
      put_step(&steps[step * step_features], part.scaler, window[step], first + step);
    const std::uint32_t start = 0;
    float correction = 0;
    const Status done =
        part.network->predict({&correction, 1}, {steps, step_features, {}, look_back_, 1, {&start, 1}});
    TG_REQUIRE(done.has_value(), "the CPU's network cannot fail");
    out[i] = part.scaler.unscaled(part.scaler.scaled(out[i]) + double{correction});
  }
}

}  // namespace tidegauge
