#include "ingest/sinks/counter_pool.hpp"

#include <algorithm>
#include <utility>

#include "kernels/binning/batch_plan.hpp"
#include "kernels/core/contract.hpp"

namespace tidegauge {

CounterPool::CounterPool(std::vector<std::shared_ptr<Backend>> devices, const BatchShape& shape, std::size_t most)
    : devices_(std::move(devices)), most_(std::max<std::size_t>(most, 1)) {
  TG_REQUIRE(!devices_.empty(), "a device that counts");
  shape_ = binning::plan_pinned(shape, most_);
}

CounterPool::Loan CounterPool::lend() {
  const std::lock_guard lock(mutex_);
  if (!failure_ && !shortage_ && free_.empty()) make();
  BatchShape shape = shape_;
  if (failure_) {
    shape.packets = 1;
    return {*this, make_batch_counter_cpu(shape), on_cpu_};
  }
  Counters& home = free_.empty() ? on_cpu_ : free_;
  if (home.empty()) home.push_back(make_batch_counter_cpu(shape));
  Loan loan(*this, std::move(home.back()), home);
  home.pop_back();
  return loan;
}

/// One more in free_, if a device has room.
void CounterPool::make() {
  const std::size_t devices = devices_.size(), device = made_ % devices;
  // Of the counters still to come, those on this device; at least this one, should more be lent than was said.
  const std::size_t to_come = most_ > made_ ? (most_ - made_ + devices - 1) / devices : 1;
  auto counter = devices_[device]->batch_counter(shape_, static_cast<std::uint32_t>(to_come));
  if (counter) {
    free_.push_back(*std::move(counter));
    made_ += 1;
  } else {
    (made_ == 0 ? failure_ : shortage_) = std::move(counter).error();
  }
}

std::optional<Error> CounterPool::shortage() const {
  const std::lock_guard lock(mutex_);
  return shortage_;
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
  if (!pool_->failure_) home_->push_back(std::move(counter_));
}

}  // namespace tidegauge
