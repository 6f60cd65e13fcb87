#include "kernels/lstm/lstm_many_cuda.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels/core/contract.hpp"
#include "kernels/device/cuda_context.hpp"
#include "kernels/device/cuda_copies.hpp"
#include "kernels/device/cuda_owners.hpp"
#include "kernels/lstm/lstm_many_kernel.hpp"
#include "kernels/lstm/lstm_tile_cuda.hpp"

namespace tidegauge {

namespace {

using tile::OfMany;
using tile::TilePlan;

__global__ void __launch_bounds__(tile::most_threads, 1)
    many_on_device(OfMany* models, std::uint32_t count, float* scratch, const __grid_constant__ TilePlan plan,
                   const __grid_constant__ ManySettings settings, std::uint32_t most_epochs) {
  CudaContext context;
  tile::many_kernel(context, models, count, scratch, plan, settings, most_epochs);
}

/// Arrays that lie side by side, on the host and at the same distances on the card.
class Image {
 public:
  /// @param count elements of room, at least the values'; the rest is zero. @return where it lies.
  template <class T>
  std::size_t add(std::span<const T> values, std::size_t count) {
    const std::size_t place = bytes_.size();
    bytes_.resize(place + (count * sizeof(T) + 15) / 16 * 16);
    if (!values.empty()) std::memcpy(bytes_.data() + place, values.data(), values.size_bytes());
    return place;
  }
  template <class T>
  std::vector<T> read(std::size_t place, std::size_t count) const {
    std::vector<T> values(count);
    if (count > 0) std::memcpy(values.data(), bytes_.data() + place, count * sizeof(T));
    return values;
  }
  std::span<unsigned char> bytes() { return bytes_; }

 private:
  std::vector<unsigned char> bytes_;
};

/// Where one model's arrays lie in the image.
struct Places {
  std::size_t features, targets, training, validation, order;
  std::size_t now[3], kept[3], best, gradient, history;
};

class ManyOnCard {
 public:
  ManyOnCard(const ManySettings& settings, std::size_t most_epochs, CudaStream stream)
      : settings_(settings), plan_(settings.shape), most_epochs_(most_epochs), stream_(std::move(stream)) {}

  Status prepare(int device) {
    const auto shared = lstm_tile_shared_bytes(device);
    if (!shared) return shared.error();
    // The most that there is, not what this plan needs: the limit belongs to the kernel, and others may be training.
    TG_TRY(cuda_status(cudaFuncSetAttribute(many_on_device, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                            static_cast<int>(*shared)),
                       "asking for shared memory"));
    int processors = 0, blocks_each = 0;
    TG_TRY(cuda_status(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device),
                       "asking for the device's size"));
    TG_TRY(cuda_status(
        cudaOccupancyMaxActiveBlocksPerMultiprocessor(
            &blocks_each, many_on_device, static_cast<int>(plan_.threads()), plan_.shared_bytes(true)),
        "asking how many blocks fit"));
    std::size_t free = 0, total = 0;
    TG_TRY(cuda_status(cudaMemGetInfo(&free, &total), "asking for free memory"));
    const std::size_t scratch = plan_.scratch_floats() * sizeof(float);
    most_blocks_ = std::clamp<std::size_t>(free / 3 / scratch, 1, std::max(1, processors * blocks_each));
    image_budget_ = free / 2;
    return {};
  }

  /// Trains the models from `first` on that fit the card together. @return how many they were.
  Expected<std::size_t> run_group(std::span<ManyState> states, std::span<const ManyTask> tasks,
                                  std::span<const std::size_t> chosen) {
    image_ = {};
    places_.clear();
    std::size_t count = 0;
    for (; count < chosen.size() && (count == 0 || image_.bytes().size() < image_budget_); ++count)
      place(states[chosen[count]], tasks[chosen[count]]);
    TG_TRY(card_.reserve(image_.bytes().size(), "taking device memory for models"));
    for (std::size_t i = 0; i < count; ++i)
      models_[i] = of_many(places_[i], states[chosen[i]], tasks[chosen[i]]);
    TG_TRY(launch(count));
    for (std::size_t i = 0; i < count; ++i) take(states[chosen[i]], places_[i], models_[i]);
    return count;
  }

 private:
  void place(const ManyState& s, const ManyTask& task) {
    require_windows_fit(settings_.shape, task.training, true);
    require_windows_fit(settings_.shape, task.validation, true);
    const std::size_t count = plan_.parameters();
    const auto vector = [&](const std::vector<float>& values) {
      return image_.add(std::span<const float>(values), count);
    };
    Places& p = places_.emplace_back();
    p.features = image_.add(task.training.features, task.training.features.size());
    p.targets = image_.add(task.training.targets, task.training.targets.size());
    p.training = image_.add(task.training.starts, task.training.size());
    p.validation = image_.add(task.validation.starts, task.validation.size());
    p.order = image_.add(std::span<const std::uint32_t>(), task.training.size());
    p.now[0] = vector(s.parameters), p.now[1] = vector(s.optimizer.first_moment),
    p.now[2] = vector(s.optimizer.second_moment);
    for (std::size_t& place : p.kept) place = vector({});
    p.best = vector(s.best_parameters);
    p.gradient = vector({});
    p.history = image_.add(std::span<const EpochLoss>(), most_epochs_ + 1);
    models_.resize(places_.size());
  }

  template <class T>
  T* at(std::size_t place) const {
    return reinterpret_cast<T*>(card_.data() + place);
  }
  OfMany of_many(const Places& p, const ManyState& s, const ManyTask& task) const {
    OfMany m{};
    m.training = {at<float>(p.features), at<float>(p.targets), at<std::uint32_t>(p.training),
                  static_cast<std::uint32_t>(task.training.size())};
    m.validation = m.training;
    m.validation.starts = at<std::uint32_t>(p.validation);
    m.validation.windows = static_cast<std::uint32_t>(task.validation.size());
    m.order = at<std::uint32_t>(p.order);
    m.now = {at<float>(p.now[0]), at<float>(p.now[1]), at<float>(p.now[2])};
    m.kept = {at<float>(p.kept[0]), at<float>(p.kept[1]), at<float>(p.kept[2])};
    m.best = at<float>(p.best);
    m.gradient = at<float>(p.gradient);
    m.history = at<EpochLoss>(p.history);
    m.seed = task.seed;
    m.dropout_seed = task.dropout_seed;
    m.optimizer_steps = s.optimizer.steps;
    m.batch_size = static_cast<std::uint32_t>(std::min(task.batch_size, task.training.size()));
    m.epochs_done = static_cast<std::uint32_t>(s.epochs_done());
    m.best_epoch = static_cast<std::uint32_t>(s.best_epoch);
    m.fresh = s.history.empty();
    m.best_loss = s.best_loss;
    m.end = s.end;
    return m;
  }

  Status launch(std::size_t count) {
    const auto blocks = static_cast<std::uint32_t>(std::min(count, most_blocks_));
    TG_TRY(scratch_.reserve(blocks * plan_.scratch_floats(), "taking device memory for what a step keeps"));
    const std::span<unsigned char> bytes = image_.bytes();
    TG_TRY(copy_in(card_, std::span<const unsigned char>(bytes), stream_.get(), "copying models"));
    TG_TRY(copy_in(on_card_, std::span<const OfMany>(models_), stream_.get(), "copying models"));
    many_on_device<<<blocks, plan_.threads(), plan_.shared_bytes(true), stream_.get()>>>(
        on_card_.data(), static_cast<std::uint32_t>(count), scratch_.data(), plan_, settings_,
        static_cast<std::uint32_t>(most_epochs_));
    TG_TRY(cuda_status(cudaGetLastError(), "starting the training of many models"));
    TG_TRY(copy_out(std::span(models_), on_card_.data(), stream_.get(), "training many models"));
    return copy_out(bytes, card_.data(), stream_.get(), "copying models");
  }

  void take(ManyState& s, const Places& p, const OfMany& m) const {
    const std::size_t count = plan_.parameters();
    const std::size_t lines = m.epochs_done + (s.history.empty() ? 1 : 0) - s.epochs_done();
    const auto history = image_.read<EpochLoss>(p.history, lines);
    s.history.insert(s.history.end(), history.begin(), history.end());
    s.parameters = image_.read<float>(p.now[0], count);
    s.best_parameters = image_.read<float>(p.best, count);
    if (settings_.optimizer.kind == OptimizerKind::adam)
      s.optimizer.first_moment = image_.read<float>(p.now[1], count);
    s.optimizer.second_moment = image_.read<float>(p.now[2], count);
    s.optimizer.steps = m.optimizer_steps;
    s.best_epoch = m.best_epoch;
    s.best_loss = m.best_loss;
    s.end = m.end;
  }

  const ManySettings& settings_;
  const TilePlan plan_;
  const std::size_t most_epochs_;
  CudaStream stream_;
  std::size_t most_blocks_ = 1, image_budget_ = 0;
  Image image_;
  std::vector<Places> places_;
  std::vector<OfMany> models_;
  DeviceBuffer<unsigned char> card_;
  DeviceBuffer<OfMany> on_card_;
  DeviceBuffer<float> scratch_;
};

}  // namespace

Status train_many_cuda(std::span<ManyState> states, std::span<const ManyTask> tasks,
                       const ManySettings& settings, std::size_t most_epochs, int device) {
  TG_TRY(use_device(device));
  TG_TRY(lstm_tile_check(settings.shape, device));
  const std::vector<std::size_t> training = still_training(states, tasks, settings);
  auto stream = make_cuda_stream();
  if (!stream) return stream.error();
  ManyOnCard card(settings, std::min(most_epochs, settings.epochs), *std::move(stream));
  TG_TRY(card.prepare(device));
  for (std::span<const std::size_t> left = training; !left.empty();) {
    const auto done = card.run_group(states, tasks, left);
    if (!done) return done.error();
    left = left.subspan(*done);
  }
  return {};
}

}  // namespace tidegauge
