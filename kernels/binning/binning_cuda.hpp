// Binning on a GPU, for the CUDA module only. Batches lie in pinned memory; three are in work at a time, each with a
// stream of its own: while one is filled, one is copied and one is counted.
// Cost: 6 bytes a packet over the link and 256 bytes back a row of a batch; what keys and sketches add is said in
// keyed_cuda.hpp. Memory: what batch_plan.hpp says, all of it taken at the beginning; of pinned memory 13 MiB a counter,
// 6 MiB more a dimension of keys, 24 MiB more for sketches.
// Tested by tests/kernels/binning_cuda_test.cpp on a card.
#pragma once

#include <cstdint>
#include <memory>

#include "kernels/binning/binning.hpp"
#include "kernels/core/status.hpp"

namespace tidegauge {

/// @param sharing as in plan_batches()
Expected<std::unique_ptr<PacketBatchCounter>> make_batch_counter_cuda(const BatchShape& shape, std::uint32_t sharing,
                                                                      int device);

}  // namespace tidegauge
