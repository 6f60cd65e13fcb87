// A network whose failures end the test program, so that tests of its arithmetic need not look at each status.
#pragma once

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "kernels/core/contract.hpp"
#include "kernels/lstm/lstm.hpp"

namespace tidegauge::test {

class SureNetwork {
 public:
  explicit SureNetwork(std::unique_ptr<LstmNetwork> network) : network_(std::move(network)) {}

  void set_parameters(std::span<const float> flat) { require(network_->set_parameters(flat)); }
  std::vector<float> parameters() const { return network_->parameters().value(); }
  double loss_and_gradient(std::span<float> gradient, const WindowBatch& windows, const LossSettings& loss,
                           std::uint64_t step) {
    return network_->loss_and_gradient(gradient, windows, loss, step).value();
  }
  std::vector<double> train(const WindowBatch& windows, std::size_t batch_size, std::size_t first_batch,
                            std::size_t last_batch, const LossSettings& loss, const OptimizerSettings& optimizer,
                            OptimizerState& state) {
    return network_->train(windows, batch_size, first_batch, last_batch, loss, optimizer, state).value();
  }
  void predict(std::span<float> out, const WindowBatch& windows) { require(network_->predict(out, windows)); }

 private:
  static void require(const Status& status) { TG_REQUIRE(status.has_value(), status.error().message()); }
  std::unique_ptr<LstmNetwork> network_;
};

inline std::unique_ptr<SureNetwork> sure_lstm_cpu(const LstmShape& shape, std::uint64_t seed, std::size_t threads,
                                                  std::string_view isa = {}) {
  return std::make_unique<SureNetwork>(make_lstm_cpu(shape, seed, threads, isa));
}

}  // namespace tidegauge::test
