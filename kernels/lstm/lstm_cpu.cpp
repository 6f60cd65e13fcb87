// The network on the CPU: a batch is cut into tiles, tiles are dealt to groups, each group adds its tiles'
// gradients in order into a buffer of its own, and the groups are added in order. Tiles and groups follow
// from the shape and the batch, never from the threads, which only decide who runs a group.
#include <algorithm>
#include <cstdlib>
#include <optional>

#include "kernels/core/contract.hpp"
#include "kernels/core/parallel.hpp"
#include "kernels/lstm/lstm.hpp"
#include "kernels/lstm/lstm_worker.hpp"

#ifdef TIDEGAUGE_X86
#include <xmmintrin.h>
#endif

namespace tidegauge {
namespace lstm {
namespace {

/// Windows of a tile: a multiple of every accumulator block's rows (6, 3, 2).
constexpr std::size_t kTileRows = 24;
/// More groups allow more threads and cost memory and one addition of the gradient each.
constexpr std::size_t kGroups = 16;
/// Below this much work a wake-up of the other threads costs more than it gains.
constexpr double kWorthThreads = 4e6;  // flops

/// The best code that this machine has, not above `isa`; any other name, also the empty one, asks for the best.
const LayerCode& code_for(std::string_view isa) {
#ifdef TIDEGAUGE_X86
  const bool any = isa != portable_code.name;
  if (any && isa != avx2_code.name && __builtin_cpu_supports("avx512f") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw")) {
    return avx512_code;
  }
  if (any && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return avx2_code;
#endif
  return portable_code;
}

/// Takes denormal numbers as zero while it lives: gradients that fade over a long window would slow every
/// product.
class DenormalsAreZero {
 public:
#ifdef TIDEGAUGE_X86
  DenormalsAreZero() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040); }
  ~DenormalsAreZero() { _mm_setcsr(before_); }
#else
  DenormalsAreZero() = default;
#endif
  DenormalsAreZero(const DenormalsAreZero&) = delete;
  DenormalsAreZero& operator=(const DenormalsAreZero&) = delete;

#ifdef TIDEGAUGE_X86
 private:
  unsigned before_;
#endif
};

struct Tiling {
  std::size_t windows, rows, tiles, groups;

  explicit Tiling(std::size_t count) : windows(count) {
    tiles = (count + kTileRows - 1) / kTileRows;
    rows = tiles == 0 ? 0 : (count + tiles - 1) / tiles;
    groups = std::min(tiles, kGroups);
  }
  std::size_t first_tile(std::size_t group) const { return group * tiles / groups; }
};

class CpuLstm final : public LstmNetwork {
 public:
  CpuLstm(const LstmShape& shape, std::uint64_t seed, std::size_t threads, std::string_view isa)
      : shape_(shape),
        code_(code_for(isa)),
        plan_(shape, code_),
        threads_(threads),
        seed_(seed),
        gradient_(lstm_parameter_count(shape)) {}

  const LstmShape& shape() const override { return shape_; }

  Status set_parameters(std::span<const float> flat) override {
    TG_REQUIRE(flat.size() == gradient_.size(), "parameters of another shape");
    flat_.assign(flat.begin(), flat.end());
    packed_fresh_ = back_fresh_ = false;
    return {};
  }
  Expected<std::vector<float>> parameters() const override {
    return flat_.empty() ? lstm_initial_parameters(shape_, seed_) : flat_;
  }

  Expected<double> loss_and_gradient(std::span<float> gradient, const WindowBatch& windows,
                                     const LossSettings& loss, std::uint64_t step) override {
    return mean_loss_and_gradient(gradient, windows, loss, step);
  }
  Expected<std::vector<double>> train(const WindowBatch& windows, std::size_t batch_size,
                                      std::size_t first_batch, std::size_t last_batch,
                                      const LossSettings& loss, const OptimizerSettings& optimizer,
                                      OptimizerState& state) override;
  Status predict(std::span<float> out, const WindowBatch& windows) override;

 private:
  /// What the tasks of one call share; tasks capture this and a pointer to it, so that starting them
  /// allocates nothing.
  struct Call {
    const WindowBatch& windows;
    const LossSettings* loss = nullptr;
    std::uint64_t step = 0;
    Tiling tiling;
    std::span<float> out;  ///< the flat gradient, or the predictions
    double group_loss[kGroups] = {};
  };

  double mean_loss_and_gradient(std::span<float> gradient, const WindowBatch& windows,
                                const LossSettings& loss, std::uint64_t step);
  template <class Task>
  void run(std::size_t tasks, double flops, const Task& task);
  template <class Task>
  void run_blocks(const Task& task);
  void refresh_packed(bool back);
  void train_group(Call& call, std::size_t group, std::size_t worker);
  void add_groups(Call& call, std::size_t layer, std::size_t block);
  double flops_per_window() const;
  Weights weights() const { return {flat_, packed_.data(), back_.data()}; }
  float* group_gradient(std::size_t group) const { return groups_.data() + group * plan_.gradient_size(); }

  const LstmShape shape_;
  const LayerCode& code_;
  const PackPlan plan_;
  const std::size_t threads_;
  const std::uint64_t seed_;
  std::vector<float> flat_;  ///< empty until they are set or needed: drawing orthogonal weights costs H^3
  std::vector<float> gradient_;
  AlignedBuffer packed_, back_, groups_;
  bool packed_fresh_ = false, back_fresh_ = false;
  std::optional<ThreadPool> pool_;  ///< made when there is first work for it
  std::vector<TileWorker> workers_;
};

/// task(index, worker) for every index, on several threads where the work is worth waking them.
template <class Task>
void CpuLstm::run(std::size_t tasks, double flops, const Task& task) {
  const bool alone = tasks < 2 || threads_ == 1 || flops < kWorthThreads;
  if (!alone && !pool_) pool_.emplace(threads_);
  for (std::size_t needed = alone ? 1 : pool_->threads(); workers_.size() < needed;) {
    workers_.emplace_back(shape_, plan_, code_);
  }
  if (!alone) return pool_->run(tasks, task);
  for (std::size_t index = 0; index < tasks; ++index) task(index, 0);
}

/// task(layer, block) for every block of units of every layer; worth about 16 operations a weight.
template <class Task>
void CpuLstm::run_blocks(const Task& task) {
  const std::size_t blocks = plan_.layers[0].blocks;
  run(shape_.layers * blocks, 16.0 * static_cast<double>(flat_.size()),
      [&](std::size_t index, std::size_t) { task(index / blocks, index % blocks); });
}

void CpuLstm::refresh_packed(bool back) {
  if (flat_.empty()) flat_ = lstm_initial_parameters(shape_, seed_);
  if (!packed_fresh_) {
    float* packed = packed_.reserve(plan_.packed_size);
    run_blocks(
        [&](std::size_t l, std::size_t block) { pack_block(packed, flat_, plan_, plan_.layers[l], block); });
    packed_fresh_ = true;
  }
  if (back && !back_fresh_) {
    float* out = back_.reserve(plan_.back_size);
    run_blocks([&](std::size_t l, std::size_t block) {
      pack_back_block(out, flat_, plan_, plan_.layers[l], block);
    });
    back_fresh_ = true;
  }
}

double CpuLstm::flops_per_window() const {
  double sources = 0;
  for (const LayerPlan& layer : plan_.layers) sources += static_cast<double>(layer.inputs + layer.hidden);
  return 8.0 * static_cast<double>(shape_.look_back * shape_.hidden) * sources;
}

void CpuLstm::train_group(Call& call, std::size_t group, std::size_t worker) {
  const DenormalsAreZero guard;
  float* gradient = group_gradient(group);
  std::fill_n(gradient, plan_.gradient_size(), 0.0f);
  double sum = 0;
  const std::size_t rows = call.tiling.rows;
  for (std::size_t tile = call.tiling.first_tile(group); tile < call.tiling.first_tile(group + 1); ++tile) {
    const std::size_t first = tile * rows;
    const TileOfWindows part{call.windows, first, std::min(rows, call.tiling.windows - first)};
    sum += workers_[worker].train(gradient, weights(), part, *call.loss, call.step);
  }
  call.group_loss[group] = sum;
}

/// Adds the other groups' gradient of one block to the first group's, in order, and writes it out flat.
void CpuLstm::add_groups(Call& call, std::size_t l, std::size_t block) {
  const LayerPlan& layer = plan_.layers[l];
  const std::size_t gates = 4 * plan_.lanes, panel = (layer.inputs + layer.hidden) * gates;
  const auto add = [&](std::size_t offset, std::size_t count) {
    float* out = group_gradient(0) + offset;
    for (std::size_t group = 1; group < call.tiling.groups; ++group) {
      const float* in = group_gradient(group) + offset;
      for (std::size_t i = 0; i < count; ++i) out[i] += in[i];
    }
  };
  add(layer.panels + block * panel, panel);
  add(layer.bias + block * gates, gates);
  unpack_block(call.out, group_gradient(0), plan_, layer, block);
}

double CpuLstm::mean_loss_and_gradient(std::span<float> gradient, const WindowBatch& windows,
                                       const LossSettings& loss, std::uint64_t step) {
  TG_REQUIRE(gradient.size() == gradient_.size(), "a gradient of another shape");
  require_windows_fit(shape_, windows, true);
  if (windows.size() == 0) {
    std::fill(gradient.begin(), gradient.end(), 0.0f);
    return 0;
  }
  refresh_packed(true);
  Call call{
      .windows = windows, .loss = &loss, .step = step, .tiling = Tiling(windows.size()), .out = gradient};
  groups_.reserve(call.tiling.groups * plan_.gradient_size());
  run(call.tiling.groups, 3 * flops_per_window() * static_cast<double>(windows.size()),
      [this, &call](std::size_t group, std::size_t worker) { train_group(call, group, worker); });
  run_blocks([this, &call](std::size_t layer, std::size_t block) { add_groups(call, layer, block); });

  double total = 0;
  std::fill(gradient.begin() + plan_.flat_head, gradient.end(), 0.0f);
  for (std::size_t group = 0; group < call.tiling.groups; ++group) {
    total += call.group_loss[group];
    const float* tail = group_gradient(group) + plan_.packed_size;
    for (std::size_t i = 0; i < plan_.tail(); ++i) gradient[plan_.flat_head + i] += tail[i];
  }
  return total / static_cast<double>(windows.size() * shape_.horizon);
}

Expected<std::vector<double>> CpuLstm::train(const WindowBatch& windows, std::size_t batch_size,
                                             std::size_t first_batch, std::size_t last_batch,
                                             const LossSettings& loss, const OptimizerSettings& optimizer,
                                             OptimizerState& state) {
  TG_REQUIRE(batch_size > 0, "an empty batch size");
  std::vector<double> losses;
  for (std::size_t batch = first_batch; batch < last_batch; ++batch) {
    TG_REQUIRE(batch * batch_size < windows.size(), "a batch beyond the last window");
    WindowBatch part = windows;
    const std::size_t first = batch * batch_size;
    part.starts = windows.starts.subspan(first, std::min(batch_size, windows.size() - first));
    losses.push_back(mean_loss_and_gradient(gradient_, part, loss, state.steps));
    optimizer_step(flat_, gradient_, state, optimizer);
    packed_fresh_ = back_fresh_ = false;
  }
  return losses;
}

Status CpuLstm::predict(std::span<float> out, const WindowBatch& windows) {
  TG_REQUIRE(out.size() == windows.size() * shape_.horizon, "room for another number of predictions");
  require_windows_fit(shape_, windows, false);
  refresh_packed(false);
  Call call{.windows = windows, .tiling = Tiling(windows.size()), .out = out};
  run(call.tiling.tiles, flops_per_window() * static_cast<double>(windows.size()),
      [this, &call](std::size_t tile, std::size_t worker) {
        const DenormalsAreZero guard;
        const std::size_t first = tile * call.tiling.rows;
        const TileOfWindows part{call.windows, first,
                                 std::min(call.tiling.rows, call.tiling.windows - first)};
        workers_[worker].predict(call.out.data() + first * shape_.horizon, weights(), part);
      });
  return {};
}

}  // namespace
}  // namespace lstm

namespace {

std::string_view forced_instruction_set() {
  const char* forced = std::getenv("TIDEGAUGE_ISA");
  return forced ? forced : "";
}

}  // namespace

std::string_view lstm_cpu_instruction_set() { return lstm::code_for(forced_instruction_set()).name; }

std::unique_ptr<LstmNetwork> make_lstm_cpu(const LstmShape& shape, std::uint64_t seed, std::size_t threads,
                                           std::string_view isa) {
  TG_REQUIRE(
      shape.features > 0 && shape.hidden > 0 && shape.layers > 0 && shape.look_back > 0 && shape.horizon > 0,
      "a network without inputs, units, layers, steps or outputs");
  return std::make_unique<lstm::CpuLstm>(shape, seed, threads, isa.empty() ? forced_instruction_set() : isa);
}

}  // namespace tidegauge
