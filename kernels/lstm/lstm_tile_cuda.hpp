// Our own LSTM for small networks on a GPU (lstm_tile_kernel.hpp), for the CUDA module only: LstmAlgorithm::tile.
// lstm_tile_fits (lstm_tile_plan.hpp) says whether a card can: about hidden <= 64 on compute capability 9.0, 32 on any
// card. It needs no cuDNN.
// Cost: three launches a step, which are queued faster than a card works them off, and one wait for the device a call;
// the series crosses the link once (WindowBatch::series_id), then 4 bytes a window.
// Results: the same bits on every card (how tiles fall to blocks depends on the batch alone), not the CPU's. Always
// float throughout.
// Thread safety: a network belongs to one thread at a time. Tested by tests/kernels/lstm_tile_kernel_test.cpp (the
// kernels), tests/cuda_on_host/ (this, on the host) and tests/kernels/lstm_cuda_test.cpp (on a card).
#pragma once

#include <cstdint>
#include <memory>

#include "kernels/core/status.hpp"
#include "kernels/lstm/lstm.hpp"
#include "kernels/lstm/lstm_tile_plan.hpp"

namespace tidegauge {

/// Bytes of shared memory that a block can opt in to.
Expected<std::size_t> lstm_tile_shared_bytes(int device);

/// A shape that does not fit is an error that says so.
Expected<std::unique_ptr<LstmNetwork>> make_lstm_tile_cuda(const LstmShape& shape, std::uint64_t seed,
                                                           int device);

/// For every user of the block: the error of a shape that does not fit.
Status lstm_tile_check(const LstmShape& shape, int device);

}  // namespace tidegauge
