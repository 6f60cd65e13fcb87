// Surges of many series on a GPU, for the CUDA module only.
// Cost: 17 bytes a row over the link, 8 back and what was found; robust slopes sort twice, a learned threshold once (CUB's
// segmented sort, a segment a series); two scans, two selections a direction. Memory: some 64 bytes a row on the device.
// Tested by tests/kernels/surge_cuda_test.cpp on a card.
#pragma once

#include "kernels/core/status.hpp"
#include "kernels/slope/surge.hpp"

namespace tidegauge {

Status surges_cuda(Surges& out, const SurgeInput& input, const SurgeRule& rule, int device);

}  // namespace tidegauge
