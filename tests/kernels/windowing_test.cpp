#include "kernels/windowing/windowing.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "tests/support.hpp"

namespace tidegauge {
namespace {

TEST(PartSize, ReadsRowsAndFractions) {
  struct Row { const char* text; std::size_t of_180; };
  for (const Row& row : {Row{"125", 125}, Row{"0", 0}, Row{"500", 180}, Row{"0.7", 126}, Row{"0.0", 0}, Row{".5", 90},
                         Row{"0.00001", 0}, Row{"5e-1", 90}}) {
    const auto size = parse_part_size(row.text, "--train");
    ASSERT_TRUE(size) << row.text;
    EXPECT_EQ(size->of(180), row.of_180) << row.text;
    EXPECT_EQ(*parse_part_size(part_size_text(*size), ""), *size) << row.text;
  }
  for (const char* text : {"", "x", "-1", "1.0", "1.5", "-0.1", "0.7x", "nan.", "12e3", "1e-", "e"})
    EXPECT_FALSE(parse_part_size(text, "--train")) << text;
}

TEST(SplitRows, CutsTheValidationTailOffTheTrainingPart) {
  const auto split = split_rows(180, PartSize::of_rows(125), PartSize::of_fraction(0.2));
  ASSERT_TRUE(split);
  EXPECT_EQ(split->training, (Segment{0, 100}));
  EXPECT_EQ(split->validation, (Segment{100, 125}));
  EXPECT_EQ(split->test, (Segment{125, 180}));
}

TEST(SplitRows, RefusesWhatLeavesNothing) {
  EXPECT_FALSE(split_rows(100, PartSize::of_rows(125), PartSize::of_rows(0)));
  EXPECT_FALSE(split_rows(100, PartSize::of_rows(50), PartSize::of_rows(50)));
  EXPECT_FALSE(split_rows(0, PartSize::of_fraction(0.7), PartSize::of_fraction(0.15)));
  EXPECT_FALSE(split_rows(std::size_t{1} << 32, PartSize::of_fraction(0.7), PartSize::of_rows(0)));
}

// Every window of every position checked against the definition, for all small cases.
TEST(WindowStarts, EqualsTheDefinition) {
  const std::vector<Segment> segments = {{0, 1}, {2, 6}, {6, 13}, {15, 30}};
  for (std::size_t look_back = 1; look_back <= 6; ++look_back)
    for (std::size_t horizon = 0; horizon <= 3; ++horizon)
      for (std::size_t first : {0u, 3u, 8u, 17u, 30u})
        for (std::size_t last : {0u, 9u, 20u, 30u}) {
          std::vector<std::uint32_t> expected;
          for (std::uint32_t s = 0; s < 30; ++s) {
            const std::size_t target = s + look_back, end = target + horizon;
            const bool inside = std::any_of(segments.begin(), segments.end(), [&](const Segment& g) {
              return s >= g.first && end <= g.last;
            });
            if (inside && target >= first && end <= last) expected.push_back(s);
          }
          EXPECT_EQ(window_starts(segments, look_back, horizon, {first, last}), expected)
              << look_back << " " << horizon << " " << first << " " << last;
        }
}

TEST(ShuffleStarts, IsAPermutationAddressedBySeedAndEpoch) {
  std::vector<std::uint32_t> base(1000);
  for (std::uint32_t i = 0; i < 1000; ++i) base[i] = i;
  std::set<std::vector<std::uint32_t>> orders;
  for (std::uint64_t seed : {1u, 2u})
    for (std::uint64_t epoch : {0u, 1u, 2u}) {
      auto order = base;
      shuffle_starts(order, seed, epoch);
      auto again = base;
      shuffle_starts(again, seed, epoch);
      EXPECT_EQ(order, again);
      orders.insert(order);
      std::sort(order.begin(), order.end());
      EXPECT_EQ(order, base);
    }
  EXPECT_EQ(orders.size(), 6u);
  std::vector<std::uint32_t> one = {7}, empty;
  shuffle_starts(one, 1, 1);
  shuffle_starts(empty, 1, 1);
  EXPECT_EQ(one[0], 7u);
}

// Each of the 24 orders of four must come up about equally often: 24,000 draws, 1,000 expected, +- 6 standard deviations.
TEST(ShuffleStarts, DrawsEveryOrderEquallyOften) {
  std::map<std::vector<std::uint32_t>, int> count;
  for (std::uint64_t epoch = 0; epoch < 24000; ++epoch) {
    std::vector<std::uint32_t> order = {0, 1, 2, 3};
    shuffle_starts(order, 5, epoch);
    ++count[order];
  }
  EXPECT_EQ(count.size(), 24u);
  for (const auto& [order, n] : count) EXPECT_NEAR(n, 1000, 190);
}

}  // namespace
}  // namespace tidegauge
