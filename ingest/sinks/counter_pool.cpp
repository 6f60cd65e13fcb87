#include "ingest/sinks/counter_pool.hpp"

#include <algorithm>
#include <utility>

#include "kernels/core/contract.hpp"

namespace tidegauge {

CounterPool::CounterPool(std::vector<std::shared_ptr<Backend>> devices, const BatchShape& shape, std::size_t most)
    : devices_(std::move(devices)), shape_(shape), most_(std::max<std::size_t>(most, 1)) {
  TG_REQUIRE(!devices_.empty(), "a device that counts");
}

CounterPool::Loan CounterPool::lend() {
  const std::lock_guard lock(mutex_);
  if (!failure_) {
    if (!free_.empty()) {
      auto counter = std::move(free_.back());
      free_.pop_back();
      return {*this, std::move(counter)};
    }
    auto counter = make();
    if (counter) return {*this, *std::move(counter)};
    failure_ = std::move(counter).error();
  }
  BatchShape small = shape_;
  small.packets = 1;
  return {*this, make_batch_counter_cpu(small)};
}

Expected<std::unique_ptr<PacketBatchCounter>> CounterPool::make() {
  const std::size_t devices = devices_.size(), device = made_ % devices;
  // Of the counters still to come, those on this device; at least this one, should more be lent than was said.
  const std::size_t to_come = most_ > made_ ? (most_ - made_ + devices - 1) / devices : 1;
  auto counter = devices_[device]->batch_counter(shape_, static_cast<std::uint32_t>(to_come));
  if (counter) made_ += 1;
  return counter;
}

std::optional<Error> CounterPool::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

void CounterPool::Loan::fail(const Error& error) {
  failed_ = true;
  const std::lock_guard lock(pool_->mutex_);
  if (!pool_->failure_) pool_->failure_ = error;
}

CounterPool::Loan::~Loan() {
  if (!counter_ || failed_) return;
  // A walk that was given up leaves packets behind.
  if (const auto rest = counter_->take(); !rest) fail(rest.error());
  counter_->batch().clear();
  const std::lock_guard lock(pool_->mutex_);
  if (!pool_->failure_) pool_->free_.push_back(std::move(counter_));
}

}  // namespace tidegauge
