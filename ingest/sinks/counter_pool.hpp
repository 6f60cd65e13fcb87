// The counters of one or several devices, lent to sinks: a sink is made for every piece of a capture, a counter takes
// milliseconds of pinned memory. Counter i is on device i modulo their number, so that files and pieces are shared out.
// The first error of any counter is kept: the device may be gone for all of them, and whoever counts goes on without it.
// Where no device has room for one more counter, those that there are go on and who comes late gets the CPU's: waiting for
// one would be a deadlock, since a capture may hold what another one's counter waits for (its turn to write).
// Thread safety: everything may be called by any thread; a counter belongs to whoever holds it.
// Tested by tests/ingest/counter_pool_test.cpp.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "kernels/binning/binning.hpp"
#include "kernels/core/backend.hpp"

namespace tidegauge {

class CounterPool {
  using Counters = std::vector<std::unique_ptr<PacketBatchCounter>>;

 public:
  /// @param devices at least one
  /// @param shape wanted; with many counters it is smaller, so that all together pin little memory
  /// @param most counters lent at a time
  CounterPool(std::vector<std::shared_ptr<Backend>> devices, const BatchShape& shape, std::size_t most);

  /// A counter with nothing in it, held until it is destroyed.
  class Loan {
   public:
    /// @param home where it goes afterwards
    Loan(CounterPool& pool, std::unique_ptr<PacketBatchCounter> counter, Counters& home)
        : pool_(&pool), counter_(std::move(counter)), home_(&home) {}
    Loan(Loan&&) = default;
    Loan& operator=(Loan&&) = delete;
    ~Loan();
    PacketBatchCounter& operator*() const { return *counter_; }
    /// The counter failed: it is not lent again.
    void fail(const Error& error);

   private:
    CounterPool* pool_;
    std::unique_ptr<PacketBatchCounter> counter_;
    Counters* home_;
    bool failed_ = false;
  };

  /// After an error, and where no device has room for a first one, one whose rows are worth nothing: a walk cannot be
  /// stopped from its sink, which asks failure() and says it with its rows.
  Loan lend();
  /// What went wrong first.
  std::optional<Error> failure() const;
  /// Why there were not as many counters as were wanted.
  std::optional<Error> shortage() const;

 private:
  void make();

  std::vector<std::shared_ptr<Backend>> devices_;
  BatchShape shape_;
  std::size_t most_;
  mutable std::mutex mutex_;
  std::size_t made_ = 0;
  Counters free_, on_cpu_;  ///< not lent; devices', the CPU's
  std::optional<Error> failure_, shortage_;
};

}  // namespace tidegauge
