// Starts the kernels of lstm_batch_kernel.hpp and lstm_many_kernel.hpp on a stream. Nothing waits; errors are those of
// the launch. For *_cuda.cu only. Tested by tests/kernels/lstm_cuda_test.cpp and lstm_many_cuda_test.cpp on a card.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#include "kernels/core/status.hpp"
#include "kernels/lstm/lstm_batch_kernel.hpp"
#include "kernels/lstm/lstm_many_kernel.hpp"

namespace tidegauge::tile {

/// Before the first start on a device.
/// @param bytes the most that the device has: the limit belongs to the kernels, which other networks run too
Status allow_shared_bytes(std::size_t bytes);

Status start_gradient(float* gradients, double* losses, float* scratch, const TilePlan& plan, const Batch& batch,
                      const float* parameters, const LossSettings& loss, std::uint64_t step, cudaStream_t stream);
/// @param parts blocks of the gradient before it
Status start_reduce(float* gradient, double* squares, double* mean_loss, const float* gradients, const double* losses,
                    std::uint32_t parts, std::uint32_t parameters, std::uint64_t outputs, cudaStream_t stream);
Status start_step(const Trained& trained, const float* gradient, const double* squares, std::uint32_t parameters,
                  const StepConstants& step, cudaStream_t stream);
Status start_predict(float* out, float* scratch, const TilePlan& plan, const Batch& batch, const float* parameters,
                     cudaStream_t stream);

/// As many of its blocks work at the same time.
Expected<std::size_t> many_blocks_at_once(const TilePlan& plan, int device);
/// @param scratch [blocks][TilePlan::scratch_floats]
Status start_many(OfMany* models, std::uint32_t count, float* scratch, const TilePlan& plan, const ManySettings& settings,
                  std::uint32_t most_epochs, std::uint32_t blocks, cudaStream_t stream);

}  // namespace tidegauge::tile
