#include "host/sqlite.hpp"

#include <cerrno>
#include <cstring>
#include <limits>

namespace tidegauge::sqlite {

namespace {
/// SQLite does not keep the system's reason for a failed commit; errno does, where it was 0 before the call.
std::string system_reason(sqlite3* db) {
  const int kept = db ? sqlite3_system_errno(db) : 0;
  const int number = kept ? kept : errno;
  return number ? std::string(": ") + std::strerror(number) : "";
}
}  // namespace

Error explain(sqlite3* db, int code, const std::string& where) {
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {"another process is writing to this series file and did not finish in time", where,
              "run the same command when it has finished, or wait longer with --wait 10m"};
    case SQLITE_FULL:
      return {"no space is left for the series file", where,
              "free some space and run the same command again; finished traces stay in"};
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return {"the series file cannot be written to", where, "check the permissions of the file and of its folder"};
    case SQLITE_CANTOPEN:
      return {"the series file cannot be opened" + system_reason(db), where,
              "check the path, and the permissions of the file and of its folder"};
    case SQLITE_NOTADB:
      return {"not a series file (it is no SQLite database)", where, "check the path; series files are made by `tidegauge bin`"};
    case SQLITE_CORRUPT:
      return {std::string("the series file is damaged (") + (db ? sqlite3_errmsg(db) : "") + ")", where,
              "restore a copy, or bin the captures into a new series file; `sqlite3 FILE .recover` may save results"};
    case SQLITE_IOERR:
      return {"reading or writing the series file failed" + system_reason(db), where,
              "check the disk and its quota, then run the same command again; finished traces stay in"};
    default:
      return {std::string("the database refused: ") + (db ? sqlite3_errmsg(db) : sqlite3_errstr(code)), where, ""};
  }
}

sqlite3_stmt* IdleStatements::take(std::string_view sql) {
  const auto found = idle_.find(sql);
  if (found == idle_.end()) return nullptr;
  sqlite3_stmt* const statement = found->second.release();
  idle_.erase(found);
  return statement;
}

void IdleStatements::give(sqlite3_stmt* statement) {
  std::unique_ptr<sqlite3_stmt, Finalize> own(statement);
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  if (idle_.size() < most_) idle_.try_emplace(sqlite3_sql(statement), std::move(own));
}

Expected<bool> Statement::step() {
  errno = 0;
  const int code = sqlite3_step(get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  Error error = explain(sqlite3_db_handle(get()), code, where_);
  sqlite3_reset(get());
  return error;
}

Status Statement::run() {
  while (true) {
    auto more = step();
    if (!more) return std::move(more).error();
    if (!*more) break;
  }
  reset();
  return {};
}

double Statement::real(int column) const {
  return is_null(column) ? std::numeric_limits<double>::quiet_NaN() : sqlite3_column_double(get(), column);
}

std::string Statement::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(get(), column));
  return bytes ? std::string(bytes, static_cast<std::size_t>(sqlite3_column_bytes(get(), column))) : std::string();
}

std::vector<std::uint8_t> Statement::blob(int column) const {
  const auto* bytes = static_cast<const std::uint8_t*>(sqlite3_column_blob(get(), column));
  return bytes ? std::vector<std::uint8_t>(bytes, bytes + sqlite3_column_bytes(get(), column)) : std::vector<std::uint8_t>();
}

Expected<Database> Database::open(const std::string& name, int flags, const std::string& where) {
  sqlite3* handle = nullptr;
  errno = 0;
  const int code = sqlite3_open_v2(name.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, nullptr);
  Database db(handle, where);
  if (code != SQLITE_OK) return explain(handle, code, where);
  return db;
}

Expected<Statement> Database::prepare(std::string_view sql) const {
  sqlite3_stmt* statement = idle_->take(sql);
  if (statement) return Statement(statement, where_, idle_);
  errno = 0;
  const int code = sqlite3_prepare_v3(get(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &statement,
                                      nullptr);
  if (code != SQLITE_OK) return explain(get(), code, where_);
  return Statement(statement, where_, idle_);
}

Status Database::run(std::string_view sql) const {
  auto statement = prepare(sql);
  if (!statement) return std::move(statement).error();
  return statement->run();
}

Status Database::execute(const std::string& sql) const {
  errno = 0;
  const int code = sqlite3_exec(get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return explain(get(), code, where_);
  return {};
}

Status Database::sync() const {
  sqlite3_file* log = nullptr;
  sqlite3_file_control(get(), "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
  if (!log || !log->pMethods) return {};  // nothing was written
  errno = 0;
  const int code = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
  if (code != SQLITE_OK) return explain(get(), code, where_);
  return {};
}

Expected<std::int64_t> Database::integer(std::string_view sql) const {
  auto statement = prepare(sql);
  if (!statement) return std::move(statement).error();
  auto row = statement->step();
  if (!row) return std::move(row).error();
  return *row ? statement->integer(0) : 0;
}

Expected<std::string> Database::text(std::string_view sql) const {
  auto statement = prepare(sql);
  if (!statement) return std::move(statement).error();
  auto row = statement->step();
  if (!row) return std::move(row).error();
  return *row ? statement->text(0) : std::string();
}

Expected<Snapshot> Snapshot::take(const Database& db) {
  TG_TRY(db.execute("SAVEPOINT snapshot"));
  return Snapshot(db);
}

Snapshot::~Snapshot() {
  if (db_) static_cast<void>(db_->execute("RELEASE snapshot"));  // only reads lie inside: nothing can be lost
}

Expected<Transaction> Transaction::begin(const Database& db) {
  TG_REQUIRE(!db.in_transaction(), "a visitor may not write to the series file that it is reading");
  TG_TRY(db.run("BEGIN IMMEDIATE"));
  return Transaction(db);
}

Transaction::~Transaction() {
  // SQLite rolls back by itself after some errors (a full disk); then there is nothing left to do.
  if (db_ && db_->in_transaction()) static_cast<void>(db_->execute("ROLLBACK"));
}

Status Transaction::commit() {
  TG_TRY(db_->run("COMMIT"));
  db_ = nullptr;
  return {};
}

}  // namespace tidegauge::sqlite
