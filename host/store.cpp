// Opening a series file, and what is common to all of it.
#include "host/store.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "host/duration.hpp"
#include "host/store_impl.hpp"
#include "host/store_schema.hpp"

namespace tidegauge {

namespace {

namespace fs = std::filesystem;
constexpr int default_wait_ms = 10'000;
constexpr std::int64_t default_interval_ns = 1'000'000'000;

constexpr const char* select_interval = "SELECT value FROM meta WHERE key = 'interval_ns'";

/// SQLite takes names as URIs here; what is special there is escaped.
std::string uri(const std::string& path, const char* parameters) {
  std::string name = "file:";
  for (const char c : fs::absolute(path).string())
    name += (c == '%' || c == '?' || c == '#') ? fmt::format("%{:02x}", static_cast<unsigned char>(c)) : std::string(1, c);
  return name + parameters;
}

/// In a folder that cannot be written to SQLite cannot share a WAL database. With no log beside it the file is whole
/// and nobody writes, so it may be read as it lies.
/// Otherwise it is opened for writing if it may be, because only then the last to close it removes the log.
Expected<sqlite::Database> open_for_reading(const std::string& path) {
  auto db = sqlite::Database::open(uri(path, ""), SQLITE_OPEN_READWRITE, path);
  if (!db) return db;
  db->wait_for_locks(default_wait_ms);  // recovery, and the end of the last writer, need the file for a moment
  if (db->execute("PRAGMA query_only = ON") && db->text("PRAGMA journal_mode")) return db;
  std::error_code ignored;
  if (fs::exists(path + "-wal", ignored)) return db;
  auto immutable = sqlite::Database::open(uri(path, "?immutable=1"), SQLITE_OPEN_READONLY, path);
  return immutable && immutable->text("PRAGMA journal_mode") ? std::move(immutable) : std::move(db);
}

/// Changing the journal needs the file for itself for a moment, and SQLite does not wait for that by itself.
Status set_wal(const sqlite::Database& db) {
  for (int attempt = 0;; ++attempt) {
    const Status changed = db.execute("PRAGMA journal_mode = WAL");
    if (changed || attempt == 100) return changed;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

Expected<sqlite::Database> open_for_writing(const std::string& path, bool create, std::int64_t interval_ns) {
  auto db = sqlite::Database::open(uri(path, ""), SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0), path);
  if (!db) return db;
  if (db->read_only())
    return Error{"the series file cannot be written to", path, "check the permissions of the file and of its folder"};
  db->wait_for_locks(default_wait_ms);
  auto tables = db->integer("SELECT count(*) FROM sqlite_master");
  if (!tables) return std::move(tables).error();
  if (*tables == 0 && create) {
    TG_TRY(set_wal(*db));
    TG_TRY(make_schema(*db, interval_ns == 0 ? default_interval_ns : interval_ns, path));
  }
  // FULL: what was committed stays when the power fails. Costs a wait for the disk per transaction; see begin_batch().
  TG_TRY(db->execute("PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536"));
  return db;
}

/// An empty series file (its maker was killed before the first trace was in) takes the new interval. Under the write lock, so that no
/// trace comes in between the look and the change.
Status settle_interval(const sqlite::Database& db, std::int64_t& interval_ns, std::int64_t wanted_ns,
                       const std::string& path) {
  if (wanted_ns == 0 || wanted_ns == interval_ns) return {};
  auto transaction = sqlite::Transaction::begin(db);
  if (!transaction) return std::move(transaction).error();
  auto current = db.integer(select_interval);
  if (!current) return std::move(current).error();
  interval_ns = *current;
  if (wanted_ns == interval_ns) return {};
  auto traces = db.integer("SELECT count(*) FROM traces");
  if (!traces) return std::move(traces).error();
  if (*traces > 0)
    return Error{fmt::format("this series file has intervals of {}, not of {}", format_duration(interval_ns),
                             format_duration(wanted_ns)),
                 path, "leave --interval out, or name another series file with -o", ErrorKind::usage};
  TG_TRY(db.execute(fmt::format("UPDATE meta SET value = {} WHERE key = 'interval_ns'; "
                                "UPDATE meta SET value = {} WHERE key = 'joint_tolerance_ns'",
                                wanted_ns, default_joint_tolerance_ns(wanted_ns))));
  TG_TRY(transaction->commit());
  interval_ns = wanted_ns;
  return {};
}

}  // namespace

Expected<SeriesFile> SeriesFile::open(const std::string& path, OpenMode mode, std::int64_t interval_ns) {
  if (path.empty())  // SQLite would take it for a temporary database, gone with the process
    return Error{"a series file needs a name", "-o", "name one, such as january.series", ErrorKind::usage};
  std::error_code ignored;
  if (mode != OpenMode::create && !fs::exists(path, ignored))
    return Error{"there is no such series file", path, "check the path, or make one with `tidegauge bin CAPTURE -o FILE`"};
  if (fs::is_directory(path, ignored)) return Error{"this is a folder, not a series file", path, "name a file in it"};

  auto db = mode == OpenMode::read ? open_for_reading(path)
                                   : open_for_writing(path, mode == OpenMode::create, interval_ns);
  if (!db) return std::move(db).error();
  TG_TRY(check_schema(*db, path));
  auto own_interval = db->integer(select_interval);
  if (!own_interval) return std::move(own_interval).error();
  if (*own_interval <= 0) return Error{"the series file names no interval", path, "bin the captures into a new one"};
  if (mode == OpenMode::create) TG_TRY(settle_interval(*db, *own_interval, interval_ns, path));
  auto tolerance = db->integer("SELECT value FROM meta WHERE key = 'joint_tolerance_ns'");
  if (!tolerance) return std::move(tolerance).error();

  auto impl = std::make_unique<Impl>(*std::move(db), path);
  impl->interval_ns = *own_interval;
  impl->joint_tolerance_ns = *tolerance;
  return SeriesFile(std::move(impl));
}

void SeriesFile::remove_unused(const std::string& path) {
  auto db = sqlite::Database::open(uri(path, ""), SQLITE_OPEN_READWRITE, path);
  if (!db || !db->execute("PRAGMA locking_mode = EXCLUSIVE")) return;
  // To leave the common log needs the file for oneself: refused while anybody else has it open. Then it stays locked.
  const auto journal = db->text("PRAGMA journal_mode = DELETE");
  if (!journal || *journal != "delete") return;
  const auto traces = db->integer("SELECT count(*) FROM traces");
  std::error_code ignored;
  if (traces && *traces == 0) fs::remove(fs::canonical(path, ignored), ignored);
  else static_cast<void>(set_wal(*db));
}

SeriesFile::SeriesFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SeriesFile::SeriesFile(SeriesFile&&) noexcept = default;
SeriesFile& SeriesFile::operator=(SeriesFile&&) noexcept = default;
SeriesFile::~SeriesFile() = default;

const std::string& SeriesFile::path() const { return impl_->path; }
std::int64_t SeriesFile::interval_ns() const { return impl_->interval_ns; }
std::int64_t SeriesFile::joint_tolerance_ns() const { return impl_->joint_tolerance_ns; }
void SeriesFile::set_wait(std::int64_t milliseconds) {
  impl_->db.wait_for_locks(static_cast<int>(std::min<std::int64_t>(milliseconds, 1 << 30)));
}

Status SeriesFile::begin_batch() { return impl_->db.execute("PRAGMA synchronous = NORMAL"); }
Status SeriesFile::settle() const { return impl_->db.sync(); }

Status SeriesFile::Impl::check_interval(std::int64_t wanted_ns) const {
  auto current = db.integer(select_interval);
  if (!current) return std::move(current).error();
  if (*current == wanted_ns) return {};
  return Error{fmt::format("another process gave this series file another interval meanwhile, {} instead of {}",
                           format_duration(*current), format_duration(wanted_ns)),
               path, "run it again, or name another series file with -o"};
}

Expected<std::vector<std::string>> SeriesFile::points() const {
  auto select = impl_->db.prepare("SELECT DISTINCT point FROM traces ORDER BY point");
  if (!select) return std::move(select).error();
  std::vector<std::string> names;
  TG_TRY(for_each_row(*select, [&] { return names.push_back(select->text(0)), Status(); }));
  return names;
}

Expected<std::string> SeriesFile::Impl::resolve_point(const std::string& point) const {
  auto select = db.prepare("SELECT DISTINCT point FROM traces ORDER BY point");
  if (!select) return std::move(select).error();
  std::vector<std::string> known;
  TG_TRY(for_each_row(*select, [&] { return known.push_back(select->text(0)), Status(); }));
  if (known.empty())
    return Error{"no trace is in this series file yet", path, "add captures with `tidegauge bin CAPTURE -o FILE`"};
  if (point.empty() && known.size() == 1) return known.front();
  for (const auto& name : known)
    if (name == point) return point;
  const std::string list = fmt::format("{}", fmt::join(known, ", "));
  if (point.empty())
    return Error{"this series file has several observation points: " + list, path, "choose one with --point",
                 ErrorKind::usage};
  return Error{"this series file has no observation point '" + point + "'", path, "one of: " + list, ErrorKind::usage};
}

}  // namespace tidegauge
