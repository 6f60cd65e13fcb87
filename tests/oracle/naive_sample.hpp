// How often each packet of a capture is written to a sample, one mode a function, from the rules that pcapsampler states
// (and, with `seed`, from what it does: packet 1 always, the rule behind it). Whole lists in, whole lists out, nothing
// kept between packets that the rule does not speak of. Random numbers are drawn as sample_rules.hpp says.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernels/core/random.hpp"
#include "kernels/data/packet_view.hpp"
#include "tests/oracle/naive_decoder.hpp"
#include "tests/oracle/naive_order.hpp"

namespace tidegauge::oracle {

using Copies = std::vector<std::uint64_t>;
using Times = std::vector<std::int64_t>;
__extension__ using Wide = __int128;  // no sum of times leaves it

/// Puts packet 1 before what the rule says of the others.
template <class Rule>
Copies behind_first(std::size_t packets, const Rule& rule) {
  if (packets == 0) return {};
  Copies rest = rule(packets - 1);
  rest.insert(rest.begin(), 1);
  return rest;
}

inline Copies every_nth(std::size_t packets, std::uint64_t n, bool seed) {
  const auto rule = [n](std::size_t count) {
    Copies copies(count, 0);
    for (std::size_t i = 0; i < count; ++i) copies[i] = i % n == 0;
    return copies;
  };
  return seed ? behind_first(packets, rule) : rule(packets);
}

inline Copies each_by_itself(std::size_t packets, std::uint64_t n, std::uint64_t random_seed, bool seed) {
  const auto rule = [&](std::size_t count) {
    RandomStream random(random_seed, 1);
    Copies copies;
    while (copies.size() < count) copies.push_back(random.below(n) == 0);
    return copies;
  };
  return seed ? behind_first(packets, rule) : rule(packets);
}

inline Copies one_of_each_block(std::size_t packets, std::uint64_t n, std::uint64_t random_seed, bool seed) {
  const auto rule = [&](std::size_t count) {
    RandomStream random(random_seed, 2);
    Copies copies(count, 0);
    for (std::size_t block = 0; block < count; block += n) {
      const std::size_t chosen = block + random.below(n);
      if (chosen < count) copies[chosen] = 1;
    }
    return copies;
  };
  return seed ? behind_first(packets, rule) : rule(packets);
}

inline Copies first_of_each_period(const Times& times, std::int64_t period_ns) {
  Copies copies;
  std::optional<std::int64_t> current;
  for (const std::int64_t ts : times) {
    const std::int64_t period = floor_interval(ts, period_ns);
    const auto start = current ? static_cast<Wide>(*current) * period_ns : 0;
    const bool anew = current && start - ts > 86'400'000'000'000;
    const bool keep = !current || period > *current || anew;
    if (keep) current = period;
    copies.push_back(keep);
  }
  return copies;
}

inline std::int64_t cut_to_us(std::int64_t ns) { return ns / 1000 * 1000; }

/// Once for each period that is over.
inline Copies periods_as_seed(const Times& times, std::int64_t period_ns) {
  Copies copies;
  std::int64_t due = 0;
  for (const std::int64_t ts : times) {
    if (copies.empty()) {
      copies.push_back(1);
      due = cut_to_us(ts) + period_ns;
      continue;
    }
    copies.push_back(0);
    for (; cut_to_us(ts) >= due; due += period_ns) ++copies.back();
  }
  return copies;
}

inline std::int64_t exponential_gap(RandomStream& random, std::int64_t mean_ns) {
  return static_cast<std::int64_t>(-std::log1p(-random.unit()) * static_cast<double>(mean_ns));
}

/// Times in order, or so far back (more than a day) that the clock begins anew.
inline Copies at_exponential_gaps(const Times& times, std::int64_t mean_ns, std::uint64_t random_seed) {
  RandomStream random(random_seed, 3);
  Copies copies;
  std::optional<Wide> from, instant;
  for (const std::int64_t ts : times) {
    const bool back = from && ts < *from, anew = back && *from - ts > 86'400'000'000'000;
    const bool keep = instant && ts >= *instant && !back;
    copies.push_back(keep);
    if (from && !keep && !anew) continue;
    from = ts;
    instant = static_cast<Wide>(ts) + exponential_gap(random, mean_ns);
  }
  return copies;
}

inline Copies gaps_as_seed(const Times& times, std::int64_t mean_ns, std::uint64_t random_seed) {
  RandomStream random(random_seed, 3);
  const auto gap = [&] {
    return static_cast<std::int64_t>(-std::log1p(-random.unit()) * static_cast<double>(mean_ns) / 1000) * 1000;
  };
  Copies copies;
  std::int64_t due = 0;
  for (const std::int64_t ts : times) {
    const bool keep = copies.empty() || cut_to_us(ts) >= due;
    copies.push_back(keep);
    if (keep) due = cut_to_us(ts) + gap();
  }
  return copies;
}

/// What makes a conversation: both ends in a fixed order, and the protocol. Empty for a packet without IP headers.
inline std::string flow_of(const PacketView& packet) {
  const LocatedFacts located = NaiveDecoder::locate(packet, {});
  const auto& places = located.places;
  if (places.ip == HeaderPlaces::none) return {};
  const bool v6 = located.facts.family == IpFamily::v6, fragment = located.facts.fragment;
  const auto text = [&](std::size_t at, std::size_t size) { return std::string(packet.bytes + at, packet.bytes + at + size); };
  const bool ports = places.transport != HeaderPlaces::none && !fragment;
  const std::size_t size = v6 ? 16 : 4, source = places.ip + (v6 ? 8 : 12);
  const std::string a = text(source, size) + (ports ? text(places.transport, 2) : "");
  const std::string b = text(source + size, size) + (ports ? text(places.transport + 2, 2) : "");
  return std::min(a, b) + std::max(a, b) + static_cast<char>(places.protocol);
}

}  // namespace tidegauge::oracle
