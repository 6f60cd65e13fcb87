// Carries captures over from one series file into another: identity, account, damage, spans and time index as they are, rows,
// counts per key and sketches at the other file's interval, which is a multiple of the first one's (or the same).
// Cost: one pass over a capture's rows. Memory: some rows.
// Tested by tests/host/rebin_test.cpp and tests/host/merge_series_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include "host/store.hpp"
#include "kernels/core/status.hpp"

namespace tidegauge {

class TraceCopy {
 public:
  /// Both must outlive this.
  TraceCopy(const SeriesFile& from, SeriesFile& to) : from_(from), to_(to), factor_(to.interval_ns() / from.interval_ns()) {}

  /// In one transaction. @param trace one of the first file's, not an import
  Expected<AddOutcome> add(const TraceRecord& trace);
  /// The interval that holds the finer one: both kinds are aligned to the epoch.
  std::int64_t coarse(std::int64_t k) const { return interval_of(k, factor_); }
  /// Captures added whose `late` stays that of the finer interval.
  std::size_t late_as_counted() const { return late_as_counted_; }

 private:
  Expected<TraceRecord> fill(TraceRecord trace, const SeriesFile::RowSink& rows);
  Status add_keyed(const TraceRecord& trace, const SeriesFile::RowSink& rows) const;
  Expected<bool> add_rows(const TraceRecord& trace, const SeriesFile::RowSink& rows) const;

  const SeriesFile& from_;
  SeriesFile& to_;
  std::int64_t factor_;
  std::size_t late_as_counted_ = 0;
};

}  // namespace tidegauge
