// Damage that a walk met: what becomes WalkResult::damage, or the error of a strict walk.
// Tested by tests/ingest/pcap_test.cpp and pcapng_test.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "kernels/core/status.hpp"

namespace tidegauge {

class DamageLog {
 public:
  explicit DamageLog(bool strict) : strict_(strict) {}

  /// A stretch begins at `offset`. False if the walk has to stop there.
  bool begin_stretch(std::uint64_t offset, const char* why);
  /// It was `bytes` long.
  void end_stretch(std::uint64_t bytes) { stretch_bytes_ += bytes; }
  /// The file ends within the record or block at `offset`. False if the walk has to stop there.
  bool cut_off(std::uint64_t offset, std::uint64_t bytes);

  /// What a walk met that went on where ours ended; its offsets count from `base`.
  void append(const DamageLog& next, std::uint64_t base);

  bool stopped() const { return stop_offset_.has_value(); }
  /// The error of a strict walk that stopped.
  Error error(const std::string& path, const std::string& compression) const;
  /// "2 damaged stretches (345 bytes skipped, the first at byte 1234: ...)"; empty without damage.
  std::string words() const;

 private:
  bool strict_;
  std::uint64_t stretches_ = 0, stretch_bytes_ = 0, first_offset_ = 0;
  std::string first_why_;
  std::optional<std::uint64_t> cut_offset_, stop_offset_;
  std::uint64_t cut_bytes_ = 0;
  std::string stop_why_;
};

}  // namespace tidegauge
