// Waits at the end of a file that somebody still writes: a download, or a capture that goes on.
//
// The file is whole once nothing has come for a time, or, where the system tells (inotify: local file systems, Linux), soon
// after its writer has closed it. A file that becomes shorter, is replaced or goes away under its name is an error, since
// what was read of it then belongs to nothing. Cost: a look ten times a second while nothing comes.
// One thread. Tested by tests/ingest/growing_file_test.cpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "kernels/core/status.hpp"

namespace tidegauge {

struct FollowOptions {
  std::chrono::milliseconds patience{30'000};  ///< nothing came for so long: the file is whole
  std::function<void()> waiting{};             ///< called while nothing comes, by the thread that reads; may throw to stop
};

class GrowingFile {
 public:
  /// After a writer has closed the file another one may go on with it (a download that is tried again).
  static constexpr std::chrono::milliseconds patience_after_close{200};

  /// @param descriptor of the open file, which must outlive this
  GrowingFile(std::string path, int descriptor, FollowOptions options);
  ~GrowingFile();
  GrowingFile(const GrowingFile&) = delete;
  GrowingFile& operator=(const GrowingFile&) = delete;

  /// Waits until there are bytes behind the first `done`. @return false: the file is whole.
  Expected<bool> more_than(std::uint64_t done);

 private:
  Expected<std::uint64_t> size_now(std::uint64_t done) const;
  void wait(std::chrono::milliseconds most);

  std::string path_;
  int descriptor_;
  FollowOptions options_;
  int events_;           ///< below 0: the system tells nothing
  bool closed_ = false;  ///< by its writer, as far as known
};

}  // namespace tidegauge
