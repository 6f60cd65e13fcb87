// A GPU beside what bounds it and beside the CPU of the same run: what the card can do at most (gpu_limits.hpp), batches of
// packets to counters, from pinned memory and resident, then training and inference of the LSTM over shapes. Each figure is
// the best of several rounds.
//   gpu_bench [--device N] [--json FILE] [--dump DIR] [--quick]
//   --json   a line a figure: {"what", "case", "value", "unit", "limit", "cpu"}
//   --dump   networks with their windows, outputs and gradients, for bench/torch_lstm.py to judge in double
//   --quick  the middle of each range of shapes
// Answers are checked before anything is timed: the GPU's outputs and gradients against the CPU's.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "bench/gpu_limits.hpp"
#include "bench/gpu_resident.hpp"
#include "kernels/core/backend.hpp"
#include "kernels/core/random.hpp"
#include "kernels/sketch/hll.hpp"

namespace {

using namespace tidegauge;

constexpr int kRounds = 5;
/// Of a figure's round: long enough for a host clock.
constexpr double kRoundSeconds = 0.2;

struct Options {
  int device = 0;
  std::string json, dump;
  bool quick = false;
};

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// The figures, as a table on stdout and as lines of JSON.
class Figures {
 public:
  explicit Figures(const std::string& path) {
    if (!path.empty()) json_.open(path);
    fmt::print("{:<12} {:<30} {:>12} {:<12} {:>9} {:>9}\n", "what", "case", "value", "unit", "of limit", "of CPU");
  }
  /// @param limit the most that the value could be, in its unit; 0: none is known @param cpu the CPU's value; 0: none
  void add(const std::string& what, const std::string& name, double value, const std::string& unit, double limit = 0,
           double cpu = 0) {
    const auto ratio = [&](double base) { return base > 0 ? fmt::format("{:.2f}", value / base) : std::string("-"); };
    fmt::print("{:<12} {:<30} {:>12.4g} {:<12} {:>9} {:>9}\n", what, name, value, unit, ratio(limit), ratio(cpu));
    std::fflush(stdout);
    if (!json_.is_open()) return;
    json_ << fmt::format(R"({{"what":"{}","case":"{}","value":{:.6g},"unit":"{}","limit":{:.6g},"cpu":{:.6g}}})", what, name,
                         value, unit, limit, cpu)
          << std::endl;
  }

 private:
  std::ofstream json_;
};

/// Windows over a random walk, as a scaled series has them.
struct Windows {
  LstmShape shape;
  std::vector<float> features, targets;
  std::vector<std::uint32_t> starts;

  Windows(const LstmShape& of, std::size_t count) : shape(of) {
    const std::size_t points = count + shape.look_back + shape.horizon;
    RandomStream random(7, 1);
    features.resize(points * shape.features);
    for (std::size_t i = 0; i < features.size(); ++i) {
      const float before = i < shape.features ? 0.0f : features[i - shape.features];
      features[i] = 0.95f * before + 0.3f * static_cast<float>(2 * random.unit() - 1);
    }
    targets.resize(points);
    for (std::size_t i = 0; i < points; ++i) targets[i] = features[i * shape.features];
    starts.resize(count);
    std::iota(starts.begin(), starts.end(), 0u);
    shuffle(random);
  }
  WindowBatch batch() const {
    return {.features = features, .feature_count = shape.features, .targets = targets, .look_back = shape.look_back,
            .horizon = shape.horizon, .starts = starts};
  }

 private:
  void shuffle(RandomStream& random) {
    for (std::size_t i = starts.size(); i > 1; --i) std::swap(starts[i - 1], starts[random.below(i)]);
  }
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

/// Windows a second of `work`, which does `windows` of them: the best of the rounds.
template <class Work>
Expected<double> best_rate(double windows, const Work& work) {
  TG_TRY(work());
  double best = 0;
  for (int round = 0; round < kRounds; ++round) {
    const double begin = now();
    double done = 0;
    do {
      TG_TRY(work());
      done += windows;
    } while (now() - begin < kRoundSeconds);
    best = std::max(best, done / (now() - begin));
  }
  return best;
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

struct Devices {
  Backend &gpu, &cpu;
};

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
  return bench_lstm(devices, limits->fp32_tflops, options, figures);
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
