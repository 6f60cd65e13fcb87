// Hands interval rows over before they fill the memory, and remembers the first refusal of the one who takes them.
// A walk cannot be stopped from its sink: after a refusal rows are dropped, and status() says why the result is void.
// Tested by tests/ingest/count_capture_test.cpp and keyed_sink_test.cpp.
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
  using KeyedConsumer = std::function<Status(const KeyedRows&)>;
  /// About how many bytes of keyed rows are held before they are handed over.
  /// Who stores them goes through all chunks of a trace for each portion, and needs as much again meanwhile.
  static constexpr std::size_t default_keyed_bytes = std::size_t{64} << 20;

  /// @param limit rows held before they are handed over
  RowPortions(std::size_t limit, Consumer consumer, KeyedConsumer keyed_consumer = {},
              std::size_t keyed_bytes = default_keyed_bytes)
      : limit_(limit), keyed_bytes_(keyed_bytes), consumer_(std::move(consumer)), keyed_consumer_(std::move(keyed_consumer)) {}

  bool full(std::size_t rows) const { return rows >= limit_; }
  bool full_of_keyed(std::size_t bytes) const { return bytes >= keyed_bytes_; }
  void hand_over(const IntervalRows& rows) {
    if (status_ && !rows.empty()) status_ = consumer_(rows);
  }
  void hand_over(KeyedRows&& rows) {
    std::erase_if(rows, [](const auto& item) { return item.second.empty(); });
    if (status_ && !rows.empty() && keyed_consumer_) status_ = keyed_consumer_(rows);
  }
  /// What a combined stretch holds, if it is much.
  /// @param keyed_bytes of its keyed rows, see bytes_of(); the caller adds up what it combines
  /// @return whether it was handed over
  bool relieve(PartialSeries& series, std::size_t keyed_bytes) {
    if (!full(series.rows_held()) && !full_of_keyed(keyed_bytes)) return false;
    hand_over(series.take_rows());
    hand_over(series.take_keyed_rows());
    return true;
  }
  /// A row of one interval may hold every port.
  static std::size_t bytes_of(const KeyedRows& rows) {
    std::size_t bytes = rows.size() * empty_keyed_row_bytes;
    for (const auto& [k, row] : rows) {
      bytes += row.counts.size() * sizeof(KeyCount);
      for (const Hll& sketch : row.addresses) bytes += sketch.bytes_held();
    }
    return bytes;
  }
  /// With the node of the map around it.
  static constexpr std::size_t empty_keyed_row_bytes = sizeof(KeyedRows::value_type) + 48;

  void fail(Error error) {
    if (status_) status_ = std::move(error);
  }
  const Status& status() const { return status_; }

 private:
  std::size_t limit_, keyed_bytes_;
  Consumer consumer_;
  KeyedConsumer keyed_consumer_;
  Status status_;
};

}  // namespace tidegauge
