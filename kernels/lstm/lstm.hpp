// The LSTM: `layers` stacked cells over a window of look_back steps, a dense head on the last step's hidden state, and
// optionally a linear skip connection from the whole window to the outputs:
//   y[o] = head.bias[o] + head.weight[o] . h_T + (skip ? skip.weight[o] . window : 0)
// Cell (Hochreiter and Schmidhuber 1997 with forget gate, as torch.nn.LSTM): i,f,o = sigmoid, g = tanh of
// W_ih x + W_hh h + b; c = f*c + i*g; h = o*tanh(c). Gate order i, f, g, o.
// Each gate has one trained bias; PyTorch's second one (bias_hh) is written to files as zeros and summed when read.
// Cost on the CPU: 24 * T * N * H * (I + H) flops a training step; a tile of windows runs forward and backward while
// in cache. Results do not depend on the number of threads: tiles depend on the shape only, their gradients are added
// in tile order. Tested by tests/kernels/lstm_test.cpp (oracle in double, finite differences, PyTorch's values).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/core/status.hpp"
#include "kernels/data/window_batch.hpp"
#include "kernels/optimizer/optimizer.hpp"

namespace tidegauge {

struct LstmShape {
  std::size_t features = 1;   ///< I, inputs per step
  std::size_t hidden = 64;    ///< H, any size from 1
  std::size_t layers = 1;
  std::size_t look_back = 32; ///< T
  std::size_t horizon = 1;    ///< O
  bool skip = true;           ///< linear skip connection
  friend bool operator==(const LstmShape&, const LstmShape&) = default;
};

/// A named part of the flat parameter vector, row-major, PyTorch's names: weight_ih_l0 [4H,I], weight_hh_l0 [4H,H],
/// bias_ih_l0 [4H], ..., head.weight [O,H], head.bias [O], skip.weight [O, T*I] (oldest step first).
struct LstmTensor {
  std::string name;
  std::vector<std::size_t> shape;
  std::size_t offset = 0, size = 0;
};
std::vector<LstmTensor> lstm_tensors(const LstmShape& shape);
std::size_t lstm_parameter_count(const LstmShape& shape);

/// Glorot-uniform input and head weights, orthogonal recurrent weights, zero biases but 1 for the forget gate (the
/// defaults of keras.layers.LSTM), drawn from `seed`; with a skip connection the head and skip start at zero, so that
/// training starts from whatever the caller puts into skip.weight and head.bias.
std::vector<float> lstm_initial_parameters(const LstmShape& shape, std::uint64_t seed);

enum class Loss : std::uint8_t { mse, huber, absolute };
Expected<Loss> loss_by_name(std::string_view name);

struct LossSettings {
  Loss kind = Loss::mse;
  double huber_delta = 1.0;   ///< in scaled units
  double dropout = 0;         ///< probability, between layers only, as torch.nn.LSTM
  std::uint64_t dropout_seed = 0;
};

/// How a GPU walks the steps: three ways of cuDNN's (cudnnRNNAlgo_t) and our own; other devices have one way. Choices
/// differ in speed and in rounding, so a model file keeps the one that it was trained with.
enum class LstmAlgorithm : std::uint8_t {
  automatic,      ///< by a fixed table over card and shape (lstm_cudnn_rule.hpp); where cuDNN does not start, tile
  standard,       ///< a few kernels a step; any shape
  persist_static, ///< recurrent weights stay in registers; cuDNN refuses most shapes in float
  small_h,        ///< the same for small hidden sizes
  tile            ///< our own kernel (lstm_tile_kernel.hpp), without cuDNN: small networks only, hidden <= 64 at most
};
std::string_view algorithm_name(LstmAlgorithm algorithm);
Expected<LstmAlgorithm> algorithm_by_name(std::string_view name);

/// What a network may trade for speed; only GPUs look at it.
struct LstmOptions {
  LstmAlgorithm algorithm = LstmAlgorithm::automatic;
  bool tf32 = false;  ///< products of 10-bit mantissas on tensor cores; otherwise float throughout
  /// What an automatic choice starts with instead of the table's: LstmNetwork::algorithm of the run that goes on. It is
  /// still left where the device refuses it, at the same batch as in a run that was not stopped.
  LstmAlgorithm begun_with = LstmAlgorithm::automatic;
};

/// One network on one device. A failed call (only a device can fail: a lost card, too little memory) leaves parameters
/// that must not be used; what the caller kept outside is still good.
class LstmNetwork {
 public:
  virtual ~LstmNetwork() = default;
  virtual const LstmShape& shape() const = 0;
  /// What runs, also where it was chosen automatically: the next call starts with it. `automatic` where there is one way.
  virtual LstmAlgorithm algorithm() const { return LstmAlgorithm::automatic; }

  virtual Status set_parameters(std::span<const float> flat) = 0;
  virtual Expected<std::vector<float>> parameters() const = 0;

  /// Mean loss over windows and outputs, and its gradient [lstm_parameter_count].
  /// @param step names the dropout masks, so that a resumed run draws the same.
  virtual Expected<double> loss_and_gradient(std::span<float> gradient, const WindowBatch& windows,
                                             const LossSettings& loss, std::uint64_t step) = 0;

  /// Mini-batches over windows.starts in the order given: batch b holds starts[b*batch_size, ...), the last one may be
  /// shorter. Runs batches [first_batch, last_batch), one optimizer step each.
  /// @return the losses, one per batch.
  virtual Expected<std::vector<double>> train(const WindowBatch& windows, std::size_t batch_size,
                                              std::size_t first_batch, std::size_t last_batch,
                                              const LossSettings& loss, const OptimizerSettings& optimizer,
                                              OptimizerState& state) = 0;

  /// Outputs [windows.size()][horizon], row-major, no dropout.
  virtual Status predict(std::span<float> out, const WindowBatch& windows) = 0;
};

/// The promise that every call above asks of its windows; breaking it stops the program.
void require_windows_fit(const LstmShape& shape, const WindowBatch& windows, bool with_targets);

/// Instruction sets of the CPU version, chosen at run time; TIDEGAUGE_ISA=portable|avx2|avx512 forces a lower one.
std::string_view lstm_cpu_instruction_set();
/// @param threads 0 for all cores. @param isa "" for the best, otherwise one of the three names (tests compare them).
std::unique_ptr<LstmNetwork> make_lstm_cpu(const LstmShape& shape, std::uint64_t seed, std::size_t threads,
                                           std::string_view isa = {});

}  // namespace tidegauge
