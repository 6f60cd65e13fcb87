// The LSTM on a GPU, for the CUDA module only. The one place that chooses who runs it: cuDNN
// (lstm_cudnn_cuda.cu), or our own kernel (lstm_tile_cuda.hpp) where it is asked for or cuDNN does not start.
// Cost with cuDNN: the series crosses the link once (WindowBatch::series_id), then 4 bytes a window and 8 a step; a step is a CUDA
// graph, and the host waits once a call. Optimizer moments cross at the begin and end of train().
// Large batches go in pieces that keep to cuDNN's limits and half of the card's memory, whatever else is on the card.
// Results: the same bits every time on one card and cuDNN version, but not the CPU's (other order of sums) and not
// independent of the batch that a window is in, nor of whether the network was trained with dropout between layers before
// (they then stay apart, in predictions too).
// Thread safety: a network belongs to one thread at a time. Tested by tests/kernels/lstm_cuda_test.cpp on a card, the
// kernels' control flow by tests/kernels/lstm_step_kernel_test.cpp.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/core/status.hpp"
#include "kernels/lstm/lstm.hpp"

namespace tidegauge {

/// An error where what was asked for cannot be: cuDNN is missing or does not start (it says how to get it), or the shape
/// is too large for our own kernel (it says what fits).
Expected<std::unique_ptr<LstmNetwork>> make_lstm_cuda(const LstmShape& shape, std::uint64_t seed, int device,
                                                      const LstmOptions& options);

}  // namespace tidegauge
