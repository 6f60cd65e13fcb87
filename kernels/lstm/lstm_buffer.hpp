// Floats on cache-line boundaries, grown when asked for more and never shrunk, so that a steady state
// allocates nothing. Growing loses the contents.
// Tested by tests/kernels/lstm_test.cpp under the address sanitizer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>

namespace tidegauge::lstm {

class AlignedBuffer {
 public:
  /// At least `floats` floats; zero when the memory is new, as it was left otherwise.
  float* reserve(std::size_t floats) {
    if (floats > capacity_) {
      data_.reset(static_cast<float*>(::operator new(floats * sizeof(float), kAlignment)));
      std::fill_n(data_.get(), floats, 0.0f);
      capacity_ = floats;
    }
    return data_.get();
  }
  float* data() const { return data_.get(); }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Free {
    void operator()(float* p) const { ::operator delete(p, kAlignment); }
  };
  std::unique_ptr<float, Free> data_;
  std::size_t capacity_ = 0;
};

}  // namespace tidegauge::lstm
