#include "ingest/sinks/keyed_sink.hpp"

#include <limits>
#include <utility>

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

template <class Counts>
void BasicKeyedSink<Counts>::take(const PacketView& packet) {
  handed_ += 1;
  if (window_.repeats(packet)) return refuse(Refusal::duplicate, 1, 0);
  Examined record = examine(packet);
  if (settled_ && !far_apart(last_, packet.ts_ns)) keep(packet.ts_ns, record);
  else decide(packet.ts_ns, record);
}

template <class Counts>
BasicKeyedSink<Counts>::Examined BasicKeyedSink<Counts>::examine(const PacketView& packet) {
  Examined record;
  const LocatedFacts located = decode_located(packet, {.outer = outer_});
  record.packed = binning::pack(packet.wire_bytes, located.facts, 0);
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
template <class Counts>
void BasicKeyedSink<Counts>::keep(std::int64_t ts_ns, Examined& record) {
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
  counts_.count(record);
}

/// A record that its neighbours decide.
template <class Counts>
void BasicKeyedSink<Counts>::decide(std::int64_t ts_ns, const Examined& record) {
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

template <class Counts>
RecordCounts BasicKeyedSink<Counts>::counts_of(const Examined& record) const {
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

template <class Counts>
void BasicKeyedSink<Counts>::enter(std::int64_t ts_ns) {
  k_ = interval_of(ts_ns, interval_ns_);
  // Intervals at the two ends of representable time are cut off there.
  if (__builtin_mul_overflow(k_, interval_ns_, &begin_)) begin_ = lowest;
  if (__builtin_mul_overflow(k_ + 1, interval_ns_, &end_)) end_ = highest;
  marker_.widen(k_);
  take_portion();
  counts_.enter(k_);
}

template <class Counts>
void BasicKeyedSink<Counts>::take_portion() {
  const bool full = portions_.full(counts_.rows() + partial_.rows_held()) ||
                    portions_.full_of_keyed(counts_.keyed_bytes() + decided_bytes_);
  if (!full) return;
  decided_bytes_ = 0;
  CountedRows counted = counts_.take();
  portions_.hand_over(counted.rows);
  portions_.hand_over(partial_.take_rows());
  portions_.hand_over(std::move(counted.keyed));
  portions_.hand_over(partial_.take_keyed_rows());
}

template <class Counts>
std::optional<StretchMark> BasicKeyedSink<Counts>::mark(bool at_end) {
  report();
  return marker_.mark(partial_, handed_, interval_ns_, at_end);
}

/// Tells the partial what was counted past it.
template <class Counts>
void BasicKeyedSink<Counts>::report() {
  const std::uint64_t records = std::exchange(unreported_, 0), filtered = std::exchange(unreported_filtered_, 0);
  if (records != 0) partial_.continue_to(before_last_, last_, records, filtered);
}

template <class Counts>
void BasicKeyedSink<Counts>::refuse(Refusal why, std::uint64_t records, std::uint64_t bytes) {
  report();
  partial_.refuse(why, records, bytes);
}

template <class Counts>
void BasicKeyedSink<Counts>::lost(std::uint64_t packets) {
  report();
  partial_.lost(packets);
}

template <class Counts>
PartialSeries BasicKeyedSink<Counts>::finish() {
  report();
  settled_ = false;
  if (const Status status = selection_.status(); !status) portions_.fail(status.error());
  PartialSeries partial = std::exchange(partial_, PartialSeries(interval_ns_));
  CountedRows counted = counts_.take();
  partial.add_rows(std::move(counted.rows));
  partial.add_rows(std::move(counted.keyed));
  return partial;
}

template class BasicKeyedSink<CoreCounts>;
template class BasicKeyedSink<BatchCounts>;

}  // namespace tidegauge
