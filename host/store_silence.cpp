// Silences inside captures. A capture covers the time from its first packet to its last, so what lies between is zero, also
// where it is years long because a clock was wrong or captures were merged.
#include <fmt/format.h>

#include "host/store_impl.hpp"
#include "host/time_text.hpp"

namespace tidegauge {

namespace {

/// Goes through a trace's rows a day at a time: to the last row within a day, and from there to the first one behind it. Every
/// silence of more than a day lies between two such rows.
class SilenceFinder {
 public:
  static Expected<SilenceFinder> open(const sqlite::Database& db, std::int64_t interval_ns) {
    auto last = db.prepare("SELECT k FROM intervals WHERE trace = ?1 AND k < ?2 ORDER BY k DESC LIMIT 1");
    if (!last) return std::move(last).error();
    auto next = db.prepare("SELECT k FROM intervals WHERE trace = ?1 AND k > ?2 ORDER BY k LIMIT 1");
    if (!next) return std::move(next).error();
    return SilenceFinder(*std::move(last), *std::move(next), interval_ns);
  }

  /// Keeps the longest silence of this trace if it is longer than what is kept.
  Status look_at(std::int64_t trace, std::int64_t first_k, const std::string& path, std::optional<Silence>& longest) {
    for (std::int64_t k = first_k;;) {
      const auto found = row_at(last_, trace, k + day_ns / interval_ns_);
      if (!found) return found.error();
      const std::int64_t last = found->value_or(k);
      const auto next = row_at(next_, trace, last);
      if (!next) return next.error();
      if (!*next) return {};
      k = **next;
      Silence silence{path, (last + 1) * interval_ns_, k * interval_ns_};
      if (far_apart(silence.first_ns, silence.end_ns) && (!longest || silence.length_ns() > longest->length_ns()))
        longest = std::move(silence);
    }
  }

 private:
  SilenceFinder(sqlite::Statement last, sqlite::Statement next, std::int64_t interval_ns)
      : last_(std::move(last)), next_(std::move(next)), interval_ns_(interval_ns) {}

  static Expected<std::optional<std::int64_t>> row_at(sqlite::Statement& select, std::int64_t trace, std::int64_t k) {
    select.reset();
    auto row = select.bind(trace, k).step();
    if (!row) return std::move(row).error();
    return *row ? std::optional(select.integer(0)) : std::nullopt;
  }

  sqlite::Statement last_, next_;
  std::int64_t interval_ns_;
};

/// Of the captures that `?1` and so on choose: those that are long enough.
std::string select_long_captures(const std::string& condition) {
  return fmt::format("SELECT trace, first_k, path FROM traces JOIN spans USING (trace) WHERE {} AND kind <> 'csv' AND "
                     "last_ns - first_ns > {} AND first_k IS NOT NULL", condition, day_ns);
}

Expected<std::optional<Silence>> longest_in(sqlite::Statement captures, const sqlite::Database& db, std::int64_t interval_ns) {
  auto finder = SilenceFinder::open(db, interval_ns);
  if (!finder) return std::move(finder).error();
  std::optional<Silence> longest;
  TG_TRY(for_each_row(captures, [&] {
    return finder->look_at(captures.integer(0), captures.integer(1), captures.text(2), longest);
  }));
  return longest;
}

}  // namespace

std::string Silence::words(std::int64_t interval_ns) const {
  return fmt::format("no packet came from {} to {} ({} days)", format_utc(first_ns, interval_ns),
                     format_utc(end_ns, interval_ns), length_ns() / static_cast<std::uint64_t>(day_ns));
}

Expected<std::optional<Silence>> SeriesFile::long_silence(const TraceRecord& trace) const {
  if (!trace.span || !far_apart(trace.span->first_ns, trace.span->last_ns)) return std::optional<Silence>();
  auto capture = impl_->db.prepare(select_long_captures("size = ?1 AND hash = ?2 AND point = ?3"));
  if (!capture) return std::move(capture).error();
  capture->bind(trace.fingerprint.size, fmt::format("{:016x}", trace.fingerprint.hash), trace.point);
  return longest_in(*std::move(capture), impl_->db, interval_ns());
}

Expected<std::optional<Silence>> SeriesFile::long_silence(const std::string& point) const {
  auto name = impl_->resolve_point(point);
  if (!name) return std::move(name).error();
  auto captures = impl_->db.prepare(select_long_captures("point = ?1"));
  if (!captures) return std::move(captures).error();
  captures->bind(*name);
  return longest_in(*std::move(captures), impl_->db, interval_ns());
}

}  // namespace tidegauge
