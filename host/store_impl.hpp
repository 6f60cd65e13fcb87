// What the parts of SeriesFile share; included by host/store*.cpp only.
#pragma once

#include <functional>
#include <limits>
#include <map>
#include <set>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/keyed_blob.hpp"
#include "host/sqlite.hpp"
#include "host/store.hpp"

namespace tidegauge {

struct SeriesFile::Impl {
  Impl(sqlite::Database database, std::string file) : db(std::move(database)), path(std::move(file)) {}

  sqlite::Database db;
  std::string path;
  std::int64_t interval_ns = 0;
  std::int64_t joint_tolerance_ns = 0;

  /// The point itself if it is known; the only one if it is empty; otherwise an error that names the known ones.
  Expected<std::string> resolve_point(const std::string& point) const;
  /// Where a table of this point is kept: an empty point means the only one, or else the file as a whole.
  Expected<std::string> table_point(const std::string& point) const;
  /// True where the point holds imported values instead of counters.
  Expected<bool> is_imported(const std::string& point) const;
  Expected<std::vector<Span>> closed_spans(const std::string& point) const;
  /// What the captures of a point were counted with; "{}" where there is none.
  Expected<std::string> counting_settings(const std::string& point) const;
  Expected<bool> has_sketches(const std::string& point) const;
  /// Kinds of keys whose entropy is a column of the point: those of which every key is counted.
  Expected<std::vector<std::string>> entropy_kinds(const std::string& point) const;

  /// Why a trace may not be added: its path is known with other content, its point holds the other kind of data, ...
  Status check_trace(const TraceRecord& candidate) const;
  /// While a file holds no trace its interval may still change: rows counted by another one must not come in.
  Status check_interval(std::int64_t wanted_ns) const;
  Expected<std::optional<TraceRecord>> find(const TraceRecord& candidate) const;
  Expected<std::int64_t> insert_trace(const TraceRecord& trace) const;
  Status write_index(std::int64_t id, const std::vector<IndexEntry>& index) const;
  struct Extent {  ///< smallest and largest interval with a row
    std::optional<std::int64_t> first_k, last_k;
    void add(std::int64_t k);
  };
  Status finish_trace(std::int64_t id, const TraceRecord& trace, const std::vector<Span>& spans,
                      const Extent& extent) const;
};

/// Calls `row` for each row of a prepared statement.
inline Status for_each_row(sqlite::Statement& statement, const std::function<Status()>& row) {
  while (true) {
    auto more = statement.step();
    if (!more) return std::move(more).error();
    if (!*more) break;
    TG_TRY(row());
  }
  statement.reset();
  return {};
}

/// Bounded memory however long the series is: rows of a point in order of k, summed over its traces.
class PointRows {
 public:
  /// @param columns counter names; ignored where the point is imported (one column, `value`).
  static Expected<PointRows> open(const sqlite::Database& db, const std::string& point, bool imported,
                                  const std::vector<std::string>& columns, std::int64_t first_k, std::int64_t last_k);
  /// Moves to the next row; false at the end.
  Expected<bool> next();
  std::int64_t k() const { return rows_.integer(0); }
  double value(std::size_t column) const { return rows_.real(static_cast<int>(column) + 1); }
  std::int64_t count(std::size_t column) const { return rows_.integer(static_cast<int>(column) + 1); }

 private:
  PointRows(sqlite::Statement rows, sqlite::Statement next_start, std::string point, std::int64_t first_k,
            std::int64_t last_k)
      : rows_(std::move(rows)), next_start_(std::move(next_start)), point_(std::move(point)), from_(first_k),
        last_k_(last_k) {}
  Expected<bool> open_window();
  sqlite::Statement rows_, next_start_;
  std::string point_;
  std::int64_t from_;  ///< where the next window may begin
  std::int64_t last_k_;
  bool inside_ = false, finished_ = false;
};

/// Intervals that overlap the query's stretch of time, both included; none if first_k > last_k.
struct IntervalBounds {
  std::int64_t first_k = std::numeric_limits<std::int64_t>::min();
  std::int64_t last_k = std::numeric_limits<std::int64_t>::max();
};
IntervalBounds bounds_of(const SeriesFile::Query& query, std::int64_t interval_ns);

/// Adds keyed rows to one trace; what is there already adds up.
class KeyedWriter {
 public:
  static Expected<KeyedWriter> open(const sqlite::Database& db, std::int64_t trace);
  Status write(const KeyedRows& rows, const KeyNamer& names);

 private:
  KeyedWriter(sqlite::Statement find_key, sqlite::Statement add_key, sqlite::Statement read_counts,
              sqlite::Statement write_counts, sqlite::Statement read_sketches, sqlite::Statement write_sketches,
              std::int64_t trace)
      : find_key_(std::move(find_key)), add_key_(std::move(add_key)), read_counts_(std::move(read_counts)),
        write_counts_(std::move(write_counts)), read_sketches_(std::move(read_sketches)),
        write_sketches_(std::move(write_sketches)), trace_(trace) {}
  Expected<std::int64_t> key_of(const CountedKey& key, const KeyNamer& names);
  Status write_counts(std::int64_t key, std::int64_t chunk, ChunkCounts counts);
  Status write_sketches(std::string_view kind, std::int64_t chunk, ChunkSketches sketches);
  sqlite::Statement find_key_, add_key_, read_counts_, write_counts_, read_sketches_, write_sketches_;
  std::int64_t trace_;
  /// Numbers of keys that were looked up; keys without a list are never all known.
  static constexpr std::size_t most_known = std::size_t{1} << 18;
  std::map<CountedKey, std::int64_t> known_;
  std::set<std::int64_t> begun_;  ///< chunks that hold something of an earlier portion
};

/// The sketches of a point, merged over its traces, a chunk in memory at a time; asked for intervals in any order.
class SketchRows {
 public:
  static Expected<SketchRows> open(const sqlite::Database& db, const std::string& point, std::string_view kind,
                                   const std::string& where);
  /// The sketch of interval k, empty where there is none; valid until the next call.
  Expected<const Hll*> at(std::int64_t k);

 private:
  SketchRows(sqlite::Statement select, std::string where) : select_(std::move(select)), where_(std::move(where)) {}
  sqlite::Statement select_;
  std::string where_;
  std::optional<std::int64_t> chunk_;
  ChunkSketches sketches_;
  Hll empty_;
};

/// The entropy of the keys of one kind at a point, over all its traces, a chunk in memory at a time.
class EntropyRows {
 public:
  static Expected<EntropyRows> open(const sqlite::Database& db, const std::string& point, const std::string& kind,
                                    const std::string& where);
  /// Of interval k, see entropy_suffix; 0 where there is no such packet.
  Expected<double> at(std::int64_t k);

 private:
  EntropyRows(sqlite::Statement select, std::string where) : select_(std::move(select)), where_(std::move(where)) {}
  Status load();
  sqlite::Statement select_;
  std::string where_;
  std::optional<std::int64_t> chunk_;
  std::map<std::uint32_t, double> entropies_;  ///< by place
};

}  // namespace tidegauge
