// Hands interval rows over before they fill the memory, and remembers the first refusal of the one who takes them.
// A walk cannot be stopped from its sink: after a refusal rows are dropped, and status() says why the result is void.
// Tested by tests/ingest/count_capture_test.cpp.
#pragma once

#include <cstddef>
#include <functional>
#include <utility>

#include "kernels/core/status.hpp"
#include "kernels/data/partial_series.hpp"

namespace tidegauge {

class RowPortions {
 public:
  using Consumer = std::function<Status(const IntervalRows&)>;
  /// @param limit rows held before they are handed over
  RowPortions(std::size_t limit, Consumer consumer) : limit_(limit), consumer_(std::move(consumer)) {}

  bool full(std::size_t rows) const { return rows >= limit_; }
  void hand_over(const IntervalRows& rows) {
    if (status_ && !rows.empty()) status_ = consumer_(rows);
  }
  void fail(Error error) {
    if (status_) status_ = std::move(error);
  }
  const Status& status() const { return status_; }

 private:
  std::size_t limit_;
  Consumer consumer_;
  Status status_;
};

}  // namespace tidegauge
