// Many series, one behind another, and the comparison "same answers, same bits".
#pragma once

#include <random>
#include <string>
#include <vector>

#include "kernels/slope/surge.hpp"
#include "tests/kernels/slope_cases.hpp"
#include "tests/oracle/naive_surges.hpp"

namespace tidegauge::test {

struct SurgeCase {
  SlopeCase rows;
  std::vector<std::uint64_t> begin{0};
  SurgeInput input() const { return {rows.input(), begin}; }
};

/// Series of 0 to `longest` rows; the next one may begin where the one before would go on.
inline SurgeCase random_surge_case(std::size_t series, std::size_t longest, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  SurgeCase made;
  for (std::size_t n = 0; n < series; ++n) {
    const SlopeCase one = random_slope_case(random() % (longest + 1), seed + 8 * n);  // the same interval, as `seed % 4` says
    made.rows.interval_ns = one.interval_ns;
    const std::int64_t on = !made.rows.k.empty() && !one.k.empty() && random() % 2 ? made.rows.k.back() + 1 - one.k.front() : 0;
    for (const std::int64_t k : one.k) made.rows.k.push_back(k + on);
    made.rows.values.insert(made.rows.values.end(), one.values.begin(), one.values.end());
    made.rows.complete.insert(made.rows.complete.end(), one.complete.begin(), one.complete.end());
    made.begin.push_back(made.rows.k.size());
  }
  return made;
}

inline std::vector<SurgeRule> every_surge_rule() {
  std::vector<SurgeRule> rules;
  for (const SlopeKind kind : {SlopeKind::ratio, SlopeKind::absolute, SlopeKind::robust})
    for (const auto& [rising, falling] : {std::pair(true, false), std::pair(false, true), std::pair(true, true)})
      for (const std::int64_t error : {0, 1, 7}) {
        rules.push_back({kind, rising, falling, 1.3, 0, error});
        rules.push_back({kind, rising, falling, std::nullopt, 0.8, error});
      }
  rules.push_back({SlopeKind::ratio, true, true, 1.3, 0, std::int64_t{1} << 60});
  rules.push_back({SlopeKind::ratio, true, true, std::nullopt, 1e-300, 3});
  return rules;
}

inline void expect_same_surges(const Surges& got, const Surges& wanted, const std::string& what) {
  expect_same_bits(got.slopes, wanted.slopes, what);
  ASSERT_EQ(got.thresholds.size(), wanted.thresholds.size()) << what;
  for (std::size_t n = 0; n < got.thresholds.size(); ++n) ASSERT_EQ(got.thresholds[n], wanted.thresholds[n]) << what << ", series " << n;
  ASSERT_EQ(got.ranges.size(), wanted.ranges.size()) << what;
  for (std::size_t r = 0; r < got.ranges.size(); ++r)
    ASSERT_TRUE(got.ranges[r] == wanted.ranges[r])
        << what << ", range " << r << " of series " << wanted.ranges[r].series << ": " << got.ranges[r].first_k << " to "
        << got.ranges[r].last_k << ", wanted " << wanted.ranges[r].first_k << " to " << wanted.ranges[r].last_k;
}

inline std::string words_of(const SurgeRule& rule) {
  return "kind " + std::to_string(static_cast<int>(rule.kind)) + (rule.rising ? " rising" : "") + (rule.falling ? " falling" : "") +
         (rule.threshold ? "" : " learned") + " error " + std::to_string(rule.error);
}

}  // namespace tidegauge::test
