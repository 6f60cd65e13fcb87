// Starts the kernels of lstm_step_kernel.hpp on a stream. Nothing waits; errors are those of the launch.
// For *_cuda.cu only. Tested by tests/kernels/lstm_cuda_test.cpp on a card.
#pragma once

#include <cuda_runtime.h>

#include "kernels/core/status.hpp"
#include "kernels/lstm/lstm_step_kernel.hpp"

namespace tidegauge::lstm {

Status start_gather(float* x, const StepWork& work, cudaStream_t stream);
Status start_dropout(float* out, const float* in, const StepWork& work, const Dropout& dropout, std::uint32_t layer,
                     cudaStream_t stream);
Status start_predict_head(float* out, const StepWork& work, cudaStream_t stream);
Status start_head(float* dh, double* losses, const StepWork& work, cudaStream_t stream);
Status start_head_gradient(float* gradient, const StepWork& work, cudaStream_t stream);
Status start_collect(const StepParameters& parameters, cudaStream_t stream);
Status start_update(const StepParameters& parameters, const StepConstants* constants, const std::uint32_t* done,
                    OptimizerKind kind, double clip_norm, cudaStream_t stream);
Status start_finish(double* batch_losses, const double* window_losses, std::uint32_t windows, double share,
                    std::uint32_t* done, cudaStream_t stream);

}  // namespace tidegauge::lstm
