// A GPU beside what bounds it and beside the CPU of the same run: what the card can do at most (gpu_limits.hpp), batches of
// packets to counters, from pinned memory and resident, training and inference of the LSTM over shapes, then many models and
// the surges of many series (gpu_series.hpp). Each figure is the best of several rounds.
//   gpu_bench [--device N] [--json FILE] [--dump DIR] [--quick]
//   --json   a line a figure: {"what", "case", "value", "unit", "limit", "cpu"}
//   --dump   networks with their windows, outputs and gradients, for bench/torch_lstm.py to judge in double
//   --quick  the middle of each range of shapes
// Answers are checked before anything is timed: the GPU's outputs and gradients against the CPU's.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "bench/gpu_figures.hpp"
#include "bench/gpu_limits.hpp"
#include "bench/gpu_series.hpp"
#include "bench/gpu_resident.hpp"
#include "kernels/core/backend.hpp"
#include "kernels/core/random.hpp"
#include "kernels/sketch/hll.hpp"

namespace {

using namespace tidegauge;
using namespace tidegauge::bench;

struct Options {
  int device = 0;
  std::string json, dump;
  bool quick = false;
};

/// Parameters of the size that training finds, not zeros.
std::vector<float> random_parameters(const LstmShape& shape) {
  std::vector<float> flat = lstm_initial_parameters(shape, 3);
  RandomStream random(9, 2);
  for (float& value : flat) value += 0.05f * static_cast<float>(2 * random.unit() - 1);
  return flat;
}

struct Answer {
  std::vector<float> outputs, gradient;
};

Expected<Answer> answer_of(LstmNetwork& network, const Windows& windows) {
  Answer answer;
  answer.outputs.resize(windows.starts.size() * windows.shape.horizon);
  answer.gradient.resize(lstm_parameter_count(windows.shape));
  TG_TRY(network.set_parameters(random_parameters(windows.shape)));
  TG_TRY(network.predict(answer.outputs, windows.batch()));
  const auto loss = network.loss_and_gradient(answer.gradient, windows.batch(), {}, 0);
  if (!loss) return loss.error();
  return answer;
}

/// ||a - b|| / ||b||
double distance(const std::vector<float>& a, const std::vector<float>& b) {
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = static_cast<double>(a[i]) - static_cast<double>(b[i]), s = static_cast<double>(b[i]);
    difference += d * d;
    size += s * s;
  }
  return std::sqrt(difference / std::max(size, 1e-300));
}

std::string name_of(const LstmShape& shape, std::size_t windows) {
  return fmt::format("T={} N={} I={} H={}", shape.look_back, windows, shape.features, shape.hidden);
}

constexpr std::size_t kStepsACall = 64;

Expected<double> train_rate(LstmNetwork& network, const Windows& windows, std::size_t batch) {
  OptimizerState state;
  const OptimizerSettings adam = optimizer_defaults(OptimizerKind::adam);
  TG_TRY(network.set_parameters(random_parameters(windows.shape)));
  const std::size_t batches = windows.starts.size() / batch;
  return best_rate(static_cast<double>(batches * batch), [&]() -> Status {
    const auto losses = network.train(windows.batch(), batch, 0, batches, {}, adam, state);
    return losses ? Status() : losses.error();
  });
}

Expected<double> predict_rate(LstmNetwork& network, const Windows& windows) {
  std::vector<float> outputs(windows.starts.size() * windows.shape.horizon);
  return best_rate(static_cast<double>(windows.starts.size()),
                   [&] { return network.predict(outputs, windows.batch()); });
}

/// Little-endian float32: shape and sizes as text in `case.txt`, arrays in one file each.
void dump(const std::string& folder, const std::string& name, const Windows& windows, const Answer& answer) {
  const LstmShape& s = windows.shape;
  const std::string stem = folder + "/" + name;
  std::ofstream(stem + ".txt") << fmt::format("{} {} {} {} {} {} {}\n", s.features, s.hidden, s.layers, s.look_back,
                                              s.horizon, s.skip ? 1 : 0, windows.starts.size());
  const auto put = [&](const char* what, const auto& values) {
    std::ofstream(stem + "." + what, std::ios::binary)
        .write(reinterpret_cast<const char*>(values.data()),
               static_cast<std::streamsize>(values.size() * sizeof values[0]));
  };
  put("parameters", random_parameters(s));
  put("features", windows.features);
  put("targets", windows.targets);
  put("starts", windows.starts);
  put("outputs", answer.outputs);
  put("gradient", answer.gradient);
}

/// Outputs and gradients of both devices; far more apart than rounding is an error.
Status check_lstm(const Devices& devices, const LstmShape& shape, std::size_t count, const Options& options,
                  Figures& figures) {
  const Windows windows(shape, count);
  auto gpu = devices.gpu.lstm(shape, 1), cpu = devices.cpu.lstm(shape, 1);
  if (!gpu) return gpu.error();
  if (!cpu) return cpu.error();
  const auto ours = answer_of(**gpu, windows), expected = answer_of(**cpu, windows);
  if (!ours) return ours.error();
  if (!expected) return expected.error();
  const std::string name = name_of(shape, count);
  const double outputs = distance(ours->outputs, expected->outputs), gradient = distance(ours->gradient, expected->gradient);
  figures.add("difference", name + " outputs", outputs, "of the norm");
  figures.add("difference", name + " gradient", gradient, "of the norm");
  if (!options.dump.empty()) dump(options.dump, fmt::format("h{}_n{}", shape.hidden, count), windows, *ours);
  if (outputs < 1e-4 && gradient < 1e-3) return {};
  return Error{"the GPU's answer is not the CPU's", name, ""};
}

double step_flops(const LstmShape& s) {
  return 24.0 * static_cast<double>(s.look_back * s.hidden * (s.features + s.hidden));
}

Status time_lstm(const Devices& devices, const LstmShape& shape, std::size_t batch, double fp32_tflops, Figures& figures) {
  const Windows windows(shape, batch * kStepsACall);
  auto gpu = devices.gpu.lstm(shape, 1), cpu = devices.cpu.lstm(shape, 1);
  if (!gpu) return gpu.error();
  if (!cpu) return cpu.error();
  const Windows few(shape, batch * 4);  // enough for a CPU
  const auto gpu_train = train_rate(**gpu, windows, batch), cpu_train = train_rate(**cpu, few, batch);
  const auto gpu_predict = predict_rate(**gpu, windows), cpu_predict = predict_rate(**cpu, few);
  for (const auto* rate : {&gpu_train, &cpu_train, &gpu_predict, &cpu_predict})
    if (!*rate) return rate->error();
  const double limit = 1e12 * fp32_tflops / step_flops(shape);
  if (auto own = devices.gpu.lstm(shape, 1, {LstmAlgorithm::tile})) {  // where it serves: small networks
    const auto rate = train_rate(**own, windows, batch);
    if (!rate) return rate.error();
    figures.add("train tile", name_of(shape, batch), *rate, "windows/s", limit, *cpu_train);
  }
  figures.add("train", name_of(shape, batch), *gpu_train, "windows/s", limit, *cpu_train);
  figures.add("predict", name_of(shape, batch), *gpu_predict, "windows/s", 3 * limit, *cpu_predict);
  return {};
}

LstmShape shape_of(std::size_t look_back, std::size_t hidden) {
  return {.features = 4, .hidden = hidden, .layers = 1, .look_back = look_back, .horizon = 1, .skip = true};
}

Status bench_lstm(const Devices& devices, double fp32_tflops, const Options& options, Figures& figures) {
  for (const std::size_t hidden : {16, 64, 128}) TG_TRY(check_lstm(devices, shape_of(32, hidden), 256, options, figures));
  const auto time = [&](std::size_t look_back, std::size_t windows, std::size_t hidden) {
    return time_lstm(devices, shape_of(look_back, hidden), windows, fp32_tflops, figures);
  };
  for (const std::size_t hidden : {16, 32, 64, 128, 256}) TG_TRY(time(32, 256, hidden));
  if (options.quick) return {};
  for (const std::size_t windows : {32, 1024, 4096}) TG_TRY(time(32, windows, 64));
  for (const std::size_t look_back : {2, 8, 128}) TG_TRY(time(look_back, 256, 64));
  return {};
}

// Packets -----

constexpr std::size_t kResidentBytes = std::size_t{4} << 30;

/// Fills a batch to the brim, one interval and a busy link's packets; what a sink would write.
void fill(PacketBatch& batch) {
  RandomStream random(11, 3);
  for (std::uint32_t i = 0; i < batch.room.packets; ++i) {
    const auto wire = static_cast<std::uint32_t>(64 + random.below(1437));
    batch.lengths[i] = wire | (wire - 14) << 16;
    batch.bits[i] = static_cast<std::uint16_t>(random.below(64) | random.below(256) << 8);
    if (batch.room.distinct)
      batch.addresses[i] = address_entries(Hll::entry(static_cast<std::uint32_t>(random.below(4096)), 1),
                                           Hll::entry(static_cast<std::uint32_t>(random.below(4096)), 2));
    for (std::uint32_t d = 0; d < batch.room.dimensions; ++d) batch.keys_of(d)[i] = static_cast<std::uint32_t>(random.below(1024));
  }
}
/// Says again how full a batch is: its columns stay where they were written.
void declare_full(PacketBatch& batch) {
  batch.packets = batch.room.packets;
  batch.runs[0] = {0, 0};
  batch.run_count = 1;
  batch.row_k = {0};
  for (std::uint32_t d = 0; d < batch.room.dimensions; ++d) batch.key_bits[d] = 1023;
}

/// Packets a second of batches that are full already: nothing is written between them, so what is timed is copying and
/// counting. @param batches a round
Expected<double> batch_rate(PacketBatchCounter& counter, int batches) {
  const std::uint32_t room = counter.batch().room.packets;
  const auto submit = [&](int count, bool fresh) -> Status {
    for (int i = 0; i < count; ++i) {
      if (fresh) fill(counter.batch());
      declare_full(counter.batch());
      TG_TRY(counter.submit());
    }
    const auto rows = counter.take();
    if (!rows) return rows.error();
    const std::uint64_t counted = rows->rows.at(0)[Column::packets], expected = std::uint64_t{room} * static_cast<std::uint64_t>(count);
    if (counted == expected) return {};
    return Error{fmt::format("{} packets were counted, not {}", counted, expected), "batches", ""};
  };
  TG_TRY(submit(8, true));  // at least once round all that are in flight
  return best_rate(static_cast<double>(batches) * room, [&] { return submit(batches, false); });
}

Status bench_batches(const Devices& devices, const bench::GpuLimits& limits, Figures& figures) {
  struct Case {
    const char* name;
    BatchShape shape;
    double bytes;  ///< a packet over the link
  };
  for (const Case& c : {Case{"default counters", {}, 6}, Case{"and distinct addresses", {.rows = 64, .distinct = true}, 14},
                        Case{"and a dimension of keys", {.rows = 64, .dimensions = 1}, 10}}) {
    auto gpu = devices.gpu.batch_counter(c.shape, 1), cpu = devices.cpu.batch_counter(c.shape, 1);
    if (!gpu) return gpu.error();
    if (!cpu) return cpu.error();
    const auto fast = batch_rate(**gpu, 64), slow = batch_rate(**cpu, 2);
    if (!fast) return fast.error();
    if (!slow) return slow.error();
    figures.add("batches", c.name, 1e-6 * *fast, "Mpps", 1e3 * limits.link_gbps / c.bytes, 1e-6 * *slow);
  }
  return {};
}

Status bench_resident(const bench::GpuLimits& limits, int device, Figures& figures) {
  const auto resident = bench::resident_binning_rate(device, kResidentBytes);
  if (!resident) return resident.error();
  if (resident->counted != resident->packets)
    return Error{fmt::format("{} packets were counted, not {}", resident->counted, resident->packets), "resident packets", ""};
  figures.add("resident", fmt::format("{:.1f} GB of packets", 1e-9 * static_cast<double>(resident->bytes)), resident->gbps, "GB/s",
              limits.read_gbps);
  return {};
}

Status run(const Options& options) {
  auto choice = choose_device(fmt::format("cuda:{}", options.device));
  if (!choice) return choice.error();
  const auto cpu = make_cpu_backend();
  fmt::print("{}\nbeside {}\n\n", choice->why, cpu->name());
  Figures figures(options.json);
  const auto limits = bench::measure_gpu_limits(options.device);
  if (!limits) return limits.error();
  figures.add("limit", "copy to the device, pinned", limits->link_gbps, "GB/s");
  figures.add("limit", "copy back, pinned", limits->link_back_gbps, "GB/s");
  figures.add("limit", "read by a kernel", limits->read_gbps, "GB/s");
  figures.add("limit", "fp32 multiply-adds", limits->fp32_tflops, "TFLOP/s");
  const Devices devices{*choice->backend, *cpu};
  TG_TRY(bench_batches(devices, *limits, figures));
  TG_TRY(bench_resident(*limits, options.device, figures));
  TG_TRY(bench_lstm(devices, limits->fp32_tflops, options, figures));
  TG_TRY(bench_many(devices, figures));
  return bench_surges(devices, figures);
}

[[noreturn]] void usage() {
  fmt::print(stderr, "gpu_bench [--device N] [--json FILE] [--dump DIR] [--quick]\n");
  std::exit(2);
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto value = [&]() -> std::string {
      if (++i == argc) usage();
      return argv[i];
    };
    if (word == "--device") options.device = std::atoi(value().c_str());
    else if (word == "--json") options.json = value();
    else if (word == "--dump") options.dump = value();
    else if (word == "--quick") options.quick = true;
    else usage();
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const tidegauge::Status done = run(parse(argc, argv));
  if (done) return 0;
  fmt::print(stderr, "gpu_bench: {}\n", done.error().message());
  return 1;
}
