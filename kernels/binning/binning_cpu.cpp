#include "kernels/binning/binning.hpp"
#include "kernels/binning/interval_counter.hpp"
#include "kernels/core/contract.hpp"

namespace tidegauge {
namespace {

class CpuBatchCounter final : public PacketBatchCounter {
 public:
  Status add(const PacketBatch& batch) override {
    for (std::size_t i = 0; i < batch.packets.size();) {
      const std::uint32_t offset = batch.packets[i].interval_offset;
      TG_REQUIRE(offset < batch.intervals, "a packed packet lies outside its batch's intervals");
      counter_.enter(batch.base_k + offset);
      do counter_.count(batch.packets[i]);
      while (++i < batch.packets.size() && batch.packets[i].interval_offset == offset);
    }
    return {};
  }
  Expected<std::map<std::int64_t, IntervalRow>> take() override { return counter_.take(); }

 private:
  IntervalCounter counter_;
};

}  // namespace

std::unique_ptr<PacketBatchCounter> make_batch_counter_cpu() { return std::make_unique<CpuBatchCounter>(); }

}  // namespace tidegauge
