// The series file: one SQLite database (WAL) that pandas, DuckDB and the sqlite3 shell open. It remembers which traces
// are in, the spans they cover, every non-empty interval's counters, and what models said and labelled.
// A trace's rows and status are one transaction: after a crash the same command goes on, nothing twice, nothing lost.
// Schema: host/store_schema.sql, versioned, documented there. Tested by tests/host/store_test.cpp.
// Thread safety: one SeriesFile per thread; several processes may read, one writes (a second waits, then errs).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/coverage.hpp"
#include "ingest/formats/trace_index.hpp"
#include "ingest/source/fingerprint.hpp"
#include "kernels/core/status.hpp"
#include "kernels/data/forecast.hpp"
#include "kernels/data/interval_columns.hpp"
#include "kernels/data/interval_series.hpp"
#include "kernels/data/keyed_rows.hpp"
#include "kernels/data/labels.hpp"
#include "kernels/data/partial_series.hpp"

namespace tidegauge {

/// What to say of a column that a series does not have; names those it has.
/// @param imported  the series holds imported values, not counters
Error unknown_column(const std::string& name, bool imported, const std::string& where);

struct TraceRecord {
  std::string path;               ///< as given; not part of the identity
  std::string point = "default";  ///< observation point
  Fingerprint fingerprint;        ///< required; of a pipe, what `fill` returns holds it
  std::string kind = "pcap";      ///< "pcap", "pcapng", "erf"; "csv" for imported values
  RecordAccount account;
  std::optional<Span> span;       ///< first and last kept timestamp; none if nothing was kept. Of an imported
                                  ///< series its whole extent
  std::string damage;             ///< words about damage; empty if none
  std::string settings = "{}";    ///< JSON of what changes the numbers (filter, outer, dedup)
  std::string absolute_path{};    ///< empty: made from `path`
  std::int64_t late_interval_ns = 0;  ///< what `late` was counted at, if not at the file's interval (see rebin.hpp)
  std::optional<Fingerprint> times{}; ///< of the `.times` file that its times came from
  std::vector<IndexEntry> index{};    ///< written with the trace; read by index_of() only
};

/// Time inside a capture's span in which no packet came: whole intervals, [first_ns, end_ns).
struct Silence {
  std::string path;  ///< of the capture
  std::int64_t first_ns = 0, end_ns = 0;
  std::uint64_t length_ns() const { return static_cast<std::uint64_t>(end_ns) - static_cast<std::uint64_t>(first_ns); }
  /// "no packet came from 1999-12-31T10:00:01Z to 2025-01-01T10:00:00Z (9132 days)"
  std::string words(std::int64_t interval_ns) const;
};

/// As a trace's path is remembered: without links, from the root on.
std::string absolute_path(const std::string& path);

/// Kind and name of a key of keyed rows, as they are stored: {"dport", "443"}.
using KeyNamer = std::function<std::pair<std::string, std::string>(const CountedKey& key)>;

/// Columns that captures have on top of the counters if they were counted with --distinct: estimates, rounded.
inline constexpr std::array<std::string_view, 2> sketch_column_names{"sources", "destinations"};

/// `dport_entropy` and so on, of every kind of keys that was counted exactly and without a list: the Shannon entropy of its
/// packets over the keys that came in the interval, divided by the logarithm of their number (Nychis et al., "An empirical
/// evaluation of entropy-based traffic anomaly detection", IMC 2008). 0: one key has all; 1: all keys have equally many.
/// Packets without such a header (`none`) are left out. Equal for any order of traces.
inline constexpr std::string_view entropy_suffix = "_entropy";

enum class AddOutcome { added, already_in };

enum class OpenMode { read, write, create };

/// What SeriesFile::read() takes at most: a day of 1 ms, three years of 1 s. More is a mistake in --interval or in a
/// timestamp rather than a wish.
inline constexpr std::uint64_t read_limit_intervals = 100'000'000;

class SeriesFile {
 public:
  /// `create` makes the file where it is absent or without tables (killed at its birth; interval_ns 0 means 1 s) and
  /// opens it for writing where it is there (then interval_ns, if not 0, must equal the file's unless it has no trace).
  static Expected<SeriesFile> open(const std::string& path, OpenMode mode, std::int64_t interval_ns = 0);
  /// Removes a series file that holds no trace, if nobody else has it open. Otherwise, and where that fails, it stays.
  static void remove_unused(const std::string& path);
  SeriesFile(SeriesFile&&) noexcept;
  SeriesFile& operator=(SeriesFile&&) noexcept;
  ~SeriesFile();

  const std::string& path() const;
  std::int64_t interval_ns() const;
  /// Spans no farther apart than this count as one.
  std::int64_t joint_tolerance_ns() const;
  /// How long a write waits for another writer before it is an error; 10 s unless set.
  void set_wait(std::int64_t milliseconds);
  /// From here on the traces that are added are safe from a crash or `kill -9` at once, but from a loss of power only when
  /// settle() has waited for the disk: a wait for each of 100,000 small captures takes longer than all else.
  Status begin_batch();
  Status settle() const;

  /// What is known of a trace: nothing, already in (same fingerprint, point and settings), or an error if the same path
  /// is in with other content, or the captures of the point were counted with other settings. A capture belongs to one
  /// point, so the same content with the same settings at another point is an error too (except imported series, and
  /// captures without packets).
  Expected<std::optional<TraceRecord>> find_trace(const TraceRecord& candidate) const;

  /// Adds a trace with its rows in one transaction. `fill` hands rows over in portions (rows of one k add up); whatever
  /// it returns ends the transaction: an error rolls everything back. The write lock is taken with the first portion,
  /// so that counting a capture does not keep other writers out. An exception from `fill` rolls back and passes on.
  class RowSink {
   public:
    using Rows = std::function<Status(const std::map<std::int64_t, IntervalRow>&)>;
    using Keyed = std::function<Status(const KeyedRows&, const KeyNamer&)>;
    RowSink(Rows rows, Keyed keyed) : rows_(std::move(rows)), keyed_(std::move(keyed)) {}
    Status operator()(const std::map<std::int64_t, IntervalRow>& rows) const { return rows_(rows); }
    /// Counts per key add up over portions too, sketches merge.
    Status keyed(const KeyedRows& rows, const KeyNamer& names) const { return keyed_(rows, names); }

   private:
    Rows rows_;
    Keyed keyed_;
  };
  Expected<AddOutcome> add_trace(TraceRecord trace, const std::function<Expected<TraceRecord>(const RowSink&)>& fill);

  /// Adds an imported series (`time,value`): one value per interval. Its spans are the runs of consecutive intervals,
  /// unless others are given.
  Expected<AddOutcome> add_values(TraceRecord trace, std::span<const std::int64_t> k, std::span<const double> values,
                                  const std::optional<std::vector<Span>>& spans = std::nullopt);

  Expected<std::vector<TraceRecord>> traces() const;
  // What is stored of one trace (point and fingerprint say which).
  Expected<std::vector<IndexEntry>> index_of(const TraceRecord& trace) const;
  Expected<std::vector<Span>> spans_of(const TraceRecord& trace) const;
  Status visit_rows(const TraceRecord& trace, const std::function<Status(std::int64_t k, const IntervalRow&)>& row) const;
  /// Keyed rows of one trace in portions, rows of one interval add up over them; the dimension is 0, `names` tells a code.
  Status visit_keyed(const TraceRecord& trace,
                     const std::function<Status(const KeyedRows& rows, const KeyNamer& names)>& visitor) const;
  Status visit_values(const TraceRecord& trace, const std::function<Status(std::int64_t k, double value)>& row) const;
  /// The longest silence inside a capture if it is longer than a day: a clock was wrong, or captures of different times were
  /// merged. Cost: two look-ups a day.
  Expected<std::optional<Silence>> long_silence(const TraceRecord& trace) const;
  /// The longest of any capture of a point.
  Expected<std::optional<Silence>> long_silence(const std::string& point) const;
  /// An earlier capture of the point with as many packets between the same two times, by its path: the same one, perhaps,
  /// compressed in another way. Cost: a look at the captures that begin in the same interval.
  Expected<std::optional<std::string>> twin_of(const TraceRecord& trace) const;
  /// The counter summed over a point's traces and the intervals first_k to last_k.
  Expected<std::uint64_t> sum(const std::string& point, Column column, std::int64_t first_k, std::int64_t last_k) const;
  Expected<std::vector<std::string>> points() const;
  /// Spans of a point after closing joints below the tolerance (default max(Δ/100, 10 ms)).
  Expected<std::vector<Span>> spans(const std::string& point) const;

  struct Query {
    std::string point{};                 ///< empty: the only point there is (an error if there are several)
    std::vector<std::string> columns{};  ///< empty: every counter column (and `sources`, `destinations` where there are
                                         ///< sketches), or `value` for imported series; entropies by name only
    std::optional<std::int64_t> from_ns{}, to_ns{};
  };
  /// Intervals that overlap [from_ns, to_ns), zero-filled inside spans; see IntervalSeries. Overlapping traces of one
  /// point add up. Rows outside every span (a quality count before the first kept packet) are there, not complete.
  /// More than read_limit_intervals, or than fits into memory, are an error; it names the longest silence.
  Expected<IntervalSeries> read(const Query& query) const;
  /// The same, streamed row by row: k, complete, covered nanoseconds, values. The visitor may not write to this object.
  using RowVisitor =
      std::function<Status(std::int64_t k, bool complete, std::int64_t covered_ns, std::span<const double> values)>;
  Status visit(const Query& query, const RowVisitor& visitor) const;
  /// How many intervals that are, without the rows outside every span.
  Expected<std::uint64_t> count_intervals(const Query& query) const;
  /// The point and the columns that a query means, checked: names the known ones where they are not.
  Expected<Query> resolve(const Query& query) const;

  // Keys (`bin --by`) -----

  struct KeyQuery {
    std::string kind{};                             ///< such as "dport"
    std::size_t top = 0;                            ///< so many with the most bytes in the stretch asked for; 0: all
    std::optional<std::vector<std::string>> keys{}; ///< just these, in this order
  };
  struct KeyTotal {
    std::string name;
    std::uint64_t packets = 0, bytes = 0;  ///< in the stretch asked for
  };
  /// The keys that are meant, in their order (numbers by value), with their totals. `query` says point and time.
  Expected<std::vector<KeyTotal>> keys(const Query& query, const KeyQuery& wanted) const;
  /// Counts of these keys, ordered by k and then by key; only what is not zero. `key` is the position in `keys`.
  /// Memory: what a chunk of 4096 intervals holds of them.
  using KeyVisitor = std::function<Status(std::int64_t k, std::size_t key, std::uint64_t packets, std::uint64_t bytes)>;
  Status visit_keys(const Query& query, const std::string& kind, const std::vector<KeyTotal>& keys,
                    const KeyVisitor& visitor) const;
  /// Kinds of keys that the captures of a point were counted by.
  Expected<std::vector<std::string>> key_kinds(const std::string& point) const;
  /// The stored kind that says how much keys of `kind` may lack: its only key, missed_key, has the most packets and the
  /// most bytes that any key of the interval has beyond what was counted. Empty where the counts are exact.
  Expected<std::string> missed_kind(const std::string& point, const std::string& kind) const;
  static constexpr const char* missed_key = "any";

  // Where `point` is empty below, the only point there is is meant. Where there are several that is an error, except for
  // table() and save_table(): there it is the file as a whole.

  /// What one job says about one column. Replaces all that an earlier one said about it, whatever its models and steps,
  /// with the labels of those forecasts and the scores of that column: nothing is left that speaks of other forecasts.
  Status save_forecasts(std::span<const Forecast> forecasts, const std::string& point);
  Expected<std::vector<Forecast>> forecasts(const std::string& point) const;
  /// Replaces the labels of the same source and column; scores of that column go, because they speak of other labels.
  Status save_labels(const Labels& labels, const std::string& point, const std::string& settings_json);
  Expected<std::vector<Labels>> labels(const std::string& point) const;
  Status save_table(const std::string& name, const std::string& point, const std::string& json);  ///< scores, metrics, runs
  Expected<std::optional<std::string>> table(const std::string& name, const std::string& point) const;

  /// Every row and span of every point in a fixed order, and nothing that depends on the run (paths, order, times):
  /// equal inputs, equal bytes.
  Status export_canonical(const std::function<Status(std::string_view)>& write) const;

  struct Impl;  ///< host/store_impl.hpp; for the parts of this class only

 private:
  explicit SeriesFile(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidegauge
