// Owners of SQLite's handles, and its result codes in words that say what to try.
// Thread safety: one Database, with its statements, per thread. Tested by tests/host/store_test.cpp.
#pragma once

#include <sqlite3.h>

#include <concepts>
#include <cstdint>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/core/status.hpp"

namespace tidegauge::sqlite {

struct Finalize {
  void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
};

/// Compiled statements that nobody uses at the moment, by their text: to compile one takes longer than what most of them
/// do, and a trace needs a dozen.
class IdleStatements {
 public:
  sqlite3_stmt* take(std::string_view sql);  ///< null if there is none
  void give(sqlite3_stmt* statement);        ///< reset, without parameters

 private:
  static constexpr std::size_t most_ = 64;  // more texts than that are not worth their memory
  std::map<std::string, std::unique_ptr<sqlite3_stmt, Finalize>, std::less<>> idle_;
};

/// A prepared statement. Parameters are bound from 1, columns read from 0, as in SQLite.
class Statement {
 public:
  Statement(sqlite3_stmt* statement, std::string where, std::shared_ptr<IdleStatements> home)
      : statement_(statement, GoHome{std::move(home)}), where_(std::move(where)) {}

  void bind_at(int index, std::string_view text) {
    sqlite3_bind_text(get(), index, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
  }
  void bind_at(int index, const char* text) { bind_at(index, std::string_view(text)); }
  void bind_at(int index, const std::string& text) { bind_at(index, std::string_view(text)); }
  void bind_at(int index, std::span<const std::uint8_t> blob) {
    sqlite3_bind_blob64(get(), index, blob.data(), blob.size(), SQLITE_TRANSIENT);  // no bytes: NULL
  }
  void bind_at(int index, const std::vector<std::uint8_t>& blob) { bind_at(index, std::span(blob)); }
  void bind_at(int index, std::nullptr_t) { sqlite3_bind_null(get(), index); }
  /// NaN becomes NULL, SQLite's own rule.
  void bind_at(int index, double value) { sqlite3_bind_double(get(), index, value); }
  /// Counters are stored as SQLite's signed 64-bit integers; no sum of packets or bytes reaches 2^63.
  void bind_at(int index, std::integral auto value) {
    sqlite3_bind_int64(get(), index, static_cast<sqlite3_int64>(value));
  }
  template <class... Values>
  Statement& bind(const Values&... values) {
    int index = 0;
    (bind_at(++index, values), ...);
    return *this;
  }

  /// True while there is a row.
  Expected<bool> step();
  /// Steps to the end and makes the statement ready for the next parameters.
  Status run();
  void reset() { sqlite3_reset(get()); }

  std::int64_t integer(int column) const { return sqlite3_column_int64(get(), column); }
  std::uint64_t count(int column) const { return static_cast<std::uint64_t>(integer(column)); }
  bool is_null(int column) const { return sqlite3_column_type(get(), column) == SQLITE_NULL; }
  double real(int column) const;  ///< NULL reads as NaN
  std::string text(int column) const;
  std::vector<std::uint8_t> blob(int column) const;  ///< NULL reads as no bytes

 private:
  struct GoHome {
    void operator()(sqlite3_stmt* s) const { home->give(s); }
    std::shared_ptr<IdleStatements> home;
  };
  sqlite3_stmt* get() const { return statement_.get(); }
  std::unique_ptr<sqlite3_stmt, GoHome> statement_;
  std::string where_;
};

class Database {
 public:
  /// @param where what messages call this database, usually the path that the user gave.
  static Expected<Database> open(const std::string& name, int flags, const std::string& where);

  Expected<Statement> prepare(std::string_view sql) const;
  Status run(std::string_view sql) const;        ///< one statement, which stays compiled
  Status execute(const std::string& sql) const;  ///< any number of them, compiled for this once
  /// What was committed survives the end of the power from here on; needed where commits themselves do not wait for the
  /// disk (PRAGMA synchronous = NORMAL).
  Status sync() const;
  Expected<std::int64_t> integer(std::string_view sql) const;  ///< first column of the first row, 0 without a row
  Expected<std::string> text(std::string_view sql) const;      ///< the same as text
  bool in_transaction() const { return sqlite3_get_autocommit(get()) == 0; }
  bool read_only() const { return sqlite3_db_readonly(get(), "main") == 1; }
  std::int64_t last_insert_id() const { return sqlite3_last_insert_rowid(get()); }
  void wait_for_locks(int milliseconds) const { sqlite3_busy_timeout(get(), milliseconds); }

 private:
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  explicit Database(sqlite3* db, std::string where) : db_(db), where_(std::move(where)) {}
  sqlite3* get() const { return db_.get(); }
  std::unique_ptr<sqlite3, Close> db_;
  std::string where_;
  std::shared_ptr<IdleStatements> idle_ = std::make_shared<IdleStatements>();  // goes before the handle
};

/// A consistent view of the database for several reads; nests.
class Snapshot {
 public:
  static Expected<Snapshot> take(const Database& db);
  Snapshot(Snapshot&& other) noexcept : db_(std::exchange(other.db_, nullptr)) {}
  Snapshot& operator=(Snapshot&&) = delete;
  ~Snapshot();

 private:
  explicit Snapshot(const Database& db) : db_(&db) {}
  const Database* db_;
};

/// A write transaction: takes the write lock at once (waiting for another writer as long as the database is set to),
/// and rolls back unless committed.
class Transaction {
 public:
  static Expected<Transaction> begin(const Database& db);
  Transaction(Transaction&& other) noexcept : db_(std::exchange(other.db_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  Status commit();

 private:
  explicit Transaction(const Database& db) : db_(&db) {}
  const Database* db_;
};

/// What SQLite's last result means to the user.
Error explain(sqlite3* db, int code, const std::string& where);

}  // namespace tidegauge::sqlite
