#include "host/detection/window_moments.hpp"

#include <algorithm>
#include <cmath>

namespace tidegauge {

void WindowMoments::push(double value) {
  const double newest = values_.empty() ? value : values_[(oldest_ + values_.size() - 1) % values_.size()];
  equal_run_ = value == newest ? equal_run_ + 1 : 1;
  if (values_.size() < window_) {
    if (values_.empty()) pivot_ = value;
    values_.push_back(value);
  } else {
    const double gone = values_[oldest_] - pivot_;
    sum_ -= gone;
    squares_ -= gone * gone;
    values_[oldest_] = value;
    oldest_ = (oldest_ + 1) % window_;
  }
  sum_ += value - pivot_;
  squares_ += (value - pivot_) * (value - pivot_);
  if (values_.size() == window_ && oldest_ == 0) sum_anew();
}

void WindowMoments::sum_anew() {
  pivot_ = mean();
  sum_ = squares_ = 0;
  for (const double value : values_) {
    sum_ += value - pivot_;
    squares_ += (value - pivot_) * (value - pivot_);
  }
}

double WindowMoments::mean() const { return pivot_ + sum_ / static_cast<double>(values_.size()); }

double WindowMoments::deviation() const {
  if (equal_run_ >= values_.size()) return 0;  // rounding must not make a constant vary
  const auto n = static_cast<double>(values_.size());
  return std::sqrt(std::max(squares_ / n - sum_ / n * (sum_ / n), 0.0));
}

}  // namespace tidegauge
