// A device that has an LSTM and nothing else, to derive made-up devices from.
#pragma once

#include "kernels/core/backend.hpp"

namespace tidegauge::test {

class LstmOnlyBackend : public Backend {
 public:
  std::string_view name() const override { return "made up"; }
  Expected<std::unique_ptr<PacketBatchCounter>> batch_counter(const BatchShape&, std::uint32_t) override {
    return not_here();
  }
  Status slopes(std::span<double>, const SlopeInput&, const SlopeRule&) override { return not_here(); }
  Status surges(Surges&, const SurgeInput&, const SurgeRule&) override { return not_here(); }
  Expected<std::unique_ptr<ManyNetworks>> many(std::vector<ManyState>, std::span<const ManyTask>,
                                               const ManySettings&) override {
    return not_here();
  }

 private:
  static Error not_here() { return {"this device has only an LSTM", "", ""}; }
};

}  // namespace tidegauge::test
