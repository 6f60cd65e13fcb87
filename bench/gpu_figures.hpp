// What the parts of gpu_bench share: the table of figures, the clock, made-up windows.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "kernels/core/backend.hpp"
#include "kernels/core/random.hpp"

namespace tidegauge::bench {

inline constexpr int kRounds = 5;
/// Of a figure's round: long enough for a host clock.
inline constexpr double kRoundSeconds = 0.2;

inline double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// The figures, as a table on stdout and as lines of JSON.
class Figures {
 public:
  explicit Figures(const std::string& path) {
    if (!path.empty()) json_.open(path);
    fmt::print("{:<12} {:<30} {:>12} {:<12} {:>9} {:>9}\n", "what", "case", "value", "unit", "of limit", "of CPU");
  }
  /// @param limit the most that the value could be, in its unit; 0: none is known @param cpu the CPU's value; 0: none
  void add(const std::string& what, const std::string& name, double value, const std::string& unit, double limit = 0,
           double cpu = 0) {
    const auto ratio = [&](double base) { return base > 0 ? fmt::format("{:.2f}", value / base) : std::string("-"); };
    fmt::print("{:<12} {:<30} {:>12.4g} {:<12} {:>9} {:>9}\n", what, name, value, unit, ratio(limit), ratio(cpu));
    std::fflush(stdout);
    if (!json_.is_open()) return;
    json_ << fmt::format(R"({{"what":"{}","case":"{}","value":{:.6g},"unit":"{}","limit":{:.6g},"cpu":{:.6g}}})", what, name,
                         value, unit, limit, cpu)
          << std::endl;
  }

 private:
  std::ofstream json_;
};

/// Windows over a random walk, as a scaled series has them.
struct Windows {
  LstmShape shape;
  std::vector<float> features, targets;
  std::vector<std::uint32_t> starts;

  Windows(const LstmShape& of, std::size_t count) : shape(of) {
    const std::size_t points = count + shape.look_back + shape.horizon;
    RandomStream random(7, 1);
    features.resize(points * shape.features);
    for (std::size_t i = 0; i < features.size(); ++i) {
      const float before = i < shape.features ? 0.0f : features[i - shape.features];
      features[i] = 0.95f * before + 0.3f * static_cast<float>(2 * random.unit() - 1);
    }
    targets.resize(points);
    for (std::size_t i = 0; i < points; ++i) targets[i] = features[i * shape.features];
    starts.resize(count);
    std::iota(starts.begin(), starts.end(), 0u);
    shuffle(random);
  }
  WindowBatch batch() const {
    return {.features = features, .feature_count = shape.features, .targets = targets, .look_back = shape.look_back,
            .horizon = shape.horizon, .starts = starts};
  }

 private:
  void shuffle(RandomStream& random) {
    for (std::size_t i = starts.size(); i > 1; --i) std::swap(starts[i - 1], starts[random.below(i)]);
  }
};

/// What `work` does a second, `amount` each time: the best of the rounds.
template <class Work>
Expected<double> best_rate(double amount, const Work& work) {
  TG_TRY(work());
  double best = 0;
  for (int round = 0; round < kRounds; ++round) {
    const double begin = now();
    double done = 0;
    do {
      TG_TRY(work());
      done += amount;
    } while (now() - begin < kRoundSeconds);
    best = std::max(best, done / (now() - begin));
  }
  return best;
}

struct Devices {
  Backend &gpu, &cpu;
};

}  // namespace tidegauge::bench
