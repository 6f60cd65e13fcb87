// Counts per key and sketches of addresses: chunk blobs per trace, written with its rows, added up when read.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <tuple>
#include <unordered_map>

#include "host/store_impl.hpp"
#include "ingest/sinks/keyed_options.hpp"

namespace tidegauge {

namespace {

/// Keys in the order of a reader: numbers by value, then words and prefixes as text of growing length.
constexpr const char* key_order = "length(name), name";

std::int64_t chunk_of(std::int64_t k) { return interval_of(k, chunk_intervals); }  // floor division
std::uint32_t place_of(std::int64_t k) { return static_cast<std::uint32_t>(k - chunk_of(k) * chunk_intervals); }

Error broken_blob(const std::string& where) {
  return {"a chunk of keys or sketches cannot be decoded: the series file is damaged", where,
          "bin the captures into a new series file"};
}

/// A count of one key in one interval.
struct Cell {
  CountedKey key;
  std::int64_t k;
  std::uint64_t packets, bytes;
};

std::vector<Cell> cells_of(const KeyedRows& rows) {
  std::vector<Cell> cells;
  for (const auto& [k, row] : rows)
    for (const KeyCount& c : row.counts) cells.push_back({{c.dimension, c.code}, k, c.packets, c.bytes});
  std::sort(cells.begin(), cells.end(), [](const Cell& a, const Cell& b) {
    return std::tie(a.key, a.k) < std::tie(b.key, b.k);
  });
  return cells;
}

/// Goes through the chunks of a point that hold keys, from `from` on: the next one, or none.
class ChunkFinder {
 public:
  static Expected<ChunkFinder> open(const sqlite::Database& db, const std::string& point) {
    auto select = db.prepare("SELECT min(c) FROM (SELECT (SELECT min(chunk) FROM key_chunks k WHERE k.trace = t.trace "
                             "AND k.chunk >= ?2) AS c FROM traces t WHERE t.point = ?1)");
    if (!select) return std::move(select).error();
    return ChunkFinder(*std::move(select), point);
  }
  Expected<std::optional<std::int64_t>> from(std::int64_t chunk) {
    select_.reset();
    auto row = select_.bind(point_, chunk).step();
    if (!row) return std::move(row).error();
    std::optional<std::int64_t> found;
    if (!select_.is_null(0)) found = select_.integer(0);
    select_.reset();
    return found;
  }

 private:
  ChunkFinder(sqlite::Statement select, std::string point) : select_(std::move(select)), point_(std::move(point)) {}
  sqlite::Statement select_;
  std::string point_;
};

/// Visits the counts of one kind of key at a point, chunk by chunk: chunk, id of the key, its counts in one trace.
using ChunkVisitor = std::function<Status(std::int64_t chunk, std::int64_t key, const ChunkCounts& counts)>;
Status visit_chunks(const SeriesFile::Impl& file, const std::string& point, const std::string& kind,
                    const IntervalBounds& bounds, const ChunkVisitor& visit,
                    const std::function<Status(std::int64_t chunk)>& end_of_chunk) {
  if (bounds.first_k > bounds.last_k) return {};
  auto finder = ChunkFinder::open(file.db, point);
  if (!finder) return std::move(finder).error();
  auto select = file.db.prepare("SELECT c.key, c.counts FROM traces t CROSS JOIN key_chunks c ON c.trace = t.trace AND "
                                "c.chunk = ?2 JOIN keys USING (key) WHERE t.point = ?1 AND keys.kind = ?3");
  if (!select) return std::move(select).error();
  for (std::int64_t from = chunk_of(bounds.first_k);;) {
    auto chunk = finder->from(from);
    if (!chunk) return std::move(chunk).error();
    if (!*chunk || **chunk > chunk_of(bounds.last_k)) return {};
    select->reset();
    select->bind(point, **chunk, kind);
    TG_TRY(for_each_row(*select, [&]() -> Status {
      auto counts = decode_counts(select->blob(1));
      if (!counts) return broken_blob(file.path);
      std::erase_if(*counts, [&](const ChunkCount& c) {
        const std::int64_t k = **chunk * chunk_intervals + c.place;
        return k < bounds.first_k || k > bounds.last_k;
      });
      return visit(**chunk, select->integer(0), *counts);
    }));
    TG_TRY(end_of_chunk(**chunk));
    from = **chunk + 1;
  }
}

/// What a trace with these settings was counted by.
std::vector<std::string> kinds_in(const std::string& settings) {
  const auto json = nlohmann::json::parse(settings, nullptr, false);
  std::vector<std::string> kinds;
  if (json.is_object() && json.contains("by") && json["by"].is_array())
    for (const auto& kind : json["by"])
      if (kind.is_string()) kinds.push_back(kind);
  std::sort(kinds.begin(), kinds.end());
  return kinds;
}

Error unknown_kind(const std::string& kind, const std::vector<std::string>& known, const std::string& where) {
  std::string list;
  for (const auto& name : known) list += (list.empty() ? "" : ", ") + name;
  if (known.empty()) return {"this point was not counted by any key", where, "`tidegauge bin --by " + kind + "`", ErrorKind::usage};
  return {"this point was not counted by '" + kind + "'", where, "one of: " + list, ErrorKind::usage};
}

}  // namespace

// Writing -----

Expected<KeyedWriter> KeyedWriter::open(const sqlite::Database& db, std::int64_t trace) {
  auto find_key = db.prepare("SELECT key FROM keys WHERE kind = ?1 AND name = ?2");
  if (!find_key) return std::move(find_key).error();
  auto add_key = db.prepare("INSERT INTO keys (kind, name) VALUES (?1, ?2)");
  if (!add_key) return std::move(add_key).error();
  auto read_counts = db.prepare("SELECT counts FROM key_chunks WHERE trace = ?1 AND chunk = ?2 AND key = ?3");
  if (!read_counts) return std::move(read_counts).error();
  auto write_counts = db.prepare("INSERT OR REPLACE INTO key_chunks (trace, chunk, key, counts) VALUES (?1, ?2, ?3, ?4)");
  if (!write_counts) return std::move(write_counts).error();
  auto read_sketches = db.prepare("SELECT sketches FROM sketch_chunks WHERE trace = ?1 AND chunk = ?2 AND kind = ?3");
  if (!read_sketches) return std::move(read_sketches).error();
  auto write_sketches = db.prepare("INSERT OR REPLACE INTO sketch_chunks (trace, chunk, kind, sketches) VALUES (?1, ?2, ?3, ?4)");
  if (!write_sketches) return std::move(write_sketches).error();
  return KeyedWriter(*std::move(find_key), *std::move(add_key), *std::move(read_counts), *std::move(write_counts),
                     *std::move(read_sketches), *std::move(write_sketches), trace);
}

Status KeyedWriter::write(const KeyedRows& rows, const KeyNamer& names) {
  const std::vector<Cell> cells = cells_of(rows);
  struct Run {  // cells of one key in one chunk
    std::int64_t chunk, key;
    std::vector<Cell>::const_iterator first, last;
  };
  std::vector<Run> runs;
  for (auto at = cells.begin(); at != cells.end();) {
    auto key = key_of(at->key, names);
    if (!key) return std::move(key).error();
    const auto first = at;
    while (at != cells.end() && at->key == first->key && chunk_of(at->k) == chunk_of(first->k)) ++at;
    runs.push_back({chunk_of(first->k), *key, first, at});
  }
  // In the order of the table: each row goes where the one before went.
  std::sort(runs.begin(), runs.end(), [](const Run& a, const Run& b) { return std::tie(a.chunk, a.key) < std::tie(b.chunk, b.key); });
  for (const Run& run : runs) {
    ChunkCounts counts;
    for (auto cell = run.first; cell != run.last; ++cell) counts.push_back({place_of(cell->k), cell->packets, cell->bytes});
    TG_TRY(write_counts(run.key, run.chunk, std::move(counts)));
  }
  for (std::size_t which = 0; which < sketch_column_names.size(); ++which) {
    for (auto at = rows.begin(); at != rows.end();) {
      const std::int64_t chunk = chunk_of(at->first);
      ChunkSketches sketches;
      for (; at != rows.end() && chunk_of(at->first) == chunk; ++at)
        if (!at->second.addresses[which].empty()) sketches[place_of(at->first)] = at->second.addresses[which];
      if (!sketches.empty()) TG_TRY(write_sketches(sketch_column_names[which], chunk, std::move(sketches)));
    }
  }
  for (const auto& [k, row] : rows) begun_.insert(chunk_of(k));
  return {};
}

Expected<std::int64_t> KeyedWriter::key_of(const CountedKey& wanted, const KeyNamer& names) {
  const auto known = known_.find(wanted);
  if (known != known_.end()) return known->second;
  const auto [kind, name] = names(wanted);
  for (bool added = false;; added = true) {
    find_key_.reset();
    auto found = find_key_.bind(kind, name).step();
    if (!found) return std::move(found).error();
    if (*found) break;
    TG_REQUIRE(!added, "a key that was added is there");
    TG_TRY(add_key_.bind(kind, name).run());
  }
  const std::int64_t key = find_key_.integer(0);
  find_key_.reset();
  if (known_.size() >= most_known) known_.clear();
  known_.emplace(wanted, key);
  return key;
}

Status KeyedWriter::write_counts(std::int64_t key, std::int64_t chunk, ChunkCounts counts) {
  if (begun_.contains(chunk)) {
    read_counts_.reset();
    auto there = read_counts_.bind(trace_, chunk, key).step();
    if (!there) return std::move(there).error();
    if (*there) {
      const auto before = decode_counts(read_counts_.blob(0));
      if (!before) return broken_blob("");
      add_counts(counts, *before);
    }
    read_counts_.reset();
  }
  return write_counts_.bind(trace_, chunk, key, encode_counts(counts)).run();
}

Status KeyedWriter::write_sketches(std::string_view kind, std::int64_t chunk, ChunkSketches sketches) {
  if (begun_.contains(chunk)) {
    read_sketches_.reset();
    auto there = read_sketches_.bind(trace_, chunk, kind).step();
    if (!there) return std::move(there).error();
    if (*there) {
      auto before = decode_sketches(read_sketches_.blob(0));
      if (!before) return broken_blob("");
      merge_sketches(sketches, *std::move(before));
    }
    read_sketches_.reset();
  }
  return write_sketches_.bind(trace_, chunk, kind, encode_sketches(sketches)).run();
}

// Reading -----

Expected<SketchRows> SketchRows::open(const sqlite::Database& db, const std::string& point, std::string_view kind,
                                      const std::string& where) {
  auto select = db.prepare("SELECT sketches FROM traces t CROSS JOIN sketch_chunks s ON s.trace = t.trace AND s.chunk = ?3 "
                           "AND s.kind = ?2 WHERE t.point = ?1");
  if (!select) return std::move(select).error();
  select->bind(point, kind);
  return SketchRows(*std::move(select), where);
}

Expected<const Hll*> SketchRows::at(std::int64_t k) {
  if (chunk_ != chunk_of(k)) {
    chunk_ = chunk_of(k);
    sketches_.clear();
    select_.bind_at(3, *chunk_);
    TG_TRY(for_each_row(select_, [&]() -> Status {
      auto sketches = decode_sketches(select_.blob(0));
      if (!sketches) return broken_blob(where_);
      merge_sketches(sketches_, *std::move(sketches));
      return {};
    }));
  }
  const auto found = sketches_.find(place_of(k));
  return found == sketches_.end() ? &empty_ : &found->second;
}

Expected<EntropyRows> EntropyRows::open(const sqlite::Database& db, const std::string& point, const std::string& kind,
                                        const std::string& where) {
  // A key's counts of all traces together; by name, so that sums of doubles do not depend on the order of traces.
  auto select = db.prepare("SELECT c.key, c.counts FROM traces t CROSS JOIN key_chunks c ON c.trace = t.trace AND "
                           "c.chunk = ?3 JOIN keys USING (key) WHERE t.point = ?1 AND keys.kind = ?2 AND "
                           "keys.name <> 'none' ORDER BY keys.name");
  if (!select) return std::move(select).error();
  select->bind(point, kind);
  return EntropyRows(*std::move(select), where);
}

Expected<double> EntropyRows::at(std::int64_t k) {
  if (chunk_ != chunk_of(k)) {
    chunk_ = chunk_of(k);
    TG_TRY(load());
  }
  const auto found = entropies_.find(place_of(k));
  return found == entropies_.end() ? 0.0 : found->second;
}

Status EntropyRows::load() {
  struct Sums {
    std::uint64_t packets = 0, keys = 0;
    double n_log_n = 0;
  };
  std::map<std::uint32_t, Sums> sums;
  std::int64_t key = 0;
  ChunkCounts counts;  // of that key
  const auto add_key = [&] {
    for (const ChunkCount& c : counts) {
      if (c.packets == 0) continue;
      Sums& sum = sums[c.place];
      sum.packets += c.packets;
      sum.keys += 1;
      sum.n_log_n += static_cast<double>(c.packets) * std::log2(static_cast<double>(c.packets));
    }
    counts.clear();
  };
  select_.bind_at(3, *chunk_);
  TG_TRY(for_each_row(select_, [&]() -> Status {
    auto more = decode_counts(select_.blob(1));
    if (!more) return broken_blob(where_);
    if (select_.integer(0) != key) add_key();
    key = select_.integer(0);
    add_counts(counts, *more);
    return {};
  }));
  add_key();
  entropies_.clear();
  for (const auto& [place, sum] : sums) {
    if (sum.keys < 2) continue;
    const auto packets = static_cast<double>(sum.packets);
    // Sum of -p log p with p = n / N is log N - (sum of n log n) / N; rounding must not leave [0, 1].
    const double entropy = (std::log2(packets) - sum.n_log_n / packets) / std::log2(static_cast<double>(sum.keys));
    entropies_[place] = std::clamp(entropy, 0.0, 1.0);
  }
  return {};
}

Expected<std::string> SeriesFile::Impl::counting_settings(const std::string& point) const {
  auto select = db.prepare("SELECT settings FROM traces WHERE point = ?1 AND kind <> 'csv' LIMIT 1");
  if (!select) return std::move(select).error();
  auto row = select->bind(point).step();
  if (!row) return std::move(row).error();
  return *row ? select->text(0) : std::string("{}");
}

Expected<bool> SeriesFile::Impl::has_sketches(const std::string& point) const {
  auto settings = counting_settings(point);
  if (!settings) return std::move(settings).error();
  const auto json = nlohmann::json::parse(*settings, nullptr, false);
  return json.is_object() && json.contains("distinct") && json["distinct"] == true;
}

Expected<std::vector<std::string>> SeriesFile::key_kinds(const std::string& point) const {
  auto name = impl_->resolve_point(point);
  if (!name) return std::move(name).error();
  auto settings = impl_->counting_settings(*name);
  if (!settings) return std::move(settings).error();
  return kinds_in(*settings);
}

Expected<std::vector<std::string>> SeriesFile::Impl::entropy_kinds(const std::string& point) const {
  auto settings = counting_settings(point);
  if (!settings) return std::move(settings).error();
  std::vector<std::string> exact;
  for (const std::string& name : kinds_in(*settings)) {
    const auto kind = key_kind_by_name(name);
    if (kind && !needs_list(*kind)) exact.push_back(name);
  }
  return exact;
}

Expected<std::string> SeriesFile::missed_kind(const std::string& point, const std::string& kind) const {
  auto name = impl_->resolve_point(point);
  if (!name) return std::move(name).error();
  auto settings = impl_->counting_settings(*name);
  if (!settings) return std::move(settings).error();
  const auto json = nlohmann::json::parse(*settings, nullptr, false);
  const bool approximate = json.is_object() && json.contains("approximate") && json["approximate"].is_object() &&
                           json["approximate"].contains(kind);
  return approximate ? kind + "-missed" : std::string();
}

Expected<std::vector<SeriesFile::KeyTotal>> SeriesFile::keys(const Query& query, const KeyQuery& wanted) const {
  const auto snapshot = sqlite::Snapshot::take(impl_->db);
  if (!snapshot) return snapshot.error();
  auto point = impl_->resolve_point(query.point);
  if (!point) return std::move(point).error();
  const auto kinds = key_kinds(*point);
  if (!kinds) return kinds.error();
  if (std::find(kinds->begin(), kinds->end(), wanted.kind) == kinds->end())
    return unknown_kind(wanted.kind, *kinds, path());

  std::unordered_map<std::int64_t, KeyTotal> totals;
  TG_TRY(visit_chunks(*impl_, *point, wanted.kind, bounds_of(query, interval_ns()),
                      [&](std::int64_t, std::int64_t key, const ChunkCounts& counts) {
                        KeyTotal& total = totals[key];
                        for (const ChunkCount& c : counts) total.packets += c.packets, total.bytes += c.bytes;
                        return Status();
                      },
                      [](std::int64_t) { return Status(); }));
  auto names = impl_->db.prepare(fmt::format("SELECT key, name FROM keys WHERE kind = ?1 ORDER BY {}", key_order));
  if (!names) return std::move(names).error();
  std::vector<KeyTotal> all;
  names->bind(wanted.kind);
  TG_TRY(for_each_row(*names, [&]() -> Status {
    const auto total = totals.find(names->integer(0));
    if (total == totals.end() || total->second.packets == 0) return {};
    total->second.name = names->text(1);
    all.push_back(total->second);
    return {};
  }));
  if (wanted.keys) {  // a key that never came is zero
    std::vector<KeyTotal> listed;
    for (const std::string& name : *wanted.keys) {
      const auto found = std::find_if(all.begin(), all.end(), [&](const KeyTotal& t) { return t.name == name; });
      listed.push_back(found == all.end() ? KeyTotal{name, 0, 0} : *found);
    }
    return listed;
  }
  if (wanted.top == 0 || wanted.top >= all.size()) return all;
  std::vector<std::size_t> by_bytes(all.size());
  for (std::size_t i = 0; i < all.size(); ++i) by_bytes[i] = i;
  std::stable_sort(by_bytes.begin(), by_bytes.end(), [&](std::size_t a, std::size_t b) { return all[a].bytes > all[b].bytes; });
  by_bytes.resize(wanted.top);
  std::sort(by_bytes.begin(), by_bytes.end());
  std::vector<KeyTotal> top;
  for (const std::size_t i : by_bytes) top.push_back(all[i]);
  return top;
}

Status SeriesFile::visit_keys(const Query& query, const std::string& kind, const std::vector<KeyTotal>& keys,
                              const KeyVisitor& visitor) const {
  const auto snapshot = sqlite::Snapshot::take(impl_->db);
  if (!snapshot) return snapshot.error();
  const auto point = impl_->resolve_point(query.point);
  if (!point) return point.error();
  std::unordered_map<std::int64_t, std::size_t> positions;
  auto find = impl_->db.prepare("SELECT key FROM keys WHERE kind = ?1 AND name = ?2");
  if (!find) return std::move(find).error();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    find->reset();
    auto row = find->bind(kind, keys[i].name).step();
    if (!row) return std::move(row).error();
    if (*row) positions.emplace(find->integer(0), i);
  }
  find->reset();

  struct Count {
    std::uint32_t place;
    std::size_t key;
    std::uint64_t packets, bytes;
  };
  std::vector<Count> held;  // of one chunk
  const auto collect = [&](std::int64_t, std::int64_t key, const ChunkCounts& counts) {
    if (const auto at = positions.find(key); at != positions.end())
      for (const ChunkCount& c : counts) held.push_back({c.place, at->second, c.packets, c.bytes});
    return Status();
  };
  const auto hand_out = [&](std::int64_t chunk) -> Status {
    std::sort(held.begin(), held.end(), [](const Count& a, const Count& b) {
      return std::tie(a.place, a.key) < std::tie(b.place, b.key);
    });
    for (auto at = held.begin(); at != held.end();) {
      Count sum = *at;  // over the traces of the point
      for (++at; at != held.end() && at->place == sum.place && at->key == sum.key; ++at)
        sum.packets += at->packets, sum.bytes += at->bytes;
      TG_TRY(visitor(chunk * chunk_intervals + sum.place, sum.key, sum.packets, sum.bytes));
    }
    held.clear();
    return {};
  };
  return visit_chunks(*impl_, *point, kind, bounds_of(query, interval_ns()), collect, hand_out);
}

}  // namespace tidegauge
