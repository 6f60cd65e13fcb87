#include "host/alert_budget.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>
#include <vector>

namespace tidegauge {

namespace {

/// Detections of both directions so far and the number of merged ranges that they make.
class AlertCounter {
 public:
  AlertCounter(std::int64_t reach, bool merge) : reach_(reach), merge_(merge) {}

  void add(const Candidate& c) {
    auto& detections = by_direction_[c.rising];
    const auto [at, added] = detections.emplace(c.segment, c.k);
    if (!added) return;
    ++alerts_;
    if (!merge_) return;
    const auto joins = [&](const auto& a, const auto& b) { return a.first == b.first && b.second - a.second <= reach_; };
    const auto next = std::next(at);
    const bool left = at != detections.begin() && joins(*std::prev(at), *at);
    const bool right = next != detections.end() && joins(*at, *next);
    const bool were_joined = left && right && joins(*std::prev(at), *next);
    alerts_ -= (left || right) + (left && right && !were_joined);
  }
  std::int64_t alerts() const { return alerts_; }

 private:
  std::int64_t reach_;
  bool merge_;
  std::set<std::pair<std::uint32_t, std::int64_t>> by_direction_[2];
  std::int64_t alerts_ = 0;
};

}  // namespace

double threshold_for_budget(std::span<const Candidate> candidates, std::int64_t reach, bool merge, double most_alerts) {
  std::vector<Candidate> order(candidates.begin(), candidates.end());
  std::sort(order.begin(), order.end(), [](const Candidate& a, const Candidate& b) {
    return std::tuple(-a.strength, a.k, a.rising) < std::tuple(-b.strength, b.k, b.rising);
  });
  AlertCounter counter(reach, merge);
  for (std::size_t i = 0; i < order.size();) {
    const double strength = order[i].strength;
    for (; i < order.size() && order[i].strength == strength; ++i) counter.add(order[i]);  // equals come together
    if (static_cast<double>(counter.alerts()) > most_alerts) return strength;  // so these must stay below
  }
  return -std::numeric_limits<double>::infinity();
}

}  // namespace tidegauge
