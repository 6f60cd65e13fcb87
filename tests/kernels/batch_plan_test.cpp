#include "kernels/binning/batch_plan.hpp"

#include "tests/support.hpp"

namespace tidegauge {
namespace {

using binning::batches_in_flight;
using binning::device_bytes;
using binning::plan_batches;

constexpr std::uint64_t gib = std::uint64_t{1} << 30;

TEST(BatchPlan, ADefaultBatchFitsAnyCard) {
  const auto planned = plan_batches({}, gib, 16);
  ASSERT_TRUE(planned);
  EXPECT_EQ(*planned, BatchShape{});
}

TEST(BatchPlan, LittleMemoryMakesSmallerBatchesThatFit) {
  for (const BatchShape& wanted : {BatchShape{}, BatchShape{.dimensions = 3}, BatchShape{.dimensions = 10, .distinct = true}})
    for (const std::uint64_t free_bytes : {80 * gib, 2 * gib, gib / 8})
      for (const std::uint32_t sharing : {1u, 4u}) {
        const auto planned = plan_batches(wanted, free_bytes, sharing);
        if (!planned) {
          EXPECT_EQ(free_bytes, gib / 8) << "only the smallest card may be too small";
          continue;
        }
        EXPECT_LE(sharing * batches_in_flight * device_bytes(*planned), free_bytes / 2);
        EXPECT_EQ(planned->dimensions, wanted.dimensions);
        EXPECT_EQ(planned->distinct, wanted.distinct);
        if (planned->packets == wanted.packets) continue;
        BatchShape larger = *planned;
        larger.packets *= 2;
        larger.runs *= 2;
        larger.rows *= 2;
        EXPECT_GT(sharing * batches_in_flight * device_bytes(larger), free_bytes / 2) << "smaller than need be";
      }
}

TEST(BatchPlan, WhatIsPinnedIsBoundedHoweverManyCount) {
  for (const BatchShape& wanted : {BatchShape{}, BatchShape{.dimensions = 16}, BatchShape{.dimensions = 2, .distinct = true}})
    for (const std::size_t counters : {1u, 4u, 64u, 128u}) {
      const BatchShape planned = binning::plan_pinned(wanted, counters);
      EXPECT_LE(counters * batches_in_flight * binning::pinned_bytes(planned), binning::most_pinned_bytes);
      EXPECT_EQ(planned.dimensions, wanted.dimensions);
      EXPECT_GE(planned.packets, 1u << 12);
    }
  EXPECT_EQ(binning::plan_pinned({}, 16), BatchShape{}) << "few counters take what they want";
  EXPECT_LT(binning::plan_pinned({}, 64).packets, BatchShape{}.packets);
  EXPECT_EQ(binning::plan_pinned({}, 1'000'000).packets, 1u << 12) << "less than that never pays";
}

TEST(BatchPlan, SketchesTakeFewRowsABatch) {
  const auto planned = plan_batches({.distinct = true}, 80 * gib, 1);
  ASSERT_TRUE(planned);
  EXPECT_EQ(planned->rows, BatchShape::distinct_rows);
}

TEST(BatchPlan, WhatDoesNotHoldTheSmallestBatchIsAnError) {
  const auto planned = plan_batches({.distinct = true}, 1 << 20, 1);
  ASSERT_FALSE(planned);
  EXPECT_NE(planned.error().what.find("1 MiB of memory left for 1 counters"), std::string::npos) << planned.error().what;
}

}  // namespace
}  // namespace tidegauge
