#include "host/time_zone.hpp"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>

namespace tidegauge {

namespace {

/// The C library takes an unknown zone for UTC without a word, so the database is looked at first.
bool is_known(const std::string& name) {
  if (name.empty() || name.front() == '/' || name.front() == ':' || name.find("..") != std::string::npos) return false;
  const char* folder = std::getenv("TZDIR");
  const auto path = std::filesystem::path(folder ? folder : "/usr/share/zoneinfo") / name;
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return false;
  char magic[4] = {};
  std::ifstream(path, std::ios::binary).read(magic, 4);
  return std::string(magic, 4) == "TZif";
}

/// How far the zone's clocks are ahead of UTC at an instant.
std::int64_t offset_at(std::int64_t epoch_s) {
  const std::time_t instant = epoch_s;
  std::tm fields{};
  return localtime_r(&instant, &fields) ? fields.tm_gmtoff : 0;
}

}  // namespace

Expected<TimeZone> TimeZone::enter(const std::string& name) {
  if (!is_known(name))
    return Error{"'" + name + "' is not in the system's time zone database", "--time-zone",
                 "a name such as Asia/Tokyo, Europe/London or UTC; the database is the package tzdata", ErrorKind::usage};
  const char* previous = std::getenv("TZ");
  TimeZone zone(previous ? std::optional<std::string>(previous) : std::nullopt);
  setenv("TZ", name.c_str(), 1);
  tzset();
  return zone;
}

TimeZone::TimeZone(TimeZone&& other) noexcept : previous_(std::move(other.previous_)), active_(other.active_) {
  other.active_ = false;
}

TimeZone::~TimeZone() {
  if (!active_) return;
  if (previous_) setenv("TZ", previous_->c_str(), 1);
  else unsetenv("TZ");
  tzset();
}

std::vector<std::int64_t> TimeZone::instants(std::int64_t wall_s) const {
  // No zone is a day off UTC, and none changes twice within two days: the offsets in force a day before and after are
  // all that can apply.
  constexpr std::int64_t day_s = 86'400;
  std::vector<std::int64_t> found;
  for (const std::int64_t offset : {offset_at(wall_s - day_s), offset_at(wall_s + day_s)}) {
    const std::int64_t candidate = wall_s - offset;
    if (offset_at(candidate) == offset) found.push_back(candidate);
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace tidegauge
