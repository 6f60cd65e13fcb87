#include "kernels/data/keyed_rows.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace tidegauge {

namespace {

bool same_key(const KeyCount& a, const KeyCount& b) { return a.dimension == b.dimension && a.code == b.code; }
bool before(const KeyCount& a, const KeyCount& b) {
  return std::tie(a.dimension, a.code) < std::tie(b.dimension, b.code);
}

/// One count into ordered ones.
void insert(std::vector<KeyCount>& counts, const KeyCount& count) {
  const auto at = std::lower_bound(counts.begin(), counts.end(), count, before);
  if (at == counts.end() || !same_key(*at, count)) {
    counts.insert(at, count);
  } else {
    at->packets += count.packets;
    at->bytes += count.bytes;
  }
}

/// A record's few keys are inserted; sorting a long row again for each of them would take the square of its length.
constexpr std::size_t few = 16;

}  // namespace

void normalise(std::vector<KeyCount>& counts) {
  std::sort(counts.begin(), counts.end(), before);
  std::size_t n = 0;
  for (const KeyCount& count : counts) {
    if (n > 0 && same_key(counts[n - 1], count)) {
      counts[n - 1].packets += count.packets;
      counts[n - 1].bytes += count.bytes;
    } else {
      counts[n++] = count;
    }
  }
  counts.resize(n);
}

KeyedRow& KeyedRow::operator+=(KeyedRow&& other) {
  if (counts.empty()) {
    counts = std::move(other.counts);
  } else if (other.counts.size() <= few) {
    for (const KeyCount& count : other.counts) insert(counts, count);
  } else {
    counts.insert(counts.end(), other.counts.begin(), other.counts.end());
    normalise(counts);
  }
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    if (addresses[i].empty()) addresses[i] = std::move(other.addresses[i]);
    else addresses[i].merge(other.addresses[i]);
  }
  return *this;
}

void add_rows(KeyedRows& into, KeyedRows&& from) {
  into.merge(from);  // moves the nodes of new intervals, leaves the others
  for (auto& [k, row] : from) into[k] += std::move(row);
  from.clear();
}

}  // namespace tidegauge
