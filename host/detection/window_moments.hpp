// Mean and standard deviation of the newest values. Cost: constant per value: sums are kept about a pivot and taken anew once
// a window, so that rounding errors cannot build up. Thread safety: none; one owner.
// Tested by tests/host/detection_scores_test.cpp.
#pragma once

#include <cstddef>
#include <vector>

namespace tidegauge {

class WindowMoments {
 public:
  /// Remembers `window` values, at least 1.
  explicit WindowMoments(std::size_t window) : window_(window) {}

  void push(double value);
  std::size_t count() const { return values_.size(); }
  double mean() const;
  /// Divisor n. Exactly 0 where all values are equal.
  double deviation() const;

 private:
  void sum_anew();

  std::size_t window_, oldest_ = 0;
  std::vector<double> values_;  ///< a ring once it is full
  double pivot_ = 0, sum_ = 0, squares_ = 0;
  std::size_t equal_run_ = 0;   ///< newest values that equal each other
};

}  // namespace tidegauge
