// Stages of a benchmark, timed in turns. Machines are shared: a ratio is the median of those within the rounds, because the
// best rounds of two stages may have met different machines.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidegauge::bench {

/// One way over one file.
struct Stage {
  std::string name;
  std::function<std::uint64_t()> run;
  std::uint64_t wanted;  ///< what run() has to return
  std::uint64_t packets, bytes;  ///< of the file, decompressed
  std::vector<double> seconds{};
  double best() const { return *std::min_element(seconds.begin(), seconds.end()); }
  double worst() const { return *std::max_element(seconds.begin(), seconds.end()); }
};
using Stages = std::vector<Stage>;

/// Seconds that this thread has computed: what other work on the machine takes away is left out.
inline double thread_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}
inline double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Every stage once a round.
inline void run_rounds(Stages& stages, int rounds, double (*clock)()) {
  for (int round = 0; round < rounds; ++round) {
    for (Stage& stage : stages) {
      const double begin = clock();
      stage.run();
      stage.seconds.push_back(clock() - begin);
    }
  }
}

inline const Stage* find(const Stages& stages, std::string_view name) {
  const auto at =
      std::find_if(stages.begin(), stages.end(), [&](const Stage& stage) { return stage.name == name; });
  return at == stages.end() ? nullptr : &*at;
}

inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Packets a second in one round.
inline double rate(const Stage& stage, std::size_t round) {
  return static_cast<double>(stage.packets) / stage.seconds[round];
}

/// How many times as fast `stage` is, a packet of its file, as `base`.
inline double speed_ratio(const Stage& stage, const Stage& base) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < stage.seconds.size(); ++i) ratios.push_back(rate(stage, i) / rate(base, i));
  return median(std::move(ratios));
}

/// The table; its last column is the ratio to the stage `against`.
inline void print_stages(const Stages& stages, const char* against) {
  const Stage& base = *find(stages, against);
  fmt::print("{:>16} {:>8} {:>8} {:>10} {:>11} {:>11}\n", "stage", "Mpps", "GB/s", "ns/packet", "worst Mpps",
             fmt::format("of {}", against));
  for (const Stage& stage : stages) {
    const auto n = static_cast<double>(stage.packets);
    fmt::print("{:>16} {:>8.4g} {:>8.3g} {:>10.4g} {:>11.4g} {:>11.3g}\n", stage.name, n / stage.best() * 1e-6,
               static_cast<double>(stage.bytes) / stage.best() * 1e-9, stage.best() / n * 1e9,
               n / stage.worst() * 1e-6, speed_ratio(stage, base));
  }
}

struct Target {
  const char *stage, *base;
  double least;  ///< ratio
};

/// Prints the ratio of each target of which both stages ran. What is missed: the words for those below `held` of it.
template <class Targets>
std::vector<std::string> missed_targets(const Stages& stages, const Targets& targets, double held) {
  std::vector<std::string> missed;
  for (const Target& target : targets) {
    const Stage *const stage = find(stages, target.stage), *const base = find(stages, target.base);
    if (!stage || !base) continue;
    const double ratio = speed_ratio(*stage, *base);
    const std::string words = fmt::format("{} / {}: {:.4g} (target {})", target.stage, target.base, ratio, target.least);
    fmt::print("{}\n", words);
    if (ratio < held * target.least) missed.push_back(words);
  }
  return missed;
}

}  // namespace tidegauge::bench
