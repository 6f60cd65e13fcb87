#include "kernels/data/partial_series.hpp"

#include <cmath>
#include <utility>
#include <vector>

#include "kernels/core/random.hpp"
#include "tests/oracle/naive_order.hpp"
#include "tests/random_clocks.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

using oracle::Event;
using Events = std::vector<Event>;
constexpr std::int64_t second = 1'000'000'000, start = 1'700'000'000 * second;

RecordCounts counts_of(const Event& event) {
  RecordCounts counts{.row = event.counts, .keyed = {}, .filtered = event.filtered};
  counts.keyed.counts = event.keys;
  for (const auto hash : event.source_hashes) counts.keyed.addresses[KeyedRow::sources].add(hash);
  for (const auto hash : event.destination_hashes) counts.keyed.addresses[KeyedRow::destinations].add(hash);
  return counts;
}

PartialSeries stretch(const Events& events, std::size_t first, std::size_t last, std::int64_t interval_ns) {
  PartialSeries partial(interval_ns);
  for (std::size_t i = first; i < last; ++i) {
    const Event& event = events[i];
    switch (event.kind) {
      case Event::Kind::record: partial.record(event.ts_ns, counts_of(event)); break;
      case Event::Kind::refusal: partial.refuse(event.why, event.number, event.bytes); break;
      case Event::Kind::lost: partial.lost(event.number); break;
    }
  }
  return partial;
}

/// Merges neighbours in a random order, as threads that finish at random would.
PartialSeries merge_all(std::vector<PartialSeries> parts, RandomStream& random) {
  while (parts.size() > 1) {
    const std::size_t i = random.below(parts.size() - 1);
    parts[i].merge(std::move(parts[i + 1]));
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(i) + 1);
  }
  return std::move(parts[0]);
}

/// Cut points, favouring stretches of 0 to 3 events.
std::vector<PartialSeries> random_split(const Events& events, std::int64_t interval_ns,
                                        RandomStream& random) {
  std::vector<PartialSeries> parts;
  for (std::size_t at = 0; at < events.size() || parts.empty();) {
    const std::size_t n =
        std::min<std::size_t>(events.size() - at, random.below(3) ? random.below(4) : random.below(40));
    parts.push_back(stretch(events, at, at + n, interval_ns));
    at += n;
  }
  return parts;
}

IntervalRows without_empty(IntervalRows rows) {
  std::erase_if(rows, [](const auto& item) { return item.second == IntervalRow{}; });
  return rows;
}

void expect_whole(const oracle::WholeCapture& whole, const PartialSeries& closed, const std::string& where) {
  ASSERT_EQ(without_empty(closed.rows()), whole.rows) << where;
  ASSERT_TRUE(closed.keyed_rows() == oracle::keyed_rows(whole)) << where;
  ASSERT_EQ(closed.account(), whole.account) << where;
  ASSERT_TRUE(closed.account().adds_up()) << where;
  ASSERT_EQ(closed.first_ns(), whole.first_ns) << where;
  ASSERT_EQ(closed.last_kept_ns(), whole.last_ns) << where;
  const PartialSeries::Marks& unplaced = closed.unplaced();
  ASSERT_EQ(unplaced.absurd + unplaced.damaged + unplaced.duplicates + unplaced.lost, whole.unplaced)
      << where;
}

TEST(PartialSeries, AnySplitEqualsNoSplitEqualsTheDefinitions) {
  constexpr std::uint64_t seed = 11;
  RandomStream random(seed, 0);
  for (int round = 0; round < 8'000; ++round) {
    const std::uint64_t model = random.below(test::clock_models);
    const Events events = test::random_events(random, model, random.below(round % 10 ? 12 : 120));
    const std::int64_t interval_ns = random.below(2) ? second : 86'400 * second;
    const auto where = "seed " + std::to_string(seed) + " round " + std::to_string(round) + " model " +
                       std::to_string(model);
    const oracle::WholeCapture whole = oracle::count_whole(events, interval_ns);

    PartialSeries unsplit = stretch(events, 0, events.size(), interval_ns);
    unsplit.close();
    expect_whole(whole, unsplit, where + " unsplit");
    if (testing::Test::HasFatalFailure()) return;
    PartialSeries merged = merge_all(random_split(events, interval_ns, random), random);
    merged.close();
    expect_whole(whole, merged, where + " split");
    if (testing::Test::HasFatalFailure()) return;
  }
}

// Every sequence of up to six records on three clocks a week apart, split at every two places.
TEST(PartialSeries, EveryShortCaptureOnThreeClocks) {
  for (std::size_t n = 0; n <= 6; ++n) {
    for (std::size_t code = 0, codes = static_cast<std::size_t>(std::pow(3, n)); code < codes; ++code) {
      Events events(n);
      for (std::size_t i = 0, rest = code; i < n; ++i, rest /= 3) {
        events[i].ts_ns = start + static_cast<std::int64_t>(rest % 3 * 7 * 86'400 + i) * second;
        events[i].counts[Column::packets] = 1;
      }
      const oracle::WholeCapture whole = oracle::count_whole(events, second);
      for (std::size_t a = 0; a <= n; ++a) {
        for (std::size_t b = a; b <= n; ++b) {
          const auto where = std::to_string(n) + " records, code " + std::to_string(code) + ", split at " +
                             std::to_string(a) + " and " + std::to_string(b);
          PartialSeries left = stretch(events, 0, a, second), right = stretch(events, 0, a, second);
          PartialSeries end = stretch(events, a, b, second);
          left.merge(stretch(events, a, b, second));
          left.merge(stretch(events, b, n, second));
          end.merge(stretch(events, b, n, second));
          right.merge(std::move(end));
          left.close();
          right.close();
          expect_whole(whole, left, where + ", left first");
          expect_whole(whole, right, where + ", right first");
          if (testing::Test::HasFatalFailure()) return;
        }
      }
    }
  }
}

// Rows taken out at any moment add up to the rows of the whole.
TEST(PartialSeries, RowsInPortionsAddUp) {
  constexpr std::uint64_t seed = 12;
  RandomStream random(seed, 0);
  for (int round = 0; round < 300; ++round) {
    const Events events = test::random_events(random, random.below(test::clock_models), 60);
    PartialSeries partial(second);
    IntervalRows rows;
    KeyedRows keyed;
    for (std::size_t i = 0; i < events.size(); ++i) {
      partial.merge(stretch(events, i, i + 1, second));
      if (random.below(4) == 0) add_rows(rows, partial.take_rows());
      if (random.below(4) == 0) add_rows(keyed, partial.take_keyed_rows());
    }
    partial.close();
    add_rows(rows, partial.take_rows());
    add_rows(keyed, partial.take_keyed_rows());
    const oracle::WholeCapture whole = oracle::count_whole(events, second);
    ASSERT_EQ(without_empty(rows), whole.rows) << "seed " << seed << " round " << round;
    ASSERT_TRUE(keyed == oracle::keyed_rows(whole)) << "seed " << seed << " round " << round;
  }
}

TEST(PartialSeries, ClosedOnesAdd) {
  RandomStream random(13, 0);
  const Events a = test::random_events(random, 1, 50), b = test::random_events(random, 4, 50);
  PartialSeries one = stretch(a, 0, a.size(), second), other = stretch(b, 0, b.size(), second);
  one.close();
  other.close();
  const oracle::WholeCapture whole_a = oracle::count_whole(a, second),
                             whole_b = oracle::count_whole(b, second);
  one.add(std::move(other));
  IntervalRows rows = whole_a.rows;
  add_rows(rows, IntervalRows(whole_b.rows));
  KeyedRows keyed = oracle::keyed_rows(whole_a);
  add_rows(keyed, oracle::keyed_rows(whole_b));
  EXPECT_TRUE(one.keyed_rows() == keyed);
  RecordAccount account = whole_a.account;
  account += whole_b.account;
  EXPECT_EQ(without_empty(one.rows()), rows);
  EXPECT_EQ(one.account(), account);
  EXPECT_EQ(one.first_ns(), std::min(*whole_a.first_ns, *whole_b.first_ns));
  EXPECT_EQ(one.last_kept_ns(), std::max(*whole_a.last_ns, *whole_b.last_ns));
}

// Seven packets over seven days are seven packets; one with the last second of 32 bits in the middle is set aside.
TEST(PartialSeries, DaysApartAreKeptGarbageIsNot) {
  const auto at = [](std::int64_t seconds) {
    Event event;
    event.ts_ns = seconds * second;
    event.counts[Column::packets] = 1;
    return event;
  };
  Events week;
  for (std::int64_t day = 0; day < 7; ++day) week.push_back(at(1'700'000'000 + day * 100'000));
  PartialSeries partial = stretch(week, 0, week.size(), second);
  partial.close();
  EXPECT_EQ(partial.account().counted, 7u);

  const Events garbage{at(1'700'000'000), at(1'700'000'001), at(0xffffffff), at(1'700'000'002),
                       at(1'700'000'003)};
  partial = stretch(garbage, 0, garbage.size(), second);
  partial.close();
  EXPECT_EQ(partial.account().counted, 4u);
  EXPECT_EQ(partial.account()[Refusal::absurd_time], 1u);
  EXPECT_EQ(partial.rows().at(1'700'000'001)[Column::absurd], 1u);
  EXPECT_EQ(partial.last_kept_ns(), 1'700'000'003 * second);
}

TEST(PartialSeries, AccountNamesEveryRefusal) {
  RecordAccount account;
  account.read = 3;
  account.counted = 1;
  account[Refusal::no_time] = 1;
  EXPECT_FALSE(account.adds_up());
  account[Refusal::duplicate] = 1;
  EXPECT_TRUE(account.adds_up());
}

}  // namespace
}  // namespace tidegauge
