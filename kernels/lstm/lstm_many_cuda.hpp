// Many models at once on a GPU (lstm_many.hpp, lstm_many_kernel.hpp), for the CUDA module only.
// Cost: one launch a call and group of models; a group is as many models as half of the card's free memory takes. What
// the models hold crosses the link once, and back when it is asked for; only with more than one group it changes places
// with the next group's at every call. Tested by tests/kernels/lstm_many_cuda_test.cpp on a card and, with stand-ins, on
// the host (tests/cuda_on_host/).
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "kernels/core/status.hpp"
#include "kernels/lstm/lstm_many.hpp"

namespace tidegauge {

/// A shape that does not fit a block is an error that says so.
Expected<std::unique_ptr<ManyNetworks>> make_many_cuda(std::vector<ManyState> states, std::span<const ManyTask> tasks,
                                                       const ManySettings& settings, int device);

}  // namespace tidegauge
