#include "ingest/formats/damage_log.hpp"

namespace tidegauge {

bool DamageLog::begin_stretch(std::uint64_t offset, const char* why) {
  if (strict_) {
    stop_offset_ = offset;
    stop_why_ = why;
    return false;
  }
  if (stretches_++ == 0) {
    first_offset_ = offset;
    first_why_ = why;
  }
  return true;
}

bool DamageLog::cut_off(std::uint64_t offset, std::uint64_t bytes) {
  if (strict_) {
    stop_offset_ = offset;
    stop_why_ = "the file is cut off within a record";
    return false;
  }
  cut_offset_ = offset;
  cut_bytes_ = bytes;
  return true;
}

void DamageLog::append(const DamageLog& next, std::uint64_t base) {
  if (stretches_ == 0 && next.stretches_ != 0) {
    first_offset_ = base + next.first_offset_;
    first_why_ = next.first_why_;
  }
  stretches_ += next.stretches_;
  stretch_bytes_ += next.stretch_bytes_;
  if (next.cut_offset_) {
    cut_offset_ = base + *next.cut_offset_;
    cut_bytes_ = next.cut_bytes_;
  }
  if (next.stop_offset_) {
    stop_offset_ = base + *next.stop_offset_;
    stop_why_ = next.stop_why_;
  }
}

Error DamageLog::error(const std::string& path, const std::string& compression) const {
  const std::string stream = compression.empty() ? "" : " of the decompressed stream";
  return Error{"damaged: " + stop_why_, path + " at byte " + std::to_string(*stop_offset_) + stream,
               "without --strict what is damaged is skipped and counted", ErrorKind::damage};
}

std::string DamageLog::words() const {
  std::string words;
  if (stretches_ != 0) {
    words = std::to_string(stretches_) + (stretches_ == 1 ? " damaged stretch (" : " damaged stretches (") +
            std::to_string(stretch_bytes_) + " bytes skipped, the first at byte " +
            std::to_string(first_offset_) + ": " + first_why_ + ")";
  }
  if (cut_offset_) {
    if (!words.empty()) words += "; ";
    words += "cut off at its end (" + std::to_string(cut_bytes_) + " bytes of a record at byte " +
             std::to_string(*cut_offset_) + ")";
  }
  return words;
}

}  // namespace tidegauge
