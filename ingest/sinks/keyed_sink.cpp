#include "ingest/sinks/keyed_sink.hpp"

#include <limits>
#include <utility>

#include "kernels/core/contract.hpp"
#include "kernels/decode/decode.hpp"

namespace tidegauge {

namespace {

constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t highest = std::numeric_limits<std::int64_t>::max();

std::uint64_t hash_of(bool v6, uint128 address) {
  return v6 ? sketch::hash_ipv6(static_cast<std::uint64_t>(address >> 64), static_cast<std::uint64_t>(address))
            : sketch::hash_ipv4(static_cast<std::uint32_t>(address));
}

}  // namespace

KeyedSink::KeyedSink(std::int64_t interval_ns, const KeyedOptions& options, const std::string& path,
                     RowPortions& portions)
    : interval_ns_(interval_ns),
      plan_(options, path),
      outer_(options.outer),
      distinct_(options.distinct),
      selection_(options),
      window_(options.dedup),
      keyed_(options.by.size(), options.held ? options.held->capacity : 0),
      partial_(interval_ns),
      portions_(portions) {
  TG_REQUIRE(interval_ns > 0 && interval_ns <= day_ns, "an interval is between 1 ns and a day");
}

void KeyedSink::take(const PacketView& packet) {
  handed_ += 1;
  if (window_.repeats(packet)) return refuse(Refusal::duplicate, 1, 0);
  Examined record = examine(packet);
  if (settled_ && !far_apart(last_, packet.ts_ns)) keep(packet.ts_ns, record);
  else decide(packet.ts_ns, record);
}

KeyedSink::Examined KeyedSink::examine(const PacketView& packet) {
  Examined record;
  const LocatedFacts located = decode_located(packet, {.outer = outer_});
  record.packed = binning::pack(0, packet.wire_bytes, located.facts, 0);
  record.matches = selection_.matches(packet, located.facts);
  if (!record.matches || (plan_.dimensions() == 0 && !distinct_)) return record;
  const AddressPair addresses = addresses_of(packet, located);
  plan_.codes(record.codes, packet, located, addresses);
  record.addressed = distinct_ && addresses.known;
  if (!record.addressed) return record;
  record.source_hash = hash_of(addresses.v6, addresses.source);
  record.destination_hash = hash_of(addresses.v6, addresses.destination);
  return record;
}

/// A record near a kept one: kept for certain.
void KeyedSink::keep(std::int64_t ts_ns, Examined& record) {
  const std::uint32_t order = (ts_ns < last_ ? binning::backward_bit : 0) | (ts_ns < begin_ ? binning::late_bit : 0);
  partial_.span(ts_ns);
  if (ts_ns < begin_ || ts_ns >= end_) enter(ts_ns);
  before_last_ = last_;
  last_ = ts_ns;
  unreported_ += 1;
  if (!record.matches) {
    unreported_filtered_ += 1;
    if (order == 0) return;
    IntervalRows row;
    row[k_][Column::backward] = 1;
    row[k_][Column::late] = (order & binning::late_bit) != 0;
    return partial_.add_rows(std::move(row));
  }
  record.packed.bits |= order;
  rows_.count(record.packed);
  for (std::uint32_t i = 0; i < plan_.dimensions(); ++i) keyed_.count(record.codes[i], record.packed.wire_bytes);
  if (!record.addressed) return;
  keyed_.see(KeyedRow::sources, record.source_hash);
  keyed_.see(KeyedRow::destinations, record.destination_hash);
}

/// A record that its neighbours decide.
void KeyedSink::decide(std::int64_t ts_ns, const Examined& record) {
  report();
  marker_.widen(interval_of(ts_ns, interval_ns_));  // also for a record that will be set aside: it may be kept
  partial_.record(ts_ns, counts_of(record));
  decided_bytes_ += RowPortions::empty_keyed_row_bytes + plan_.dimensions() * sizeof(KeyCount) +
                    (record.addressed ? 2 * sizeof(Hll::Entry) : 0);
  settled_ = partial_.settled();
  if (!settled_) return take_portion();
  last_ = ts_ns;
  enter(ts_ns);
}

RecordCounts KeyedSink::counts_of(const Examined& record) const {
  RecordCounts counts;
  counts.filtered = !record.matches;
  if (counts.filtered) return counts;
  count_packet(counts.row, record.packed);
  for (std::uint32_t i = 0; i < plan_.dimensions(); ++i)
    counts.keyed.counts.push_back({record.codes[i].dimension, record.codes[i].code, 1, record.packed.wire_bytes});
  normalise(counts.keyed.counts);  // spaces of codes do not come in the order of what was asked for
  if (record.addressed) {
    counts.keyed.addresses[KeyedRow::sources].add(record.source_hash);
    counts.keyed.addresses[KeyedRow::destinations].add(record.destination_hash);
  }
  return counts;
}

void KeyedSink::enter(std::int64_t ts_ns) {
  k_ = interval_of(ts_ns, interval_ns_);
  // Intervals at the two ends of representable time are cut off there.
  if (__builtin_mul_overflow(k_, interval_ns_, &begin_)) begin_ = lowest;
  if (__builtin_mul_overflow(k_ + 1, interval_ns_, &end_)) end_ = highest;
  marker_.widen(k_);
  take_portion();
  rows_.enter(k_);
  keyed_.enter(k_);
}

void KeyedSink::take_portion() {
  const bool full = portions_.full(rows_.rows() + partial_.rows_held()) ||
                    portions_.full_of_keyed(keyed_.bytes_held() + decided_bytes_);
  if (!full) return;
  decided_bytes_ = 0;
  portions_.hand_over(rows_.take());
  portions_.hand_over(partial_.take_rows());
  portions_.hand_over(keyed_.take());
  portions_.hand_over(partial_.take_keyed_rows());
}

std::optional<StretchMark> KeyedSink::mark(bool at_end) {
  report();
  return marker_.mark(partial_, handed_, interval_ns_, at_end);
}

/// Tells the partial what was counted past it.
void KeyedSink::report() {
  const std::uint64_t records = std::exchange(unreported_, 0), filtered = std::exchange(unreported_filtered_, 0);
  if (records != 0) partial_.continue_to(before_last_, last_, records, filtered);
}

void KeyedSink::refuse(Refusal why, std::uint64_t records, std::uint64_t bytes) {
  report();
  partial_.refuse(why, records, bytes);
}

void KeyedSink::lost(std::uint64_t packets) {
  report();
  partial_.lost(packets);
}

PartialSeries KeyedSink::finish() {
  report();
  settled_ = false;
  if (const Status status = selection_.status(); !status) portions_.fail(status.error());
  PartialSeries partial = std::exchange(partial_, PartialSeries(interval_ns_));
  partial.add_rows(rows_.take());
  partial.add_rows(keyed_.take());
  return partial;
}

}  // namespace tidegauge
