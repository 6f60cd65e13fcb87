// Makes and checks the tables of a series file. The documented schema is host/store_schema.sql.
#pragma once

#include <cstdint>
#include <string>

#include "host/sqlite.hpp"

namespace tidegauge {

inline constexpr std::int64_t store_schema_version = 3;
inline constexpr std::int64_t store_application_id = 0x54494445;  ///< "TIDE"

extern const char* const store_schema_sql;  ///< the text of store_schema.sql, with its placeholders

/// "packets, bytes, ..." with `pattern` repeated per counter column; `%` in it stands for the column's name.
std::string for_each_column(const std::string& pattern);

/// Makes the tables in an empty database. Two processes that make the same file at once are put in order by the write
/// lock: the second finds the tables made.
Status make_schema(const sqlite::Database& db, std::int64_t interval_ns, const std::string& where);

/// Refuses what is no series file, and what a newer program wrote.
Status check_schema(const sqlite::Database& db, const std::string& where);

}  // namespace tidegauge
