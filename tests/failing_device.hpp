// A device that counts as the CPU does and is lost after so many batches, for tests of what becomes of the work then.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "kernels/core/backend.hpp"

namespace tidegauge::test {

using Devices = std::vector<std::shared_ptr<Backend>>;

class FailingDevice final : public Backend {
 public:
  static constexpr const char* words = "the card fell off the bus";
  static constexpr const char* no_room = "the card is full";

  /// @param batches submitted before it is lost, of all counters together; below 0 it makes no counter at all
  /// @param room for so many counters
  explicit FailingDevice(int batches, std::function<void()> made = {}, int room = 1 << 30)
      : left_(std::make_shared<std::atomic<int>>(batches)), made_(std::move(made)), room_(room) {}

  std::string_view name() const override { return "failing"; }
  Expected<std::unique_ptr<PacketBatchCounter>> batch_counter(const BatchShape& shape, std::uint32_t) override {
    if (left_->load() < 0) return lost();
    if (room_-- == 0) return Error{no_room, "", ""};
    if (made_) made_();
    return std::unique_ptr<PacketBatchCounter>(std::make_unique<Counter>(shape, left_));
  }
  Status slopes(std::span<double>, const SlopeInput&, const SlopeRule&) override { return lost(); }
  Status surges(Surges&, const SurgeInput&, const SurgeRule&) override { return lost(); }
  Expected<std::unique_ptr<LstmNetwork>> lstm(const LstmShape&, std::uint64_t, const LstmOptions&) override { return lost(); }
  Expected<std::unique_ptr<ManyNetworks>> many(std::vector<ManyState>, std::span<const ManyTask>,
                                               const ManySettings&) override {
    return lost();
  }

 private:
  static Error lost() { return {words, "--device", "--device cpu"}; }

  class Counter final : public PacketBatchCounter {
   public:
    Counter(const BatchShape& shape, std::shared_ptr<std::atomic<int>> left)
        : counter_(make_batch_counter_cpu(shape)), left_(std::move(left)) {}
    PacketBatch& batch() override { return counter_->batch(); }
    Status submit() override {
      if (left_->fetch_sub(1) <= 0) return lost();
      return counter_->submit();
    }
    Expected<CountedRows> take() override { return counter_->take(); }
    std::size_t keyed_bytes() const override { return counter_->keyed_bytes(); }

   private:
    std::unique_ptr<PacketBatchCounter> counter_;
    std::shared_ptr<std::atomic<int>> left_;
  };

  std::shared_ptr<std::atomic<int>> left_;
  std::function<void()> made_;
  int room_;
};

}  // namespace tidegauge::test
