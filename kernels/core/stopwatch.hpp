// Adds up the time of stretches of work. Cost: two looks at the clock a stretch (50 ns): for blocks, not for packets.
#pragma once

#include <chrono>

namespace tidegauge {

class Stopwatch {
 public:
  /// Runs until it is destroyed.
  class Stretch {
   public:
    explicit Stretch(Stopwatch& watch) : watch_(watch) {}
    ~Stretch() { watch_.total_ += std::chrono::steady_clock::now() - begin_; }
    Stretch(const Stretch&) = delete;
    Stretch& operator=(const Stretch&) = delete;

   private:
    Stopwatch& watch_;
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  };

  double seconds() const { return std::chrono::duration<double>(total_).count(); }

 private:
  std::chrono::steady_clock::duration total_{};
};

}  // namespace tidegauge
