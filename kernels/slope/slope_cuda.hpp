// Slopes on a GPU, for the CUDA module only. Ratio and absolute slopes are computed there; for robust ones the two
// selections (median, MAD) run on the host over the slopes that come back, with the very function of the CPU version,
// so that every kind has the CPU's bits.
// Cost: 16 bytes a point over the link (17 with completeness marks) and 8 back; pageable copies. Nothing is kept
// between calls: a series is a unit of work, and the store that it comes from is slower than the allocation.
// Tested by tests/kernels/slope_cuda_test.cpp on a card.
#pragma once

#include <span>

#include "kernels/core/status.hpp"
#include "kernels/slope/slope.hpp"

namespace tidegauge {

Status slopes_cuda(std::span<double> out, const SlopeInput& input, const SlopeRule& rule, int device);

/// Whether the module holds code for the card.
Status slope_kernel_fits(int device);

}  // namespace tidegauge
