#include "bench/gpu_series.hpp"

#include <cmath>
#include <cstring>

#include "kernels/lstm/lstm_many.hpp"
#include "kernels/slope/surge.hpp"

namespace tidegauge::bench {

namespace {

constexpr std::size_t kModels = 1000, kModelWindows = 512, kModelBatch = 32;

/// Models with windows of their own, and what they begin with.
struct Fleet {
  ManySettings settings;
  std::vector<Windows> windows;
  std::vector<ManyTask> tasks;
  std::vector<ManyState> start;

  explicit Fleet(std::size_t models) {
    settings.shape = {.features = 1, .hidden = 32, .layers = 1, .look_back = 32, .horizon = 1, .skip = true};
    settings.epochs = 1'000'000;  // the clock ends it
    settings.patience = 0;
    settings.optimizer = optimizer_defaults(OptimizerKind::adam);
    const std::vector<float> parameters = lstm_initial_parameters(settings.shape, 3);
    windows.reserve(models);  // tasks point into them
    for (std::size_t m = 0; m < models; ++m) {
      windows.emplace_back(settings.shape, kModelWindows);
      ManyTask& task = tasks.emplace_back();
      task.training = task.validation = windows.back().batch();
      task.training.series_id = unique_series_id();
      task.validation.starts = {};
      task.batch_size = kModelBatch;
      task.seed = m;
      start.emplace_back().parameters = parameters;
    }
  }
};

/// Epochs of one model a second, all models at work.
Expected<double> together_rate(Backend& backend, const Fleet& fleet) {
  auto networks = backend.many(fleet.start, fleet.tasks, fleet.settings);
  if (!networks) return networks.error();
  return best_rate(static_cast<double>(fleet.tasks.size()), [&] { return (*networks)->train(1); });
}

/// The same of one network that takes the place of one model after another, as a program without train_many would.
Expected<double> alone_rate(Backend& backend, const Fleet& fleet) {
  auto network = backend.lstm(fleet.settings.shape, 1);
  if (!network) return network.error();
  std::size_t next = 0;
  return best_rate(1, [&]() -> Status {
    const std::size_t m = next++ % fleet.tasks.size();
    TG_TRY((*network)->set_parameters(fleet.start[m].parameters));
    OptimizerState state;
    const auto losses = (*network)->train(fleet.tasks[m].training, kModelBatch, 0, kModelWindows / kModelBatch, {},
                                          fleet.settings.optimizer, state);
    return losses ? Status() : losses.error();
  });
}

/// Parameters after two epochs on both devices; far more apart than rounding is an error.
Status check_many(const Devices& devices) {
  const Fleet fleet(4);
  auto gpu = devices.gpu.many(fleet.start, fleet.tasks, fleet.settings);
  auto cpu = devices.cpu.many(fleet.start, fleet.tasks, fleet.settings);
  if (!gpu) return gpu.error();
  if (!cpu) return cpu.error();
  for (ManyNetworks* networks : {gpu->get(), cpu->get()}) {
    TG_TRY(networks->train(2));
    TG_TRY(networks->fetch());
  }
  for (std::size_t m = 0; m < fleet.tasks.size(); ++m)
    for (std::size_t i = 0; i < fleet.start[m].parameters.size(); ++i)
      if (!(std::abs((*gpu)->states()[m].parameters[i] - (*cpu)->states()[m].parameters[i]) < 1e-2f))
        return Error{"the GPU's model is not the CPU's", fmt::format("model {} of many", m), ""};
  return {};
}

/// A rate of traffic with a surge now and then, never zero.
struct ManySeries {
  static constexpr std::size_t series = 1000, intervals = std::size_t{1} << 13;
  std::vector<double> values;
  std::vector<std::int64_t> k;
  std::vector<std::uint64_t> begin{0};

  ManySeries() {
    RandomStream random(13, 4);
    for (std::size_t s = 0; s < series; ++s) {
      for (std::size_t i = 0; i < intervals; ++i) {
        values.push_back((1000 + 500 * random.unit()) * (random.below(1000) == 0 ? 10 : 1));
        k.push_back(static_cast<std::int64_t>(i));
      }
      begin.push_back(values.size());
    }
  }
  SurgeInput input() const { return {{values, k, {}, 1'000'000'000}, begin}; }
};

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

}  // namespace

Status bench_many(const Devices& devices, Figures& figures) {
  TG_TRY(check_many(devices));
  const Fleet all(kModels), few(64);  // enough for a CPU: a model's cost does not depend on the others
  const auto together = together_rate(devices.gpu, all), alone = alone_rate(devices.gpu, all),
             cpu = together_rate(devices.cpu, few);
  for (const auto* rate : {&together, &alone, &cpu})
    if (!*rate) return rate->error();
  const std::string name = fmt::format("{} models T=32 N={} H=32", kModels, kModelBatch);
  figures.add("many", name, *together, "epochs/s", 0, *cpu);
  figures.add("many", "one after another, cuDNN", *alone, "epochs/s", 0, *cpu);
  figures.add("many", "together to one after another", *together / *alone, "times");
  return {};
}

Status bench_surges(const Devices& devices, Figures& figures) {
  const ManySeries series;
  Surges gpu, cpu;
  for (const SlopeKind kind : {SlopeKind::ratio, SlopeKind::robust}) {
    const SurgeRule rule{.kind = kind, .rising = true, .falling = true, .threshold = {}, .quantile = 0.999, .error = 2};
    const double points = static_cast<double>(series.values.size());
    const auto fast = best_rate(points, [&] { return devices.gpu.surges(gpu, series.input(), rule); });
    const auto slow = best_rate(points, [&] { return devices.cpu.surges(cpu, series.input(), rule); });
    if (!fast) return fast.error();
    if (!slow) return slow.error();
    const std::string name = kind == SlopeKind::ratio ? "ratio, learned threshold" : "robust, learned threshold";
    if (!same_bits(gpu.slopes, cpu.slopes) || !same_bits(gpu.thresholds, cpu.thresholds) || gpu.ranges != cpu.ranges)
      return Error{"the GPU's surges are not the CPU's", name, ""};
    figures.add("surges", name, 1e-6 * *fast, "Mpoints/s", 0, 1e-6 * *slow);
  }
  return {};
}

}  // namespace tidegauge::bench
