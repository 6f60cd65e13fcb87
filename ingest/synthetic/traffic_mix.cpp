#include "ingest/synthetic/traffic_mix.hpp"

#include <algorithm>
#include <cmath>

namespace tidegauge::synthetic {

namespace {

struct GroupPlan {
  Protocol protocol;
  bool ipv6;
  double packets;  ///< share
};

/// What TCP leaves is divided in fixed proportions, most of it to UDP.
std::vector<GroupPlan> plan_groups(const SynthSettings& s) {
  const double rest = 1 - s.tcp;
  const auto both = [&](Protocol protocol, double share) {
    return std::array{GroupPlan{protocol, false, share * (1 - s.ipv6)},
                      GroupPlan{protocol, true, share * s.ipv6}};
  };
  std::vector<GroupPlan> plan;
  for (const auto& pair :
       {both(Protocol::tcp, s.tcp), both(Protocol::udp, rest * 0.80), both(Protocol::icmp, rest * 0.11)})
    plan.insert(plan.end(), pair.begin(), pair.end());
  plan.push_back({Protocol::esp, false, rest * 0.06});
  plan.push_back({Protocol::gre, false, rest * 0.02});
  plan.push_back({Protocol::arp, false, rest * 0.007});
  plan.push_back({Protocol::ospf, false, rest * 0.003});
  return plan;
}

std::vector<double> shares_of(const std::vector<GroupPlan>& plan) {
  std::vector<double> shares;
  for (const GroupPlan& group : plan) shares.push_back(group.packets);
  return shares;
}

std::vector<double> zipf_weights(std::size_t n, double exponent) {
  std::vector<double> weights(n);
  // Shifted by 10 ranks (Mandelbrot): no single conversation carries a tenth of a backbone link.
  for (std::size_t i = 0; i < n; ++i) weights[i] = std::pow(static_cast<double>(i + 10), -exponent);
  return weights;
}

}  // namespace

AliasTable::AliasTable(const std::vector<double>& weights) : cells_(weights.size()) {
  double sum = 0;
  for (const double w : weights) sum += w;
  std::vector<double> scaled(weights.size());
  std::vector<std::uint32_t> poor, rich;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    scaled[i] = weights[i] / sum * static_cast<double>(weights.size());
    cells_[i].other = static_cast<std::uint32_t>(i);
    (scaled[i] < 1 ? poor : rich).push_back(static_cast<std::uint32_t>(i));
  }
  while (!poor.empty() && !rich.empty()) {
    const std::uint32_t p = poor.back(), r = rich.back();
    poor.pop_back();
    cells_[p] = {static_cast<std::uint32_t>(scaled[p] * 0x1p32), r};
    scaled[r] -= 1 - scaled[p];
    if (scaled[r] >= 1) continue;
    rich.pop_back();
    poor.push_back(r);
  }
}

TrafficMix::TrafficMix(const SynthSettings& settings)
    : protocols_(shares_of(plan_groups(settings))),
      random_(settings.seed, 5),
      victim_(Protocol::tcp, Addressing{}, random_) {
  const auto draw = [&](double share) { return random_.unit() < share; };
  for (const GroupPlan& plan : plan_groups(settings)) {
    const auto wanted = static_cast<std::size_t>(static_cast<double>(settings.conversations) * plan.packets);
    const std::size_t n = std::max<std::size_t>(wanted, 8);
    Group group{AliasTable(zipf_weights(n, settings.zipf)), {}};
    group.conversations.reserve(n);
    for (std::size_t i = 0; i < n; ++i) {
      const auto vlan =
          draw(settings.vlan) ? static_cast<std::uint16_t>(100 + random_.below(16)) : std::uint16_t{0};
      group.conversations.emplace_back(plan.protocol, Addressing{plan.ipv6, vlan, settings.fragments},
                                       random_);
    }
    groups_.push_back(std::move(group));
  }
}

}  // namespace tidegauge::synthetic
