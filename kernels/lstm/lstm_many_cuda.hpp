// Many models at once on a GPU (lstm_many.hpp, lstm_many_kernel.hpp), for the CUDA module only.
// Cost: one launch a call and group of models; what the models hold crosses the link both ways once a call. A
// group is as many models as the card's free memory takes. Tested by tests/kernels/lstm_many_cuda_test.cpp on
// a card.
#pragma once

#include <span>

#include "kernels/core/status.hpp"
#include "kernels/lstm/lstm_many.hpp"

namespace tidegauge {

/// As train_many_cpu. A shape that does not fit a block is an error that says so.
Status train_many_cuda(std::span<ManyState> states, std::span<const ManyTask> tasks,
                       const ManySettings& settings, std::size_t most_epochs, int device);

}  // namespace tidegauge
