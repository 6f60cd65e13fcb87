// One core: the LSTM's training step and inference, beside the machine's best sgemm rate (OpenBLAS, best of
// sizes and core types, as it may pick an old kernel for a new processor) and beside oneDNN's LSTM of the
// same shape. Answer first: predictions and gradients are compared with oneDNN's, and with our own portable
// code.
//   lstm_bench [--check]    --check: exit 1 below half the target (0.3 of sgemm, half of oneDNN's rate) at H
//   = 64
// A training step here is gather, forward, head, loss, backward, and packing the weights anew, as after an
// optimizer step; 24 T N H (I + H) flops are counted, so the work at the first step that is known to be zero
// counts as done. oneDNN's is forward, backward and the reorders of the weights that its layouts ask for,
// without head and loss. Rates are by process CPU time, best of interleaved rounds.
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include "kernels/core/random.hpp"
#include "kernels/lstm/lstm.hpp"

#ifdef TIDEGAUGE_HAVE_OPENBLAS
#include <cblas.h>
#endif
#ifdef TIDEGAUGE_HAVE_DNNL
#include <dnnl.hpp>
#endif

namespace {

using namespace tidegauge;

constexpr std::size_t kSteps = 32, kWindows = 256, kFeatures = 4, kTargetHidden = 64;
constexpr double kSgemmTarget = 0.6, kOnednnTarget = 1.0;

double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

template <class Work>
void keep_best(double& best, const Work& work) {
  const double begin = cpu_seconds();
  work();
  best = std::min(best, cpu_seconds() - begin);
}

std::vector<float> random_values(std::size_t count, std::uint64_t stream, float scale) {
  RandomStream random(1, stream);
  std::vector<float> values(count);
  for (float& value : values) value = scale * static_cast<float>(2 * random.unit() - 1);
  return values;
}

// ---- sgemm ----

#ifdef TIDEGAUGE_HAVE_OPENBLAS
/// Best rate in GFLOP/s of this process, whose core type is fixed when the library is loaded.
double sgemm_rate() {
  constexpr std::array<std::array<int, 3>, 3> kSizes{{{256, 256, 64}, {256, 256, 256}, {1024, 1024, 1024}}};
  double rate = 0;
  for (const auto& [m, n, k] : kSizes) {
    const auto a = random_values(static_cast<std::size_t>(m) * k, 1, 1),
               b = random_values(static_cast<std::size_t>(k) * n, 2, 1);
    std::vector<float> c(static_cast<std::size_t>(m) * n);
    const double flops = 2.0 * m * n * k;
    const int repeats = static_cast<int>(std::max(1.0, 2e8 / flops));
    double best = 1e9;
    for (int round = 0; round < 12; ++round) {
      keep_best(best, [&] {
        for (int i = 0; i < repeats; ++i) {
          cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1, a.data(), k, b.data(), n, 0,
                      c.data(), n);
        }
      });
    }
    rate = std::max(rate, flops * repeats / best * 1e-9);
  }
  return rate;
}

/// Starts this program again for each core type that offers our instruction set, and takes the best.
double best_sgemm_rate() {
  std::vector<std::string> core_types{"OPENBLAS_CORETYPE=Haswell", "OPENBLAS_CORETYPE=Zen"};
  if (lstm_cpu_instruction_set() == "avx512")
    core_types = {"", "OPENBLAS_CORETYPE=Haswell", "OPENBLAS_CORETYPE=SkylakeX"};
  if (lstm_cpu_instruction_set() == "portable") core_types = {""};
  std::array<char, 4096> self{};
  if (readlink("/proc/self/exe", self.data(), self.size() - 1) < 0) return 0;
  double best = 0;
  for (const std::string& type : core_types) {
    const std::string line = type + " OPENBLAS_NUM_THREADS=1 '" + self.data() + "' --sgemm";
    FILE* out = popen(line.c_str(), "r");
    double rate = 0;
    if (out && std::fscanf(out, "%lf", &rate) != 1) rate = 0;
    if (out) pclose(out);
    std::printf("  sgemm %-28s %7.1f GFLOP/s\n", type.empty() ? "(its own choice)" : type.c_str(), rate);
    best = std::max(best, rate);
  }
  return best;
}
#endif

// ---- our network ----

/// A batch whose every output is far from its target under the absolute loss, so that dLoss/dy is -1/N for
/// each window and another library can be given the same.
struct Ours {
  LstmShape shape;
  std::vector<float> series, targets, flat, gradient, outputs;
  std::vector<std::uint32_t> starts;
  std::unique_ptr<LstmNetwork> network;
  double train_seconds = 1e9, predict_seconds = 1e9;

  explicit Ours(std::size_t hidden, std::string_view isa = {})
      : shape{kFeatures, hidden, 1, kSteps, 1, false},
        series(random_values((kWindows + kSteps) * kFeatures, 3, 1)),
        targets(kWindows + kSteps, 1e4f),
        flat(random_values(lstm_parameter_count(shape), 4, 1 / std::sqrt(static_cast<float>(hidden)))),
        gradient(flat.size()),
        outputs(kWindows),
        starts(kWindows),
        network(make_lstm_cpu(shape, 1, 1, isa)) {
    std::iota(starts.begin(), starts.end(), 0u);
  }
  WindowBatch batch() const {
    return {.features = series,
            .feature_count = kFeatures,
            .targets = targets,
            .look_back = kSteps,
            .horizon = 1,
            .starts = starts};
  }
  void train_step() {
    const bool set = network->set_parameters(flat).has_value();
    TG_REQUIRE(set && network->loss_and_gradient(gradient, batch(), {.kind = Loss::absolute}, 0), "the CPU cannot fail");
  }
  void predict() {
    const bool done = network->predict(outputs, batch()).has_value();
    TG_REQUIRE(done, "the CPU cannot fail");
  }
  double step_flops() const {
    return 24.0 * static_cast<double>(kSteps * kWindows * shape.hidden * (kFeatures + shape.hidden));
  }
};

double difference(std::span<const float> found, std::span<const float> expected) {
  double worst = 0, scale = 1e-30;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(found[i] - expected[i])));
    scale = std::max(scale, std::abs(static_cast<double>(expected[i])));
  }
  return worst / scale;
}

/// Stops the program when the answer is wrong: a rate would mean nothing.
void require_close(const char* what, std::span<const float> found, std::span<const float> expected) {
  const double distance = difference(found, expected);
  if (distance < 1e-4) return;
  std::printf("wrong answer: %s differ by %.2g of the largest\n", what, distance);
  std::exit(1);
}

// ---- oneDNN ----

#ifdef TIDEGAUGE_HAVE_DNNL
/// The same layer in oneDNN 2.x: gates i, f, c~, o in weights [inputs][4][hidden] ("ldigo"). The zero initial
/// state is given: without one, version 2.6 adds a wrong term to the recurrent weights' gradient.
class Onednn {
 public:
  using Tag = dnnl::memory::format_tag;
  using Dims = dnnl::memory::dims;

  explicit Onednn(const Ours& ours) : hidden_(static_cast<long>(ours.shape.hidden)) {
    const long t = kSteps, n = kWindows, i = kFeatures, h = hidden_;
    x_ = memory({t, n, i}, Tag::tnc);
    y_ = memory({t, n, h}, Tag::tnc);
    dx_ = memory({t, n, i}, Tag::tnc);
    dy_ = memory({t, n, h}, Tag::tnc);
    w_ = memory({1, 1, i, 4, h}, Tag::ldigo);
    u_ = memory({1, 1, h, 4, h}, Tag::ldigo);
    b_ = memory({1, 1, 4, h}, Tag::ldgo);
    state_ = memory({1, 1, n, h}, Tag::ldnc);
    dstate_ = memory({1, 1, n, h}, Tag::ldnc);
    dstate_c_ = memory({1, 1, n, h}, Tag::ldnc);
    dw_ = memory({1, 1, i, 4, h}, Tag::ldigo);
    du_ = memory({1, 1, h, 4, h}, Tag::ldigo);
    db_ = memory({1, 1, 4, h}, Tag::ldgo);
    fill(ours);

    const dnnl::memory::desc none, any_w = any({1, 1, i, 4, h}), any_u = any({1, 1, h, 4, h});
    const dnnl::memory::desc state = state_.get_desc();
    constexpr auto kDirection = dnnl::rnn_direction::unidirectional_left2right;
    const auto forward = [&](dnnl::prop_kind kind) {
      return dnnl::lstm_forward::primitive_desc({kind, kDirection, x_.get_desc(), state, state, any_w, any_u,
                                                 b_.get_desc(), y_.get_desc(), none, none},
                                                engine_);
    };
    const auto training = forward(dnnl::prop_kind::forward_training);
    const auto inference = forward(dnnl::prop_kind::forward_inference);
    const dnnl::lstm_backward::primitive_desc back({dnnl::prop_kind::backward,
                                                    kDirection,
                                                    x_.get_desc(),
                                                    state,
                                                    state,
                                                    any_w,
                                                    any_u,
                                                    b_.get_desc(),
                                                    y_.get_desc(),
                                                    none,
                                                    none,
                                                    dx_.get_desc(),
                                                    state,
                                                    state,
                                                    dw_.get_desc(),
                                                    du_.get_desc(),
                                                    db_.get_desc(),
                                                    dy_.get_desc(),
                                                    none,
                                                    none},
                                                   engine_, training);
    training_ = dnnl::lstm_forward(training);
    inference_ = dnnl::lstm_forward(inference);
    backward_ = dnnl::lstm_backward(back);
    workspace_ = dnnl::memory(training.workspace_desc(), engine_);
    training_w_ = dnnl::memory(training.weights_layer_desc(), engine_);
    training_u_ = dnnl::memory(training.weights_iter_desc(), engine_);
    inference_w_ = dnnl::memory(inference.weights_layer_desc(), engine_);
    inference_u_ = dnnl::memory(inference.weights_iter_desc(), engine_);
    back_w_ = dnnl::memory(back.weights_layer_desc(), engine_);
    back_u_ = dnnl::memory(back.weights_iter_desc(), engine_);
    reorder(w_, inference_w_);
    reorder(u_, inference_u_);
    stream_.wait();
  }

  void train_step() {
    reorder(w_, training_w_);
    reorder(u_, training_u_);
    training_.execute(stream_, arguments(training_w_, training_u_, true));
    reorder(w_, back_w_);
    reorder(u_, back_u_);
    for (dnnl::memory* sum : {&dw_, &du_, &db_})
      std::memset(sum->get_data_handle(), 0, sum->get_desc().get_size());
    auto args = arguments(back_w_, back_u_, true);
    args.insert({{DNNL_ARG_DIFF_SRC_LAYER, dx_},
                 {DNNL_ARG_DIFF_DST_LAYER, dy_},
                 {DNNL_ARG_DIFF_SRC_ITER, dstate_},
                 {DNNL_ARG_DIFF_SRC_ITER_C, dstate_c_},
                 {DNNL_ARG_DIFF_WEIGHTS_LAYER, dw_},
                 {DNNL_ARG_DIFF_WEIGHTS_ITER, du_},
                 {DNNL_ARG_DIFF_BIAS, db_}});
    backward_.execute(stream_, args);
    stream_.wait();
  }
  void predict() {
    inference_.execute(stream_, arguments(inference_w_, inference_u_, false));
    stream_.wait();
  }

  /// Outputs and gradient in our layout.
  std::vector<float> outputs(const Ours& ours) const {
    std::vector<float> out(kWindows);
    const LstmTensor head = lstm_tensors(ours.shape)[3], bias = lstm_tensors(ours.shape)[4];
    for (std::size_t n = 0; n < kWindows; ++n) {
      const float* h = data(y_) + ((kSteps - 1) * kWindows + n) * ours.shape.hidden;
      out[n] = std::inner_product(h, h + ours.shape.hidden, ours.flat.data() + head.offset,
                                  ours.flat[bias.offset]);
    }
    return out;
  }
  std::vector<float> recurrent_gradient() const {
    const std::size_t h = static_cast<std::size_t>(hidden_);
    std::vector<float> out(4 * h * h);
    for (std::size_t k = 0; k < h; ++k) {
      for (std::size_t row = 0; row < 4 * h; ++row) out[row * h + k] = data(du_)[k * 4 * h + row];
    }
    return out;
  }

 private:
  static float* data(const dnnl::memory& memory) { return static_cast<float*>(memory.get_data_handle()); }
  dnnl::memory memory(const Dims& dims, Tag tag) const {
    return {dnnl::memory::desc(dims, dnnl::memory::data_type::f32, tag), engine_};
  }
  static dnnl::memory::desc any(const Dims& dims) { return {dims, dnnl::memory::data_type::f32, Tag::any}; }
  void reorder(dnnl::memory& from, dnnl::memory& to) { dnnl::reorder(from, to).execute(stream_, from, to); }
  std::unordered_map<int, dnnl::memory> arguments(const dnnl::memory& w, const dnnl::memory& u,
                                                  bool training) const {
    std::unordered_map<int, dnnl::memory> args{{DNNL_ARG_SRC_LAYER, x_},      {DNNL_ARG_SRC_ITER, state_},
                                               {DNNL_ARG_SRC_ITER_C, state_}, {DNNL_ARG_WEIGHTS_LAYER, w},
                                               {DNNL_ARG_WEIGHTS_ITER, u},    {DNNL_ARG_BIAS, b_},
                                               {DNNL_ARG_DST_LAYER, y_}};
    if (training) args.insert({DNNL_ARG_WORKSPACE, workspace_});
    return args;
  }
  void fill(const Ours& ours) {
    const std::size_t h = ours.shape.hidden;
    const auto tensors = lstm_tensors(ours.shape);
    for (std::size_t row = 0; row < 4 * h; ++row) {
      for (std::size_t k = 0; k < kFeatures; ++k)
        data(w_)[k * 4 * h + row] = ours.flat[tensors[0].offset + row * kFeatures + k];
      for (std::size_t k = 0; k < h; ++k)
        data(u_)[k * 4 * h + row] = ours.flat[tensors[1].offset + row * h + k];
      data(b_)[row] = ours.flat[tensors[2].offset + row];
    }
    std::fill_n(data(state_), kWindows * h, 0.0f);
    std::fill_n(data(dy_), kSteps * kWindows * h, 0.0f);
    for (std::size_t n = 0; n < kWindows; ++n) {
      for (std::size_t t = 0; t < kSteps; ++t) {
        std::copy_n(ours.batch().input(n) + t * kFeatures, kFeatures,
                    data(x_) + (t * kWindows + n) * kFeatures);
      }
      for (std::size_t u = 0; u < h; ++u) {
        data(dy_)[((kSteps - 1) * kWindows + n) * h + u] =
            -ours.flat[tensors[3].offset + u] / static_cast<float>(kWindows);
      }
    }
  }

  long hidden_;
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  dnnl::memory x_, y_, dx_, dy_, state_, dstate_, dstate_c_, w_, u_, b_, dw_, du_, db_, workspace_;
  dnnl::memory training_w_, training_u_, inference_w_, inference_u_, back_w_, back_u_;
  dnnl::lstm_forward training_, inference_;
  dnnl::lstm_backward backward_;
};
#endif

// ---- one size ----

struct Ratios {
  double sgemm = 0, onednn = 0;  ///< 0 where the peer is absent
};

void print_rates(const char* who, double train, double predict, double flops) {
  std::printf(
      "  %-7s step %8.3f ms %6.1f GFLOP/s %8.0f windows/s   inference %8.3f ms %6.1f GFLOP/s %8.0f "
      "windows/s\n",
      who, train * 1e3, flops / train * 1e-9, kWindows / train, predict * 1e3, flops / 3 / predict * 1e-9,
      kWindows / predict);
}

Ratios measure(std::size_t hidden, double sgemm) {
  Ours ours(hidden), plain(hidden, "portable");
  ours.train_step();
  ours.predict();
  plain.train_step();
  plain.predict();
  require_close("predictions and portable ones", ours.outputs, plain.outputs);
  require_close("gradients and portable ones", ours.gradient, plain.gradient);
  const int rounds = hidden > 128 ? 6 : hidden > 64 ? 12 : 30;
  double onednn_train = 1e9, onednn_predict = 1e9;
#ifdef TIDEGAUGE_HAVE_DNNL
  Onednn peer(ours);
  peer.train_step();
  const LstmTensor recurrent = lstm_tensors(ours.shape)[1];
  require_close("predictions and oneDNN's", ours.outputs, peer.outputs(ours));
  require_close("gradients and oneDNN's", std::span(ours.gradient).subspan(recurrent.offset, recurrent.size),
                peer.recurrent_gradient());
#endif
  for (int round = 0; round < rounds; ++round) {
    keep_best(ours.train_seconds, [&] { ours.train_step(); });
    keep_best(ours.predict_seconds, [&] { ours.predict(); });
#ifdef TIDEGAUGE_HAVE_DNNL
    keep_best(onednn_train, [&] { peer.train_step(); });
    keep_best(onednn_predict, [&] { peer.predict(); });
#endif
  }
  const double flops = ours.step_flops();
  std::printf("T=%zu N=%zu H=%zu I=%zu, one layer, answers agree\n", kSteps, kWindows, hidden, kFeatures);
  print_rates("ours", ours.train_seconds, ours.predict_seconds, flops);
  Ratios ratios;
  if (sgemm > 0) ratios.sgemm = flops / ours.train_seconds * 1e-9 / sgemm;
  if (onednn_train < 1e9) {
    print_rates("oneDNN", onednn_train, onednn_predict, flops);
    ratios.onednn = onednn_train / ours.train_seconds;
  }
  std::printf("  step / sgemm rate %.2f   step / oneDNN %.2f   inference / oneDNN %.2f\n", ratios.sgemm,
              ratios.onednn, onednn_train < 1e9 ? onednn_predict / ours.predict_seconds : 0.0);
  return ratios;
}

/// @return whether the ratio is at least half its target, or its peer is absent.
bool report(const char* name, double ratio, double target) {
  if (ratio == 0) {
    std::printf("%s absent: the peer was not found when this was built\n", name);
    return true;
  }
  std::printf("%s %.2f (target %.1f)\n", name, ratio, target);
  return ratio >= target / 2;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string argument = argc > 1 ? argv[1] : "";
#ifdef TIDEGAUGE_HAVE_OPENBLAS
  if (argument == "--sgemm") {
    std::printf("%f\n", sgemm_rate());
    return 0;
  }
#endif
  const bool check = argument == "--check";
  const char* threads = std::getenv("OMP_NUM_THREADS");
  if (!threads || std::string_view(threads) != "1") {  // oneDNN's OpenMP reads it before main
    setenv("OMP_NUM_THREADS", "1", 1);
    if (lstm_cpu_instruction_set() == "avx2") setenv("ONEDNN_MAX_CPU_ISA", "AVX2", 1);
    execv("/proc/self/exe", argv);
    std::perror("cannot start again with one OpenMP thread");
    return 1;
  }
  std::printf("one core, instruction set %s\n", std::string(lstm_cpu_instruction_set()).c_str());
  double sgemm = 0;
#ifdef TIDEGAUGE_HAVE_OPENBLAS
  sgemm = best_sgemm_rate();
#endif
  Ratios at_target;
  for (const std::size_t hidden : {16, 32, 64, 128, 256}) {
    if (check && hidden != kTargetHidden) continue;
    const Ratios ratios = measure(hidden, sgemm);
    if (hidden == kTargetHidden) at_target = ratios;
  }
  std::printf("training step at H = %zu:\n", kTargetHidden);
  const bool sgemm_holds = report("sgemm_ratio", at_target.sgemm, kSgemmTarget);
  const bool onednn_holds = report("onednn_ratio", at_target.onednn, kOnednnTarget);
  return check && !(sgemm_holds && onednn_holds) ? 1 : 0;
}
