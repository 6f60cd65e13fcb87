// The identity of an input: its size and a hash of sampled blocks, so that a file of any size costs 2 MiB of reading.
// Two captures of one size that differ only outside the samples would be taken for the same; the samples reach the
// first and the last packets, whose timestamps differ between captures.
#define XXH_INLINE_ALL
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "host/store.hpp"

namespace tidegauge {

namespace {

constexpr std::uint64_t block_bytes = 64 << 10;
constexpr std::uint64_t block_count = 32;

class InputFile {
 public:
  /// Not blocking: a pipe without a writer is refused at once instead of being waited for.
  explicit InputFile(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~InputFile() { if (fd_ >= 0) ::close(fd_); }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

/// Reads all of `block` at `offset`; false on an error or if the file ends before.
bool read_block(int fd, std::vector<char>& block, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < block.size()) {
    const ssize_t n = ::pread(fd, block.data() + done, block.size() - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) errno = ESTALE;
    if (n <= 0) return false;
    done += static_cast<std::size_t>(n);
  }
  return true;
}

/// Offsets of the blocks that are hashed: all of a small file, otherwise the first, the last and evenly spaced ones.
std::vector<std::uint64_t> sample_offsets(std::uint64_t size) {
  std::vector<std::uint64_t> offsets;
  if (size <= block_bytes * block_count) {
    for (std::uint64_t at = 0; at < size; at += block_bytes) offsets.push_back(at);
    return offsets;
  }
  const std::uint64_t last = size - block_bytes;
  // In 128 bits: the product would overflow for files of exabytes, which sparse files can claim to be.
  __extension__ using Wide = unsigned __int128;
  for (std::uint64_t i = 0; i < block_count; ++i)
    offsets.push_back(static_cast<std::uint64_t>(Wide{last} * i / (block_count - 1)));
  return offsets;
}

/// @return its size, or why it is none that can be read as an input.
Expected<std::uint64_t> size_of(const InputFile& file, const std::string& path) {
  struct stat status {};
  if (file.fd() < 0 || fstat(file.fd(), &status) != 0)
    return Error{std::string("cannot be read: ") + std::strerror(errno), path, "check the path and its permissions"};
  if (S_ISDIR(status.st_mode)) return Error{"this is a folder", path, "name the files in it, such as FOLDER/*.pcap.gz"};
  if (!S_ISREG(status.st_mode))
    return Error{"not a regular file, so it cannot be told whether it is in already", path, "save it to a file first"};
  return static_cast<std::uint64_t>(status.st_size);
}

}  // namespace

std::string Fingerprint::text() const { return fmt::format("{}-{:016x}", size, hash); }

Status check_input_file(const std::string& path) {
  auto size = size_of(InputFile(path), path);
  if (!size) return std::move(size).error();
  return {};
}

Expected<Fingerprint> fingerprint_file(const std::string& path) {
  const InputFile file(path);
  const auto known_size = size_of(file, path);
  if (!known_size) return known_size.error();
  const std::uint64_t size = *known_size;
  const std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(XXH3_createState(), &XXH3_freeState);
  XXH3_64bits_reset_withSeed(state.get(), size);
  std::vector<char> block;
  for (const std::uint64_t offset : sample_offsets(size)) {
    block.resize(static_cast<std::size_t>(std::min(block_bytes, size - offset)));
    if (!read_block(file.fd(), block, offset))
      return Error{std::string("cannot be read: ") + std::strerror(errno), path, "check the disk, or copy the file anew"};
    XXH3_64bits_update(state.get(), block.data(), block.size());
  }
  return Fingerprint{size, XXH3_64bits_digest(state.get())};
}

}  // namespace tidegauge
