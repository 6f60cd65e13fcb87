#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "kernels/sketch/hll.hpp"

namespace tidegauge {

namespace {

constexpr double m = sketch::registers;
using Histogram = std::array<double, sketch::highest_rank + 1>;  ///< registers per rank

/// x + sum over k of x^(2^k) 2^(k-1): what untouched registers say (Ertl, algorithm 6).
double sigma(double x) {
  if (x == 1) return std::numeric_limits<double>::infinity();
  double y = 1, z = x, before;
  do {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  } while (z != before);
  return z;
}

/// (1 - x - sum over k of (1 - x^(2^-k))^2 2^-k) / 3: what saturated registers say.
double tau(double x) {
  if (x == 0 || x == 1) return 0;
  double y = 1, z = 1 - x, before;
  do {
    x = std::sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) * (1 - x) * y;
  } while (z != before);
  return z / 3;
}

}  // namespace

void Hll::raise(std::uint32_t place, std::uint32_t rank) {
  if (!all_.empty()) {
    all_[place] = std::max(all_[place], static_cast<std::uint8_t>(rank));
    return;
  }
  const auto at = std::lower_bound(list_.begin(), list_.end(), entry(place, 0));
  if (at != list_.end() && place_of(*at) == place) {
    *at = std::max(*at, entry(place, rank));
    return;
  }
  list_.insert(at, entry(place, rank));
  if (list_.size() > longest_list) use_all();
}

void Hll::use_all() {
  all_.assign(sketch::registers, 0);
  for (const Entry e : list_) all_[place_of(e)] = static_cast<std::uint8_t>(rank_of(e));
  list_ = {};
}

void Hll::merge(const Hll& other) {
  if (!other.all_.empty()) {
    if (all_.empty()) use_all();
    for (std::size_t i = 0; i < all_.size(); ++i) all_[i] = std::max(all_[i], other.all_[i]);
  } else if (!all_.empty()) {
    for (const Entry e : other.list_) raise(place_of(e), rank_of(e));
  } else {
    std::vector<Entry> both(list_.size() + other.list_.size());
    std::merge(list_.begin(), list_.end(), other.list_.begin(), other.list_.end(), both.begin());
    list_.clear();
    for (const Entry e : both) {  // of one register the larger rank comes last
      if (!list_.empty() && place_of(list_.back()) == place_of(e)) list_.back() = e;
      else list_.push_back(e);
    }
    if (list_.size() > longest_list) use_all();
  }
}

double Hll::estimate() const {
  Histogram of_rank{};
  for (const Entry e : list_) of_rank[rank_of(e)] += 1;
  for (const std::uint8_t rank : all_) of_rank[rank] += 1;
  if (all_.empty()) of_rank[0] = m - static_cast<double>(list_.size());
  double z = m * tau(1 - of_rank[sketch::highest_rank] / m);
  for (std::uint32_t rank = sketch::rank_bits; rank >= 1; --rank) z = 0.5 * (z + of_rank[rank]);
  z += m * sigma(of_rank[0] / m);
  return m * m / (2 * std::log(2.0) * z);
}

std::vector<Hll::Entry> Hll::entries() const {
  if (all_.empty()) return list_;
  std::vector<Entry> touched;
  for (std::uint32_t place = 0; place < sketch::registers; ++place)
    if (all_[place] != 0) touched.push_back(entry(place, all_[place]));
  return touched;
}

void Hll::encode(std::vector<std::uint8_t>& out) const {
  if (!all_.empty()) {
    out.push_back(1);
    out.insert(out.end(), all_.begin(), all_.end());
    return;
  }
  const auto low = [](std::size_t value) { return static_cast<std::uint8_t>(value & 0xff); };
  out.insert(out.end(), {0, low(list_.size()), low(list_.size() >> 8)});
  for (const Entry e : list_) out.insert(out.end(), {low(place_of(e)), low(place_of(e) >> 8), low(rank_of(e))});
}

std::optional<Hll> Hll::decode(std::span<const std::uint8_t>& bytes) {
  Hll sketch;
  if (bytes.empty()) return std::nullopt;
  if (bytes[0] == 1) {
    if (bytes.size() < 1 + sketch::registers) return std::nullopt;
    sketch.all_.assign(bytes.begin() + 1, bytes.begin() + 1 + sketch::registers);
    if (*std::max_element(sketch.all_.begin(), sketch.all_.end()) > sketch::highest_rank) return std::nullopt;
    bytes = bytes.subspan(1 + sketch::registers);
    return sketch;
  }
  if (bytes[0] != 0 || bytes.size() < 3) return std::nullopt;
  const std::size_t n = bytes[1] | static_cast<std::size_t>(bytes[2]) << 8;
  if (n > longest_list || bytes.size() < 3 + 3 * n) return std::nullopt;
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint8_t* p = bytes.data() + 3 + 3 * i;
    const Entry e = entry(p[0] | static_cast<std::uint32_t>(p[1]) << 8, p[2]);
    const bool ascends = sketch.list_.empty() || place_of(sketch.list_.back()) < place_of(e);
    if (!ascends || place_of(e) >= sketch::registers || p[2] == 0 || p[2] > sketch::highest_rank) return std::nullopt;
    sketch.list_.push_back(e);
  }
  bytes = bytes.subspan(3 + 3 * n);
  return sketch;
}

}  // namespace tidegauge
