// Which traces are in, and how one comes in: its rows and its status are one transaction.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "host/store_impl.hpp"
#include "host/store_schema.hpp"

namespace tidegauge {

namespace {

std::string hash_text(const Fingerprint& fingerprint) { return fmt::format("{:016x}", fingerprint.hash); }

std::uint64_t hash_from(const std::string& text) {
  std::uint64_t hash = 0;
  std::from_chars(text.data(), text.data() + text.size(), hash, 16);
  return hash;
}

/// The path that tells whether a file of that name was seen: the same from any working folder.
std::string absolute_path_of(const TraceRecord& trace) {
  return trace.absolute_path.empty() ? absolute_path(trace.path) : trace.absolute_path;
}

std::string refusal_columns(const std::string& separator_pattern) {
  std::string list;
  for (const auto name : refusal_names) list += fmt::format(fmt::runtime(separator_pattern), name);
  return list;
}

std::string select_traces(const std::string& condition) {
  return "SELECT path, point, size, hash, kind, settings, damage, records_read, records_counted, skipped_bytes, "
         "captured_bytes, (SELECT min(first_ns) FROM spans s WHERE s.trace = t.trace), "
         "(SELECT max(last_ns) FROM spans s WHERE s.trace = t.trace), absolute_path, late_interval_ns, times_size, times_hash" +
         refusal_columns(", refused_{}") + " FROM traces t " + condition;
}

TraceRecord trace_from(const sqlite::Statement& row) {
  TraceRecord trace;
  trace.path = row.text(0);
  trace.point = row.text(1);
  trace.fingerprint = {row.count(2), hash_from(row.text(3))};
  trace.kind = row.text(4);
  trace.settings = row.text(5);
  trace.damage = row.text(6);
  trace.account.read = row.count(7);
  trace.account.counted = row.count(8);
  trace.account.skipped_bytes = row.count(9);
  trace.account.captured_bytes = row.count(10);
  if (!row.is_null(11)) trace.span = Span{row.integer(11), row.integer(12)};
  trace.absolute_path = row.text(13);
  trace.late_interval_ns = row.integer(14);
  if (!row.is_null(15)) trace.times = Fingerprint{row.count(15), hash_from(row.text(16))};
  for (std::size_t i = 0; i < refusal_names.size(); ++i)
    trace.account.refused[i] = row.count(17 + static_cast<int>(i));
  return trace;
}

bool is_import(const TraceRecord& trace) { return trace.kind == "csv"; }

/// Adds rows to one trace; rows of an interval that is there already add up.
class RowWriter {
 public:
  static Expected<RowWriter> open(const sqlite::Database& db, std::int64_t trace) {
    static const std::string sql = [] {
      std::string parameters;
      for (std::size_t i = 0; i < column_count; ++i) parameters += fmt::format(", ?{}", i + 3);
      return fmt::format("INSERT INTO intervals (trace, k, {}) VALUES (?1, ?2{}) ON CONFLICT (trace, k) DO UPDATE SET {}",
                         for_each_column("%"), parameters, for_each_column("% = % + excluded.%"));
    }();
    auto upsert = db.prepare(sql);
    if (!upsert) return std::move(upsert).error();
    upsert->bind_at(1, trace);
    return RowWriter(*std::move(upsert));
  }

  Status write(const std::map<std::int64_t, IntervalRow>& rows, SeriesFile::Impl::Extent& extent) {
    for (const auto& [k, row] : rows) {
      if (row == IntervalRow{}) continue;  // only non-empty rows are stored
      upsert_.bind_at(2, k);
      for (std::size_t i = 0; i < column_count; ++i) upsert_.bind_at(static_cast<int>(i) + 3, row.value[i]);
      TG_TRY(upsert_.run());
      extent.add(k);
    }
    return {};
  }

 private:
  explicit RowWriter(sqlite::Statement upsert) : upsert_(std::move(upsert)) {}
  sqlite::Statement upsert_;
};

/// One trace on its way in. begin() takes the write lock and finds out, once more and now for certain, whether the
/// trace is in; everything after it is undone unless commit() is reached.
class TraceAddition {
 public:
  TraceAddition(const SeriesFile::Impl& file, const TraceRecord& trace) : file_(file), trace_(trace) {}
  bool begun() const { return transaction_.has_value(); }
  bool already_in() const { return already_in_; }
  std::int64_t id() const { return id_; }

  Status begin() {
    auto transaction = sqlite::Transaction::begin(file_.db);
    if (!transaction) return std::move(transaction).error();
    TG_TRY(file_.check_interval(file_.interval_ns));
    TG_TRY(look_up(trace_));
    if (already_in_) return Error{"the trace came in meanwhile", trace_.path, ""};  // ends `fill`; never shown
    auto id = file_.insert_trace(trace_);
    if (!id) return std::move(id).error();
    id_ = *id;
    transaction_.emplace(*std::move(transaction));
    return {};
  }
  /// Whether the trace is in; a pipe is known at its end only.
  Status look_up(const TraceRecord& trace) {
    if (!trace.fingerprint.known()) return {};
    auto known = file_.find(trace);
    if (!known) return std::move(known).error();
    already_in_ = known->has_value();
    return {};
  }
  Status commit() { return transaction_->commit(); }

 private:
  const SeriesFile::Impl& file_;
  const TraceRecord& trace_;
  std::optional<sqlite::Transaction> transaction_;
  std::int64_t id_ = 0;
  bool already_in_ = false;
};

/// Runs of consecutive intervals as spans of time.
std::vector<Span> spans_of_runs(std::span<const std::int64_t> k, std::int64_t interval_ns) {
  std::vector<Span> spans;
  for (std::size_t i = 0; i < k.size(); ++i) {
    const std::int64_t last_ns = (k[i] + 1) * interval_ns - 1;
    if (i > 0 && k[i] == k[i - 1] + 1) spans.back().last_ns = last_ns;
    else spans.push_back({k[i] * interval_ns, last_ns});
  }
  return spans;
}

}  // namespace

std::string absolute_path(const std::string& path) {
  std::error_code error;
  const auto canonical = std::filesystem::weakly_canonical(std::filesystem::absolute(path, error), error);
  return error ? path : canonical.string();
}

void SeriesFile::Impl::Extent::add(std::int64_t k) {
  first_k = std::min(first_k.value_or(k), k);
  last_k = std::max(last_k.value_or(k), k);
}

Status SeriesFile::Impl::check_trace(const TraceRecord& candidate) const {
  auto same_path = db.prepare("SELECT size, hash FROM traces WHERE absolute_path = ?1 LIMIT 1");
  if (!same_path) return std::move(same_path).error();
  auto known = same_path->bind(absolute_path_of(candidate)).step();
  if (!known) return std::move(known).error();
  if (*known && Fingerprint{same_path->count(0), hash_from(same_path->text(1))} != candidate.fingerprint)
    return Error{"this file is in the series with other content: it has changed since", candidate.path,
                 "give the new capture a name of its own, or count the changed one into a new series file (-o)"};

  // All traces of a point are of one kind, and captures among them of one setting: a look at one tells, however many.
  auto other = db.prepare("SELECT kind = 'csv', settings FROM traces WHERE point = ?1 LIMIT 1");
  if (!other) return std::move(other).error();
  auto begun = other->bind(candidate.point).step();
  if (!begun) return std::move(begun).error();
  if (!*begun) return {};
  if ((other->integer(0) != 0) != is_import(candidate))
    return Error{fmt::format("point '{}' holds {}, which cannot be mixed with {}", candidate.point,
                             is_import(candidate) ? "captures" : "imported values",
                             is_import(candidate) ? "imported values" : "captures"),
                 candidate.path, "another --point, or another series file (-o)"};
  if (!is_import(candidate) && other->text(1) != candidate.settings)
    return Error{fmt::format("the traces of point '{}' were counted with other settings ({}, now {})", candidate.point,
                             other->text(1), candidate.settings),
                 candidate.path, "the same settings, another --point, or another series file (-o)"};
  return {};
}

Expected<std::optional<TraceRecord>> SeriesFile::Impl::find(const TraceRecord& candidate) const {
  TG_TRY(check_trace(candidate));
  static const std::string sql = select_traces("WHERE size = ?1 AND hash = ?2 ORDER BY point <> ?3, settings <> ?4");
  auto select = db.prepare(sql);
  if (!select) return std::move(select).error();
  auto row = select->bind(candidate.fingerprint.size, hash_text(candidate.fingerprint), candidate.point,
                          candidate.settings).step();
  if (!row) return std::move(row).error();
  if (!*row) return std::optional<TraceRecord>();

  TraceRecord known = trace_from(*select);
  if (known.point != candidate.point) {
    // Counted with another filter or other keys it is another series of the same capture.
    if (is_import(candidate) || known.account.counted == 0 || known.settings != candidate.settings)
      return std::optional<TraceRecord>();
    return Error{fmt::format("its content is in already, at point '{}' as {}", known.point, known.path), candidate.path,
                 "a capture belongs to one point: leave it out, or name another series file (-o)"};
  }
  if (known.settings != candidate.settings)
    return Error{fmt::format("its content is in already with other settings ({}, now {})", known.settings,
                             candidate.settings),
                 candidate.path, "the same settings, another --point, or another series file (-o)"};
  return std::optional<TraceRecord>(std::move(known));
}

Expected<std::int64_t> SeriesFile::Impl::insert_trace(const TraceRecord& trace) const {
  auto insert = db.prepare("INSERT INTO traces (point, path, absolute_path, size, hash, kind, settings, status) "
                           "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'counting')");
  if (!insert) return std::move(insert).error();
  // A pipe is nowhere afterwards, and other content may come out of it. What is followed is at its path once it is whole.
  TG_TRY(insert->bind(trace.point, trace.path, trace.fingerprint.known() ? absolute_path_of(trace) : "", trace.fingerprint.size,
                      hash_text(trace.fingerprint), trace.kind, trace.settings).run());
  return db.last_insert_id();
}

Status SeriesFile::Impl::finish_trace(std::int64_t id, const TraceRecord& trace, const std::vector<Span>& spans,
                                      const Extent& extent) const {
  static const std::string sql = [] {
    std::string refusals;
    for (std::size_t i = 0; i < refusal_names.size(); ++i)
      refusals += fmt::format(", refused_{} = ?{}", refusal_names[i], i + 16);
    return "UPDATE traces SET kind = ?2, status = ?3, damage = ?4, records_read = ?5, records_counted = ?6, "
           "skipped_bytes = ?7, captured_bytes = ?8, size = ?9, hash = ?10, first_k = ?11, last_k = ?12, "
           "late_interval_ns = nullif(?13, 0), times_size = ?14, times_hash = ?15" + refusals + " WHERE trace = ?1";
  }();
  auto update = db.prepare(sql);
  if (!update) return std::move(update).error();
  update->bind(id, trace.kind, trace.damage.empty() ? "whole" : "damaged", trace.damage, trace.account.read,
               trace.account.counted, trace.account.skipped_bytes, trace.account.captured_bytes, trace.fingerprint.size,
               hash_text(trace.fingerprint));
  if (extent.first_k) update->bind_at(11, *extent.first_k), update->bind_at(12, *extent.last_k);  // else they stay NULL
  update->bind_at(13, trace.late_interval_ns);
  if (trace.times) update->bind_at(14, trace.times->size), update->bind_at(15, hash_text(*trace.times));
  for (std::size_t i = 0; i < refusal_names.size(); ++i)
    update->bind_at(static_cast<int>(i) + 16, trace.account.refused[i]);
  TG_TRY(update->run());
  if (!trace.absolute_path.empty()) {
    auto place = db.prepare("UPDATE traces SET absolute_path = ?2 WHERE trace = ?1");
    if (!place) return std::move(place).error();
    TG_TRY(place->bind(id, trace.absolute_path).run());
  }
  TG_TRY(write_index(id, trace.index));
  auto insert = db.prepare("INSERT INTO spans (trace, first_ns, last_ns) VALUES (?1, ?2, ?3)");
  if (!insert) return std::move(insert).error();
  for (const Span& span : spans) TG_TRY(insert->bind(id, span.first_ns, span.last_ns).run());
  return {};
}

Expected<std::optional<TraceRecord>> SeriesFile::find_trace(const TraceRecord& candidate) const {
  return impl_->find(candidate);
}

Expected<std::optional<std::string>> SeriesFile::twin_of(const TraceRecord& trace) const {
  if (trace.account.counted == 0 || !trace.span) return std::optional<std::string>();
  // Spans are not looked up by their times but by their trace, and the few traces of one interval by their first one: the
  // plus keeps SQLite from going through all that are older instead.
  auto select = impl_->db.prepare(
      "SELECT twin.path FROM traces own CROSS JOIN traces twin ON twin.point = own.point AND twin.first_k = own.first_k "
      "AND +twin.trace < own.trace AND twin.records_counted = own.records_counted "
      "CROSS JOIN spans ON spans.trace = twin.trace AND spans.first_ns = ?4 AND spans.last_ns = ?5 "
      "WHERE own.size = ?1 AND own.hash = ?2 AND own.point = ?3 AND twin.kind <> 'csv' LIMIT 1");
  if (!select) return std::move(select).error();
  auto row = select->bind(trace.fingerprint.size, hash_text(trace.fingerprint), trace.point, trace.span->first_ns,
                          trace.span->last_ns).step();
  if (!row) return std::move(row).error();
  return *row ? std::optional(select->text(0)) : std::nullopt;
}

Expected<AddOutcome> SeriesFile::add_trace(TraceRecord trace,
                                           const std::function<Expected<TraceRecord>(const RowSink&)>& fill) {
  if (trace.fingerprint.known()) trace.absolute_path = absolute_path_of(trace);  // asks the file system about each folder
  TraceAddition addition(*impl_, trace);
  TG_TRY(addition.look_up(trace));
  if (addition.already_in()) return AddOutcome::already_in;

  std::optional<RowWriter> writer;
  Impl::Extent extent;
  const auto write = [&](const std::map<std::int64_t, IntervalRow>& rows) -> Status {
    if (!addition.begun()) TG_TRY(addition.begin());
    if (!writer) {
      auto opened = RowWriter::open(impl_->db, addition.id());
      if (!opened) return std::move(opened).error();
      writer.emplace(*std::move(opened));
    }
    return writer->write(rows, extent);
  };
  std::optional<KeyedWriter> keyed_writer;
  const auto write_keyed = [&](const KeyedRows& rows, const KeyNamer& names) -> Status {
    if (!addition.begun()) TG_TRY(addition.begin());
    if (!keyed_writer) {
      auto opened = KeyedWriter::open(impl_->db, addition.id());
      if (!opened) return std::move(opened).error();
      keyed_writer.emplace(*std::move(opened));
    }
    return keyed_writer->write(rows, names);
  };
  Status written;  // stays failed: SQLite may have rolled back by itself, so nothing may be written after an error
  const RowSink sink(
      [&](const std::map<std::int64_t, IntervalRow>& rows) {
        if (written) written = write(rows);
        return written;
      },
      [&](const KeyedRows& rows, const KeyNamer& names) {
        if (written) written = write_keyed(rows, names);
        return written;
      });

  auto filled = fill(sink);
  if (addition.already_in()) return AddOutcome::already_in;
  if (!filled) return std::move(filled).error();
  TG_TRY(Status(written));
  if (!addition.begun()) {
    const Status begun = addition.begin();
    if (addition.already_in()) return AddOutcome::already_in;
    TG_TRY(begun);
  }
  if (!trace.fingerprint.known()) {
    TG_TRY(addition.look_up(*filled));
    if (addition.already_in()) return AddOutcome::already_in;
  }
  std::vector<Span> spans;
  if (filled->span) spans.push_back(*filled->span);
  TG_TRY(impl_->finish_trace(addition.id(), *filled, spans, extent));
  TG_TRY(addition.commit());
  return AddOutcome::added;
}

Expected<AddOutcome> SeriesFile::add_values(TraceRecord trace, std::span<const std::int64_t> k,
                                            std::span<const double> values,
                                            const std::optional<std::vector<Span>>& spans) {
  TG_REQUIRE(k.size() == values.size(), "one value per interval");
  trace.kind = "csv";
  TraceAddition addition(*impl_, trace);
  const Status begun = addition.begin();
  if (addition.already_in()) return AddOutcome::already_in;
  TG_TRY(begun);

  auto taken = impl_->db.prepare("SELECT path FROM traces JOIN imported_values USING (trace) WHERE point = ?1 AND k = ?2");
  if (!taken) return std::move(taken).error();
  auto insert = impl_->db.prepare("INSERT INTO imported_values (trace, k, value) VALUES (?1, ?2, ?3)");
  if (!insert) return std::move(insert).error();
  Impl::Extent extent;
  for (std::size_t i = 0; i < k.size(); ++i) {
    TG_REQUIRE(i == 0 || k[i] > k[i - 1], "imported intervals ascend");
    taken->reset();
    auto clash = taken->bind(trace.point, k[i]).step();
    if (!clash) return std::move(clash).error();
    if (*clash)
      return Error{fmt::format("interval {} of point '{}' has a value already, from {}", k[i], trace.point, taken->text(0)),
                   trace.path, "another --point, or another series file (-o)"};
    TG_TRY(insert->bind(addition.id(), k[i], values[i]).run());
    extent.add(k[i]);
  }
  taken->reset();
  TG_TRY(impl_->finish_trace(addition.id(), trace, spans ? *spans : spans_of_runs(k, impl_->interval_ns), extent));
  TG_TRY(addition.commit());
  return AddOutcome::added;
}

Expected<std::vector<TraceRecord>> SeriesFile::traces() const {
  auto select = impl_->db.prepare(select_traces("ORDER BY point, size, hash"));
  if (!select) return std::move(select).error();
  std::vector<TraceRecord> all;
  TG_TRY(for_each_row(*select, [&] { return all.push_back(trace_from(*select)), Status(); }));
  return all;
}

}  // namespace tidegauge
