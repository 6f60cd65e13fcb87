#include "ingest/source/growing_file.hpp"

#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <thread>
#include <utility>

namespace tidegauge {

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds look_every{100};

}  // namespace

GrowingFile::GrowingFile(std::string path, int descriptor, FollowOptions options)
    : path_(std::move(path)), descriptor_(descriptor), options_(std::move(options)),
      events_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  if (events_ >= 0) ::inotify_add_watch(events_, path_.c_str(), IN_MODIFY | IN_CLOSE_WRITE);
}

GrowingFile::~GrowingFile() {
  if (events_ >= 0) ::close(events_);
}

Expected<bool> GrowingFile::more_than(std::uint64_t done) {
  for (const auto begun = Clock::now();;) {
    // In this order: a close that is known before the size is looked at comes after the last byte.
    const bool closed = closed_;
    const auto size = size_now(done);
    if (!size) return size.error();
    if (*size > done) {
      closed_ = false;  // somebody goes on with it; their close will be told
      return true;
    }
    const auto patience = closed ? std::min(options_.patience, patience_after_close) : options_.patience;
    const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begun);
    if (waited >= patience) return false;
    if (options_.waiting) options_.waiting();
    wait(std::min(look_every, patience - waited));
  }
}

Expected<std::uint64_t> GrowingFile::size_now(std::uint64_t done) const {
  struct stat open {}, named {};
  if (::fstat(descriptor_, &open) != 0 || ::stat(path_.c_str(), &named) != 0)
    return Error{"the file went away while it was followed", path_, "run it again with the name that it has now"};
  if (open.st_dev != named.st_dev || open.st_ino != named.st_ino)
    return Error{"another file took its place while it was followed", path_, "run it again once nothing replaces it"};
  const auto size = static_cast<std::uint64_t>(open.st_size);
  if (size < done)
    return Error{"the file became shorter while it was followed: " + std::to_string(done) + " bytes were read, " +
                     std::to_string(size) + " are there now",
                 path_, "run it again once nothing overwrites it"};
  return size;
}

/// Until something happens to the file, or not that long.
void GrowingFile::wait(std::chrono::milliseconds most) {
  if (events_ < 0) return std::this_thread::sleep_for(most);
  pollfd told{events_, POLLIN, 0};
  if (::poll(&told, 1, static_cast<int>(most.count())) <= 0) return;
  alignas(inotify_event) char buffer[4096];
  for (ssize_t bytes = 0; (bytes = ::read(events_, buffer, sizeof buffer)) > 0;) {
    for (ssize_t at = 0; at < bytes;) {
      inotify_event event{};
      std::memcpy(&event, buffer + at, sizeof event);
      if ((event.mask & IN_CLOSE_WRITE) != 0) closed_ = true;
      at += static_cast<ssize_t>(sizeof event + event.len);
    }
  }
}

}  // namespace tidegauge
