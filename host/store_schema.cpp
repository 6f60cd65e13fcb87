#include "host/store_schema.hpp"

#include <fmt/format.h>

#include <string_view>

#include "host/coverage.hpp"
#include "kernels/data/interval_columns.hpp"
#include "kernels/data/partial_series.hpp"

namespace tidegauge {

namespace {

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

template <class Names>
std::string for_each_name(const Names& names, const std::string& pattern) {
  std::string list;
  for (const std::string_view name : names) {
    std::string item = pattern;
    replace_all(item, "%", name);
    list += (list.empty() ? "" : ", ") + item;
  }
  return list;
}

// Whole seconds without a fraction, otherwise milliseconds or nanoseconds: one format per file, as parsers want it.
// SQLite's own sub-second times are doubles, hence the integer arithmetic; % follows the sign, hence the second one.
constexpr std::string_view time_of_c =
    "(SELECT strftime('%Y-%m-%dT%H:%M:%S', (c.k * value - ((c.k * value % 1000000000) + 1000000000) % 1000000000) "
    "/ 1000000000, 'unixepoch') || CASE WHEN value % 1000000000 = 0 THEN '' WHEN value % 1000000 = 0 THEN "
    "printf('.%03d', ((c.k * value % 1000000000) + 1000000000) % 1000000000 / 1000000) ELSE "
    "printf('.%09d', ((c.k * value % 1000000000) + 1000000000) % 1000000000) END || 'Z' "
    "FROM meta WHERE key = 'interval_ns')";

/// The placeholders are also named in the file's opening comment; replacing them there too does no harm.
std::string schema_text() {
  std::string sql = store_schema_sql;
  replace_all(sql, "{counters}", for_each_column("% INTEGER NOT NULL DEFAULT 0"));
  replace_all(sql, "{refusals}", for_each_name(refusal_names, "refused_% INTEGER NOT NULL DEFAULT 0"));
  replace_all(sql, "{counter_sums}", for_each_column("sum(%) AS %"));
  replace_all(sql, "{counter_values}", for_each_column("coalesce(s.%, 0) AS %"));
  replace_all(sql, "{time_of_c}", time_of_c);
  return sql;
}

Status make_tables(const sqlite::Database& db, std::int64_t interval_ns) {
  TG_TRY(db.execute(schema_text()));
  TG_TRY(db.execute(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {};", store_application_id,
                                store_schema_version)));
  auto insert = db.prepare("INSERT INTO meta (key, value) VALUES (?1, ?2)");
  if (!insert) return std::move(insert).error();
  TG_TRY(insert->bind("schema_version", store_schema_version).run());
  TG_TRY(insert->bind("interval_ns", interval_ns).run());
  TG_TRY(insert->bind("joint_tolerance_ns", default_joint_tolerance_ns(interval_ns)).run());
  return insert->bind("made_by", "tidegauge " TIDEGAUGE_VERSION).run();
}

}  // namespace

std::string for_each_column(const std::string& pattern) { return for_each_name(column_names, pattern); }

Status make_schema(const sqlite::Database& db, std::int64_t interval_ns, const std::string& where) {
  auto transaction = sqlite::Transaction::begin(db);
  if (!transaction) return std::move(transaction).error();
  auto tables = db.integer("SELECT count(*) FROM sqlite_master");
  if (!tables) return std::move(tables).error();
  if (*tables > 0) return check_schema(db, where);  // somebody else was first, or it is another program's database
  TG_TRY(make_tables(db, interval_ns));
  return transaction->commit();
}

Status check_schema(const sqlite::Database& db, const std::string& where) {
  auto id = db.integer("PRAGMA application_id");
  if (!id) return std::move(id).error();
  auto version = db.integer("PRAGMA user_version");
  if (!version) return std::move(version).error();
  if (*id != store_application_id)
    return Error{"not a series file (an SQLite database of something else)", where,
                 "check the path; series files are made by `tidegauge bin`"};
  if (*version > store_schema_version)
    return Error{fmt::format("this series file has schema version {}, newer than the {} that this program knows",
                             *version, store_schema_version),
                 where, "use the newer tidegauge that wrote it"};
  if (*version < store_schema_version)
    return Error{fmt::format("this series file has schema version {}, which no release wrote", *version), where,
                 "bin the captures into a new series file"};
  return {};
}

}  // namespace tidegauge
