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

FileSource::FileSource(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}

FileSource::~FileSource() { ::close(descriptor_); }

Expected<std::unique_ptr<FileSource>> FileSource::open(const std::string& path, std::uint64_t offset,
                                                       const FollowOptions* follow) {
  const bool standard_input = path == "-";
  const int descriptor =
      standard_input ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const std::string name = standard_input ? "standard input" : path;
  if (standard_input && offset != 0) {  // the place where others read it would move too, if it is a file
    ::close(descriptor);
    return Error{"cannot be begun at byte " + std::to_string(offset) + ": it is read once, as it comes", name, ""};
  }
  if (descriptor < 0) return cannot_open(name, errno);
  std::unique_ptr<FileSource> source(new FileSource(name, descriptor));
  if (standard_input) source->passing_.emplace();  // also of a file, which has no name here
  TG_TRY(source->begin(offset, follow));
  auto head = source->read_descriptor(source->head_, sizeof source->head_);
  if (!head) return std::move(head).error();
  source->head_bytes_ = *head;
  return source;
}

Status FileSource::begin(std::uint64_t offset, const FollowOptions* follow) {
  struct stat info {};
  if (::fstat(descriptor_, &info) != 0) return cannot_open(path_, errno);
  if (S_ISDIR(info.st_mode)) return Error{"is a folder, not a capture", path_, "name the captures in it"};
  regular_ = S_ISREG(info.st_mode);
  if (!regular_) {
    passing_.emplace();
    if (offset == 0) return {};
    return Error{"cannot be begun at byte " + std::to_string(offset) + ": it is not a file", path_, ""};
  }
  total_ = static_cast<std::uint64_t>(info.st_size);
  if (offset > total_) {
    return Error{"cannot be begun at byte " + std::to_string(offset) + ": it has " + std::to_string(total_), path_, ""};
  }
  ::posix_fadvise(descriptor_, 0, 0, POSIX_FADV_SEQUENTIAL);
  // Standard input may have been read up to somewhere by whoever hands it on.
  const off_t at = offset == 0 ? ::lseek(descriptor_, 0, SEEK_CUR)
                               : ::lseek(descriptor_, static_cast<off_t>(offset), SEEK_SET);
  if (at < 0) return cannot_open(path_, errno);
  done_ = std::min(static_cast<std::uint64_t>(at), total_);
  if (!follow) return {};
  growing_.emplace(path_, descriptor_, *follow);
  passing_.emplace();
  total_ = 0;
  return {};
}

std::optional<EntryPoint> FileSource::checkpoint() const {
  if (!regular_) return std::nullopt;
  return EntryPoint{input_done(), input_done(), {}};
}

Expected<std::size_t> FileSource::read(std::uint8_t* out, std::size_t size) {
  if (stop_.armed()) {
    const std::uint64_t here = input_done();
    if (stop_.at() < here) stop_.pass();
    if (stop_.at() >= here && stop_.at() - here < size) {
      size = static_cast<std::size_t>(stop_.at() - here);
      stop_.met_by_start(stop_.at());
    }
  }
  const std::size_t from_head = std::min(size, head_bytes_ - head_taken_);
  std::memcpy(out, head_ + head_taken_, from_head);
  head_taken_ += from_head;
  auto rest = read_descriptor(out + from_head, size - from_head);
  if (!rest) return rest;
  return from_head + *rest;
}

Expected<std::size_t> FileSource::read_descriptor(std::uint8_t* out, std::size_t size) {
  const bool ends_where_known = regular_ && !growing_;
  if (ends_where_known) size = static_cast<std::size_t>(std::min<std::uint64_t>(size, total_ - done_));
  const Stopwatch::Stretch stretch(reading_);
  std::size_t got = 0;
  while (got < size) {
    const ssize_t bytes = ::read(descriptor_, out + got, size - got);
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0)
      return Error{"cannot read at byte " + std::to_string(done_) + ": " + system_words(errno), path_, ""};
    if (bytes == 0) {
      if (!growing_) break;
      const auto more = growing_->more_than(done_);
      if (!more) return more.error();
      if (!*more) break;
      continue;
    }
    got += static_cast<std::size_t>(bytes);
    done_ += static_cast<std::uint64_t>(bytes);
  }
  if (ends_where_known && got < size) {
    return Error{"the file became shorter while it was read: " + std::to_string(total_) +
                     " bytes when it was opened, " + std::to_string(done_) + " now",
                 path_, "run again once nothing writes to it"};
  }
  if (passing_) passing_->add(out, got);
  return got;
}

}  // namespace tidegauge
