// Binning on a GPU, for the CUDA module only. Packets go through pinned memory in pieces, two pieces on their way at
// once: while one is copied and counted on its stream, the host fills the other.
// Cost: 16 bytes a packet over the link, 256 bytes back per row of a piece. Memory per counter: at most 48 MiB pinned
// and 48 MiB on the device, whatever the batches look like.
// Tested by tests/kernels/binning_cuda_test.cpp on a card.
#pragma once

#include <memory>

#include "kernels/binning/binning.hpp"
#include "kernels/core/status.hpp"

namespace tidegauge {

/// After an error the counter is of no further use.
Expected<std::unique_ptr<PacketBatchCounter>> make_batch_counter_cuda(int device);

}  // namespace tidegauge
