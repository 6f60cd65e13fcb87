#include "kernels/data/partial_series.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "kernels/core/contract.hpp"

namespace tidegauge {

RecordAccount& RecordAccount::operator+=(const RecordAccount& other) {
  read += other.read;
  counted += other.counted;
  for (std::size_t i = 0; i < refused.size(); ++i) refused[i] += other.refused[i];
  skipped_bytes += other.skipped_bytes;
  captured_bytes += other.captured_bytes;
  return *this;
}

bool RecordAccount::adds_up() const {
  return read == std::accumulate(refused.begin(), refused.end(), counted);
}

void add_rows(IntervalRows& into, IntervalRows&& from) {
  into.merge(from);  // moves the nodes of new intervals, leaves the others
  for (const auto& [k, row] : from) into[k] += row;
  from.clear();
}

PartialSeries::Marks& PartialSeries::Marks::operator+=(const Marks& other) {
  absurd += other.absurd;
  damaged += other.damaged;
  duplicates += other.duplicates;
  lost += other.lost;
  return *this;
}

// Growing -----

void PartialSeries::record(std::int64_t ts_ns, RecordCounts counts) {
  PartialSeries one(interval_ns_);  // a record is the shortest stretch: one code path for all combining
  one.records_ = 1;
  one.earliest_[0] = one.latest_[0] = ts_ns;
  one.head_ = Undecided{ts_ns, std::move(counts)};
  one.account_.read = 1;
  merge(std::move(one));
}

void PartialSeries::refuse(Refusal why, std::uint64_t records, std::uint64_t bytes) {
  account_.read += records;
  account_[why] += records;
  account_.skipped_bytes += bytes;
  if (why == Refusal::damaged || why == Refusal::truncated) mark({.damaged = 1});
  if (why == Refusal::duplicate) mark({.duplicates = records});
}

void PartialSeries::lost(std::uint64_t packets) { mark({.lost = packets}); }

void PartialSeries::continue_to(std::int64_t before_last_ns, std::int64_t last_ns, std::uint64_t records,
                                std::uint64_t filtered) {
  if (records == 0) return;
  TG_REQUIRE(settled() && kept_, "records were counted elsewhere although the last one was undecided");
  account_.read += records;
  account_.counted += records - filtered;
  account_[Refusal::filtered] += filtered;
  records_ += records;
  latest_ = {last_ns, before_last_ns, latest_[0]};
  kept_->last_ns = last_ns;
}

void PartialSeries::span(std::int64_t ts_ns) {
  first_ns_ = first_ns_ ? std::min(*first_ns_, ts_ns) : ts_ns;
  last_ns_ = last_ns_ ? std::max(*last_ns_, ts_ns) : ts_ns;
}

/// A decided record takes its place after everything decided so far.
void PartialSeries::keep(Undecided&& record) {
  RecordCounts& counts = record.counts;
  ++(counts.filtered ? account_[Refusal::filtered] : account_.counted);
  if (!counts.filtered) row_of(record.ts_ns) += counts.row;
  if (!counts.filtered && !counts.keyed.empty())
    keyed_rows_[interval_of(record.ts_ns, interval_ns_)] += std::move(counts.keyed);
  span(record.ts_ns);
  follow({record.ts_ns, record.ts_ns});
}

void PartialSeries::set_aside() {
  account_[Refusal::absurd_time] += 1;
  mark({.absurd = 1});
}

/// Decided records whose first one now has a kept record before it, if there is one here.
void PartialSeries::follow(const Kept& next) {
  if (kept_) {
    note_order(kept_->last_ns, next.first_ns);
    kept_->last_ns = next.last_ns;
  } else {
    kept_ = next;
  }
}

void PartialSeries::note_order(std::int64_t before_ns, std::int64_t ts_ns) {
  if (ts_ns >= before_ns) return;
  IntervalRow& row = row_of(ts_ns);
  row[Column::backward] += 1;
  row[Column::late] += interval_of(ts_ns, interval_ns_) < interval_of(before_ns, interval_ns_);
}

/// Books at the end of the stretch.
void PartialSeries::mark(const Marks& marks) {
  if (!marks.any()) return;
  if (tail_) {
    marks_after_tail_ += marks;
  } else if (kept_) {
    IntervalRow& row = row_of(kept_->last_ns);
    row[Column::absurd] += marks.absurd;
    row[Column::damaged] += marks.damaged;
    row[Column::duplicates] += marks.duplicates;
    row[Column::lost] += marks.lost;
  } else if (head_) {
    marks_after_head_ += marks;
  } else {
    marks_before_ += marks;
  }
}

// Combining -----

void PartialSeries::merge(PartialSeries&& next) {
  TG_REQUIRE(!closed_ && !next.closed_, "only open stretches have ends to join");
  TG_REQUIRE(interval_ns_ == next.interval_ns_, "stretches of one series have one interval");
  account_ += next.account_;
  if (next.records_ == 0) return mark(next.marks_before_);
  if (records_ == 0) {
    next.account_ = account_;
    next.marks_before_ += marks_before_;
    *this = std::move(next);
    return;
  }
  settle_last(next);
  mark(next.marks_before_);
  append_first(next);
  append_rest(next);
  widen(next);
  count_times(next);
}

/// Our last record has a successor now.
void PartialSeries::settle_last(const PartialSeries& next) {
  const bool far_on = far_apart(latest_[0], next.earliest_[0]);
  if (records_ == 1) {
    if (far_on) return;  // still undecided: the first of the whole stretch, far from its only neighbour
    Undecided first = *std::exchange(head_, std::nullopt);
    const Marks after = std::exchange(marks_after_head_, {});
    keep(std::move(first));
    mark(after);
  } else if (tail_) {
    Undecided last = *std::exchange(tail_, std::nullopt);
    const Marks after = std::exchange(marks_after_tail_, {});
    const bool absurd = far_on && !far_apart(latest_[1], next.earliest_[0]);
    absurd ? set_aside() : keep(std::move(last));
    mark(after);
  }
}

/// Their first record has a predecessor now.
void PartialSeries::append_first(PartialSeries& next) {
  if (!next.head_) return;
  const bool far_back = far_apart(latest_[0], next.earliest_[0]);
  if (next.records_ == 1 && far_back) {
    tail_ = std::move(next.head_);  // still undecided: the last of the whole stretch
  } else if (next.records_ > 1 && far_back && !far_apart(latest_[0], next.earliest_[1])) {
    set_aside();
  } else {
    keep(*std::move(next.head_));
  }
  mark(next.marks_after_head_);
}

/// Everything of theirs behind their first record.
void PartialSeries::append_rest(PartialSeries& next) {
  if (next.kept_) follow(*next.kept_);
  add_rows(std::move(next.rows_));
  add_rows(std::move(next.keyed_rows_));
  if (next.tail_) {
    tail_ = std::move(next.tail_);
    mark(next.marks_after_tail_);
  }
}

void PartialSeries::count_times(const PartialSeries& next) {
  for (std::uint64_t i = 0; i < next.records_ && records_ + i < earliest_.size(); ++i)
    earliest_[records_ + i] = next.earliest_[i];
  std::array<std::int64_t, 3> latest = next.latest_;
  for (std::uint64_t i = next.records_; i < latest.size(); ++i) latest[i] = latest_[i - next.records_];
  latest_ = latest;
  records_ += next.records_;
}

void PartialSeries::widen(const PartialSeries& other) {
  if (other.first_ns_) span(*other.first_ns_);
  if (other.last_ns_) span(*other.last_ns_);
}

void PartialSeries::close() {
  if (std::exchange(closed_, true)) return;
  close_head();
  close_tail();
  if (!kept_ || !marks_before_.any()) return;
  const Marks waiting = std::exchange(marks_before_, {});
  std::swap(kept_->first_ns, kept_->last_ns);  // nothing was kept before: the first kept record takes them
  mark(waiting);
  std::swap(kept_->first_ns, kept_->last_ns);
}

void PartialSeries::close_head() {
  if (!head_) return;
  const std::optional<Kept> middle = std::exchange(kept_, std::nullopt);
  Undecided first = *std::exchange(head_, std::nullopt);
  const Marks after = std::exchange(marks_after_head_, {});
  std::optional<Undecided> last = std::exchange(tail_, std::nullopt);
  const bool absurd =
      records_ >= 3 && far_apart(earliest_[0], earliest_[2]) && !far_apart(earliest_[1], earliest_[2]);
  absurd ? set_aside() : keep(std::move(first));
  mark(after);
  if (middle) follow(*middle);
  tail_ = std::move(last);
}

void PartialSeries::close_tail() {
  if (!tail_) return;
  Undecided last = *std::exchange(tail_, std::nullopt);
  const Marks after = std::exchange(marks_after_tail_, {});
  const bool absurd =
      records_ >= 3 && far_apart(latest_[0], latest_[2]) && !far_apart(latest_[1], latest_[2]);
  absurd ? set_aside() : keep(std::move(last));
  mark(after);
}

void PartialSeries::add(PartialSeries&& other) {
  TG_REQUIRE(closed_ && other.closed_, "open stretches merge, closed ones add");
  TG_REQUIRE(interval_ns_ == other.interval_ns_, "partials of one series have one interval");
  account_ += other.account_;
  marks_before_ += other.marks_before_;
  add_rows(std::move(other.rows_));
  add_rows(std::move(other.keyed_rows_));
  widen(other);
}

IntervalRows PartialSeries::take_rows() { return std::exchange(rows_, {}); }
KeyedRows PartialSeries::take_keyed_rows() { return std::exchange(keyed_rows_, {}); }

}  // namespace tidegauge
