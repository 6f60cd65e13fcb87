// Counters lent to many stretches at once, and what becomes of a capture when one of them fails.
#include "ingest/sinks/counter_pool.hpp"

#include <atomic>
#include <thread>

#include "ingest/sinks/count_capture.hpp"
#include "kernels/binning/batch_writer.hpp"
#include "tests/capture_writer.hpp"
#include "tests/failing_device.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

using test::Devices;
using test::FailingDevice;

Devices two_devices(std::vector<int>& made) {
  Devices devices;
  for (int i = 0; i < 2; ++i) devices.push_back(std::make_unique<FailingDevice>(1 << 30, [&made, i] { made.push_back(i); }));
  return devices;
}

std::uint64_t count_one(CounterPool& pool) {
  auto loan = pool.lend();
  BatchWriter writer(*loan);
  writer.enter(5);
  writer.count(100, 86, 0);
  const auto counted = writer.take();
  return counted ? counted->rows.at(5)[Column::packets] : 0;
}

TEST(CounterPool, SharesDevicesOutAndLendsAgain) {
  std::vector<int> made;
  CounterPool pool(two_devices(made), {}, 4);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(count_one(pool), 1u);
  EXPECT_EQ(made, std::vector<int>{0}) << "one at a time needs one";
  {
    std::vector<CounterPool::Loan> held;
    for (int i = 0; i < 4; ++i) held.push_back(pool.lend());
    EXPECT_EQ(made, (std::vector<int>{0, 1, 0, 1}));
  }
  EXPECT_EQ(count_one(pool), 1u);
  EXPECT_EQ(made.size(), 4u);
}

TEST(CounterPool, WhatAnAbandonedStretchLeftBehindIsNotCounted) {
  std::vector<int> made;
  CounterPool pool(two_devices(made), {.packets = 4}, 1);
  {
    auto loan = pool.lend();
    BatchWriter writer(*loan);
    writer.enter(5);
    for (int i = 0; i < 7; ++i) writer.count(100, 86, 0);
  }
  EXPECT_EQ(count_one(pool), 1u);
  EXPECT_EQ(made.size(), 1u);
}

TEST(CounterPool, WithoutRoomForAllOfThemSomeCountOnTheCpu) {
  std::vector<int> made;
  Devices devices{std::make_unique<FailingDevice>(1 << 30, [&made] { made.push_back(0); }, 2)};
  CounterPool pool(std::move(devices), {}, 4);
  {
    std::vector<CounterPool::Loan> held;
    for (int i = 0; i < 4; ++i) {
      held.push_back(pool.lend());
      EXPECT_FALSE(pool.failure());
      EXPECT_EQ(pool.shortage().has_value(), i >= 2);
    }
    EXPECT_EQ(pool.shortage()->what, FailingDevice::no_room);
    EXPECT_EQ(count_one(pool), 1u) << "who comes late counts, too";
  }
  EXPECT_EQ(made.size(), 2u);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(count_one(pool), 1u);
}

TEST(CounterPool, TheFirstFailureIsKept) {
  Devices devices;
  devices.push_back(std::make_unique<FailingDevice>(2));
  CounterPool pool(std::move(devices), {.packets = 1}, 1);
  EXPECT_EQ(count_one(pool), 1u);
  EXPECT_FALSE(pool.failure());
  {
    auto loan = pool.lend();
    loan.fail({"first", "", ""});
    loan.fail({"second", "", ""});
  }
  EXPECT_EQ(pool.failure()->what, "first");
}

class CountInBatches : public testing::Test {
 protected:
  std::string capture(int packets) {
    test::CaptureWriter writer;
    for (int i = 0; i < packets; ++i) writer.packet(1'452'315'600'000'000 + i * 1'000, 100, i % 3 != 0);
    writer.save(scratch / "a.pcap");
    return scratch / "a.pcap";
  }
  test::ScratchFolder scratch;
  IntervalRows rows;
  Expected<CountedCapture> count(const std::string& path, CounterPool& pool, ThreadBudget* spare = nullptr) {
    rows.clear();
    CountOptions options;
    options.counters = &pool;
    options.spare_threads = spare;
    options.piece_bytes = spare ? 20'000 : 0;
    return count_capture(path, options, [&](const RowPortion& portion) { return add_rows(rows, IntervalRows(portion)), Status{}; });
  }
};
using ThreadsCountInBatches = CountInBatches;

TEST_F(CountInBatches, ALostDeviceIsTheCapturesError) {
  for (const int batches : {0, 1, 5}) {
    Devices devices;
    devices.push_back(std::make_unique<FailingDevice>(batches));
    CounterPool pool(std::move(devices), {.packets = 100}, 1);
    const auto counted = count(capture(2'000), pool);
    ASSERT_FALSE(counted) << batches;
    EXPECT_EQ(counted.error().what, FailingDevice::words);
    EXPECT_EQ(pool.failure()->what, FailingDevice::words);
    const auto again = count(capture(10), pool);
    ASSERT_FALSE(again) << "a lost device counts nothing more";
    EXPECT_EQ(again.error().what, FailingDevice::words);
  }
}

TEST_F(CountInBatches, ADeviceWithoutRoomIsTheCapturesError) {
  Devices devices;
  devices.push_back(std::make_unique<FailingDevice>(-1));
  CounterPool pool(std::move(devices), {}, 1);
  const auto counted = count(capture(10), pool);
  ASSERT_FALSE(counted);
  EXPECT_EQ(counted.error().what, FailingDevice::words);
}

TEST_F(ThreadsCountInBatches, PiecesOnManyThreadsCountTheSame) {
  const std::string path = capture(20'000);
  CountOptions plain;
  IntervalRows wanted;
  ASSERT_TRUE(count_capture(path, plain, [&](const RowPortion& portion) { return add_rows(wanted, IntervalRows(portion)), Status{}; }));
  for (const std::size_t spare : {1u, 3u}) {
    std::vector<int> made;
    CounterPool pool(two_devices(made), {.packets = 300}, spare + 1);
    ThreadBudget budget(spare);
    const auto counted = count(path, pool, &budget);
    ASSERT_TRUE(counted) << counted.error().message();
    EXPECT_EQ(rows, wanted);
    EXPECT_LE(made.size(), spare + 2) << "counters are lent again, not made for each piece";
    EXPECT_GT(counted->pieces, 10u);
  }
}

}  // namespace
}  // namespace tidegauge
