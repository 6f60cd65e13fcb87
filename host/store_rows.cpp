// What is stored of one trace: its rows, spans and time index, for `rebin` and `extract`.
#include <fmt/format.h>

#include "host/keyed_blob.hpp"
#include "host/store_impl.hpp"
#include "host/store_schema.hpp"

namespace tidegauge {

namespace {

/// A statement about one trace, which is bound: its id is what `(trace)` stands for.
Expected<sqlite::Statement> of_trace(const sqlite::Database& db, const std::string& sql, const TraceRecord& trace) {
  auto select = db.prepare(fmt::format(fmt::runtime(sql),
                                       "(SELECT trace FROM traces WHERE size = ?1 AND hash = ?2 AND point = ?3)"));
  if (select) select->bind(trace.fingerprint.size, fmt::format("{:016x}", trace.fingerprint.hash), trace.point);
  return select;
}

IndexEntry entry_from(const sqlite::Statement& row) {
  IndexEntry entry;
  entry.first_k = row.integer(0);
  entry.last_k = row.integer(1);
  entry.packets = row.count(2);
  entry.stream_offset = row.count(3);
  entry.entry = {row.count(4), row.count(5), row.blob(6)};
  if (!row.is_null(7)) entry.before = RecordsBefore{row.integer(7), row.integer(8)};
  entry.times = {row.count(10), row.count(11)};
  return entry;
}

}  // namespace

Status SeriesFile::Impl::write_index(std::int64_t id, const std::vector<IndexEntry>& index) const {
  auto insert = db.prepare("INSERT INTO trace_index (trace, ordinal, first_k, last_k, packets, stream_offset, "
                           "entry_stream_offset, entry_input_offset, state, last_ns, before_last_ns, head, times_line, times_offset) "
                           "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)");
  if (!insert) return std::move(insert).error();
  const std::vector<std::uint8_t> none;
  for (std::size_t i = 0; i < index.size(); ++i) {
    const IndexEntry& entry = index[i];
    const bool same_head = i > 0 && index[i - 1].head && entry.head && *entry.head == *index[i - 1].head;
    insert->bind(id, i, entry.first_k, entry.last_k, entry.packets, entry.stream_offset, entry.entry.stream_offset,
                 entry.entry.input_offset, entry.entry.state);
    insert->bind_at(10, nullptr);
    insert->bind_at(11, nullptr);
    if (entry.before) {
      insert->bind_at(10, entry.before->last_ns);
      insert->bind_at(11, entry.before->before_last_ns);
    }
    insert->bind_at(12, same_head || !entry.head ? none : encode(*entry.head));
    insert->bind_at(13, entry.times.line);
    insert->bind_at(14, entry.times.offset);
    TG_TRY(insert->run());
  }
  return {};
}

Expected<std::vector<IndexEntry>> SeriesFile::index_of(const TraceRecord& trace) const {
  auto select = of_trace(impl_->db,
                         "SELECT first_k, last_k, packets, stream_offset, entry_stream_offset, entry_input_offset, state, "
                         "last_ns, before_last_ns, head, times_line, times_offset FROM trace_index WHERE trace = {} ORDER BY ordinal", trace);
  if (!select) return std::move(select).error();
  const Error broken{"the time index of " + trace.path + " cannot be decoded: the series file is damaged", impl_->path,
                     "bin the captures into a new series file"};
  std::vector<IndexEntry> index;
  TG_TRY(for_each_row(*select, [&]() -> Status {
    IndexEntry entry = entry_from(*select);
    if (const auto bytes = select->blob(9); !bytes.empty()) {
      auto head = decode_resume_head(bytes);
      if (!head) return broken;
      entry.head = std::make_shared<const ResumeHead>(*std::move(head));
    } else if (!index.empty()) {
      entry.head = index.back().head;
    }
    index.push_back(std::move(entry));
    return {};
  }));
  if (!is_sound(index)) return broken;
  return index;
}

Expected<std::vector<Span>> SeriesFile::spans_of(const TraceRecord& trace) const {
  auto select = of_trace(impl_->db, "SELECT first_ns, last_ns FROM spans WHERE trace = {} ORDER BY first_ns", trace);
  if (!select) return std::move(select).error();
  std::vector<Span> spans;
  TG_TRY(for_each_row(*select, [&] { return spans.push_back({select->integer(0), select->integer(1)}), Status(); }));
  return spans;
}

Status SeriesFile::visit_rows(const TraceRecord& trace,
                              const std::function<Status(std::int64_t, const IntervalRow&)>& visitor) const {
  auto select = of_trace(impl_->db, "SELECT k, " + for_each_column("%") + " FROM intervals WHERE trace = {} ORDER BY k", trace);
  if (!select) return std::move(select).error();
  return for_each_row(*select, [&] {
    IntervalRow row;
    for (std::size_t i = 0; i < column_count; ++i) row.value[i] = select->count(static_cast<int>(i) + 1);
    return visitor(select->integer(0), row);
  });
}

Status SeriesFile::visit_values(const TraceRecord& trace, const std::function<Status(std::int64_t, double)>& visitor) const {
  auto select = of_trace(impl_->db, "SELECT k, value FROM imported_values WHERE trace = {} ORDER BY k", trace);
  if (!select) return std::move(select).error();
  return for_each_row(*select, [&] { return visitor(select->integer(0), select->real(1)); });
}

Status SeriesFile::visit_keyed(const TraceRecord& trace,
                               const std::function<Status(const KeyedRows&, const KeyNamer&)>& visitor) const {
  const Error broken{"a chunk of keys or sketches cannot be decoded: the series file is damaged", impl_->path,
                     "bin the captures into a new series file"};
  std::map<std::uint64_t, std::pair<std::string, std::string>> keys;
  const KeyNamer names = [&](const CountedKey& key) { return keys.at(key.code); };
  auto counts = of_trace(impl_->db, "SELECT chunk, key, counts, kind, name FROM key_chunks JOIN keys USING (key) "
                                    "WHERE trace = {} ORDER BY chunk, key", trace);
  if (!counts) return std::move(counts).error();
  TG_TRY(for_each_row(*counts, [&]() -> Status {
    const auto decoded = decode_counts(counts->blob(2));
    if (!decoded) return broken;
    const auto code = counts->count(1);
    keys.try_emplace(code, counts->text(3), counts->text(4));
    KeyedRows rows;
    for (const ChunkCount& count : *decoded)
      rows[counts->integer(0) * chunk_intervals + count.place].counts = {{0, code, count.packets, count.bytes}};
    return visitor(rows, names);
  }));
  for (std::size_t which = 0; which < sketch_column_names.size(); ++which) {
    auto sketches = of_trace(impl_->db, fmt::format("SELECT chunk, sketches FROM sketch_chunks WHERE trace = {{}} AND "
                                                    "kind = '{}' ORDER BY chunk", sketch_column_names[which]), trace);
    if (!sketches) return std::move(sketches).error();
    TG_TRY(for_each_row(*sketches, [&]() -> Status {
      auto decoded = decode_sketches(sketches->blob(1));
      if (!decoded) return broken;
      KeyedRows rows;
      for (auto& [place, sketch] : *decoded)
        rows[sketches->integer(0) * chunk_intervals + place].addresses[which] = std::move(sketch);
      return visitor(rows, names);
    }));
  }
  return {};
}

Expected<std::uint64_t> SeriesFile::sum(const std::string& point, Column column, std::int64_t first_k,
                                        std::int64_t last_k) const {
  auto select = impl_->db.prepare(fmt::format(
      "SELECT coalesce(sum(i.{}), 0) FROM traces t CROSS JOIN intervals i ON i.trace = t.trace AND i.k BETWEEN ?2 AND ?3 "
      "WHERE t.point = ?1 AND t.first_k <= ?3 AND t.last_k >= ?2", column_names[static_cast<std::size_t>(column)]));
  if (!select) return std::move(select).error();
  auto row = select->bind(point, first_k, last_k).step();
  if (!row) return std::move(row).error();
  return select->count(0);
}

}  // namespace tidegauge
