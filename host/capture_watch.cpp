#include "host/capture_watch.hpp"

#include <utility>

#include "host/find_captures.hpp"

namespace tidegauge {

Expected<std::vector<std::string>> CaptureWatch::ready() {
  std::vector<std::string> found;
  std::error_code none;
  for (const std::string& name : named_) {
    if (!std::filesystem::is_directory(name, none)) {
      if (is_new(name)) found.push_back(name);
      continue;
    }
    const auto files = files_under(name);
    if (!files) return files.error();
    for (const std::string& file : *files)
      if (is_new(file) && is_capture(file)) found.push_back(file);
  }
  return found;
}

bool CaptureWatch::is_new(const std::string& path) {
  std::error_code error;
  State now;
  now.bytes = std::filesystem::file_size(path, error);
  if (!error) now.changed = std::filesystem::last_write_time(path, error);
  if (error || std::filesystem::file_time_type::clock::now() - now.changed < quiet_) return false;
  return std::exchange(known_[path], now) != now;
}

}  // namespace tidegauge
