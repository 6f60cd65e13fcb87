// A device that is the host behind the CUDA interface: stands in for a card in tests that are written for one
// (tests/cuda_device.hpp).
#pragma once

#include "kernels/lstm/lstm_cuda.hpp"
#include "kernels/lstm/lstm_cudnn_rule.hpp"
#include "kernels/lstm/lstm_many_cuda.hpp"
#include "tests/lstm_only_backend.hpp"
#include "tests/support.hpp"

namespace tidegauge::test {

class HostCuda final : public LstmOnlyBackend {
 public:
  Expected<std::unique_ptr<LstmNetwork>> lstm(const LstmShape& shape, std::uint64_t seed,
                                              const LstmOptions& options) override {
    return make_lstm_cuda(shape, seed, 0, options);
  }
  Expected<std::unique_ptr<ManyNetworks>> many(std::vector<ManyState> states, std::span<const ManyTask> tasks,
                                               const ManySettings& settings) override {
    return make_many_cuda(std::move(states), tasks, settings, 0);
  }
};

}  // namespace tidegauge::test

#define TG_NEEDS_CUDA(name) const auto name = std::make_unique<::tidegauge::test::HostCuda>()
