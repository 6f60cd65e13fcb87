// What traces cover. No data is not zero: inside a span an interval without packets is zero, outside it is unknown.
// A span runs from the first to the last kept timestamp, both included. Spans of one observation point are united, and
// joints up to a tolerance close, so that minute files make one series.
// Cost: linear in spans, and one step per covered interval. Tested by tests/host/coverage_test.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace tidegauge {

/// Stretch of time that traces cover: first and last kept timestamp, both included.
struct Span {
  std::int64_t first_ns = 0, last_ns = 0;
  friend bool operator==(const Span&, const Span&) = default;
};

/// A hundredth of the interval, at least 10 ms: what lies between the last packet of one minute file and the first of
/// the next on a busy link.
std::int64_t default_joint_tolerance_ns(std::int64_t interval_ns);

/// Union of spans in any order; gaps of at most `tolerance_ns` close. The result is ordered and disjoint.
std::vector<Span> close_joints(std::vector<Span> spans, std::int64_t tolerance_ns);

/// An interval counts as fully covered when at most the joint tolerance is missing, and never more than a tenth of it
/// (at intervals below 100 ms the tolerance alone would call every interval complete).
bool is_complete(std::int64_t covered_ns, std::int64_t interval_ns, std::int64_t tolerance_ns);

/// Walks the covered intervals in order.
///   for (CoveredIntervals at(spans, interval_ns); at.valid(); at.next()) use(at.k(), at.covered_ns());
class CoveredIntervals {
 public:
  /// @param spans ordered and disjoint (close_joints); must outlive this.
  /// @param first_k, last_k bounds of the walk, both included.
  CoveredIntervals(std::span<const Span> spans, std::int64_t interval_ns,
                   std::optional<std::int64_t> first_k = std::nullopt,
                   std::optional<std::int64_t> last_k = std::nullopt);
  bool valid() const { return valid_; }
  std::int64_t k() const { return k_; }
  std::int64_t covered_ns() const { return covered_ns_; }
  void next();

 private:
  void settle();  ///< moves to the first covered interval at or after k_
  std::span<const Span> spans_;
  std::int64_t interval_ns_;
  std::int64_t last_k_;
  std::size_t at_ = 0;  ///< the first span that ends in k_ or later
  std::int64_t k_ = 0, covered_ns_ = 0;
  bool valid_ = false;
};

/// How many intervals CoveredIntervals would visit, without visiting them.
std::uint64_t count_covered_intervals(std::span<const Span> spans, std::int64_t interval_ns,
                                      std::optional<std::int64_t> first_k = std::nullopt,
                                      std::optional<std::int64_t> last_k = std::nullopt);

}  // namespace tidegauge
