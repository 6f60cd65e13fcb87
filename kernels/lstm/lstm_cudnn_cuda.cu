// The cells by cuDNN 9. The only file that knows cuDNN: its functions are looked up when the first network is made, so
// that nothing else of the module needs the library.
// What the interface asks for, and is easy to get wrong (cudnn_adv.h and NVIDIA's "cudnn_adv Library" page):
// - forward and backward use one descriptor, hence one algorithm, and the same reserve space in between;
// - cudnnRNNBackwardWeights_v8 only adds (CUDNN_WGRAD_MODE_SET is declared, not supported), and comes after
//   cudnnRNNBackwardData_v8;
// - unpacked layouts need CUDNN_RNN_PADDED_IO_ENABLED; lengths lie on the host (in the descriptors) and on the device;
// - without projection projSize is the hidden size; temporary spaces do not grow with the batch, so ask for every size;
// - two biases (CUDNN_RNN_DOUBLE_BIAS) are what everybody uses and every algorithm knows; the recurrent one stays zero;
// - CUDNN_DEFAULT_MATH allows TF32 for floats, CUDNN_FMA_MATH does not.
#include <cudnn.h>
#include <dlfcn.h>

#include <algorithm>
#include <utility>

#include "kernels/core/contract.hpp"
#include "kernels/core/cudnn_library.hpp"
#include "kernels/device/cuda_owners.hpp"
#include "kernels/lstm/lstm_cells_cuda.hpp"
#include "kernels/lstm/lstm_cudnn_rule.hpp"
#include "kernels/lstm/lstm_step_cuda.hpp"

static_assert(CUDNN_MAJOR == 9, "written for the interface of cuDNN 9");

namespace tidegauge::lstm {

namespace {

#define TG_CUDNN_FUNCTIONS(X)     \
  X(cudnnGetErrorString)          \
  X(cudnnGetLastErrorString)      \
  X(cudnnCreate)                  \
  X(cudnnDestroy)                 \
  X(cudnnSetStream)               \
  X(cudnnCreateTensorDescriptor)  \
  X(cudnnDestroyTensorDescriptor) \
  X(cudnnSetTensorNdDescriptor)   \
  X(cudnnGetTensorNdDescriptor)   \
  X(cudnnCreateDropoutDescriptor) \
  X(cudnnDestroyDropoutDescriptor)\
  X(cudnnSetDropoutDescriptor)    \
  X(cudnnCreateRNNDescriptor)     \
  X(cudnnDestroyRNNDescriptor)    \
  X(cudnnSetRNNDescriptor_v8)     \
  X(cudnnCreateRNNDataDescriptor) \
  X(cudnnDestroyRNNDataDescriptor)\
  X(cudnnSetRNNDataDescriptor)    \
  X(cudnnGetRNNTempSpaceSizes)    \
  X(cudnnGetRNNWeightSpaceSize)   \
  X(cudnnGetRNNWeightParams)      \
  X(cudnnRNNForward)              \
  X(cudnnRNNBackwardData_v8)      \
  X(cudnnRNNBackwardWeights_v8)

struct Cudnn {
#define TG_DECLARE(function) decltype(&::function) function = nullptr;
  TG_CUDNN_FUNCTIONS(TG_DECLARE)
#undef TG_DECLARE
};

Expected<Cudnn> load_functions() {
  const auto library = load_cudnn();
  if (!library) return library.error();
  Cudnn table;
  const char* missing = nullptr;
#define TG_LOOK_UP(function)                                                                              \
  table.function = reinterpret_cast<decltype(&::function)>(dlsym(library->handle, #function));            \
  if (!table.function) missing = #function;
  TG_CUDNN_FUNCTIONS(TG_LOOK_UP)
#undef TG_LOOK_UP
  if (missing)
    return Error{"cuDNN " + cudnn_version_text(library->version) + " has no " + missing, cudnn_file,
                 "install a cuDNN 9 that is whole; or --device cpu"};
  return table;
}

/// Loaded by the first network of the process.
const Expected<Cudnn>& cudnn() {
  static const Expected<Cudnn> loaded = load_functions();
  return loaded;
}

const char* remedy_of(cudnnStatus_t code) {
  switch (code) {
    case CUDNN_STATUS_SUBLIBRARY_LOADING_FAILED:
    case CUDNN_STATUS_SUBLIBRARY_VERSION_MISMATCH:
      return "install cuDNN 9 for CUDA 13 whole, with cuBLAS; or --device cpu";
    case CUDNN_STATUS_NOT_INITIALIZED:
      return "tidegauge doctor says whether driver and card are in order; or --device cpu";
    case CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED:
    case CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED:
      return "close what else uses the card, a smaller --batch, or --device cpu";
    default:
      return "another algorithm (train --cudnn), or --device cpu";
  }
}

Status cudnn_status(const Cudnn& api, cudnnStatus_t code, const char* doing) {
  if (code == CUDNN_STATUS_SUCCESS) return {};
  char details[512] = "";
  api.cudnnGetLastErrorString(details, sizeof details);
  std::string what = std::string("cuDNN: ") + doing + ": " + api.cudnnGetErrorString(code);
  if (*details) what += std::string(" (") + details + ")";
  return Error{what, "--device", remedy_of(code)};
}

/// Whether another algorithm may do what this one could not. One that keeps its weights on the chip also fails where too
/// few of its blocks run at once; a lost card fails the other way, too, in its own words. Too little memory is no
/// refusal: the same run would go another way beside other programs.
bool is_refusal(cudnnStatus_t code) {
  if (code == CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED ||
      code == CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED)
    return false;
  const int category = CUDNN_STATUS_CATEGORY(code);
  return category == CUDNN_STATUS_NOT_SUPPORTED || category == CUDNN_STATUS_EXECUTION_FAILED ||
         category == CUDNN_STATUS_INTERNAL_ERROR;
}

/// A cuDNN object of type T; `create` and `destroy` are members of the table.
template <class T, auto create, auto destroy>
class Owned {
 public:
  Owned() = default;
  static Expected<Owned> make(const Cudnn& api, const char* doing) {
    T object{};
    TG_TRY(cudnn_status(api, (api.*create)(&object), doing));
    return Owned(api, object);
  }
  Owned(Owned&& other) noexcept : api_(other.api_), object_(std::exchange(other.object_, T{})) {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(api_, other.api_);
    std::swap(object_, other.object_);
    return *this;
  }
  ~Owned() {
    if (object_) (api_->*destroy)(object_);
  }
  T get() const { return object_; }

 private:
  Owned(const Cudnn& api, T object) : api_(&api), object_(object) {}
  const Cudnn* api_ = nullptr;
  T object_{};
};

using Handle = Owned<cudnnHandle_t, &Cudnn::cudnnCreate, &Cudnn::cudnnDestroy>;
using TensorDescriptor =
    Owned<cudnnTensorDescriptor_t, &Cudnn::cudnnCreateTensorDescriptor, &Cudnn::cudnnDestroyTensorDescriptor>;
using DropoutDescriptor =
    Owned<cudnnDropoutDescriptor_t, &Cudnn::cudnnCreateDropoutDescriptor, &Cudnn::cudnnDestroyDropoutDescriptor>;
using RnnDescriptor =
    Owned<cudnnRNNDescriptor_t, &Cudnn::cudnnCreateRNNDescriptor, &Cudnn::cudnnDestroyRNNDescriptor>;
using DataDescriptor =
    Owned<cudnnRNNDataDescriptor_t, &Cudnn::cudnnCreateRNNDataDescriptor, &Cudnn::cudnnDestroyRNNDataDescriptor>;

/// Assigns what make() gave, or returns its error.
#define TG_ASSIGN(place, expected)                                        \
  do {                                                                    \
    auto tg_made = (expected);                                            \
    if (!tg_made) return std::move(tg_made).error();                      \
    place = *std::move(tg_made);                                          \
  } while (false)

cudnnRNNAlgo_t cudnn_algorithm(LstmAlgorithm algorithm) {
  switch (algorithm) {
    case LstmAlgorithm::persist_static:
      return CUDNN_RNN_ALGO_PERSIST_STATIC;
    case LstmAlgorithm::small_h:
      return CUDNN_RNN_ALGO_PERSIST_STATIC_SMALL_H;
    case LstmAlgorithm::standard:
    case LstmAlgorithm::automatic:
    case LstmAlgorithm::tile:  // not cuDNN's: lstm_tile_cuda.hpp
      break;
  }
  return CUDNN_RNN_ALGO_STANDARD;
}

cudnnForwardMode_t mode_of(bool training) { return training ? CUDNN_FWD_MODE_TRAINING : CUDNN_FWD_MODE_INFERENCE; }

/// Layers that one call runs: all of them, or one where dropout comes between.
struct Stack {
  std::size_t layers = 0, inputs = 0;
  RnnDescriptor descriptor;
  std::size_t space_floats = 0, space_offset = 0;  ///< its part of the spaces
  DeviceBuffer<float> outputs, dropped;            ///< [look_back][windows][hidden]; dropped: times dropout's factors
  DeviceBuffer<std::uint8_t> reserve;              ///< what forward leaves for backward

  std::size_t space_bytes() const { return space_floats * sizeof(float); }
};

/// What a stack needs for pieces of one size.
struct StackPlan {
  DataDescriptor inputs, outputs;
  TensorDescriptor state;
  std::size_t work = 0, reserve = 0;  ///< bytes; nothing is reserved when only predicting
};
struct Plan {
  std::size_t windows = 0;
  bool training = false;
  std::vector<StackPlan> stacks;
};

class CudnnCells final : public LstmCells {
 public:
  CudnnCells(const Cudnn& api, const LstmShape& shape, const LstmOptions& options, int compute_major,
             std::size_t device_bytes, cudaStream_t stream)
      : api_(api),
        shape_(shape),
        most_windows_(lstm::most_windows(shape, device_bytes)),
        options_(options),
        algorithm_(choose_algorithm(options, shape, compute_major)),
        stream_(stream) {}

  Status start();

  std::size_t most_windows() const override { return most_windows_; }
  Expected<bool> prepare(std::size_t windows, bool training, bool separate) override;
  LstmAlgorithm algorithm() const override { return algorithm_; }
  const CellSpace& space() const override { return space_; }
  float* inputs() override { return inputs_.data(); }
  const float* last_outputs(std::size_t windows) const override {
    return stacks_.back().outputs.data() + last_step(windows);
  }
  float* last_gradient(std::size_t windows) override { return gradient_above_.data() + last_step(windows); }
  Status forward(const StepWork& work, bool training, const std::optional<Dropout>& dropout) override;
  Status backward(const StepWork& work, const std::optional<Dropout>& dropout) override;

  bool take_another_way() override {
    if (!refused_ || options_.algorithm != LstmAlgorithm::automatic || algorithm_ == LstmAlgorithm::standard)
      return false;
    algorithm_ = LstmAlgorithm::standard;
    stacks_.clear();
    return true;
  }

 private:
  std::size_t last_step(std::size_t windows) const { return (shape_.look_back - 1) * windows * shape_.hidden; }
  Status check(cudnnStatus_t code, const char* doing) {
    refused_ = is_refusal(code);
    return cudnn_status(api_, code, doing);
  }
  Status build_stacks(bool separate);
  Expected<Stack> make_stack(std::size_t layers, std::size_t inputs);
  Status find_places();
  Expected<CudnnLayerPlaces> places_of_layer(const Stack& stack, std::size_t layer);
  Expected<std::uint32_t> place_of(const Stack& stack, const void* address, const TensorDescriptor& tensor,
                                   std::size_t expected);
  Expected<Plan> make_plan(std::size_t windows, bool training);
  Expected<StackPlan> make_stack_plan(const Stack& stack, std::size_t windows, bool training);
  Status describe(DataDescriptor& descriptor, std::size_t windows, std::size_t values);
  const Plan* find_plan(std::size_t windows, bool training) const;
  Expected<bool> make_room(const Plan& plan);
  /// What stack s reads, given where dropout stands.
  const float* inputs_of(std::size_t s, bool dropout) const {
    if (s == 0) return inputs_.data();
    return dropout ? stacks_[s - 1].dropped.data() : stacks_[s - 1].outputs.data();
  }

  const Cudnn& api_;
  const LstmShape shape_;
  const std::size_t most_windows_;
  const LstmOptions options_;
  LstmAlgorithm algorithm_;
  cudaStream_t stream_;
  bool refused_ = false;  ///< the last call: is_refusal
  bool separate_ = false;
  Handle handle_;
  DropoutDescriptor no_dropout_;  ///< cuDNN's own is not reproducible
  TensorDescriptor tensor_;       ///< for questions
  TensorDescriptor bias_tensor_;
  std::vector<Stack> stacks_;
  std::vector<Plan> plans_;
  CellSpace space_;
  DeviceBuffer<float> parameters_, gradient_, inputs_;
  DeviceBuffer<float> gradient_above_, gradient_below_;  ///< exchanged from stack to stack
  DeviceBuffer<std::uint8_t> work_;
  DeviceBuffer<std::int32_t> lengths_;  ///< look_back for each window
};

Status CudnnCells::start() {
  TG_ASSIGN(handle_, Handle::make(api_, "starting"));
  TG_TRY(check(api_.cudnnSetStream(handle_.get(), stream_), "taking the stream"));
  TG_ASSIGN(no_dropout_, DropoutDescriptor::make(api_, "describing no dropout"));
  TG_TRY(check(api_.cudnnSetDropoutDescriptor(no_dropout_.get(), handle_.get(), 0.0f, nullptr, 0, 0),
               "describing no dropout"));
  TG_ASSIGN(tensor_, TensorDescriptor::make(api_, "describing a tensor"));
  TG_ASSIGN(bias_tensor_, TensorDescriptor::make(api_, "describing a tensor"));
  const std::vector<std::int32_t> lengths(most_windows_, static_cast<std::int32_t>(shape_.look_back));
  TG_TRY(lengths_.reserve(lengths.size(), "taking device memory for lengths"));
  TG_TRY(cuda_status(cudaMemcpyAsync(lengths_.data(), lengths.data(), lengths.size() * sizeof lengths[0],
                                     cudaMemcpyHostToDevice, stream_),
                     "copying lengths"));
  return cuda_status(cudaStreamSynchronize(stream_), "copying lengths");
}

Expected<bool> CudnnCells::prepare(std::size_t windows, bool training, bool separate) {
  TG_REQUIRE(windows > 0 && windows <= most_windows_, "a piece of another size");
  bool moved = false;
  if (stacks_.empty() || separate_ != separate) {
    plans_.clear();
    TG_TRY(build_stacks(separate));
    moved = true;
  }
  if (!find_plan(windows, training)) {
    auto plan = make_plan(windows, training);
    if (!plan) return plan.error();
    plans_.push_back(*std::move(plan));
  }
  const auto grown = make_room(*find_plan(windows, training));
  if (!grown) return grown.error();
  return moved || *grown;
}

Status CudnnCells::build_stacks(bool separate) {
  stacks_.clear();
  space_ = {};
  std::vector<Stack> stacks;
  std::size_t floats = 0;
  for (std::size_t layer = 0; layer < shape_.layers;) {
    const std::size_t layers = separate ? 1 : shape_.layers;
    auto stack = make_stack(layers, layer == 0 ? shape_.features : shape_.hidden);
    if (!stack) return stack.error();
    constexpr std::size_t line = 64;  // floats; keeps every part as aligned as an allocation
    stack->space_offset = floats;
    floats += (stack->space_floats + line - 1) / line * line;
    stacks.push_back(*std::move(stack));
    layer += layers;
  }
  if (floats > UINT32_MAX)
    return Error{"a network of more than 2^32 parameters, which is more than the LSTM on a GPU can count", "--hidden",
                 "a smaller --hidden, fewer --layers, or --device cpu"};
  TG_TRY(parameters_.reserve(floats, "taking device memory for parameters"));
  TG_TRY(gradient_.reserve(floats, "taking device memory for the gradient"));
  space_ = {floats, parameters_.data(), gradient_.data(), {}};
  separate_ = separate;
  stacks_ = std::move(stacks);
  const Status found = find_places();
  if (!found) stacks_.clear();
  return found;
}

Expected<Stack> CudnnCells::make_stack(std::size_t layers, std::size_t inputs) {
  Stack stack;
  stack.layers = layers;
  stack.inputs = inputs;
  TG_ASSIGN(stack.descriptor, RnnDescriptor::make(api_, "describing the LSTM"));
  TG_TRY(check(
      api_.cudnnSetRNNDescriptor_v8(
          stack.descriptor.get(), cudnn_algorithm(algorithm_), CUDNN_LSTM, CUDNN_RNN_DOUBLE_BIAS, CUDNN_UNIDIRECTIONAL,
          CUDNN_LINEAR_INPUT, CUDNN_DATA_FLOAT, CUDNN_DATA_FLOAT,
          options_.tf32 ? CUDNN_DEFAULT_MATH : CUDNN_FMA_MATH, static_cast<std::int32_t>(inputs),
          static_cast<std::int32_t>(shape_.hidden), static_cast<std::int32_t>(shape_.hidden),
          static_cast<std::int32_t>(layers), no_dropout_.get(), CUDNN_RNN_PADDED_IO_ENABLED),
      "describing the LSTM"));
  std::size_t bytes = 0;
  TG_TRY(check(api_.cudnnGetRNNWeightSpaceSize(handle_.get(), stack.descriptor.get(), &bytes),
               "asking for the size of the parameters"));
  stack.space_floats = (bytes + sizeof(float) - 1) / sizeof(float);
  return Expected<Stack>(std::move(stack));
}

Status CudnnCells::find_places() {
  std::vector<CudnnLayerPlaces> layers;
  for (const Stack& stack : stacks_)
    for (std::size_t layer = 0; layer < stack.layers; ++layer) {
      auto places = places_of_layer(stack, layer);
      if (!places) return places.error();
      layers.push_back(*places);
    }
  space_.places = cudnn_places(shape_, layers);
  return {};
}

Expected<CudnnLayerPlaces> CudnnCells::places_of_layer(const Stack& stack, std::size_t layer) {
  CudnnLayerPlaces places{};
  const std::size_t inputs = layer == 0 ? stack.inputs : shape_.hidden;
  for (std::size_t id = 0; id < places.matrix.size(); ++id) {
    void *matrix = nullptr, *bias = nullptr;
    TG_TRY(check(api_.cudnnGetRNNWeightParams(handle_.get(), stack.descriptor.get(), static_cast<std::int32_t>(layer),
                                              stack.space_bytes(), space_.parameters + stack.space_offset,
                                              static_cast<std::int32_t>(id), tensor_.get(), &matrix,
                                              bias_tensor_.get(), &bias),
                 "asking where the parameters lie"));
    TG_ASSIGN(places.matrix[id], place_of(stack, matrix, tensor_, shape_.hidden * (id < 4 ? inputs : shape_.hidden)));
    TG_ASSIGN(places.bias[id], place_of(stack, bias, bias_tensor_, shape_.hidden));
  }
  return places;
}

Expected<std::uint32_t> CudnnCells::place_of(const Stack& stack, const void* address, const TensorDescriptor& tensor,
                                             std::size_t expected) {
  cudnnDataType_t type{};
  int dimensions = 0, sizes[CUDNN_DIM_MAX] = {}, strides[CUDNN_DIM_MAX] = {};
  TG_TRY(check(api_.cudnnGetTensorNdDescriptor(tensor.get(), CUDNN_DIM_MAX, &type, &dimensions, sizes, strides),
               "asking for the size of a parameter"));
  std::size_t count = 1;
  bool packed = true;
  for (int d = dimensions; d-- > 0;) {
    packed &= sizes[d] == 1 || static_cast<std::size_t>(strides[d]) == count;
    count *= static_cast<std::size_t>(sizes[d]);
  }
  const auto* begin = reinterpret_cast<const char*>(space_.parameters + stack.space_offset);
  const auto offset = static_cast<const char*>(address) - begin;
  const bool inside = address && offset >= 0 && offset % sizeof(float) == 0 &&
                      static_cast<std::size_t>(offset) + count * sizeof(float) <= stack.space_bytes();
  if (type != CUDNN_DATA_FLOAT || dimensions == 0 || count != expected || !packed || !inside)
    return Error{"cuDNN lays parameters out in an unexpected way", cudnn_file, "another cuDNN 9, or --device cpu"};
  return static_cast<std::uint32_t>(stack.space_offset + static_cast<std::size_t>(offset) / sizeof(float));
}

const Plan* CudnnCells::find_plan(std::size_t windows, bool training) const {
  for (const Plan& plan : plans_)
    if (plan.windows == windows && plan.training == training) return &plan;
  return nullptr;
}

Expected<Plan> CudnnCells::make_plan(std::size_t windows, bool training) {
  Plan plan{windows, training, {}};
  for (const Stack& stack : stacks_) {
    auto made = make_stack_plan(stack, windows, training);
    if (!made) return made.error();
    plan.stacks.push_back(*std::move(made));
  }
  return Expected<Plan>(std::move(plan));
}

Expected<StackPlan> CudnnCells::make_stack_plan(const Stack& stack, std::size_t windows, bool training) {
  StackPlan plan;
  TG_TRY(describe(plan.inputs, windows, stack.inputs));
  TG_TRY(describe(plan.outputs, windows, shape_.hidden));
  TG_ASSIGN(plan.state, TensorDescriptor::make(api_, "describing the state"));
  const int sizes[] = {static_cast<int>(stack.layers), static_cast<int>(windows), static_cast<int>(shape_.hidden)};
  const int strides[] = {sizes[1] * sizes[2], sizes[2], 1};
  TG_TRY(check(api_.cudnnSetTensorNdDescriptor(plan.state.get(), CUDNN_DATA_FLOAT, 3, sizes, strides),
               "describing the state"));
  TG_TRY(check(api_.cudnnGetRNNTempSpaceSizes(handle_.get(), stack.descriptor.get(), mode_of(training),
                                              plan.inputs.get(), &plan.work, &plan.reserve),
               "asking for the size of working memory"));
  return Expected<StackPlan>(std::move(plan));
}

/// Step-major, every window of full length.
Status CudnnCells::describe(DataDescriptor& descriptor, std::size_t windows, std::size_t values) {
  TG_ASSIGN(descriptor, DataDescriptor::make(api_, "describing a batch"));
  const std::vector<int> lengths(windows, static_cast<int>(shape_.look_back));
  return check(api_.cudnnSetRNNDataDescriptor(descriptor.get(), CUDNN_DATA_FLOAT,
                                              CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_UNPACKED,
                                              static_cast<int>(shape_.look_back), static_cast<int>(windows),
                                              static_cast<int>(values), lengths.data(), nullptr),
               "describing a batch");
}

/// @return whether a buffer moved.
Expected<bool> CudnnCells::make_room(const Plan& plan) {
  bool moved = false;
  const auto room = [&](auto& buffer, std::size_t count) -> Status {
    count = std::max<std::size_t>(count, 1);  // cuDNN takes no null, also where it needs nothing
    if (count <= buffer.capacity()) return {};
    moved = true;
    TG_TRY(cuda_status(cudaStreamSynchronize(stream_), "running the LSTM"));
    return buffer.reserve(count, "taking device memory for the LSTM");
  };
  const std::size_t places = shape_.look_back * plan.windows, hidden = places * shape_.hidden;
  TG_TRY(room(inputs_, places * shape_.features));
  if (plan.training) {
    // The lowest stack's gradient by its inputs is computed too, and needed by nobody.
    const std::size_t widest = places * std::max(shape_.hidden, shape_.features);
    TG_TRY(room(gradient_above_, widest));
    TG_TRY(room(gradient_below_, widest));
  }
  for (std::size_t s = 0; s < stacks_.size(); ++s) {
    const StackPlan& needed = plan.stacks[s];
    TG_TRY(room(stacks_[s].outputs, hidden));
    TG_TRY(room(work_, needed.work));
    if (plan.training) TG_TRY(room(stacks_[s].reserve, needed.reserve));
    if (plan.training && s + 1 < stacks_.size()) TG_TRY(room(stacks_[s].dropped, hidden));
  }
  return moved;
}

Status CudnnCells::forward(const StepWork& work, bool training, const std::optional<Dropout>& dropout) {
  const Plan* plan = find_plan(work.windows, training);
  TG_REQUIRE(plan != nullptr, "cells that were not prepared for this");
  for (std::size_t s = 0; s < stacks_.size(); ++s) {
    Stack& stack = stacks_[s];
    const StackPlan& p = plan->stacks[s];
    TG_TRY(check(
        api_.cudnnRNNForward(handle_.get(), stack.descriptor.get(), mode_of(training), lengths_.data(),
                             p.inputs.get(), inputs_of(s, dropout.has_value()), p.outputs.get(), stack.outputs.data(),
                             p.state.get(), nullptr, nullptr, p.state.get(), nullptr, nullptr, stack.space_bytes(),
                             space_.parameters + stack.space_offset, p.work,
                             work_.data(), training ? p.reserve : 0, training ? stack.reserve.data() : nullptr),
        "running the LSTM forward"));
    if (dropout && s + 1 < stacks_.size())
      TG_TRY(start_dropout(stack.dropped.data(), stack.outputs.data(), work, *dropout, static_cast<std::uint32_t>(s),
                           stream_));
  }
  if (!training) return {};
  // Only the last step gets a gradient from above, and backward wants one for every step.
  const std::size_t outputs = shape_.look_back * work.windows * shape_.hidden;
  return cuda_status(cudaMemsetAsync(gradient_above_.data(), 0, outputs * sizeof(float), stream_),
                     "clearing the gradient by the outputs");
}

Status CudnnCells::backward(const StepWork& work, const std::optional<Dropout>& dropout) {
  const Plan* plan = find_plan(work.windows, true);
  TG_REQUIRE(plan != nullptr, "cells that were not prepared for this");
  float *above = gradient_above_.data(), *below = gradient_below_.data();
  for (std::size_t s = stacks_.size(); s-- > 0;) {
    Stack& stack = stacks_[s];
    const StackPlan& p = plan->stacks[s];
    TG_TRY(check(api_.cudnnRNNBackwardData_v8(
                     handle_.get(), stack.descriptor.get(), lengths_.data(), p.outputs.get(), stack.outputs.data(),
                     above, p.inputs.get(), below, p.state.get(), nullptr, nullptr, nullptr, p.state.get(), nullptr,
                     nullptr, nullptr, stack.space_bytes(), space_.parameters + stack.space_offset, p.work,
                     work_.data(), p.reserve, stack.reserve.data()),
                 "running the LSTM backward"));
    TG_TRY(check(api_.cudnnRNNBackwardWeights_v8(
                     handle_.get(), stack.descriptor.get(), CUDNN_WGRAD_MODE_ADD, lengths_.data(), p.inputs.get(),
                     inputs_of(s, dropout.has_value()), p.state.get(), nullptr, p.outputs.get(), stack.outputs.data(),
                     stack.space_bytes(), space_.gradient + stack.space_offset, p.work, work_.data(),
                     p.reserve, stack.reserve.data()),
                 "computing the gradient of the LSTM"));
    if (s > 0 && dropout)
      TG_TRY(start_dropout(below, below, work, *dropout, static_cast<std::uint32_t>(s - 1), stream_));
    std::swap(above, below);
  }
  return {};
}

}  // namespace

Expected<std::unique_ptr<LstmCells>> make_cudnn_cells(const LstmShape& shape, const LstmOptions& options, int device,
                                                      cudaStream_t stream) {
  TG_TRY(check_cudnn_shape(shape));
  const Expected<Cudnn>& api = cudnn();
  if (!api) return api.error();
  int major = 0;
  TG_TRY(cuda_status(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device),
                     "asking for the compute capability"));
  std::size_t free = 0, total = 0;
  TG_TRY(cuda_status(cudaMemGetInfo(&free, &total), "asking for the device's memory"));
  auto cells = std::make_unique<CudnnCells>(*api, shape, options, major, total, stream);
  TG_TRY(cells->start());
  return std::unique_ptr<LstmCells>(std::move(cells));
}

}  // namespace tidegauge::lstm
