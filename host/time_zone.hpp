// Wall-clock times of a named zone as UTC, by the system's time zone database.
// GCC 12 has no <chrono> time zones, so the C library is asked, which knows one zone per process: a TimeZone holds it
// while it lives and puts the old one back. Only the C library's own rules are used (localtime_r, tm_gmtoff), so daylight
// saving and historical changes are those of the database.
// Thread safety: one TimeZone at a time in a process, and no other thread may change the environment meanwhile.
// Tested by tests/host/time_text_test.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernels/core/status.hpp"

namespace tidegauge {

class TimeZone {
 public:
  /// @param name as in the database, such as "Asia/Tokyo" or "UTC".
  static Expected<TimeZone> enter(const std::string& name);
  TimeZone(TimeZone&& other) noexcept;
  TimeZone& operator=(TimeZone&&) = delete;
  ~TimeZone();

  /// Epoch seconds at which the zone's clocks show `wall_s` (seconds since 1970-01-01T00:00:00 on them), ascending:
  /// none where clocks were put forward over it, two where they were put back over it, otherwise one.
  std::vector<std::int64_t> instants(std::int64_t wall_s) const;

 private:
  explicit TimeZone(std::optional<std::string> previous) : previous_(std::move(previous)), active_(true) {}
  std::optional<std::string> previous_;  ///< TZ as it was
  bool active_;
};

}  // namespace tidegauge
