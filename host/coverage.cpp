#include "host/coverage.hpp"

#include <algorithm>
#include <limits>

#include "kernels/data/interval_columns.hpp"

namespace tidegauge {

namespace {
// Ends of intervals near the limits of 64 bits do not fit into 64 bits; timestamps come from outside.
__extension__ using Wide = __int128;

constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t highest = std::numeric_limits<std::int64_t>::max();

std::int64_t overlap_ns(const Span& span, std::int64_t k, std::int64_t interval_ns) {
  const Wide begin = std::max(Wide{span.first_ns}, Wide{k} * interval_ns);
  const Wide end = std::min(Wide{span.last_ns} + 1, (Wide{k} + 1) * interval_ns);
  return end > begin ? static_cast<std::int64_t>(end - begin) : 0;
}
}  // namespace

std::int64_t default_joint_tolerance_ns(std::int64_t interval_ns) {
  return std::max<std::int64_t>(interval_ns / 100, 10'000'000);
}

std::vector<Span> close_joints(std::vector<Span> spans, std::int64_t tolerance_ns) {
  std::sort(spans.begin(), spans.end(), [](const Span& a, const Span& b) { return a.first_ns < b.first_ns; });
  std::vector<Span> joined;
  for (const Span& span : spans) {
    const bool touches = !joined.empty() && Wide{span.first_ns} - joined.back().last_ns <= tolerance_ns;
    if (touches) joined.back().last_ns = std::max(joined.back().last_ns, span.last_ns);
    else joined.push_back(span);
  }
  return joined;
}

bool is_complete(std::int64_t covered_ns, std::int64_t interval_ns, std::int64_t tolerance_ns) {
  return interval_ns - covered_ns <= std::min(tolerance_ns, interval_ns / 10);
}

CoveredIntervals::CoveredIntervals(std::span<const Span> spans, std::int64_t interval_ns,
                                   std::optional<std::int64_t> first_k, std::optional<std::int64_t> last_k)
    : spans_(spans), interval_ns_(interval_ns), last_k_(last_k.value_or(highest)), k_(first_k.value_or(lowest)) {
  settle();
}

void CoveredIntervals::next() {
  valid_ = k_ < last_k_;  // also keeps the step below from passing the largest number
  if (!valid_) return;
  ++k_;
  settle();
}

void CoveredIntervals::settle() {
  while (at_ < spans_.size() && interval_of(spans_[at_].last_ns, interval_ns_) < k_) ++at_;
  valid_ = at_ < spans_.size();
  if (!valid_) return;
  k_ = std::max(k_, interval_of(spans_[at_].first_ns, interval_ns_));
  valid_ = k_ <= last_k_;
  covered_ns_ = 0;
  for (std::size_t i = at_; i < spans_.size() && interval_of(spans_[i].first_ns, interval_ns_) <= k_; ++i)
    covered_ns_ += overlap_ns(spans_[i], k_, interval_ns_);
}

std::uint64_t count_covered_intervals(std::span<const Span> spans, std::int64_t interval_ns,
                                      std::optional<std::int64_t> first_k, std::optional<std::int64_t> last_k) {
  Wide next_k = first_k.value_or(lowest);
  Wide count = 0;
  for (const Span& span : spans) {  // neighbours may share an interval: it counts once
    const Wide first = std::max<Wide>(next_k, interval_of(span.first_ns, interval_ns));
    const Wide last = std::min<Wide>(last_k.value_or(highest), interval_of(span.last_ns, interval_ns));
    if (last < first) continue;
    count += last - first + 1;
    next_k = last + 1;
  }
  return static_cast<std::uint64_t>(count);
}

}  // namespace tidegauge
