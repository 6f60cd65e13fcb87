// Runs a kernel body on the host, a std::thread per CUDA thread, barriers by std::barrier: slow (a few thousand
// packets a second), but the thread sanitizer then sees every pair of accesses that no barrier orders. A body that
// leaves out a barrier or a lane hangs here; run it on fiber_block.hpp first, which says so.
#pragma once

#include <atomic>
#include <barrier>
#include <cstdint>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>

#include "kernels/device/kernel_context.hpp"

namespace tidegauge::test {

class ThreadBlock {
 public:
  ThreadBlock(std::uint32_t block, std::uint32_t blocks, std::uint32_t threads, std::size_t shared_bytes)
      : block_(block),
        blocks_(blocks),
        threads_(threads),
        shared_(shared_bytes / 8 + 1, 0xcdcdcdcdcdcdcdcdull),
        values_(threads),
        barrier_(threads) {
    for (std::uint32_t first = 0; first < threads; first += warp_size)
      warps_.push_back(std::make_unique<std::barrier<>>(warp_size));
  }

  template <class Body>
  void run(Body&& body) {
    std::vector<std::thread> running;
    for (std::uint32_t t = 0; t < threads_; ++t)
      running.emplace_back([this, &body, t] {
        Context context(*this, t);
        body(context);
      });
    for (auto& thread : running) thread.join();
  }

  class Context {
   public:
    Context(ThreadBlock& block, std::uint32_t thread) : block_(block), thread_(thread) {}
    std::uint32_t thread() const { return thread_; }
    std::uint32_t block() const { return block_.block_; }
    std::uint32_t block_threads() const { return block_.threads_; }
    std::uint32_t blocks() const { return block_.blocks_; }
    std::uint32_t lane() const { return thread_ % warp_size; }
    void sync() { block_.barrier_.arrive_and_wait(); }
    template <class T>
    T* shared() {
      return reinterpret_cast<T*>(block_.shared_.data());
    }
    void add_shared(AtomicCount* place, AtomicCount value) { add(place, value); }
    void add(AtomicCount* place, AtomicCount value) {
      std::atomic_ref(*place).fetch_add(value, std::memory_order_relaxed);
    }
    void raise(std::uint32_t* place, std::uint32_t value) {
      const std::atomic_ref held(*place);
      std::uint32_t now = held.load(std::memory_order_relaxed);
      while (now < value && !held.compare_exchange_weak(now, value, std::memory_order_relaxed)) {
      }
    }
    std::uint32_t ballot(bool answer) {
      return exchange(answer, [](const std::uint32_t* of) {
        std::uint32_t answers = 0;
        for (std::uint32_t l = 0; l < warp_size; ++l) answers |= of[l] << l;
        return answers;
      });
    }
    std::uint32_t shuffle(std::uint32_t value, std::uint32_t from) {
      return exchange(value, [from](const std::uint32_t* of) { return of[from]; });
    }
    std::uint32_t sum(std::uint32_t value) {
      return exchange(value, [](const std::uint32_t* of) {
        return std::accumulate(of, of + warp_size, std::uint32_t{0});
      });
    }

   private:
    template <class Read>
    std::uint32_t exchange(std::uint32_t value, Read&& read) {
      std::barrier<>& warp = *block_.warps_[thread_ / warp_size];
      block_.values_[thread_] = value;
      warp.arrive_and_wait();
      const std::uint32_t result = read(block_.values_.data() + (thread_ - lane()));
      warp.arrive_and_wait();
      return result;
    }
    ThreadBlock& block_;
    std::uint32_t thread_;
  };

 private:
  std::uint32_t block_, blocks_, threads_;
  std::vector<std::uint64_t> shared_;
  std::vector<std::uint32_t> values_;
  std::barrier<> barrier_;
  std::vector<std::unique_ptr<std::barrier<>>> warps_;
};

/// Runs a grid, block after block.
template <class Body>
void run_on_threads(std::uint32_t blocks, std::uint32_t threads, std::size_t shared_bytes, Body&& body) {
  for (std::uint32_t b = 0; b < blocks; ++b) ThreadBlock(b, blocks, threads, shared_bytes).run(body);
}

}  // namespace tidegauge::test
