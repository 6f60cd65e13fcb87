#include "tests/cuda_on_host/host_cudnn.hpp"

#include <cudnn.h>
#include <dlfcn.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/core/cudnn_library.hpp"
#include "tests/cuda_on_host/host_stream.hpp"

namespace tidegauge {

namespace test {
CudnnRefusal cudnn_refusal;
bool cudnn_does_not_start = false;
CudnnLayout cudnn_layout = CudnnLayout::packed;
int cudnn_forward_calls = 0, cudnn_most_windows = 0, cudnn_training_questions = 0;
}  // namespace test

// In place of kernels/core/cudnn_library.cpp: the functions are in this program.
std::string cudnn_version_text(std::size_t version) { return std::to_string(version); }
Status check_cudnn_version(std::size_t) { return {}; }
Expected<CudnnLibrary> load_cudnn(const char*) { return CudnnLibrary{dlopen(nullptr, RTLD_NOW), CUDNN_VERSION}; }

}  // namespace tidegauge

struct cudnnContext {
  cudaStream_t stream = nullptr;
};
struct cudnnTensorStruct {
  std::vector<int> sizes, strides;
};
struct cudnnDropoutStruct {
  bool off = false;
};
struct cudnnRNNDataStruct {
  bool set = false;
  std::size_t steps = 0, windows = 0, values = 0;
};
struct cudnnRNNStruct {
  bool set = false;
  cudnnRNNAlgo_t algorithm{};
  std::size_t inputs = 0, hidden = 0, layers = 0;

  std::size_t inputs_of(std::size_t layer) const { return layer == 0 ? inputs : hidden; }
  std::size_t columns(std::size_t layer, std::size_t id) const { return id < 4 ? inputs_of(layer) : hidden; }
  /// Layers and parts from the last to the first, biases before their matrices, three floats after each.
  std::size_t place(std::size_t layer, std::size_t id, bool bias) const {
    std::size_t at = 5;
    for (std::size_t l = layers; l-- > layer;)
      for (std::size_t i = 8; i-- > (l == layer ? id : 0);) {
        const bool here = l == layer && i == id;
        if (here && bias) return at;
        at += hidden + 3;
        if (here) return at;
        at += hidden * columns(l, i) + 3;
      }
    return at;
  }
  std::size_t space_floats() const { return place(0, 0, false) + hidden * inputs + 11; }
};

namespace {

using Steps = std::vector<double>;  // [steps][windows][values]

/// What forward leaves: of every layer inputs, i, f, g, o, c and h; then the gates' gradients that backward adds.
struct Tape {
  const cudnnRNNStruct& rnn;
  std::size_t steps, windows;
  double* base;

  std::size_t places() const { return steps * windows; }
  std::size_t layer_size() const { return places() * (std::max(rnn.inputs, rnn.hidden) + 10 * rnn.hidden); }
  std::size_t size() const { return rnn.layers * layer_size(); }
  double* inputs(std::size_t layer) const { return base + layer * layer_size(); }
  /// part: 0 to 3 the gates, 4 c, 5 h, 6 to 9 the gates' gradients; [steps][windows][hidden]
  double* part(std::size_t layer, std::size_t part) const {
    return inputs(layer) + places() * (std::max(rnn.inputs, rnn.hidden) + part * rnn.hidden);
  }
};

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

struct Space {
  const cudnnRNNStruct& rnn;
  const float* base;
  double weight(std::size_t layer, std::size_t id, std::size_t row, std::size_t column) const {
    return base[rnn.place(layer, id, false) + row * rnn.columns(layer, id) + column];
  }
  double bias(std::size_t layer, std::size_t id, std::size_t row) const {
    return base[rnn.place(layer, id, true) + row];
  }
};

void run_forward(const Tape& tape, const Space& space, const float* x, float* y) {
  const cudnnRNNStruct& rnn = tape.rnn;
  const std::size_t hidden = rnn.hidden;
  for (std::size_t layer = 0; layer < rnn.layers; ++layer) {
    const std::size_t inputs = rnn.inputs_of(layer);
    double* in = tape.inputs(layer);
    for (std::size_t i = 0; i < tape.places() * inputs; ++i)
      in[i] = layer == 0 ? double{x[i]} : tape.part(layer - 1, 5)[i];
    for (std::size_t at = 0; at < tape.places(); ++at) {  // steps are the outer index
      const bool first = at < tape.windows;
      const double* before = first ? nullptr : tape.part(layer, 5) + (at - tape.windows) * hidden;
      for (std::size_t u = 0; u < hidden; ++u) {
        double gates[4];
        for (std::size_t g = 0; g < 4; ++g) {
          double sum = space.bias(layer, g, u) + space.bias(layer, 4 + g, u);
          for (std::size_t k = 0; k < inputs; ++k) sum += space.weight(layer, g, u, k) * in[at * inputs + k];
          for (std::size_t k = 0; !first && k < hidden; ++k) sum += space.weight(layer, 4 + g, u, k) * before[k];
          gates[g] = g == 2 ? std::tanh(sum) : sigmoid(sum);
          tape.part(layer, g)[at * hidden + u] = gates[g];
        }
        const double c_before = first ? 0 : tape.part(layer, 4)[(at - tape.windows) * hidden + u];
        const double c = gates[1] * c_before + gates[0] * gates[2];
        tape.part(layer, 4)[at * hidden + u] = c;
        tape.part(layer, 5)[at * hidden + u] = gates[3] * std::tanh(c);
      }
    }
  }
  for (std::size_t i = 0; i < tape.places() * hidden; ++i)
    y[i] = static_cast<float>(tape.part(rnn.layers - 1, 5)[i]);
}

void run_backward_data(const Tape& tape, const Space& space, const float* dy, float* dx) {
  const cudnnRNNStruct& rnn = tape.rnn;
  const std::size_t hidden = rnn.hidden, windows = tape.windows;
  Steps above(dy, dy + tape.places() * hidden);
  for (std::size_t layer = rnn.layers; layer-- > 0;) {
    const std::size_t inputs = rnn.inputs_of(layer);
    Steps below(tape.places() * inputs), dc(windows * hidden);
    for (std::size_t at = tape.places(); at-- > 0;) {
      const bool first = at < windows;
      for (std::size_t u = 0; u < hidden; ++u) {
        const std::size_t unit = at * hidden + u;
        const auto value = [&](std::size_t part) { return tape.part(layer, part)[unit]; };
        const double squashed = std::tanh(value(4)), dh = above[unit];
        double& carried = dc[at % windows * hidden + u];
        const double d = carried + dh * value(3) * (1 - squashed * squashed);
        const double c_before = first ? 0 : tape.part(layer, 4)[unit - windows * hidden];
        carried = d * value(1);
        tape.part(layer, 6)[unit] = d * value(2) * value(0) * (1 - value(0));
        tape.part(layer, 7)[unit] = d * c_before * value(1) * (1 - value(1));
        tape.part(layer, 8)[unit] = d * value(0) * (1 - value(2) * value(2));
        tape.part(layer, 9)[unit] = dh * squashed * value(3) * (1 - value(3));
        for (std::size_t g = 0; g < 4; ++g) {
          const double dgate = tape.part(layer, 6 + g)[unit];
          for (std::size_t k = 0; k < inputs; ++k) below[at * inputs + k] += dgate * space.weight(layer, g, u, k);
          for (std::size_t k = 0; !first && k < hidden; ++k)
            above[(at - windows) * hidden + k] += dgate * space.weight(layer, 4 + g, u, k);
        }
      }
    }
    above = std::move(below);
  }
  for (std::size_t i = 0; i < above.size(); ++i) dx[i] = static_cast<float>(above[i]);
}

void run_backward_weights(const Tape& tape, const float* x, float* gradient) {
  const cudnnRNNStruct& rnn = tape.rnn;
  for (std::size_t i = 0; i < tape.places() * rnn.inputs; ++i) tape.inputs(0)[i] = double{x[i]};
  for (std::size_t layer = 0; layer < rnn.layers; ++layer)
    for (std::size_t id = 0; id < 8; ++id) {
      const std::size_t columns = rnn.columns(layer, id);
      for (std::size_t u = 0; u < rnn.hidden; ++u) {
        Steps sums(columns + 1);
        for (std::size_t at = 0; at < tape.places(); ++at) {
          const double dgate = tape.part(layer, 6 + id % 4)[at * rnn.hidden + u];
          sums[columns] += dgate;
          if (id >= 4 && at < tape.windows) continue;  // no output before the first step
          const double* source = id < 4 ? tape.inputs(layer) + at * columns
                                        : tape.part(layer, 5) + (at - tape.windows) * columns;
          for (std::size_t k = 0; k < columns; ++k) sums[k] += dgate * source[k];
        }
        for (std::size_t k = 0; k < columns; ++k)
          gradient[rnn.place(layer, id, false) + u * columns + k] += static_cast<float>(sums[k]);
        gradient[rnn.place(layer, id, true) + u] += static_cast<float>(sums[columns]);
      }
    }
}

/// Sizes that fall where the batch grows, as the documentation warns.
std::size_t work_bytes(const cudnnRNNDataStruct& x, bool training) {
  return (x.windows % 2 ? 4096 : 64) + (training ? 16 : 8) * x.values;
}
std::size_t reserve_bytes(const cudnnRNNStruct& rnn, const cudnnRNNDataStruct& x) {
  return Tape{rnn, x.steps, x.windows, nullptr}.size() * sizeof(double);
}

bool describes_state(const cudnnTensorStruct* tensor, const cudnnRNNStruct& rnn, const cudnnRNNDataStruct& x) {
  const int layers = static_cast<int>(rnn.layers), windows = static_cast<int>(x.windows),
            hidden = static_cast<int>(rnn.hidden);
  return tensor && tensor->sizes == std::vector{layers, windows, hidden} &&
         tensor->strides == std::vector{windows * hidden, hidden, 1};
}

bool fits(const cudnnRNNStruct* rnn, const cudnnRNNDataStruct* x, const cudnnRNNDataStruct* y,
          const cudnnTensorStruct* state, const int32_t* lengths, std::size_t space_bytes) {
  if (!rnn || !rnn->set || !x || !x->set || !y || !y->set || !lengths) return false;
  for (std::size_t w = 0; w < x->windows; ++w)
    if (lengths[w] != static_cast<int32_t>(x->steps)) return false;
  return x->values == rnn->inputs && y->values == rnn->hidden && x->steps == y->steps && x->windows == y->windows &&
         describes_state(state, *rnn, *x) && space_bytes == rnn->space_floats() * sizeof(float);
}

}  // namespace

extern "C" {

#define EXPORT __attribute__((visibility("default")))
#define NEEDS(condition) \
  if (!(condition)) return CUDNN_STATUS_BAD_PARAM

#define MAY_REFUSE(call, ...)                                                            \
  if (tidegauge::test::cudnn_refusal.here(tidegauge::test::CudnnCall::call, __VA_ARGS__)) \
  return tidegauge::test::cudnn_refusal.status

#define OBJECT(Name, Type)                               \
  EXPORT cudnnStatus_t cudnnCreate##Name(Type* object) { \
    *object = new std::remove_pointer_t<Type>;           \
    return CUDNN_STATUS_SUCCESS;                         \
  }                                                      \
  EXPORT cudnnStatus_t cudnnDestroy##Name(Type object) { \
    delete object;                                       \
    return CUDNN_STATUS_SUCCESS;                         \
  }
OBJECT(, cudnnHandle_t)
OBJECT(TensorDescriptor, cudnnTensorDescriptor_t)
OBJECT(DropoutDescriptor, cudnnDropoutDescriptor_t)
OBJECT(RNNDescriptor, cudnnRNNDescriptor_t)
OBJECT(RNNDataDescriptor, cudnnRNNDataDescriptor_t)

EXPORT const char* cudnnGetErrorString(cudnnStatus_t) { return "made up"; }
EXPORT void cudnnGetLastErrorString(char* message, size_t) { *message = '\0'; }

EXPORT cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
  if (tidegauge::test::cudnn_does_not_start) return CUDNN_STATUS_SUBLIBRARY_LOADING_FAILED;
  handle->stream = stream;
  return CUDNN_STATUS_SUCCESS;
}

EXPORT cudnnStatus_t cudnnSetTensorNdDescriptor(cudnnTensorDescriptor_t tensor, cudnnDataType_t type, int dimensions,
                                                const int sizes[], const int strides[]) {
  NEEDS(type == CUDNN_DATA_FLOAT);
  tensor->sizes.assign(sizes, sizes + dimensions);
  tensor->strides.assign(strides, strides + dimensions);
  return CUDNN_STATUS_SUCCESS;
}

EXPORT cudnnStatus_t cudnnGetTensorNdDescriptor(const cudnnTensorDescriptor_t tensor, int room, cudnnDataType_t* type,
                                                int* dimensions, int sizes[], int strides[]) {
  *type = CUDNN_DATA_FLOAT;
  *dimensions = std::min(room, static_cast<int>(tensor->sizes.size()));
  std::copy_n(tensor->sizes.begin(), *dimensions, sizes);
  std::copy_n(tensor->strides.begin(), *dimensions, strides);
  return CUDNN_STATUS_SUCCESS;
}

EXPORT cudnnStatus_t cudnnSetDropoutDescriptor(cudnnDropoutDescriptor_t dropout, cudnnHandle_t handle,
                                               float probability, void* states, size_t, unsigned long long) {
  NEEDS(handle && probability == 0 && !states);
  dropout->off = true;
  return CUDNN_STATUS_SUCCESS;
}

EXPORT cudnnStatus_t cudnnSetRNNDescriptor_v8(cudnnRNNDescriptor_t rnn, cudnnRNNAlgo_t algorithm, cudnnRNNMode_t cell,
                                              cudnnRNNBiasMode_t bias, cudnnDirectionMode_t direction,
                                              cudnnRNNInputMode_t input, cudnnDataType_t type,
                                              cudnnDataType_t precision, cudnnMathType_t, int32_t inputs,
                                              int32_t hidden, int32_t projection, int32_t layers,
                                              cudnnDropoutDescriptor_t dropout, uint32_t flags) {
  NEEDS(cell == CUDNN_LSTM && bias == CUDNN_RNN_DOUBLE_BIAS && direction == CUDNN_UNIDIRECTIONAL);
  NEEDS(input == CUDNN_LINEAR_INPUT && type == CUDNN_DATA_FLOAT && precision == CUDNN_DATA_FLOAT);
  NEEDS(inputs > 0 && hidden > 0 && projection == hidden && layers > 0 && dropout && dropout->off);
  NEEDS(flags == CUDNN_RNN_PADDED_IO_ENABLED);
  MAY_REFUSE(describe, algorithm);
  *rnn = {true, algorithm, static_cast<std::size_t>(inputs), static_cast<std::size_t>(hidden),
          static_cast<std::size_t>(layers)};
  return CUDNN_STATUS_SUCCESS;
}

EXPORT cudnnStatus_t cudnnSetRNNDataDescriptor(cudnnRNNDataDescriptor_t data, cudnnDataType_t type,
                                               cudnnRNNDataLayout_t layout, int steps, int windows, int values,
                                               const int lengths[], void*) {
  NEEDS(type == CUDNN_DATA_FLOAT && layout == CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_UNPACKED);
  NEEDS(steps > 0 && windows > 0 && values > 0 && lengths);
  NEEDS(std::all_of(lengths, lengths + windows, [steps](int length) { return length == steps; }));
  *data = {true, static_cast<std::size_t>(steps), static_cast<std::size_t>(windows), static_cast<std::size_t>(values)};
  return CUDNN_STATUS_SUCCESS;
}

EXPORT cudnnStatus_t cudnnGetRNNTempSpaceSizes(cudnnHandle_t handle, cudnnRNNDescriptor_t rnn, cudnnForwardMode_t mode,
                                               cudnnRNNDataDescriptor_t x, size_t* work, size_t* reserve) {
  NEEDS(handle && rnn->set && x->set && work && reserve);
  MAY_REFUSE(ask_sizes, rnn->algorithm, x->windows);
  const bool training = mode == CUDNN_FWD_MODE_TRAINING;
  tidegauge::test::cudnn_training_questions += training;
  *work = work_bytes(*x, training);
  *reserve = training ? reserve_bytes(*rnn, *x) : 0;
  return CUDNN_STATUS_SUCCESS;
}

EXPORT cudnnStatus_t cudnnGetRNNWeightSpaceSize(cudnnHandle_t handle, cudnnRNNDescriptor_t rnn, size_t* bytes) {
  NEEDS(handle && rnn->set);
  *bytes = rnn->space_floats() * sizeof(float);
  return CUDNN_STATUS_SUCCESS;
}

EXPORT cudnnStatus_t cudnnGetRNNWeightParams(cudnnHandle_t handle, cudnnRNNDescriptor_t rnn, int32_t layer,
                                             size_t bytes, const void* space, int32_t id,
                                             cudnnTensorDescriptor_t matrix, void** matrix_place,
                                             cudnnTensorDescriptor_t bias, void** bias_place) {
  NEEDS(handle && rnn->set && layer >= 0 && static_cast<std::size_t>(layer) < rnn->layers && id >= 0 && id < 8);
  NEEDS(bytes == rnn->space_floats() * sizeof(float) && space);
  const auto l = static_cast<std::size_t>(layer), i = static_cast<std::size_t>(id);
  const int rows = static_cast<int>(rnn->hidden), columns = static_cast<int>(rnn->columns(l, i));
  auto* base = static_cast<float*>(const_cast<void*>(space));
  matrix->sizes = {1, rows, columns};
  matrix->strides = {rows * columns, columns, 1};
  *matrix_place = base + rnn->place(l, i, false);
  using tidegauge::test::CudnnLayout, tidegauge::test::cudnn_layout;
  if (cudnn_layout == CudnnLayout::columns_first) matrix->strides = {rows * columns, 1, rows};
  if (cudnn_layout == CudnnLayout::off_by_a_byte) *matrix_place = static_cast<char*>(*matrix_place) + 1;
  bias->sizes = {1, rows, 1};
  bias->strides = {rows, 1, 1};
  *bias_place = base + rnn->place(l, i, true);
  return CUDNN_STATUS_SUCCESS;
}

EXPORT cudnnStatus_t cudnnRNNForward(cudnnHandle_t handle, cudnnRNNDescriptor_t rnn, cudnnForwardMode_t mode,
                                     const int32_t lengths[], cudnnRNNDataDescriptor_t x_data, const void* x,
                                     cudnnRNNDataDescriptor_t y_data, void* y, cudnnTensorDescriptor_t h,
                                     const void* hx, void* hy, cudnnTensorDescriptor_t c, const void* cx, void* cy,
                                     size_t space_bytes, const void* space, size_t work_size, void* work,
                                     size_t reserve_size, void* reserve) {
  MAY_REFUSE(forward, rnn->algorithm, x_data->windows);
  const bool training = mode == CUDNN_FWD_MODE_TRAINING;
  NEEDS(fits(rnn, x_data, y_data, h, lengths, space_bytes) && h == c && !hx && !hy && !cx && !cy && x && y && work);
  NEEDS(work_size == work_bytes(*x_data, training));
  NEEDS(training ? reserve && reserve_size == reserve_bytes(*rnn, *x_data) : !reserve && reserve_size == 0);
  ++tidegauge::test::cudnn_forward_calls;
  tidegauge::test::cudnn_most_windows =
      std::max(tidegauge::test::cudnn_most_windows, static_cast<int>(x_data->windows));
  const cudnnRNNStruct kept = *rnn;  // descriptors may be gone when a graph is replayed
  const std::size_t steps = x_data->steps, windows = x_data->windows;
  tidegauge::test::put_on_stream(handle->stream, [=] {
    std::memset(work, 0x7f, work_size);
    Steps own(training ? 0 : Tape{kept, steps, windows, nullptr}.size());
    const Tape tape{kept, steps, windows, training ? static_cast<double*>(reserve) : own.data()};
    run_forward(tape, {kept, static_cast<const float*>(space)}, static_cast<const float*>(x), static_cast<float*>(y));
  });
  return CUDNN_STATUS_SUCCESS;
}

EXPORT cudnnStatus_t cudnnRNNBackwardData_v8(cudnnHandle_t handle, cudnnRNNDescriptor_t rnn, const int32_t lengths[],
                                             cudnnRNNDataDescriptor_t y_data, const void* y, const void* dy,
                                             cudnnRNNDataDescriptor_t x_data, void* dx, cudnnTensorDescriptor_t h,
                                             const void* hx, const void* dhy, void* dhx, cudnnTensorDescriptor_t c,
                                             const void* cx, const void* dcy, void* dcx, size_t space_bytes,
                                             const void* space, size_t work_size, void* work, size_t reserve_size,
                                             void* reserve) {
  MAY_REFUSE(backward, rnn->algorithm, x_data->windows);
  NEEDS(fits(rnn, x_data, y_data, h, lengths, space_bytes) && h == c && y && dy && dx && work && reserve);
  NEEDS(!hx && !dhy && !dhx && !cx && !dcy && !dcx && dx != dy);
  NEEDS(work_size == work_bytes(*x_data, true) && reserve_size == reserve_bytes(*rnn, *x_data));
  const cudnnRNNStruct kept = *rnn;
  const std::size_t steps = x_data->steps, windows = x_data->windows;
  tidegauge::test::put_on_stream(handle->stream, [=] {
    const Tape tape{kept, steps, windows, static_cast<double*>(reserve)};
    for (std::size_t i = 0; i < tape.places() * kept.hidden; ++i)  // y must be what forward wrote
      if (static_cast<const float*>(y)[i] != static_cast<float>(tape.part(kept.layers - 1, 5)[i]))
        static_cast<float*>(dx)[0] = NAN;
    run_backward_data(tape, {kept, static_cast<const float*>(space)}, static_cast<const float*>(dy),
                      static_cast<float*>(dx));
  });
  return CUDNN_STATUS_SUCCESS;
}

EXPORT cudnnStatus_t cudnnRNNBackwardWeights_v8(cudnnHandle_t handle, cudnnRNNDescriptor_t rnn, cudnnWgradMode_t mode,
                                                const int32_t lengths[], cudnnRNNDataDescriptor_t x_data,
                                                const void* x, cudnnTensorDescriptor_t h, const void* hx,
                                                cudnnRNNDataDescriptor_t y_data, const void* y, size_t space_bytes,
                                                void* gradient, size_t work_size, void* work, size_t reserve_size,
                                                void* reserve) {
  NEEDS(mode == CUDNN_WGRAD_MODE_ADD && fits(rnn, x_data, y_data, h, lengths, space_bytes) && !hx && x && y);
  NEEDS(gradient && work && reserve && work_size == work_bytes(*x_data, true) &&
        reserve_size == reserve_bytes(*rnn, *x_data));
  const cudnnRNNStruct kept = *rnn;
  const std::size_t steps = x_data->steps, windows = x_data->windows;
  tidegauge::test::put_on_stream(handle->stream, [=] {
    run_backward_weights({kept, steps, windows, static_cast<double*>(reserve)}, static_cast<const float*>(x),
                         static_cast<float*>(gradient));
  });
  return CUDNN_STATUS_SUCCESS;
}

}  // extern "C"
