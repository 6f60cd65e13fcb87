// The slope kernel's body: a thread per point, striding over the grid. One body for the GPU and for the host's
// emulation of it (kernels/device/kernel_context.hpp).
// Tested by tests/kernels/slope_kernel_test.cpp (control flow, on the host) and slope_cuda_test.cpp (on a card).
#pragma once

#include <cstddef>

#include "kernels/device/kernel_context.hpp"
#include "kernels/slope/slope_rule.hpp"

namespace tidegauge {

inline constexpr unsigned slope_block_threads = 256;

template <class Context>
TG_DEVICE inline void slope_kernel(Context& context, double* out, const SlopePoints& points,
                                   std::size_t count) {
  const std::size_t stride = std::size_t{context.block_threads()} * context.blocks();
  for (std::size_t i = std::size_t{context.block()} * context.block_threads() + context.thread(); i < count;
       i += stride)
    out[i] = slope_at(points, i);
}

}  // namespace tidegauge
