#include "kernels/core/parallel.hpp"

#include <atomic>
#include <chrono>
#include <new>
#include <thread>
#include <vector>

#include "tests/support.hpp"

namespace tidegauge {
namespace {

TEST(ThreadsPool, RunsEveryTaskOnceForAnyThreadCount) {
  for (std::size_t threads : {1u, 2u, 3u, 8u}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (std::size_t count : {0u, 1u, 2u, 31u, 1000u}) {
      std::vector<std::atomic<int>> hits(count);
      std::atomic<bool> bad_worker{false};
      pool.run(count, [&](std::size_t task, std::size_t worker) {
        hits[task].fetch_add(1);
        if (worker >= threads) bad_worker = true;
      });
      for (auto& hit : hits) EXPECT_EQ(hit.load(), 1);
      EXPECT_FALSE(bad_worker.load());
    }
  }
}

// Each thread may be the one that throws: the caller's own and the helpers'.
TEST(ThreadsPool, WhatATaskThrowsComesOutOfTheCallAndThePoolGoesOn) {
  for (std::size_t threads : {1u, 2u, 4u}) {
    ThreadPool pool(threads);
    for (std::size_t thrower = 0; thrower < threads; ++thrower) {
      std::atomic<std::size_t> begun{0};
      const auto task = [&](std::size_t, std::size_t worker) {
        if (begun.fetch_add(1) >= threads) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        while (begun.load() < threads) std::this_thread::yield();  // every thread has one
        if (worker == thrower) throw std::bad_alloc();
      };
      EXPECT_THROW(pool.run(10'000, task), std::bad_alloc);
      EXPECT_LT(begun.load(), 10'000u) << "no further task begins";
      std::atomic<std::size_t> after{0};
      pool.run(100, [&](std::size_t, std::size_t) { after.fetch_add(1); });
      EXPECT_EQ(after.load(), 100u);
    }
  }
}

}  // namespace
}  // namespace tidegauge
