// Folders in which captures go on arriving (`bin --watch`): which of them are new and whole. A capture is whole once it has not
// changed for a while, so that one which is still written or fetched waits; one that changes later comes again.
// Looks rather than listens: that works on network file systems too. Cost of a look: a stat a file, and the first block of new
// ones. Memory: 100 bytes a file. Thread safety: one thread. Tested by tests/host/capture_watch_test.cpp.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "kernels/core/status.hpp"

namespace tidegauge {

class CaptureWatch {
 public:
  /// @param named folders and files @param quiet how long a file must have been as it is
  CaptureWatch(std::vector<std::string> named, std::chrono::milliseconds quiet) : named_(std::move(named)), quiet_(quiet) {}

  /// Those that have become ready since the last call, in the order of their names.
  Expected<std::vector<std::string>> ready();

 private:
  struct State {
    std::uintmax_t bytes = 0;
    std::filesystem::file_time_type changed{};
    friend bool operator==(const State&, const State&) = default;
  };
  /// Whether it is quiet in a state that was not handed out.
  bool is_new(const std::string& path);

  std::vector<std::string> named_;
  std::chrono::milliseconds quiet_;
  std::map<std::string, State> known_;
};

}  // namespace tidegauge
