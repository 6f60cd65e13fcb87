// The canonical export: what two series files must have in common to be called equal.
#include <fmt/format.h>
#include <xxhash.h>

#include <limits>

#include "host/csv_text.hpp"
#include "host/store_impl.hpp"
#include "host/store_schema.hpp"

namespace tidegauge {

namespace {

/// Collects text and hands it on in pieces of a useful size.
class Pieces {
 public:
  explicit Pieces(const std::function<Status(std::string_view)>& write) : write_(write) {}
  Status add(const std::string& text) {
    text_ += text;
    return text_.size() < (1 << 16) ? Status() : flush();
  }
  Status flush() {
    const Status written = write_(text_);
    text_.clear();
    return written;
  }

 private:
  const std::function<Status(std::string_view)>& write_;
  std::string text_;
};

constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t highest = std::numeric_limits<std::int64_t>::max();

/// `late` that was counted at a finer interval means something else: such series are not equal to others.
Status write_late_intervals(Pieces& out, const sqlite::Database& db) {
  auto select = db.prepare("SELECT DISTINCT point, late_interval_ns FROM traces WHERE late_interval_ns NOT NULL "
                           "ORDER BY point, late_interval_ns");
  if (!select) return std::move(select).error();
  return for_each_row(*select, [&] {
    return out.add(fmt::format("# late_interval_ns {} at {}\n", select->integer(1), csv_field(select->text(0))));
  });
}

/// Counters are written as the integers they are: a double would round above 2^53.
Status write_rows(Pieces& out, PointRows& rows, const std::string& point, bool imported) {
  while (true) {
    auto more = rows.next();
    if (!more) return std::move(more).error();
    if (!*more) return {};
    std::string line = fmt::format("{},{}", csv_field(point), rows.k());
    if (imported) line += fmt::format(",{}", rows.value(0));
    for (std::size_t i = 0; !imported && i < column_count; ++i) line += fmt::format(",{}", rows.count(i));
    TG_TRY(out.add(line + "\n"));
  }
}

Status write_counts(Pieces& out, const SeriesFile& file, const std::string& point, const std::string& kind,
                    const std::vector<SeriesFile::KeyTotal>& keys) {
  const SeriesFile::Query query{.point = point, .columns = {}, .from_ns = {}, .to_ns = {}};
  return file.visit_keys(query, kind, keys, [&](std::int64_t k, std::size_t key, std::uint64_t packets, std::uint64_t bytes) {
    return out.add(fmt::format("{},{},{},{},{},{}\n", csv_field(point), kind, csv_field(keys[key].name), k, packets, bytes));
  });
}

Status write_keys(Pieces& out, const SeriesFile& file, const std::string& point, const std::string& kind) {
  const auto keys = file.keys({.point = point, .columns = {}, .from_ns = {}, .to_ns = {}}, {.kind = kind, .top = 0, .keys = {}});
  if (!keys) return keys.error();
  TG_TRY(write_counts(out, file, point, kind, *keys));
  const auto missed = file.missed_kind(point, kind);
  if (!missed) return missed.error();
  return missed->empty() ? Status() : write_counts(out, file, point, *missed, {{SeriesFile::missed_key, 0, 0}});
}

/// Sketches by the hash of their one encoding: equal hashes, equal registers.
Status write_sketches(Pieces& out, const SeriesFile::Impl& file, const std::string& point) {
  for (const auto kind : sketch_column_names) {
    auto rows = PointRows::open(file.db, point, false, {}, lowest, highest);
    if (!rows) return std::move(rows).error();
    auto sketches = SketchRows::open(file.db, point, kind, file.path);
    if (!sketches) return std::move(sketches).error();
    while (true) {
      auto more = rows->next();
      if (!more) return std::move(more).error();
      if (!*more) break;
      const auto sketch = sketches->at(rows->k());
      if (!sketch) return sketch.error();
      if ((*sketch)->empty()) continue;
      Blob encoding;
      (*sketch)->encode(encoding);
      TG_TRY(out.add(fmt::format("{},{},{},{:016x}\n", csv_field(point), kind, rows->k(),
                                 XXH3_64bits(encoding.data(), encoding.size()))));
    }
  }
  return {};
}

}  // namespace

Status SeriesFile::export_canonical(const std::function<Status(std::string_view)>& write) const {
  const auto snapshot = sqlite::Snapshot::take(impl_->db);
  if (!snapshot) return snapshot.error();
  const auto names = points();
  if (!names) return names.error();

  Pieces out(write);
  TG_TRY(out.add(fmt::format("# tidegauge canonical 1\n# interval_ns {}\n", interval_ns())));
  TG_TRY(write_late_intervals(out, impl_->db));
  TG_TRY(out.add("point,first_ns,last_ns\n"));
  for (const auto& point : *names) {
    const auto covered = impl_->closed_spans(point);
    if (!covered) return covered.error();
    for (const Span& span : *covered)
      TG_TRY(out.add(fmt::format("{},{},{}\n", csv_field(point), span.first_ns, span.last_ns)));
  }
  for (const bool imported : {false, true}) {
    std::string columns = for_each_column("%");
    std::erase(columns, ' ');
    TG_TRY(out.add("point,k," + (imported ? std::string("value") : columns) + "\n"));
    for (const auto& point : *names) {
      const auto kind = impl_->is_imported(point);
      if (!kind) return kind.error();
      if (*kind != imported) continue;
      auto rows = PointRows::open(impl_->db, point, imported, {column_names.begin(), column_names.end()}, lowest, highest);
      if (!rows) return std::move(rows).error();
      TG_TRY(write_rows(out, *rows, point, imported));
    }
  }
  for (const auto& point : *names) {
    const auto kinds = key_kinds(point);
    if (!kinds) return kinds.error();
    if (!kinds->empty()) TG_TRY(out.add("point,kind,key,k,packets,bytes\n"));
    for (const auto& kind : *kinds) TG_TRY(write_keys(out, *this, point, kind));
    const auto sketches = impl_->has_sketches(point);
    if (!sketches) return sketches.error();
    if (!*sketches) continue;
    TG_TRY(out.add("point,sketch,k,hash\n"));
    TG_TRY(write_sketches(out, *impl_, point));
  }
  return out.flush();
}

}  // namespace tidegauge
