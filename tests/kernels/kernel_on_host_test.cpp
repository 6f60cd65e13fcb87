// The emulation itself: it must notice what it is there for. Each wrong body is a right one with a line taken away.
#include "tests/kernel_on_host/fiber_block.hpp"

#include <atomic>
#include <set>

#include "tests/kernel_on_host/thread_block.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

using test::KernelFault;
using test::Schedule;

constexpr std::uint32_t threads = 128;

/// Every thread leaves a number in shared memory and reads that of the thread opposite, twice over.
template <class Context>
void swap_ends(Context& context, std::uint32_t* out, bool first_barrier, bool second_barrier) {
  auto* places = context.template shared<std::uint32_t>();
  const std::uint32_t t = context.thread(), opposite = context.block_threads() - 1 - t;
  places[t] = t;
  if (first_barrier) context.sync();
  const std::uint32_t seen = places[opposite];
  if (second_barrier) context.sync();
  places[t] = seen + 1000;
  context.sync();
  out[t] = places[opposite];
}

/// Whether every thread got its own number back.
bool swaps_right(Schedule schedule, std::uint64_t seed, bool first_barrier, bool second_barrier) {
  std::vector<std::uint32_t> out(threads, 0);
  test::run_on_fibers(1, threads, threads * sizeof(std::uint32_t), schedule, seed,
                      [&](auto& context) { swap_ends(context, out.data(), first_barrier, second_barrier); });
  for (std::uint32_t t = 0; t < threads; ++t)
    if (out[t] != t + 1000) return false;
  return true;
}

TEST(KernelOnHost, RightBodyIsRightUnderEverySchedule) {
  for (const Schedule schedule : test::all_schedules)
    for (std::uint64_t seed = 0; seed < 10; ++seed) EXPECT_TRUE(swaps_right(schedule, seed, true, true));
}

TEST(KernelOnHost, MissingBarrierIsNoticed) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    EXPECT_FALSE(swaps_right(Schedule::forward, seed, false, true))
        << "reads before it is written, seed " << seed;
    EXPECT_FALSE(swaps_right(Schedule::greedy, seed, false, true))
        << "reads before it is written, seed " << seed;
    EXPECT_FALSE(swaps_right(Schedule::greedy, seed, true, false))
        << "writes before it is read, seed " << seed;
  }
}

/// The sum of a block by halving; without its barriers a warp that runs ahead adds what is not there yet.
template <class Context>
void block_sum(Context& context, AtomicCount* out, bool barriers) {
  auto* partial = context.template shared<AtomicCount>();
  partial[context.thread()] = context.thread();
  context.sync();
  for (std::uint32_t half = context.block_threads() / 2; half != 0; half /= 2) {
    if (context.thread() < half) partial[context.thread()] += partial[context.thread() + half];
    if (barriers)
      context.sync();
    else
      context.ballot(true);  // a warp's lanes together, the block's not
  }
  if (context.thread() == 0) context.add(out, partial[0]);
}

TEST(KernelOnHost, MissingBarrierInALoopIsNoticed) {
  constexpr AtomicCount right = threads * (threads - 1) / 2;
  bool noticed = false;
  for (const Schedule schedule : test::all_schedules)
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      AtomicCount with = 0, without = 0;
      const std::size_t bytes = threads * sizeof(AtomicCount);
      test::run_on_fibers(1, threads, bytes, schedule, seed,
                          [&](auto& context) { block_sum(context, &with, true); });
      EXPECT_EQ(with, right);
      test::run_on_fibers(1, threads, bytes, schedule, seed,
                          [&](auto& context) { block_sum(context, &without, false); });
      noticed |= schedule == Schedule::greedy && without != right;
    }
  EXPECT_TRUE(noticed);
}

TEST(KernelOnHost, SharedMemoryStartsAsGarbage) {
  std::set<std::uint32_t> seen;
  test::run_on_fibers(1, warp_size, 64, Schedule::forward, 1,
                      [&](auto& context) { seen.insert(context.template shared<std::uint32_t>()[0]); });
  EXPECT_EQ(seen, std::set<std::uint32_t>{0xcdcdcdcdu});
}

TEST(KernelOnHost, CollectivesAnswerAsAWarpDoes) {
  std::atomic<int> wrong = 0;
  const auto body = [&wrong](auto& context) {
    const std::uint32_t lane = context.lane(), warp = context.thread() / warp_size;
    wrong += context.ballot(lane % 3 == warp) != (warp == 0 ? 0x49249249u : 0x92492492u);
    wrong += context.shuffle(context.thread() * 10, lane ^ 1) != (context.thread() ^ 1) * 10;
    wrong += context.sum(lane + warp) != 496 + 32 * warp;
    wrong += context.sum(0x80000000u) != 0;  // modulo 2^32
  };
  for (const Schedule schedule : test::all_schedules)
    test::run_on_fibers(2, 2 * warp_size, 0, schedule, 1, body);
  test::run_on_threads(1, 2 * warp_size, 0, body);
  EXPECT_EQ(wrong.load(), 0);
}

template <class Body>
std::string fault_of(Body&& body) {
  for (const Schedule schedule : test::all_schedules) {
    try {
      test::run_on_fibers(1, 2 * warp_size, 0, schedule, 1, body);
      return "";
    } catch (const KernelFault& fault) {
      if (schedule == Schedule::greedy) return fault.what();
    }
  }
  return "";
}

TEST(KernelOnHost, BrokenRulesAreReportedUnderEverySchedule) {
  EXPECT_EQ(fault_of([](auto& context) { context.ballot(true); }), "");
  EXPECT_EQ(fault_of([](auto& context) {
              if (context.thread() < warp_size) context.sync();
            }),
            "a barrier after threads have left");
  EXPECT_EQ(fault_of([](auto& context) {
              if (context.lane() != 5) context.ballot(true);
            }),
            "a collective after lanes have left");
  EXPECT_EQ(fault_of([](auto& context) {
              if (context.lane() == 5)
                context.sync();
              else
                context.ballot(true);
              context.sync();
            }),
            "deadlock: a barrier or collective that some threads never reach");
  EXPECT_EQ(fault_of([](auto& context) {
              if (context.lane() == 5)
                context.ballot(true);
              else
                context.sum(1);
            }),
            "lanes of a warp in different collectives");
  EXPECT_EQ(fault_of([](auto& context) { context.shuffle(1, warp_size); }),
            "shuffle from a lane that does not exist");
}

}  // namespace
}  // namespace tidegauge
