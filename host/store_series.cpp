// Reading the series of a point: rows summed over its traces, zero-filled inside spans, in a stream.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>

#include "host/store_impl.hpp"

namespace tidegauge {

namespace {

/// Rows are summed and ordered window by window, so that SQLite sorts a window and never a series.
constexpr std::int64_t window_intervals = 1 << 16;

/// What read() may put into memory.
constexpr std::uint64_t read_limit_bytes = std::uint64_t{8} << 30;

std::string sum_columns(const std::vector<std::string>& columns) {
  std::string list;
  for (const auto& column : columns) list += fmt::format(", sum(i.{})", column);
  return list;
}

/// Position in sketch_column_names, or nothing.
std::optional<std::size_t> sketch_column(const std::string& name) {
  for (std::size_t i = 0; i < sketch_column_names.size(); ++i)
    if (sketch_column_names[i] == name) return i;
  return std::nullopt;
}

/// "dport" of "dport_entropy", where that is a column.
std::optional<std::string> entropy_kind(const std::string& column, const std::vector<std::string>& kinds) {
  if (!column.ends_with(entropy_suffix)) return std::nullopt;
  const std::string kind = column.substr(0, column.size() - entropy_suffix.size());
  return std::find(kinds.begin(), kinds.end(), kind) == kinds.end() ? std::nullopt : std::optional(kind);
}

/// A column that is no counter: its value in interval k.
using ColumnReader = std::function<Expected<double>(std::int64_t k)>;
ColumnReader reader_of(SketchRows rows) {
  const auto shared = std::make_shared<SketchRows>(std::move(rows));
  return [shared](std::int64_t k) -> Expected<double> {
    const auto sketch = shared->at(k);
    if (!sketch) return sketch.error();
    return std::round((*sketch)->estimate());
  };
}
ColumnReader reader_of(EntropyRows rows) {
  return [shared = std::make_shared<EntropyRows>(std::move(rows))](std::int64_t k) { return shared->at(k); };
}

}  // namespace

Error unknown_column(const std::string& name, bool imported, const std::string& where) {
  if (sketch_column(name) && !imported)
    return {"distinct addresses were not counted at this point: no column '" + name + "'", where,
            "`tidegauge bin --distinct` into a new series file", ErrorKind::usage};
  if (name.ends_with(entropy_suffix) && !imported)
    return {"the keys of which '" + name + "' would be the entropy were not counted one by one at this point", where,
            "`tidegauge bin --by sport,dport` (or protocol, vlan, interface, direction) into a new series file",
            ErrorKind::usage};
  std::string known = "value";
  if (!imported) {
    known.clear();
    for (const auto column : column_names) known += (known.empty() ? "" : ", ") + std::string(column);
    known += "; after bin --distinct sources, destinations; after bin --by dport also dport_entropy";
  }
  return {"there is no column '" + name + "'" + (imported ? " (this point holds imported values)" : ""), where,
          "one of: " + known, ErrorKind::usage};
}

IntervalBounds bounds_of(const SeriesFile::Query& query, std::int64_t interval_ns) {
  IntervalBounds bounds;
  if (query.from_ns) bounds.first_k = interval_of(*query.from_ns, interval_ns);
  if (query.to_ns == std::numeric_limits<std::int64_t>::min()) return {.first_k = 1, .last_k = 0};  // nothing is earlier
  if (query.to_ns) bounds.last_k = interval_of(*query.to_ns - 1, interval_ns);
  return bounds;
}

Expected<PointRows> PointRows::open(const sqlite::Database& db, const std::string& point, bool imported,
                                    const std::vector<std::string>& columns, std::int64_t first_k,
                                    std::int64_t last_k) {
  // CROSS JOIN keeps the order: the few traces first, then their rows by primary key.
  auto rows = db.prepare(fmt::format(
      "SELECT i.k{} FROM traces t CROSS JOIN {} i ON i.trace = t.trace AND i.k BETWEEN ?2 AND ?3 "
      "WHERE t.point = ?1 AND t.first_k <= ?3 AND t.last_k >= ?2 GROUP BY i.k ORDER BY i.k",
      imported ? ", sum(i.value)" : sum_columns(columns), imported ? "imported_values" : "intervals"));
  if (!rows) return std::move(rows).error();
  // To the next stored row, not window by window through a gap inside a trace: a clock that jumps from 1970 to today
  // leaves one of millions of windows. Only the few traces that began before are asked for their rows.
  auto next_start = db.prepare(fmt::format(
      "SELECT min(CASE WHEN t.first_k >= ?2 THEN t.first_k ELSE "
      "(SELECT min(i.k) FROM {} i WHERE i.trace = t.trace AND i.k >= ?2) END) "
      "FROM traces t WHERE t.point = ?1 AND t.last_k >= ?2",
      imported ? "imported_values" : "intervals"));
  if (!next_start) return std::move(next_start).error();
  return PointRows(*std::move(rows), *std::move(next_start), point, first_k, last_k);
}

Expected<bool> PointRows::open_window() {
  next_start_.reset();
  auto found = next_start_.bind(point_, from_).step();
  if (!found) return std::move(found).error();
  finished_ = next_start_.is_null(0) || next_start_.integer(0) > last_k_;
  const std::int64_t first = finished_ ? 0 : next_start_.integer(0);
  next_start_.reset();
  if (finished_) return false;
  constexpr std::int64_t highest = std::numeric_limits<std::int64_t>::max();
  const std::int64_t last = first > highest - window_intervals ? last_k_ : std::min(last_k_, first + window_intervals - 1);
  rows_.reset();
  rows_.bind(point_, first, last);
  inside_ = true;
  finished_ = last == last_k_;
  from_ = finished_ ? last : last + 1;
  return true;
}

Expected<bool> PointRows::next() {
  while (true) {
    if (inside_) {
      auto row = rows_.step();
      if (!row || *row) return row;
      inside_ = false;
      rows_.reset();
    }
    if (finished_) return false;
    auto opened = open_window();
    if (!opened || !*opened) return opened;
  }
}

Expected<bool> SeriesFile::Impl::is_imported(const std::string& point) const {
  auto select = db.prepare("SELECT kind = 'csv' FROM traces WHERE point = ?1 LIMIT 1");
  if (!select) return std::move(select).error();
  auto row = select->bind(point).step();
  if (!row) return row;
  return *row && select->integer(0) != 0;
}

Expected<std::vector<Span>> SeriesFile::Impl::closed_spans(const std::string& point) const {
  auto select = db.prepare("SELECT first_ns, last_ns FROM spans JOIN traces USING (trace) WHERE point = ?1");
  if (!select) return std::move(select).error();
  select->bind(point);
  std::vector<Span> spans;
  TG_TRY(for_each_row(*select, [&] { return spans.push_back({select->integer(0), select->integer(1)}), Status(); }));
  return close_joints(std::move(spans), joint_tolerance_ns);
}

Expected<std::vector<Span>> SeriesFile::spans(const std::string& point) const {
  auto name = impl_->resolve_point(point);
  if (!name) return std::move(name).error();
  return impl_->closed_spans(*name);
}

Expected<SeriesFile::Query> SeriesFile::resolve(const Query& query) const {
  Query resolved = query;
  auto point = impl_->resolve_point(query.point);
  if (!point) return std::move(point).error();
  resolved.point = *point;
  auto imported = impl_->is_imported(*point);
  if (!imported) return std::move(imported).error();
  const auto sketches = impl_->has_sketches(*point);
  if (!sketches) return sketches.error();
  const auto entropies = impl_->entropy_kinds(*point);
  if (!entropies) return entropies.error();
  const auto is_column = [&](const std::string& name) {
    return column_by_name(name) || (*sketches && sketch_column(name)) || entropy_kind(name, *entropies);
  };
  for (const auto& name : query.columns)
    if (*imported ? name != "value" : !is_column(name))
      return unknown_column(name, *imported, path());
  if (query.columns.empty() && *imported) resolved.columns = {"value"};
  if (query.columns.empty() && !*imported) resolved.columns.assign(column_names.begin(), column_names.end());
  if (query.columns.empty() && *sketches)
    resolved.columns.insert(resolved.columns.end(), sketch_column_names.begin(), sketch_column_names.end());
  return resolved;
}

Status SeriesFile::visit(const Query& query, const RowVisitor& visitor) const {
  const auto snapshot = sqlite::Snapshot::take(impl_->db);
  if (!snapshot) return snapshot.error();
  const auto resolved = resolve(query);
  if (!resolved) return resolved.error();
  const auto imported = impl_->is_imported(resolved->point);
  if (!imported) return imported.error();
  const auto spans = impl_->closed_spans(resolved->point);
  if (!spans) return spans.error();
  const auto [first_k, last_k] = bounds_of(query, interval_ns());
  if (last_k < first_k) return {};
  const auto entropies = impl_->entropy_kinds(resolved->point);
  if (!entropies) return entropies.error();
  std::vector<std::string> counters;
  std::vector<ColumnReader> readers(resolved->columns.size());  ///< of the columns that are no counters
  for (std::size_t i = 0; i < resolved->columns.size(); ++i) {
    const std::string& name = resolved->columns[i];
    if (const auto kind = entropy_kind(name, *entropies)) {
      auto opened = EntropyRows::open(impl_->db, resolved->point, *kind, path());
      if (!opened) return std::move(opened).error();
      readers[i] = reader_of(*std::move(opened));
    } else if (!*imported && sketch_column(name)) {
      auto opened = SketchRows::open(impl_->db, resolved->point, name, path());
      if (!opened) return std::move(opened).error();
      readers[i] = reader_of(*std::move(opened));
    } else {
      counters.push_back(name);
    }
  }
  auto rows = PointRows::open(impl_->db, resolved->point, *imported, counters, first_k, last_k);
  if (!rows) return std::move(rows).error();

  // Two ordered streams, stored rows and covered intervals, merged by k.
  std::vector<double> values(resolved->columns.size());
  CoveredIntervals covered(*spans, interval_ns(), first_k, last_k);
  auto row = rows->next();
  while (row && (*row || covered.valid())) {
    const bool has_row = *row && (!covered.valid() || rows->k() <= covered.k());
    const bool is_covered = covered.valid() && (!*row || covered.k() <= rows->k());
    const std::int64_t k = has_row ? rows->k() : covered.k();
    const std::int64_t covered_ns = is_covered ? covered.covered_ns() : 0;
    std::size_t counter = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!readers[i]) {
        values[i] = has_row ? rows->value(counter++) : 0.0;
        continue;
      }
      const auto value = readers[i](k);
      if (!value) return value.error();
      values[i] = *value;
    }
    const bool complete = is_covered && is_complete(covered_ns, interval_ns(), joint_tolerance_ns());
    TG_TRY(visitor(k, complete, covered_ns, values));
    if (is_covered) covered.next();
    if (has_row) row = rows->next();
  }
  if (!row) return std::move(row).error();
  return {};
}

Expected<std::uint64_t> SeriesFile::count_intervals(const Query& query) const {
  auto point = impl_->resolve_point(query.point);
  if (!point) return std::move(point).error();
  const auto spans = impl_->closed_spans(*point);
  if (!spans) return spans.error();
  const auto [first_k, last_k] = bounds_of(query, interval_ns());
  return count_covered_intervals(*spans, interval_ns(), first_k, last_k);
}

Expected<IntervalSeries> SeriesFile::read(const Query& query) const {
  const auto snapshot = sqlite::Snapshot::take(impl_->db);
  if (!snapshot) return snapshot.error();
  auto resolved = resolve(query);
  if (!resolved) return std::move(resolved).error();
  const auto counted = count_intervals(query);
  if (!counted) return counted.error();
  const std::uint64_t count = *counted;
  const std::uint64_t most = std::min(read_limit_intervals, read_limit_bytes / (sizeof(double) * (resolved->columns.size() + 1)));
  if (count > most) {
    const auto silence = long_silence(resolved->point);
    return Error{fmt::format("the series has {} intervals, more than the {} that are read at once{}", count, most,
                             silence && *silence ? "; in " + (*silence)->path + " " + (*silence)->words(interval_ns()) : ""),
                 path(), "a part of it (--since, --until), or longer intervals (tidegauge rebin)"};
  }

  IntervalSeries series;
  series.point = resolved->point;
  series.interval_ns = interval_ns();
  series.columns = resolved->columns;
  series.k.reserve(count);
  series.complete.reserve(count);
  series.values.reserve(count * resolved->columns.size());
  TG_TRY(visit(*resolved, [&](std::int64_t k, bool complete, std::int64_t, std::span<const double> values) {
    series.k.push_back(k);
    series.complete.push_back(complete);
    series.values.insert(series.values.end(), values.begin(), values.end());
    return Status();
  }));
  return series;
}

}  // namespace tidegauge
