// tidegauge train: fits the linear baseline and the LSTM on a series, and prints both beside the other plain models.
#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "host/evaluation.hpp"
#include "host/forecaster.hpp"
#include "host/interrupt.hpp"
#include "host/mistakes.hpp"
#include "host/model_series.hpp"
#include "host/output_file.hpp"
#include "host/setting_fields.hpp"
#include "host/trainer.hpp"
#include "tools/log.hpp"
#include "tools/series_options.hpp"
#include "tools/setting_options.hpp"
#include "tools/train_by_key.hpp"
#include "tools/verbs.hpp"

namespace tidegauge {
namespace {

struct Request {
  SeriesOptions series;
  DeviceOptions device;
  SettingOptions<TrainSettings> options{add_train_fields};
  std::string model, from;
  bool refit_scaler = false, resume = false, restart = false, tune_cudnn = false;
  std::size_t max_steps = 0;
  double checkpoint_every_s = 30;
  std::string by;
  std::size_t top = 100;
  std::vector<std::string> keys;
};

/// "epoch 12/100, loss 0.0123, validation 0.0145, 0:42 left"
class EpochLine {
 public:
  void show(const TrainReport& r) {
    const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    const double done = static_cast<double>(r.epoch * r.batches + r.batch);
    const double left = static_cast<double>(r.epochs * r.batches) - done;
    const auto seconds = static_cast<long>(elapsed * left / static_cast<double>(std::max<std::size_t>(r.batches_this_run, 1)));
    line_.update(fmt::format("epoch {}/{}, loss {:.5g}, validation {:.5g}, at most {}:{:02} left", r.epoch, r.epochs,
                             r.last.training, r.last.validation, seconds / 60, seconds % 60));
  }
  void clear() { line_.clear(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  ProgressLine line_;
};

/// Epochs worth a line: 1, 2, 5, 10, 20, 50, ..., the best and the last.
bool worth_showing(std::size_t epoch, const TrainProgress& p) {
  if (epoch == 0) return std::isfinite(p.history[0].validation);
  if (epoch == p.best_epoch || epoch == p.epoch) return true;
  std::size_t decade = 1;
  while (decade * 10 <= epoch) decade *= 10;
  return epoch == decade || epoch == 2 * decade || epoch == 5 * decade;
}

std::string loss_table(const Model& model) {
  const TrainProgress& p = model.progress;
  const auto cell = [](double loss) { return std::isfinite(loss) ? fmt::format("{:.6f}", loss) : std::string("-"); };
  std::string text = fmt::format("{:>6} {:>12} {:>12}\n", "epoch", "loss", "validation");
  for (std::size_t epoch = 0; epoch < p.history.size(); ++epoch) {
    if (!worth_showing(epoch, p)) continue;
    const bool best = epoch == p.best_epoch && std::isfinite(p.best_loss);
    text += fmt::format("{:>6} {:>12} {:>12}{}{}\n", epoch, cell(p.history[epoch].training),
                        cell(p.history[epoch].validation), epoch == 0 && model.settings.skip ? "  linear start" : "",
                        best ? "  kept" : "");
  }
  return text;
}

nlohmann::json outcome_json(const TrainOutcome& outcome, const std::string& path, const Evaluation& evaluation) {
  using nlohmann::json;
  const Model& m = outcome.model;
  const auto number = [](double x) { return std::isfinite(x) ? json(x) : json(nullptr); };
  json history = json::array();
  for (const EpochLoss& e : m.progress.history)
    history.push_back({{"training", number(e.training)}, {"validation", number(e.validation)}});
  return {{"model", path},
          {"settings", json::parse(settings_to_json(m.settings))},
          {"training_windows", outcome.training_windows},
          {"validation_windows", outcome.validation_windows},
          {"batch", outcome.batch},
          {"best_epoch", m.progress.best_epoch},
          {"history", history},
          {"evaluation", json::parse(metrics_json(evaluation))}};
}

/// Settings of the run: the model's that is fine-tuned, or the defaults, then what was given.
TrainSettings resolve_settings(const Request& request, const std::optional<Model>& base, Mistakes& mistakes) {
  TrainSettings settings = base ? base->settings : TrainSettings{};
  if (base && !request.resume) {
    settings.training_part = TrainSettings{}.training_part;  // of the new series
    settings.validation = TrainSettings{}.validation;
    settings.optimizer.learning_rate *= 0.1;  // small steps keep what was learned
  }
  mistakes.add(request.options.apply(settings));
  TrainSettings named = settings;
  if (named.column.empty()) named.column = "bytes";  // what it is in the end depends on the series
  mistakes.add(check_settings(named));
  return settings;
}

/// Where the printed metrics begin: the test part, or the validation tail where there is none.
std::int64_t evaluation_start(const Model& model, const IntervalSeries& series) {
  if (auto first = first_unseen(model, series)) return *first;
  warn("there is no test part: the metrics are those of the end of the training part, which the models have seen");
  const std::size_t tail = std::max<std::size_t>(series.size() / 10, 1);
  return series.k[series.size() - tail];
}

Expected<TrainOutcome> train(const Request& request, const std::optional<Model>& base, const TrainSettings& settings,
                             const IntervalSeries& series, Backend& backend, const TrainHooks& hooks,
                             const std::string& base_path) {
  if (request.resume) return continue_training(*base, series, settings, backend, hooks, base_path);
  if (base) return fine_tune(*base, series, settings, {request.refit_scaler}, backend, hooks);
  return train_model(series, settings, backend, hooks);
}

Status say_stopped(const TrainHooks& hooks, const TrainOutcome& outcome) {
  const std::string where = fmt::format("in epoch {}, kept in {}; the same command goes on",
                                        outcome.model.progress.epoch + 1, hooks.checkpoint);
  if (interrupted()) return Error{"stopped " + where, "", ""};
  remark("stopped by --max-steps " + where);
  return {};
}

/// What --by-key needs of the request.
KeyedTrainRequest keyed_request(const Request& request, const std::string& path) {
  KeyedTrainRequest keyed{request.series, request.device, request.options, path, request.resume, request.restart,
                          request.checkpoint_every_s, {.kind = request.by, .top = request.top, .keys = {}}};
  if (!request.keys.empty()) keyed.keys.keys = request.keys;
  return keyed;
}

Status run_train(const Request& request, const CommonOptions& common) {
  const std::string path = request.model.empty() ? std::filesystem::path(request.series.path).replace_extension(".model").string()
                                                 : request.model;
  if (!request.by.empty()) return run_train_by_key(keyed_request(request, path), common);
  if (request.resume && !request.from.empty())
    return Error{"--resume and --from exclude each other", "", "one of them", ErrorKind::usage};
  const std::string checkpoint = path + ".checkpoint";
  std::optional<Model> base;
  std::string base_path = request.from;
  if (request.resume) {  // a run that was resumed and stopped has come further than the finished model
    const bool begun = !request.restart && std::filesystem::exists(checkpoint);
    base_path = begun ? checkpoint : path;
    remark("going on from " + base_path);
  }
  if (!base_path.empty()) {
    auto loaded = load_model(base_path);
    if (!loaded) return std::move(loaded).error();
    base = std::move(*loaded);
  }
  Mistakes mistakes;
  TrainSettings settings = resolve_settings(request, base, mistakes);
  auto query = request.series.query();
  mistakes.add(query);
  auto file = SeriesFile::open(request.series.path, OpenMode::read);
  mistakes.add(file);
  mistakes.add(output_target(path, OutputKind::model));  // before the training, not after it
  TG_TRY(mistakes.status());
  auto series = read_model_series(*file, *query, settings);
  if (!series) return std::move(series).error();
  if (series->size() == 0)
    return Error{"no interval lies in the stretch", request.series.path, "another --since or --until", ErrorKind::usage};
  auto backend = request.device.choose();
  if (!backend) return std::move(backend).error();

  const InterruptGuard guard;
  EpochLine line;
  TrainHooks hooks;
  hooks.checkpoint = checkpoint;
  hooks.checkpoint_every_s = request.checkpoint_every_s;
  hooks.max_steps = request.max_steps;
  hooks.tune_cudnn = request.tune_cudnn;
  hooks.stop = interrupted;
  hooks.progress = [&](const TrainReport& report) { line.show(report); };
  hooks.remark = [&](const std::string& text) { remark(text); };
  std::error_code absent;
  if (request.restart) std::filesystem::remove(hooks.checkpoint, absent);
  auto outcome = train(request, base, settings, *series, **backend, hooks, base_path);
  line.clear();
  if (!outcome) return std::move(outcome).error();
  if (outcome->end == TrainEnd::stopped) return say_stopped(hooks, *outcome);

  TG_TRY(save_model(path, outcome->model));
  std::filesystem::remove(hooks.checkpoint, absent);
  auto forecasts = forecast_series(outcome->model, *series, **backend, evaluation_start(outcome->model, *series));
  if (!forecasts) return std::move(forecasts).error();
  const Evaluation evaluation = evaluate(*forecasts, outcome->model);
  if (common.json) {
    fmt::print("{}\n", outcome_json(*outcome, path, evaluation).dump(2));
  } else {
    fmt::print("{} windows, {} for validation, {} a step\n\n{}\n{}\nmodel: {}\n", outcome->training_windows,
               outcome->validation_windows, outcome->batch, loss_table(outcome->model), metrics_table(evaluation), path);
  }
  return {};
}

std::function<Status()> setup(CLI::App& app, const CommonOptions& common) {
  auto request = std::make_shared<Request>();
  request->series.declare(app);
  app.add_option("-m,--model", request->model, "Model file to write (default: the series file's name with .model)");
  auto* from = app.add_option("--from", request->from,
                 "Fine-tune this model: its weights, shape and scale, a tenth of its learning rate");
  app.add_flag("--refit-scaler", request->refit_scaler, "With --from: fit the scale anew");
  app.add_flag("--resume", request->resume, "Go on exactly where the finished model file stands, to more --epochs");
  app.add_flag("--restart", request->restart, "Drop the checkpoint of a run that was stopped");
  auto* max_steps = app.add_option("--max-steps", request->max_steps, "Stop after so many steps; the same command goes on");
  app.add_option("--checkpoint-every", request->checkpoint_every_s, "Seconds between checkpoints")->capture_default_str();
  auto* by = app.add_option("--by-key", request->by,
                            "One model per key of this kind (bin --by), such as dport, all in one model file")
                 ->excludes(from)->excludes(max_steps);
  auto* top = app.add_option("--top", request->top, "With --by-key: so many keys, those with the most bytes")
                  ->needs(by)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--keys", request->keys, "With --by-key: only these keys, such as 80,443")->delimiter(',')->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)->allow_extra_args(false)->needs(by)->excludes(top);
  request->device.declare(app);
  app.add_flag("--tune-cudnn", request->tune_cudnn,
               "On a GPU: measure cuDNN's algorithms and our own first; the model keeps the fastest");
  request->options.declare(app);
  return [request, &common] { return run_train(*request, common); };
}

const VerbRegistration registration({
    40,
    "train",
    "Train an LSTM on a series; the linear and the other plain models are printed beside it",
    "tidegauge train jan.series --column tcp_bytes --look-back 32 --time-of-day\n"
    "  tidegauge train feb.series --from jan.model --model feb.model\n"
    "  tidegauge train jan.series --by-key dport --top 50 --model ports.model\n"
    "The model is a safetensors file with PyTorch's names and gate order; in Python:\n"
    "  weights = safetensors.torch.load_file('jan.model')\n"
    "  lstm = torch.nn.LSTM(input_size=3, hidden_size=32, batch_first=True)\n"
    "  lstm.load_state_dict({n: w for n, w in weights.items() if n.endswith('_l0')})",
    setup,
});

}  // namespace
}  // namespace tidegauge
