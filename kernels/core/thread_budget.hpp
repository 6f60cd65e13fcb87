// How many more threads the process may use just now. Work that could use another thread takes one if there is one and
// gives it back when done, so that one big file gets the cores that many small files would have used.
// Thread safety: all of it. Tested by tests/kernels/parallel_test.cpp.
#pragma once

#include <atomic>
#include <cstddef>

namespace tidegauge {

class ThreadBudget {
 public:
  explicit ThreadBudget(std::size_t spare) : spare_(spare) {}

  /// True if a thread may be started now; give() returns it.
  bool take() {
    std::size_t spare = spare_.load(std::memory_order_relaxed);
    while (spare != 0 && !spare_.compare_exchange_weak(spare, spare - 1, std::memory_order_relaxed)) {
    }
    return spare != 0;
  }
  /// Whether one could be had just now.
  bool any() const { return spare_.load(std::memory_order_relaxed) != 0; }
  void give(std::size_t threads = 1) { spare_.fetch_add(threads, std::memory_order_relaxed); }

 private:
  std::atomic<std::size_t> spare_;
};

}  // namespace tidegauge
