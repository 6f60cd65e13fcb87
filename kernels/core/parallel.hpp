// A fixed pool of threads that share numbered tasks. Which thread runs a task never changes a result: callers give
// each task its own output and reduce in task order.
// Cost: one wake-up and one join per call; use it for tasks of at least tens of microseconds.
// Thread safety: one call at a time per pool. Tested by tests/kernels/parallel_test.cpp.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace tidegauge {

class ThreadPool {
 public:
  /// @param threads how many run at once, the caller among them; 0 takes the machine's number of cores. Fewer
  ///        where the system gives no more.
  explicit ThreadPool(std::size_t threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  std::size_t threads() const;

  /// Runs task(0..count-1), each once, and returns when all are done. `worker` in 0..threads()-1 names the scratch
  /// that a task may use. Where a task throws (no memory is left), no further one begins, and the first exception comes
  /// out of this call once those in work have ended.
  void run(std::size_t count, const std::function<void(std::size_t task, std::size_t worker)>& task);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tidegauge
