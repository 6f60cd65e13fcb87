#include "ingest/source/file_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace tidegauge {
namespace {

std::string system_words(int number) { return std::generic_category().message(number); }

Error cannot_open(const std::string& path, int number) {
  const char* remedy = number == ENOENT ? "check the name" : number == EACCES ? "check the permissions" : "";
  return Error{"cannot open: " + system_words(number), path, remedy};
}

}  // namespace

FileSource::FileSource(std::string path, int descriptor, bool regular, std::uint64_t total)
    : path_(std::move(path)), descriptor_(descriptor), regular_(regular), total_(total) {}

FileSource::~FileSource() { ::close(descriptor_); }

Expected<std::unique_ptr<FileSource>> FileSource::open(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return cannot_open(path, errno);
  struct stat info {};
  if (::fstat(descriptor, &info) != 0) {
    const int number = errno;
    ::close(descriptor);
    return cannot_open(path, number);
  }
  if (S_ISDIR(info.st_mode)) {
    ::close(descriptor);
    return Error{"is a folder, not a capture", path, "name the captures in it"};
  }
  const bool regular = S_ISREG(info.st_mode);
  if (regular) ::posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL);
  const std::uint64_t total = regular ? static_cast<std::uint64_t>(info.st_size) : 0;
  std::unique_ptr<FileSource> source(new FileSource(path, descriptor, regular, total));
  auto head = source->read_descriptor(source->head_, sizeof source->head_);
  if (!head) return std::move(head).error();
  source->head_bytes_ = *head;
  return source;
}

Expected<std::unique_ptr<FileSource>> FileSource::open_at(const std::string& path, std::uint64_t offset) {
  auto source = open(path);
  if (!source || offset == 0) return source;
  FileSource& file = **source;
  if (!file.regular_ || offset > file.total_)
    return Error{"has no byte " + std::to_string(offset) + " to begin at", path, "check that it is the file that was counted"};
  if (::lseek(file.descriptor_, static_cast<off_t>(offset), SEEK_SET) < 0)
    return Error{"cannot go to byte " + std::to_string(offset) + ": " + system_words(errno), path, ""};
  file.done_ = offset;
  file.head_bytes_ = 0;
  return source;
}

std::optional<EntryPoint> FileSource::checkpoint() {
  if (!regular_) return std::nullopt;
  return EntryPoint{input_done(), input_done(), {}};
}

Expected<std::size_t> FileSource::read(std::uint8_t* out, std::size_t size) {
  const std::size_t from_head = std::min(size, head_bytes_ - head_taken_);
  std::memcpy(out, head_ + head_taken_, from_head);
  head_taken_ += from_head;
  auto rest = read_descriptor(out + from_head, size - from_head);
  if (!rest) return rest;
  return from_head + *rest;
}

Expected<std::size_t> FileSource::read_descriptor(std::uint8_t* out, std::size_t size) {
  if (regular_) size = static_cast<std::size_t>(std::min<std::uint64_t>(size, total_ - done_));
  std::size_t got = 0;
  while (got < size) {
    const ssize_t bytes = ::read(descriptor_, out + got, size - got);
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0)
      return Error{"cannot read at byte " + std::to_string(done_) + ": " + system_words(errno), path_, ""};
    if (bytes == 0) break;
    got += static_cast<std::size_t>(bytes);
    done_ += static_cast<std::uint64_t>(bytes);
  }
  if (regular_ && got < size) {
    return Error{"the file became shorter while it was read: " + std::to_string(total_) +
                     " bytes when it was opened, " + std::to_string(done_) + " now",
                 path_, "run again once nothing writes to it"};
  }
  return got;
}

}  // namespace tidegauge
