#include "host/training_start.hpp"

#include <algorithm>
#include <utility>

#include "host/models/baselines.hpp"
#include "kernels/core/random.hpp"

namespace tidegauge {

namespace {

/// Puts the linear model into the skip connection and the head's bias.
void start_from_linear(std::vector<float>& parameters, const LstmShape& shape, const LinearModel& linear) {
  for (const LstmTensor& tensor : lstm_tensors(shape)) {
    const auto fill = [&](const std::vector<double>& values) {
      std::transform(values.begin(), values.end(), parameters.begin() + static_cast<std::ptrdiff_t>(tensor.offset),
                     [](double v) { return static_cast<float>(v); });
    };
    if (tensor.name == "skip.weight") fill(linear.weight);
    if (tensor.name == "head.bias") fill(linear.bias);
    if (tensor.name == "head.weight") fill(std::vector<double>(tensor.size, 0.0));
  }
}

/// The start of the network, and the baseline: the same with the same ridge on the whole training part, as someone who
/// wants only a linear model would fit it.
Status fit_linear_models(TrainingStart& p) {
  const TrainSettings& s = p.model.settings;
  const auto windows = [&](const std::vector<std::uint32_t>& starts) {
    return p.data.features.windows(starts, s.look_back, s.horizon);
  };
  auto start = fit_linear_validated(windows(p.data.training), windows(p.data.validation), {s.loss});
  if (!start) return std::move(start).error();
  p.linear_start = std::move(*start);
  const std::vector<std::uint32_t> part = p.data.training_part();
  auto baseline = fit_linear(windows(part), {s.loss, p.linear_start.ridge});
  if (!baseline) return std::move(baseline).error();
  p.model.linear = std::move(*baseline);
  return {};
}

/// Settings that may differ when training goes on: how long, not what; and the algorithm, which stays what it was, also
/// where the device chose it (TrainProgress::algorithm).
bool same_training(TrainSettings a, const TrainSettings& b) {
  a.epochs = b.epochs;
  a.patience = b.patience;
  a.cudnn = b.cudnn;
  return settings_to_json(a) == settings_to_json(b);
}

}  // namespace

Expected<TrainingStart> prepare_training(const IntervalSeries& series, const TrainSettings& settings,
                                         const std::vector<Scaler>* frozen_scalers) {
  TG_TRY(check_settings(settings));
  auto split = split_rows(series.size(), settings.training_part, settings.validation);
  if (!split) return split.error();
  const Segment part{0, split->validation.last};
  TrainingStart p;
  Model& m = p.model;
  m.settings = settings;
  m.point = series.point;
  m.interval_ns = series.interval_ns;
  if (frozen_scalers) {
    m.scalers = *frozen_scalers;
  } else {
    auto scalers = fit_scalers(series, settings, split->training);
    if (!scalers) return scalers.error();
    m.scalers = std::move(*scalers);
  }
  auto data = make_training_data(series, settings, *split, m.scalers);
  if (!data) return data.error();
  p.data = std::move(*data);

  TG_TRY(fit_linear_models(p));
  const std::size_t column = find_columns(series, settings)->front();
  m.mase_scale = mean_one_step_change(series, column, part);
  m.season = choose_season(series.interval_ns, part.size(), settings.season);
  m.training_end_k = part.last == 0 ? 0 : series.k[part.last - 1] + 1;
  m.data_hash = training_hash(series, settings, part);
  return p;
}

void set_first_parameters(TrainingStart& start) {
  Model& model = start.model;
  model.parameters = lstm_initial_parameters(model.settings.shape(), model.settings.seed);
  if (model.settings.skip) start_from_linear(model.parameters, model.settings.shape(), start.linear_start);
  model.progress.parameters = model.parameters;
}

Expected<TrainingStart> prepare_continuation(Model model, const IntervalSeries& series,
                                             const TrainSettings& settings, const std::string& where) {
  const char* remedy = "the same settings and data, or another --model; --restart drops the checkpoint";
  if (!same_training(model.settings, settings))
    return Error{"what was begun has other settings", where, remedy, ErrorKind::usage};
  auto prepared = prepare_training(series, settings, &model.scalers);
  if (!prepared) return prepared;
  if (prepared->model.data_hash != model.data_hash)
    return Error{"what was begun was trained on other data", where, remedy, ErrorKind::usage};
  const LstmAlgorithm begun_with = model.settings.cudnn;
  model.settings = settings;
  model.settings.cudnn = begun_with;
  model.progress.finished = false;
  prepared->model = std::move(model);
  return prepared;
}

std::uint64_t dropout_seed(const TrainSettings& settings) { return mix64(settings.seed ^ 0x64726f70); }

}  // namespace tidegauge
