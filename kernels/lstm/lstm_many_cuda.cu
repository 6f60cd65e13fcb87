// Host code only: tests run it without a card.
#include "kernels/lstm/lstm_many_cuda.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "kernels/core/contract.hpp"
#include "kernels/device/cuda_copies.hpp"
#include "kernels/device/cuda_owners.hpp"
#include "kernels/lstm/lstm_batch_cuda.hpp"
#include "kernels/lstm/lstm_tile_cuda.hpp"

namespace tidegauge {

namespace {

using tile::OfMany;
using tile::TilePlan;

/// Arrays side by side on the card: first those that are copied there, then scratch.
class Image {
 public:
  /// @param count elements of room, at least the values'; the rest is zero. @return where it lies.
  template <class T>
  std::size_t add(std::span<const T> values, std::size_t count) {
    const std::size_t place = add_scratch<T>(count);
    bytes_.resize(size_);
    if (!values.empty()) std::memcpy(bytes_.data() + place, values.data(), values.size_bytes());
    return place;
  }
  template <class T>
  std::size_t add_scratch(std::size_t count) {
    return std::exchange(size_, size_ + (count * sizeof(T) + 15) / 16 * 16);
  }
  std::span<const unsigned char> copied() const { return bytes_; }
  std::size_t size() const { return size_; }

 private:
  std::vector<unsigned char> bytes_;
  std::size_t size_ = 0;
};

/// Where the arrays of one model lie in the image.
struct ModelPlaces {
  std::size_t now[3], best;                              ///< what changes: it comes back when it is asked for
  std::size_t features, targets, training, validation;
  std::size_t kept[3], gradient, order;                  ///< scratch
};

class ManyOnCard final : public ManyNetworks {
 public:
  ManyOnCard(std::vector<ManyState> states, std::span<const ManyTask> tasks, const ManySettings& settings, int device,
             CudaStream stream)
      : states_(std::move(states)),
        tasks_(tasks.begin(), tasks.end()),
        settings_(settings),
        plan_(settings.shape),
        device_(device),
        stream_(std::move(stream)),
        models_(states_.size()),
        news_(states_.size()) {}
  ~ManyOnCard() override {
    if (use_device(device_)) settle();  // nothing may still use the buffers
  }

  Status start();

  Status train(std::size_t most_epochs) override;
  std::vector<ManyStanding> standings() const override;
  Status fetch() override;
  std::span<const ManyState> states() const override { return states_; }

 private:
  using Members = std::span<const std::size_t>;

  void settle() const {
    if (cudaStreamSynchronize(stream_.get()) != cudaSuccess) cudaGetLastError();
  }
  /// Ends a call: nothing of it reads host memory or works in a buffer that the next one lets grow.
  struct ManySettled {
    const ManyOnCard& networks;
    ~ManySettled() { networks.settle(); }
  };

  std::size_t bytes_of(const ManyTask& task) const;
  void make_groups();
  Members members(std::size_t group) const {
    return Members(training_).subspan(group_begin_[group], group_begin_[group + 1] - group_begin_[group]);
  }
  void describe(std::size_t m);
  Image lay_out(Members group);
  void point(std::size_t m, const ModelPlaces& places);
  Status load(std::size_t group);
  Status fetch_held();
  Status run(Members group, std::size_t most_epochs);
  void take(std::size_t m, const ModelPlaces& places, std::span<const unsigned char> held);

  template <class T>
  T* at(std::size_t place) const {
    return reinterpret_cast<T*>(card_.data() + place);
  }

  std::vector<ManyState> states_;  ///< as of the last fetch
  const std::vector<ManyTask> tasks_;
  const ManySettings settings_;
  const TilePlan plan_;
  const int device_;
  CudaStream stream_;
  std::size_t most_blocks_ = 1, group_bytes_ = 0;
  std::vector<std::size_t> training_, group_begin_;  ///< models with epochs before them; where each group of them begins
  std::vector<OfMany> models_;                       ///< as of now; pointers only of the group on the card
  std::vector<std::vector<EpochLoss>> news_;         ///< of each model's history, since the last fetch
  std::optional<std::size_t> on_card_;               ///< group
  std::vector<ModelPlaces> places_;                  ///< of its members
  std::size_t held_bytes_ = 0;                       ///< of the image, from its beginning: what changes
  DeviceBuffer<unsigned char> card_;
  DeviceBuffer<OfMany> at_work_;
  DeviceBuffer<EpochLoss> history_;  ///< [models at work][epochs of the call + 1]
  DeviceBuffer<float> scratch_;
};

Status ManyOnCard::start() {
  const auto shared = lstm_tile_shared_bytes(device_);
  if (!shared) return shared.error();
  TG_TRY(tile::allow_shared_bytes(*shared));
  const auto blocks = tile::many_blocks_at_once(plan_, device_);
  if (!blocks) return blocks.error();
  std::size_t free = 0, total = 0;
  TG_TRY(cuda_status(cudaMemGetInfo(&free, &total), "asking for free memory"));
  most_blocks_ = std::clamp<std::size_t>(free / 3 / (plan_.scratch_floats() * sizeof(float)), 1, *blocks);
  group_bytes_ = free / 2;
  for (const ManyTask& task : tasks_) {
    require_windows_fit(settings_.shape, task.training, true);
    require_windows_fit(settings_.shape, task.validation, true);
  }
  training_ = still_training(states_, tasks_, settings_);
  for (std::size_t m = 0; m < states_.size(); ++m) describe(m);
  make_groups();
  return {};
}

/// About what a model takes of the card.
std::size_t ManyOnCard::bytes_of(const ManyTask& task) const {
  constexpr std::size_t vectors = 8;  // three in training, three kept, the best, the gradient
  return sizeof(float) * (vectors * plan_.parameters() + task.training.features.size() + task.training.targets.size()) +
         sizeof(std::uint32_t) * (2 * task.training.size() + task.validation.size());
}

void ManyOnCard::make_groups() {
  std::size_t bytes = 0;
  group_begin_ = {0};
  for (std::size_t i = 0; i < training_.size(); ++i) {
    const std::size_t more = bytes_of(tasks_[training_[i]]);
    if (i > group_begin_.back() && bytes + more > group_bytes_) {
      group_begin_.push_back(i);
      bytes = 0;
    }
    bytes += more;
  }
  group_begin_.push_back(training_.size());
}

/// Everything of a model but where it lies.
void ManyOnCard::describe(std::size_t m) {
  const ManyState& s = states_[m];
  OfMany& model = models_[m];
  model.training.windows = static_cast<std::uint32_t>(tasks_[m].training.size());
  model.validation.windows = static_cast<std::uint32_t>(tasks_[m].validation.size());
  model.seed = tasks_[m].seed;
  model.dropout_seed = tasks_[m].dropout_seed;
  model.optimizer_steps = s.optimizer.steps;
  model.batch_size = static_cast<std::uint32_t>(std::min(tasks_[m].batch_size, tasks_[m].training.size()));
  model.epochs_done = static_cast<std::uint32_t>(s.epochs_done());
  model.best_epoch = static_cast<std::uint32_t>(s.best_epoch);
  model.fresh = s.history.empty();
  model.best_loss = s.best_loss;
  model.end = s.end;
}

/// Fills places_. What changes comes first, scratch last.
Image ManyOnCard::lay_out(Members group) {
  Image image;
  const std::size_t count = plan_.parameters();
  places_.assign(group.size(), {});
  for (std::size_t i = 0; i < group.size(); ++i) {
    const ManyState& s = states_[group[i]];
    const auto held = [&](const std::vector<float>& values) { return image.add(std::span<const float>(values), count); };
    places_[i].now[0] = held(s.parameters);
    places_[i].now[1] = held(s.optimizer.first_moment);
    places_[i].now[2] = held(s.optimizer.second_moment);
    places_[i].best = held(s.best_parameters);
  }
  held_bytes_ = image.size();
  for (std::size_t i = 0; i < group.size(); ++i) {
    const ManyTask& task = tasks_[group[i]];
    const auto whole = [&](auto values) { return image.add(values, values.size()); };
    places_[i].features = whole(task.training.features);
    places_[i].targets = whole(task.training.targets);
    places_[i].training = whole(task.training.starts);
    places_[i].validation = whole(task.validation.starts);
  }
  for (std::size_t i = 0; i < group.size(); ++i) {
    for (std::size_t& place : places_[i].kept) place = image.add_scratch<float>(count);
    places_[i].gradient = image.add_scratch<float>(count);
    places_[i].order = image.add_scratch<std::uint32_t>(tasks_[group[i]].training.size());
  }
  return image;
}

void ManyOnCard::point(std::size_t m, const ModelPlaces& p) {
  OfMany& model = models_[m];
  model.training.features = model.validation.features = at<float>(p.features);
  model.training.targets = model.validation.targets = at<float>(p.targets);
  model.training.starts = at<std::uint32_t>(p.training);
  model.validation.starts = at<std::uint32_t>(p.validation);
  model.now = {at<float>(p.now[0]), at<float>(p.now[1]), at<float>(p.now[2])};
  model.kept = {at<float>(p.kept[0]), at<float>(p.kept[1]), at<float>(p.kept[2])};
  model.best = at<float>(p.best);
  model.gradient = at<float>(p.gradient);
  model.order = at<std::uint32_t>(p.order);
}

/// Brings a group to the card, in the place of the one that is there.
Status ManyOnCard::load(std::size_t group) {
  if (on_card_ == group) return {};
  TG_TRY(fetch_held());
  on_card_.reset();
  const Image image = lay_out(members(group));
  TG_TRY(card_.reserve(image.size(), "taking device memory for models"));
  TG_TRY(cuda_status(cudaMemcpyAsync(card_.data(), image.copied().data(), image.copied().size(), cudaMemcpyHostToDevice,
                                     stream_.get()),
                     "copying models"));
  TG_TRY(cuda_status(cudaStreamSynchronize(stream_.get()), "copying models"));
  for (std::size_t i = 0; i < places_.size(); ++i) point(members(group)[i], places_[i]);
  on_card_ = group;
  return {};
}

/// Trains those of a group on the card that have epochs before them.
Status ManyOnCard::run(Members group, std::size_t most_epochs) {
  std::vector<std::size_t> chosen;
  std::vector<OfMany> at_work;
  for (const std::size_t m : group) {
    if (models_[m].end != ManyEnd::none) continue;
    chosen.push_back(m);
    at_work.push_back(models_[m]);
  }
  if (chosen.empty()) return {};
  const std::size_t lines = most_epochs + 1;
  const auto blocks = static_cast<std::uint32_t>(std::min(chosen.size(), most_blocks_));
  TG_TRY(history_.reserve(chosen.size() * lines, "taking device memory for losses"));
  TG_TRY(scratch_.reserve(blocks * plan_.scratch_floats(), "taking device memory for what a step keeps"));
  for (std::size_t i = 0; i < chosen.size(); ++i) at_work[i].history = history_.data() + i * lines;
  TG_TRY(copy_in(at_work_, std::span<const OfMany>(at_work), stream_.get(), "copying models"));
  TG_TRY(tile::start_many(at_work_.data(), static_cast<std::uint32_t>(chosen.size()), scratch_.data(), plan_, settings_,
                          static_cast<std::uint32_t>(most_epochs), blocks, stream_.get()));
  std::vector<EpochLoss> history(chosen.size() * lines);
  TG_TRY(copy_out(std::span(at_work), at_work_.data(), stream_.get(), "training many models"));
  TG_TRY(copy_out(std::span(history), history_.data(), stream_.get(), "copying losses"));
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    OfMany& model = models_[chosen[i]];
    const std::size_t new_lines = at_work[i].epochs_done - model.epochs_done + model.fresh;
    const auto first = history.begin() + static_cast<std::ptrdiff_t>(i * lines);
    news_[chosen[i]].insert(news_[chosen[i]].end(), first, first + static_cast<std::ptrdiff_t>(new_lines));
    model = at_work[i];
  }
  return {};
}

Status ManyOnCard::train(std::size_t most_epochs) {
  TG_TRY(use_device(device_));
  const ManySettled settled{*this};
  const std::size_t groups = group_begin_.size() - 1, first = on_card_.value_or(0);
  for (std::size_t i = 0; i < groups; ++i) {  // the one that is there comes first
    const std::size_t group = (first + i) % groups;
    const bool done = std::ranges::all_of(members(group), [&](std::size_t m) { return models_[m].end != ManyEnd::none; });
    if (done) continue;
    TG_TRY(load(group));
    TG_TRY(run(members(group), std::min(most_epochs, settings_.epochs)));
  }
  return {};
}

std::vector<ManyStanding> ManyOnCard::standings() const {
  std::vector<ManyStanding> standings;
  for (const OfMany& model : models_) standings.push_back({model.epochs_done, model.end});
  return standings;
}

Status ManyOnCard::fetch() {
  TG_TRY(use_device(device_));
  const ManySettled settled{*this};
  return fetch_held();
}

/// What the models on the card hold; the others' came back when they left.
Status ManyOnCard::fetch_held() {
  if (!on_card_) return {};
  std::vector<unsigned char> held(held_bytes_);
  TG_TRY(copy_out(std::span(held), card_.data(), stream_.get(), "copying models"));
  for (std::size_t i = 0; i < places_.size(); ++i) take(members(*on_card_)[i], places_[i], held);
  return {};
}

void ManyOnCard::take(std::size_t m, const ModelPlaces& places, std::span<const unsigned char> held) {
  const auto vector = [&](std::size_t place) {
    std::vector<float> values(plan_.parameters());
    std::memcpy(values.data(), held.data() + place, values.size() * sizeof(float));
    return values;
  };
  ManyState& s = states_[m];
  s.history.insert(s.history.end(), news_[m].begin(), news_[m].end());
  news_[m].clear();
  s.parameters = vector(places.now[0]);
  if (settings_.optimizer.kind == OptimizerKind::adam) s.optimizer.first_moment = vector(places.now[1]);
  s.optimizer.second_moment = vector(places.now[2]);
  s.best_parameters = vector(places.best);
  s.optimizer.steps = models_[m].optimizer_steps;
  s.best_epoch = models_[m].best_epoch;
  s.best_loss = models_[m].best_loss;
  s.end = models_[m].end;
}

}  // namespace

Expected<std::unique_ptr<ManyNetworks>> make_many_cuda(std::vector<ManyState> states, std::span<const ManyTask> tasks,
                                                       const ManySettings& settings, int device) {
  TG_TRY(use_device(device));
  TG_TRY(lstm_tile_check(settings.shape, device));
  auto stream = make_cuda_stream();
  if (!stream) return stream.error();
  auto networks = std::make_unique<ManyOnCard>(std::move(states), tasks, settings, device, *std::move(stream));
  TG_TRY(networks->start());
  return std::unique_ptr<ManyNetworks>(std::move(networks));
}

}  // namespace tidegauge
