// The stacked cells of a network on a card: what lies between gather_inputs and run_head (lstm_step_kernel.hpp).
// The order of calls for one piece of a batch:
//   prepare, then on the stream: fill inputs(), forward, read last_outputs(), fill last_gradient(), backward
// Everything but prepare only starts work on the stream and may be recorded as a CUDA graph; what is recorded holds the
// pointers, so it is void once prepare has moved something.
// Thread safety: none. For *_cuda.cu only. Tested by tests/kernels/lstm_cuda_test.cpp on a card.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "kernels/core/status.hpp"
#include "kernels/lstm/lstm.hpp"
#include "kernels/lstm/lstm_step_kernel.hpp"

namespace tidegauge::lstm {

/// Where the cells keep the parameters before head.weight.
struct CellSpace {
  std::size_t floats = 0;              ///< of each space
  float* parameters = nullptr;         ///< device; what no place points at must be zero
  float* gradient = nullptr;           ///< device; backward adds to it
  std::vector<std::uint32_t> places;   ///< host; of each flat parameter
};

class LstmCells {
 public:
  virtual ~LstmCells() = default;
  virtual LstmAlgorithm algorithm() const = 0;  ///< never automatic

  /// Windows of the largest piece of a batch. Follows from the shape and the device alone: pieces round otherwise.
  virtual std::size_t most_windows() const = 0;

  /// Makes room for pieces of so many windows. With `separate`, layers run one by one, so that dropout can come between
  /// them; a change of that starts with new spaces, without parameters.
  /// @return whether anything moved.
  virtual Expected<bool> prepare(std::size_t windows, bool training, bool separate) = 0;
  /// After prepare.
  virtual const CellSpace& space() const = 0;

  virtual float* inputs() = 0;                                    ///< [look_back][windows][features]
  virtual const float* last_outputs(std::size_t windows) const = 0;  ///< [windows][hidden]
  virtual float* last_gradient(std::size_t windows) = 0;          ///< [windows][hidden]

  /// @param dropout with work.constants and work.done for its masks; none when only predicting.
  virtual Status forward(const StepWork& work, bool training, const std::optional<Dropout>& dropout) = 0;
  /// Adds to the space's gradient. After forward with training and the same dropout.
  virtual Status backward(const StepWork& work, const std::optional<Dropout>& dropout) = 0;

  /// After a failed call: whether there is another way to do it that was not tried. Takes it; prepare comes next.
  virtual bool take_another_way() = 0;
};

/// By cuDNN (lstm_cudnn_cuda.cu). `stream` must outlive the cells.
Expected<std::unique_ptr<LstmCells>> make_cudnn_cells(const LstmShape& shape, const LstmOptions& options, int device,
                                                      cudaStream_t stream);

}  // namespace tidegauge::lstm
