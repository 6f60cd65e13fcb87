#include "kernels/core/parallel.hpp"

#include <atomic>
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

}  // namespace
}  // namespace tidegauge
